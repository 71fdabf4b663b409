// Package esc is the Event State Compositor of RFC 3903: it holds the inputs
// of each address-of-record, whoever made them, lets soft state end with its
// time, and has the event packages compose one document of them. It does not
// know who may publish or who watches, and it never sees a SIP message.
package esc

import (
	"errors"
	"sync/atomic"
	"time"

	"lamplight/event"
	"lamplight/owner"
)

var (
	// ErrBadEvent refuses an event that nobody can publish.
	ErrBadEvent = errors.New("event package not known or not for publication")
	// ErrNoSuchETag says that no live publication of this AoR, event and user
	// has the entity-tag.
	ErrNoSuchETag = errors.New("no publication with this entity-tag")
	// ErrNoBody refuses an initial publication without a document.
	ErrNoBody = errors.New("initial publication without a body")
	// ErrForeignEntity refuses a document about somebody else.
	ErrForeignEntity = errors.New("the document's entity is not the published resource")
	// ErrTooMany refuses one more publication of an AoR.
	ErrTooMany = errors.New("too many publications")
)

// TooBriefError refuses an interval under the least one.
type TooBriefError struct{ Min time.Duration }

func (e *TooBriefError) Error() string { return "interval too brief, least is " + e.Min.String() }

// Next is told each composed document that somebody watches.
type Next interface {
	Watched(aor event.AoR, name event.Name) bool
	Changed(t *owner.Turn, aor event.AoR, name event.Name, doc event.Document)
}

// Limits of publications; a zero field takes its default.
type Limits struct {
	Min, Default, Max time.Duration // of an interval: 5 s, 1 h, 24 h
	PerUser           int           // publications of one AoR, event and user: 10
	PerPeer           int           // and of a trusted peer: 1,000
}

func (l Limits) orDefault() Limits {
	set := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	set(&l.Min, 5*time.Second)
	set(&l.Default, time.Hour)
	set(&l.Max, 24*time.Hour)
	l.Default = min(max(l.Default, l.Min), l.Max)
	if l.PerUser == 0 {
		l.PerUser = 10
	}
	if l.PerPeer == 0 {
		l.PerPeer = 1000
	}
	return l
}

// Compositor holds the inputs of all AoRs. Its methods run in a turn of the
// AoR's owner.
type Compositor struct {
	packages []event.Package
	byName   map[event.Name]event.Package
	place    map[event.Name]int // in packages
	fits     func(aor event.AoR, entity string) bool
	limits   Limits
	next     Next
	shares   [owner.Partitions]map[event.AoR]*presentity
	live     []atomic.Int64 // publications, by package
}

// New makes an empty compositor. fits tells whether a document's entity means
// an AoR.
func New(packages []event.Package, fits func(event.AoR, string) bool, l Limits) *Compositor {
	c := &Compositor{packages: packages, byName: map[event.Name]event.Package{}, place: map[event.Name]int{}, fits: fits, limits: l.orDefault(),
		live: make([]atomic.Int64, len(packages))}
	for i, p := range packages {
		c.byName[p.Event()], c.place[p.Event()] = p, i
	}
	for i := range c.shares {
		c.shares[i] = map[event.AoR]*presentity{}
	}
	return c
}

// Tell names the next stage; before the first turn.
func (c *Compositor) Tell(next Next) { c.next = next }

// Publications is how many publications of an event there are. It may be called
// at any time.
func (c *Compositor) Publications(name event.Name) int64 {
	i, ok := c.place[name]
	if !ok {
		return 0
	}
	return c.live[i].Load()
}

// Put enters an input, or takes the place of the one with the same key.
func (c *Compositor) Put(t *owner.Turn, aor event.AoR, in event.Input) {
	p := c.presentity(aor)
	p.inputs[in.Key] = in
	c.touch(t, p, in.Event)
}

// Withdraw ends an input.
func (c *Compositor) Withdraw(t *owner.Turn, aor event.AoR, k event.Key) {
	p := c.shares[owner.Partition(string(aor))][aor]
	if p == nil {
		return
	}
	delete(p.inputs, k)
	c.touch(t, p, k.Event)
}

// Document composes an AoR's state as it is now.
func (c *Compositor) Document(t *owner.Turn, aor event.AoR, name event.Name) event.Document {
	pkg := c.byName[name]
	p := c.shares[owner.Partition(string(aor))][aor]
	if p == nil {
		doc, _ := pkg.Compose(aor, nil, t.Now)
		return doc
	}
	doc, next := pkg.Compose(aor, p.live(pkg.Reads(), t.Now), t.Now)
	p.next[c.place[name]] = next
	c.settle(t, p)
	return doc
}

// Package is an event's package; nil: there is none.
func (c *Compositor) Package(name event.Name) event.Package { return c.byName[name] }

// Input is one of an AoR's inputs; ok is false where there is none of the key.
func (c *Compositor) Input(aor event.AoR, k event.Key) (in event.Input, ok bool) {
	if p := c.shares[owner.Partition(string(aor))][aor]; p != nil {
		in, ok = p.inputs[k]
	}
	return in, ok
}

// Inputs is a copy of an AoR's bag, for explaining it.
func (c *Compositor) Inputs(aor event.AoR) []event.Input {
	p := c.shares[owner.Partition(string(aor))][aor]
	if p == nil {
		return nil
	}
	return p.bag(nil)
}

// Newest is when an AoR's state last changed, as far as its inputs tell; zero
// where it has none.
func (c *Compositor) Newest(aor event.AoR) (newest time.Time) {
	if p := c.shares[owner.Partition(string(aor))][aor]; p != nil {
		for _, in := range p.inputs {
			if in.Made.After(newest) {
				newest = in.Made
			}
		}
	}
	return newest
}
