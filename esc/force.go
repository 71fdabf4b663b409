package esc

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	"lamplight/event"
	"lamplight/owner"
	"lamplight/record"
)

// KindForced is the record of an input that is kept and was not published.
const KindForced byte = 'f'

// The most inputs of an AoR that are kept without being published, and the bytes
// of the document of one.
const (
	maxForced     = 64
	maxForcedBody = 64 << 10
)

var (
	// ErrForcedTooMany refuses one more input of an AoR that is kept.
	ErrForcedTooMany = errors.New("too many settings of one user")
	// ErrForcedTooLarge refuses a document of more than 64 KiB.
	ErrForcedTooLarge = errors.New("the document is too large")
)

// Forced is an input that the user makes without publishing it, or hard state
// (RFC 4827): it has no entity-tag, and lasts until it is released or its time
// is over. Its Source is event.User or event.Default.
type Forced struct {
	event.Key
	Made, From, Until time.Time // as of an event.Input
	Type              string
	Body              []byte
}

// isKept tells whether an input is stored by Force.
func isKept(k event.Key) bool { return k.Source == event.User || k.Source == event.Default }

// Force enters an input, or takes the place of the one with the same key, and
// stores it. The error is ErrBadEvent, ErrForcedTooMany, ErrForcedTooLarge, or
// one of event.Package.Parse; nothing is changed then. What is over already is
// released.
func (c *Compositor) Force(t *owner.Turn, aor event.AoR, f Forced) error {
	if len(f.Body) > maxForcedBody {
		return ErrForcedTooLarge
	}
	in, err := c.forced(f)
	if err != nil {
		return err
	}
	if !f.Until.IsZero() && !f.Until.After(t.Now) {
		c.Release(t, aor, f.Key)
		return nil
	}
	if p := c.presentity(aor); !p.mayKeep(f.Key) {
		c.settle(t, p)
		return ErrForcedTooMany
	}
	c.Put(t, aor, in)
	if t.Durable() {
		t.Save(owner.Record{Key: forcedKey(aor, f.Key), Value: f.record()})
	}
	return nil
}

// Release ends an input that was entered by Force; where there is none it does
// nothing.
func (c *Compositor) Release(t *owner.Turn, aor event.AoR, k event.Key) {
	c.unkeep(t, aor, k)
	c.Withdraw(t, aor, k)
}

// ReleaseAll ends all of an AoR's inputs that were entered by Force.
func (c *Compositor) ReleaseAll(t *owner.Turn, aor event.AoR) {
	for _, in := range c.Inputs(aor) {
		if isKept(in.Key) {
			c.Release(t, aor, in.Key)
		}
	}
}

func (c *Compositor) unkeep(t *owner.Turn, aor event.AoR, k event.Key) {
	t.Save(owner.Record{Key: forcedKey(aor, k)})
}

// forced is the input, its document read.
func (c *Compositor) forced(f Forced) (event.Input, error) {
	pkg := c.byName[f.Event]
	if pkg == nil || !isKept(f.Key) {
		return event.Input{}, ErrBadEvent
	}
	doc, err := pkg.Parse(f.Type, bytes.Clone(f.Body))
	return event.Input{Key: f.Key, Made: f.Made, From: f.From, Until: f.Until, Doc: doc}, err
}

func (p *presentity) mayKeep(k event.Key) bool {
	if _, there := p.inputs[k]; there {
		return true
	}
	n := 0
	for other := range p.inputs {
		if isKept(other) {
			n++
		}
	}
	return n < maxForced
}

func forcedKey(aor event.AoR, k event.Key) []byte {
	return owner.Key(string(aor), KindForced, string(rune(k.Source))+string(k.Event)+"\x00"+k.ID)
}

func (f *Forced) record() []byte {
	w := record.NewWriter(1)
	for _, at := range []time.Time{f.Made, f.From, f.Until} {
		w.Time(at)
	}
	w.String(f.Type)
	w.Blob(f.Body)
	return w.Bytes()
}

// restoreForced takes a stored input in; what ended meanwhile is cleared away.
func (c *Compositor) restoreForced(t *owner.Turn, aor event.AoR, id string, value []byte) error {
	r, version := record.NewReader(value)
	f := Forced{Made: r.Time(), From: r.Time(), Until: r.Time(), Type: r.String(), Body: r.Blob()}
	name, own, ok := strings.Cut(id, "\x00")
	switch {
	case version != 1:
		return errVersion
	case r.Err() != nil:
		return r.Err()
	case !ok || name == "":
		return fmt.Errorf("no key of an input: %q", id)
	}
	f.Key = event.Key{Source: event.Source(name[0]), Event: event.Name(name[1:]), ID: own}
	if !f.Until.IsZero() && !f.Until.After(t.Now) {
		c.unkeep(t, aor, f.Key)
		return nil
	}
	in, err := c.forced(f)
	if err != nil {
		return err
	}
	c.Put(t, aor, in)
	return nil
}
