package notifier

import (
	"cmp"
	"time"

	"lamplight/event"
	"lamplight/owner"
)

// consider sends a subscription the newest state if it has something to be
// told and may be told now, and says whether it did.
func (n *Notifier) consider(t *owner.Turn, s *subscription) bool {
	sent := n.tellNow(t, s)
	s.wait(!sent && s.place >= 0 && (s.ending != "" || s.must || s.told == nil || s.seen < s.topic.revision))
	return sent
}

// wait counts a subscription among those that have news, or no longer.
func (s *subscription) wait(waits bool) {
	if waits == s.waits {
		return
	}
	s.waits = waits
	if waits {
		s.topic.counters.waiting.Add(1)
	} else {
		s.topic.counters.waiting.Add(-1)
	}
}

func (n *Notifier) tellNow(t *owner.Turn, s *subscription) bool {
	if s.inFlight || s.hold.After(t.Now) {
		return false
	}
	before := s.progress
	switch parked := !s.parked.IsZero(); {
	case parked && s.ending != "":
		n.remove(t, s, s.ending)
		return false
	case parked:
		return false
	}
	if s.ending != "" {
		n.send(t, s, before)
		n.remove(t, s, s.ending)
		return true
	}
	must := s.must || s.told == nil
	body := s.topic.current(s.view).body
	if !must && same(s.told, body) {
		s.told, s.seen = body, s.topic.revision
		return false
	}
	if !must && !n.mayTell(t, s) {
		return false
	}
	n.send(t, s, before)
	return true
}

// mayTell asks the notification rate; where it says no, the alarm is set.
func (n *Notifier) mayTell(t *owner.Turn, s *subscription) bool {
	if n.opt.RateOff {
		return true
	}
	ok, when := s.bucket.take(s.topic.pkg.Lifetime(), t.Now, s.seen < s.topic.urgent)
	if !ok && !when.Equal(s.token) {
		s.token = when
		n.schedule(t, s)
	}
	return ok
}

// send takes the next number and tells the state once that is durable. Where
// it can't be stored nothing was told, and all is as it was before.
func (n *Notifier) send(t *owner.Turn, s *subscription, before progress) {
	note := n.notification(t, s, before.must)
	s.tells = time.Time{}
	if s.told != nil && s.seen < s.topic.revision {
		s.tells = s.topic.changed
	}
	s.told = s.topic.current(s.view).body
	s.seq++
	s.seen, s.must, s.inFlight, s.on = s.topic.revision, false, true, s.sink
	s.hold, s.paced, s.token = time.Time{}, false, time.Time{}
	sink, limit, revision, counters := s.sink, s.limit, s.topic.revision, s.topic.counters
	n.reserve(t, s)
	t.Say(func(failed error) {
		if failed != nil {
			s.progress, s.limit = before, limit
			return
		}
		if skipped := revision - before.seen - 1; before.told != nil && before.seen < revision {
			counters.coalesced.Add(skipped)
		}
		sink.Notify(note)
	})
}

// notification is what a subscription is told now. One that policy ended is
// told nothing of the state. Where all is not asked for, and the subscriber knows
// the state before this one, a Differ tells what has changed.
func (n *Notifier) notification(t *owner.Turn, s *subscription, all bool) Notification {
	note := Notification{State: Active, Seq: s.seq, Left: s.until.Sub(t.Now)}
	switch {
	case s.ending != "":
		note.State, note.Reason, note.Left = Terminated, s.ending, 0
	case s.grant.Handling == event.Confirm:
		note.State = Pending
	}
	if s.ending == ReasonRejected {
		return note
	}
	if v := s.topic.current(s.view); !v.fails {
		note.Type, note.Body = s.format.Type, s.topic.bodyAt(v, t.Now)
		if v.part != nil && s.told == v.from && !all && s.ending == "" {
			note.Body = *v.part
		}
		note.Type = cmp.Or(note.Body.Type, note.Type)
	}
	return note
}

// reserve saves a new block of numbers once half of the last is used, so that
// no notification waits for the disk and none repeats a number after a crash.
func (n *Notifier) reserve(t *owner.Turn, s *subscription) {
	if s.ending == "" && s.seq+block/2 > s.limit {
		s.limit += block
		n.save(t, s)
	}
}

// Park keeps a subscription to which there is no way for the time of grace: it is
// told nothing, and goes on where its subscriber refreshes it by then.
func (n *Notifier) Park(t *owner.Turn, aor event.AoR, id string) {
	if s := n.share(aor).subs[id]; s != nil && s.parked.IsZero() {
		n.park(t, s)
		n.queue(t, s)
	}
}

func (n *Notifier) park(t *owner.Turn, s *subscription) {
	grace := n.opt.Grace
	if s.old {
		grace = max(grace, n.opt.GraceAtStart)
	}
	if s.told, s.parked = nil, t.Now.Add(grace); grace > 0 {
		n.schedule(t, s)
	} else {
		n.desert(t, s)
	}
}

// desert ends a parked subscription whose subscriber did not come back.
func (n *Notifier) desert(t *owner.Turn, s *subscription) {
	s.topic.counters.deserted.Add(1)
	n.remove(t, s, ReasonDeactivated)
}

// Done takes the outcome of the notification in flight.
func (n *Notifier) Done(t *owner.Turn, aor event.AoR, id string, o Outcome) {
	s := n.share(aor).subs[id]
	if s == nil || !s.inFlight {
		return
	}
	s.inFlight = false
	s.topic.counters.ended(o, s.tells, t.Now)
	switch {
	case o == Delivered:
		s.failures = 0
	case o == NoDialog && !s.retried && t.Now.Sub(s.began) <= raceLasts:
		// Our 200 may come after this NOTIFY (RFC 6665 §4.1.2.4).
		s.retried, s.told, s.hold = true, nil, t.Now.Add(retryAfterRace)
	case o == Lost && s.on != s.sink:
		s.told = nil // it came back by another way meanwhile
	case o == Lost && s.ending == "":
		n.park(t, s)
	case o == Later && s.ending != "":
		// The last notification is owed still; it is sent once.
	case o == Later && s.failures < probes:
		s.failures++
		s.told, s.hold = nil, t.Now.Add(probeEvery)
	default:
		n.remove(t, s, ReasonDeactivated)
		return
	}
	n.queue(t, s)
	n.schedule(t, s)
}
