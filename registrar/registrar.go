// Package registrar is the location service of RFC 3261 §10.3: the bindings of
// each address-of-record, with the way to them (RFC 3327), for as long as their
// soft state and their flows last (RFC 5626 §6). It does not know who may register,
// and it sends nothing.
package registrar

import (
	"errors"
	"sync/atomic"
	"time"

	"lamplight/event"
	"lamplight/owner"
	"lamplight/sip"
)

var (
	// ErrWildcard refuses "*" beside other contacts, or to do anything but
	// remove all bindings.
	ErrWildcard = errors.New(`Contact "*" not alone or without Expires: 0`)
	// ErrBadContact refuses a contact that is no SIP URI, or too long.
	ErrBadContact = errors.New("contact is not a SIP URI, or too long")
	// ErrOutOfOrder refuses a request that is not newer than what is bound.
	ErrOutOfOrder = errors.New("registration is older than the last one of its Call-ID")
	// ErrTooMany refuses one more binding of an AoR.
	ErrTooMany = errors.New("too many bindings")
)

// TooBriefError refuses an interval under the least one.
type TooBriefError struct{ Min time.Duration }

func (e *TooBriefError) Error() string { return "interval too brief, least is " + e.Min.String() }

// Inputs is told each binding, as an input of the event "reg" whose document is
// a *reginfo.Contact. One that ended is told once more, as terminated.
type Inputs interface {
	Put(t *owner.Turn, aor event.AoR, in event.Input)
	Withdraw(t *owner.Turn, aor event.AoR, k event.Key)
}

// Options of New; a zero field takes its default.
type Options struct {
	Min, Default, Max time.Duration // of an interval: 1 min, 1 h, 24 h
	PerAoR            int           // bindings of an AoR: 10
	URI               int           // bytes of a contact: sip.DefaultLimits.URI

	Grace        time.Duration // a binding goes on after its connection is lost; 0: it ends at once
	GraceAtStart time.Duration // as long at least after a restart, which takes all connections

	Alive func(flow uint64) bool // whether a connection is there; nil: none is
	// Ask finds out within a time whether a device whose connection is gone can be
	// reached at its Contact; where it can, Found follows. Nil: nobody asks.
	Ask       func(aor event.AoR, b *Binding, within time.Duration)
	Ping      func(*Binding) // keeps the way to a binding behind a NAT open
	PingEvery time.Duration  // 0: nobody is pinged
}

func (o Options) orDefault() Options {
	set := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	set(&o.Min, time.Minute)
	set(&o.Default, time.Hour)
	set(&o.Max, 24*time.Hour)
	o.Default = min(max(o.Default, o.Min), o.Max)
	if o.PerAoR == 0 {
		o.PerAoR = 10
	}
	if o.URI == 0 {
		o.URI = sip.DefaultLimits.URI
	}
	return o
}

// Registrar holds the bindings of all AoRs. Its methods run in a turn of the
// AoR's owner.
type Registrar struct {
	inputs Inputs
	opt    Options
	shares [owner.Partitions]map[event.AoR]*location
	pings  [owner.Partitions]owner.Alarm

	count    atomic.Int64  // of bindings
	deserted atomic.Uint64 // that ended with their connection
}

// New makes a registrar without bindings.
func New(inputs Inputs, o Options) *Registrar {
	r := &Registrar{inputs: inputs, opt: o.orDefault()}
	for i := range r.shares {
		r.shares[i] = map[event.AoR]*location{}
	}
	return r
}

// Lookup lists an AoR's bindings.
func (r *Registrar) Lookup(aor event.AoR) []Binding {
	l := r.shares[owner.Partition(string(aor))][aor]
	if l == nil {
		return nil
	}
	list := make([]Binding, len(l.bindings))
	for i, b := range l.bindings {
		list[i] = *b
	}
	return list
}

// Bindings is how many bindings there are. It may be called at any time.
func (r *Registrar) Bindings() int64 { return r.count.Load() }

// Deserted is how many bindings ended because their connection was lost. It may
// be called at any time.
func (r *Registrar) Deserted() uint64 { return r.deserted.Load() }
