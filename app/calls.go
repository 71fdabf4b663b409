package app

import (
	"slices"

	"lamplight/body/reginfo"
	"lamplight/call"
	"lamplight/esc"
	"lamplight/event"
	"lamplight/mwi"
	"lamplight/owner"
)

// Saw tells of a message of a call. What was forwarded already is never refused.
func (s *spine) Saw(seen call.Seen) {
	if c := s.control.Load(); c != nil {
		c.Saw(&seen)
	}
	s.owners.Return(call.Key(seen.CallID), owner.Func(func(t *owner.Turn) { s.calls.Saw(t, seen) }))
}

// faded tells whoever waits for a call's end that there is nothing left of it.
func (s *spine) faded(seen call.Seen) {
	if c := s.control.Load(); c != nil {
		c.Saw(&seen)
	}
}

// registrations enters bindings as inputs, and tells calls of those that end.
type registrations struct {
	*esc.Compositor
	calls    *call.Calls
	mwi      *mwi.Agent
	contacts *contacts
}

func (r registrations) Put(t *owner.Turn, aor event.AoR, in event.Input) {
	r.Compositor.Put(t, aor, in)
	r.contacts.put(aor, in)
	if r.mwi != nil {
		r.mwi.Registered(t, aor)
	}
	if isBound(in) {
		return
	}
	lost := in.Doc.(*reginfo.Contact).URI
	if !slices.ContainsFunc(r.Inputs(aor), isBound) {
		lost = "" // all that there were
	}
	r.calls.RegistrationLost(t, aor, lost)
}

// Withdraw takes a binding's input away.
func (r registrations) Withdraw(t *owner.Turn, aor event.AoR, k event.Key) {
	r.Compositor.Withdraw(t, aor, k)
	r.contacts.withdraw(aor, k)
}

func isBound(in event.Input) bool {
	c, ok := in.Doc.(*reginfo.Contact)
	return ok && c.State == reginfo.Active
}
