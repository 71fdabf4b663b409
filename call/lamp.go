package call

import (
	"maps"
	"reflect"
	"slices"
	"time"

	"lamplight/body/dialoginfo"
	"lamplight/event"
	"lamplight/owner"
)

// What is shown of one user at once. Of what is over that nothing is lost but that
// it is shown.
const (
	maxCalls = 256
	maxEnded = 3 // calls that have ended: who makes one after the other has short documents too
)

// lamp is what a user's lamp was told of a call.
type lamp struct {
	told  []dialoginfo.Dialog
	ended map[string]time.Time // when each dialog that has ended did, by id
}

// show tells each user's lamp what is new.
func (s *Calls) show(t *owner.Turn, c *call) {
	for _, aor := range c.users() {
		l := c.lamps[aor]
		if l == nil {
			l = &lamp{ended: map[string]time.Time{}}
			c.lamps[aor] = l
		}
		if list := l.lit(c.shown(aor), t.Now); !reflect.DeepEqual(list, l.told) {
			l.told = list
			s.tell(t, c.id, aor, list)
		}
	}
}

// lit leaves out what has been over for long enough.
func (l *lamp) lit(all []dialoginfo.Dialog, now time.Time) (list []dialoginfo.Dialog) {
	for _, d := range all {
		if d.State != dialoginfo.Terminated {
			delete(l.ended, d.ID)
		} else if at, known := l.ended[d.ID]; !known {
			l.ended[d.ID] = now
		} else if !now.Before(at.Add(shownFor)) {
			continue
		}
		list = append(list, d)
	}
	return list
}

// next is when the first dialog that has ended is no longer told.
func (l *lamp) next() (next time.Time) {
	for _, d := range l.told {
		if at, ended := l.ended[d.ID]; ended && (next.IsZero() || at.Add(shownFor).Before(next)) {
			next = at.Add(shownFor)
		}
	}
	return next
}

// user is what is known at a user's owner of the calls that the user is in.
type user struct {
	calls map[string]struct{}
	ended []string // of them, the oldest first
}

func key(callID string) event.Key {
	return event.Key{Event: "dialog", Source: event.Call, ID: callID}
}

// tell posts what is shown of a call to a user's owner.
func (s *Calls) tell(t *owner.Turn, callID string, aor event.AoR, list []dialoginfo.Dialog) {
	in := event.Input{Key: key(callID), Made: t.Now}
	if len(list) > 0 {
		in.Doc = &dialoginfo.Info{Entity: string(aor), Dialogs: list}
	}
	t.Post(string(aor), owner.Func(func(t *owner.Turn) {
		if in.Doc == nil {
			s.leave(t, aor, callID)
			return
		}
		s.enter(t, aor, in)
	}))
}

// enter enters a call at a user's owner.
func (s *Calls) enter(t *owner.Turn, aor event.AoR, in event.Input) {
	share := s.users[owner.Partition(string(aor))]
	u := share[aor]
	if u == nil {
		u = &user{calls: map[string]struct{}{}}
		share[aor] = u
	}
	if _, known := u.calls[in.ID]; !known && len(u.calls) >= maxCalls {
		return
	}
	u.calls[in.ID] = struct{}{}
	s.inputs.Put(t, aor, in)
	u.ended = slices.DeleteFunc(u.ended, func(id string) bool { return id == in.ID })
	if !goesOn(in.Doc.(*dialoginfo.Info), func(*dialoginfo.Dialog) bool { return true }) {
		u.ended = append(u.ended, in.ID)
	}
	if len(u.ended) > maxEnded {
		s.leave(t, aor, u.ended[0])
	}
}

// leave takes a call away at a user's owner. While a phone still publishes that it
// goes on, the end that was seen stands against it.
func (s *Calls) leave(t *owner.Turn, aor event.AoR, callID string) {
	share := s.users[owner.Partition(string(aor))]
	if u := share[aor]; u != nil {
		u.ended = slices.DeleteFunc(u.ended, func(id string) bool { return id == callID })
		if delete(u.calls, callID); len(u.calls) == 0 {
			delete(share, aor)
		}
	}
	k := key(callID)
	var ended event.Input
	var until time.Time
	for _, in := range s.inputs.Inputs(aor) {
		if in.Key == k {
			ended = in
		}
		if in.Until.After(until) && publishes(in, func(d *dialoginfo.Dialog) bool { return d.CallID == callID }) {
			until = in.Until
		}
	}
	if ended.Doc == nil || until.IsZero() {
		s.inputs.Withdraw(t, aor, k)
		return
	}
	ended.Until = until
	s.inputs.Put(t, aor, ended)
}

// publishes tells whether an input is a phone's word that such a dialog goes on.
func publishes(in event.Input, such func(*dialoginfo.Dialog) bool) bool {
	doc, ok := in.Doc.(*dialoginfo.Info)
	return ok && in.Event == "dialog" && in.Source == event.EPA && goesOn(doc, such)
}

// goesOn tells whether such a dialog has not ended.
func goesOn(doc *dialoginfo.Info, such func(*dialoginfo.Dialog) bool) bool {
	return slices.ContainsFunc(doc.Dialogs, func(d dialoginfo.Dialog) bool {
		return d.State != "" && d.State != dialoginfo.Terminated && such(&d)
	})
}

// RegistrationLost tells, in a turn of the user's owner, that a contact is no
// longer registered, or with an empty one that none is. Calls of that phone are
// over unless it soon gives a sign of life.
func (s *Calls) RegistrationLost(t *owner.Turn, aor event.AoR, contact string) {
	u := s.users[owner.Partition(string(aor))][aor]
	if u == nil {
		return
	}
	for _, id := range slices.Sorted(maps.Keys(u.calls)) { // a simulation repeats itself
		t.Post(Key(id), owner.Func(func(t *owner.Turn) {
			if c := s.calls[owner.Partition(Key(id))][Key(id)]; c != nil {
				c.lose(aor, contact, t.Now)
				s.settle(t, c)
			}
		}))
	}
}

// askPublications has a user's owner say whether a phone publishes that a dialog
// goes on, which is a sign of life of that end.
func (s *Calls) askPublications(t *owner.Turn, aor event.AoR, callID, fromTag, toTag string) {
	t.Post(string(aor), owner.Func(func(t *owner.Turn) {
		for _, in := range s.inputs.Inputs(aor) {
			for end, tags := range [...][2]string{caller: {fromTag, toTag}, callee: {toTag, fromTag}} {
				same := func(d *dialoginfo.Dialog) bool {
					return d.CallID == callID && d.LocalTag == tags[0] && d.RemoteTag == tags[1]
				}
				if publishes(in, same) {
					t.Post(Key(callID), owner.Func(func(t *owner.Turn) { s.published(t, callID, fromTag, toTag, end) }))
				}
			}
		}
	}))
}

// published takes a phone's publication as a sign of life, where the phone does
// not give better ones.
func (s *Calls) published(t *owner.Turn, callID, fromTag, toTag string, end int) {
	c := s.calls[owner.Partition(Key(callID))][Key(callID)]
	if c == nil {
		return
	}
	if d := c.find(fromTag, toTag); d != nil && !d.ends[end].answers {
		d.ends[end].heard = t.Now
		s.settle(t, c)
	}
}
