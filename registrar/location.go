package registrar

import (
	"slices"
	"time"

	"lamplight/event"
	"lamplight/owner"
)

// shownFor is how long a binding that ended is still told, so that those who
// watch registrations learn why.
const shownFor = time.Minute

// location is what is known of where an AoR can be reached.
type location struct {
	aor      event.AoR
	bindings []*Binding
	ended    []ended // still told, the oldest first
	alarm    owner.Alarm
}

// ended is a binding that is still told as terminated.
type ended struct {
	id    string
	until time.Time
}

// location is what is known of an AoR; settle keeps it if it is not empty.
func (r *Registrar) location(aor event.AoR) *location {
	l := r.shares[owner.Partition(string(aor))][aor]
	if l == nil {
		l = &location{aor: aor}
	}
	return l
}

// end tells of a binding's end, and keeps it no longer. No more are shown than
// may live: who registers and unregisters all day must not fill the bag.
func (r *Registrar) end(t *owner.Turn, l *location, b *Binding, why string) {
	if len(l.ended) >= r.opt.PerAoR {
		r.inputs.Withdraw(t, l.aor, key(l.ended[0].id))
		l.ended = slices.Delete(l.ended, 0, 1)
	}
	until := t.Now.Add(shownFor)
	l.ended = append(l.ended, ended{b.ID, until})
	r.inputs.Put(t, l.aor, event.Input{Key: key(b.ID), Made: t.Now, Until: until, Doc: b.contact("terminated", why)})
	r.unsave(t, l.aor, b.ID)
}

// expire ends the bindings whose time is over.
func (r *Registrar) expire(t *owner.Turn, l *location) {
	before := len(l.bindings)
	l.bindings = slices.DeleteFunc(l.bindings, func(b *Binding) bool {
		at, why := b.ends()
		if at.After(t.Now) {
			return false
		}
		if why == deactivated {
			r.deserted.Add(1)
		}
		r.end(t, l, b, why)
		return true
	})
	r.count.Add(int64(len(l.bindings) - before))
	l.ended = slices.DeleteFunc(l.ended, func(e ended) bool { return !e.until.After(t.Now) })
	r.settle(t, l)
}

// settle sets the alarm to the first end to come, and keeps only what has one.
func (r *Registrar) settle(t *owner.Turn, l *location) {
	next := time.Time{}
	for _, b := range l.bindings {
		if at, _ := b.ends(); next.IsZero() || at.Before(next) {
			next = at
		}
	}
	if len(l.ended) > 0 && (next.IsZero() || l.ended[0].until.Before(next)) {
		next = l.ended[0].until
	}
	t.Wake(&l.alarm, string(l.aor), next, owner.Func(func(t *owner.Turn) { r.expire(t, l) }))
	share := r.shares[owner.Partition(string(l.aor))]
	if next.IsZero() {
		delete(share, l.aor)
	} else {
		share[l.aor] = l
		r.startPings(t, l)
	}
}
