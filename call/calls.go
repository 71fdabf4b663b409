package call

import (
	"sync/atomic"
	"time"

	"lamplight/event"
	"lamplight/owner"
)

// How long things of a call that is over are kept.
const (
	shownFor  = 5 * time.Second  // dialogs that ended, so that watchers learn why
	lingering = 32 * time.Second // the call, so that what comes late revives nothing: 64*T1
	again     = 5 * time.Second  // until it is offered again to a history that was busy
)

// Inputs is told what is known of a user's dialogs, as an input of the event
// "dialog" whose document is a *dialoginfo.Info, and asked what phones publish.
type Inputs interface {
	Put(t *owner.Turn, aor event.AoR, in event.Input)
	Withdraw(t *owner.Turn, aor event.AoR, k event.Key)
	Inputs(aor event.AoR) []event.Input
}

// Options of New.
type Options struct {
	Evidence Evidence
	History  History // nil: none is kept
	// Return gives a job to the owner of a key from outside of any turn, and is
	// never refused. It is needed with a History.
	Return func(key string, j owner.Job)
	// Faded is told of dialogs that have ended for want of a sign of life, as if
	// their ends had said so; nil: nobody is.
	Faded func(Seen)
}

// Calls follows all calls. Its methods run in a turn of the owner that each names.
type Calls struct {
	inputs Inputs
	opt    Options
	prober Prober                             // nil: nobody is asked
	calls  [owner.Partitions]map[string]*call // by the owner's key
	users  [owner.Partitions]map[event.AoR]*user
	live   atomic.Int64
}

// New makes a stage without calls.
func New(inputs Inputs, o Options) *Calls {
	o.Evidence = o.Evidence.orDefault()
	s := &Calls{inputs: inputs, opt: o}
	for i := range s.calls {
		s.calls[i], s.users[i] = map[string]*call{}, map[event.AoR]*user{}
	}
	return s
}

// Use names who sends probes; before the first turn.
func (s *Calls) Use(p Prober) { s.prober = p }

// Key is the owner's key of a call.
func Key(callID string) string { return "call:" + callID }

// Live is how many calls are remembered, those that have just ended among them.
// It may be called at any time.
func (s *Calls) Live() int64 { return s.live.Load() }

// Saw takes in what was seen of a call, in a turn of the owner of its Key. A
// message whose identifiers are too long to be kept is passed over: such a call
// has no lamp.
func (s *Calls) Saw(t *owner.Turn, seen Seen) {
	if !fits(&seen) {
		return
	}
	c := s.call(seen.CallID)
	c.take(&seen, t.Now)
	s.settle(t, c)
}

// call finds a call, or begins one.
func (s *Calls) call(id string) *call {
	key := Key(id)
	share := s.calls[owner.Partition(key)]
	c := share[key]
	if c == nil {
		c = &call{id: id, lamps: map[event.AoR]*lamp{}}
		share[key] = c
		s.live.Add(1)
	}
	return c
}

// settle does what follows from a call's facts and the time: it asks for signs of
// life, ends what has none, tells its users' lamps and the history, and stores it.
func (s *Calls) settle(t *owner.Turn, c *call) {
	s.tellFaded(t, c, c.age(s.opt.Evidence, t.Now))
	s.probe(t, c)
	s.show(t, c)
	s.record(t, c)
	next := c.next(s.opt.Evidence, t.Now)
	if next.IsZero() {
		s.drop(t, c)
		return
	}
	s.save(t, c)
	t.Wake(&c.alarm, Key(c.id), next, owner.Func(func(t *owner.Turn) { s.settle(t, c) }))
}

// drop forgets a call of which nothing is left to do.
func (s *Calls) drop(t *owner.Turn, c *call) {
	key := Key(c.id)
	t.Wake(&c.alarm, key, time.Time{}, nil)
	delete(s.calls[owner.Partition(key)], key)
	s.live.Add(-1)
	s.unsave(t, c)
}

// next is when there is something to do for a call if nothing more is seen of it;
// zero: it can be forgotten.
func (c *call) next(e Evidence, now time.Time) (next time.Time) {
	sooner := func(at time.Time) { next = event.Sooner(next, at, now) }
	sooner(c.touched.Add(lingering))
	for _, b := range c.branches {
		if !b.over() {
			sooner(b.until(e))
		}
	}
	for _, d := range c.dialogs {
		if d.end == running && !d.answered.IsZero() {
			doubt, off, _ := d.deadlines(e)
			sooner(d.probeAt(e, now))
			sooner(doubt)
			sooner(off)
		}
	}
	for _, l := range c.lamps {
		sooner(l.next())
	}
	for _, i := range c.invitations {
		if i.keeping {
			sooner(now.Add(lingering))
		}
		sooner(i.retry)
	}
	return next
}

// Forget drops what memory holds of a call. Which calls a user is in stays known:
// it is true whatever became of a turn of the user's.
func (s *Calls) Forget(_ *owner.Turn, key string) {
	share := s.calls[owner.Partition(key)]
	if share[key] != nil {
		delete(share, key)
		s.live.Add(-1)
	}
}
