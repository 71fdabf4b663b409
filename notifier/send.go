package notifier

import (
	"time"

	"lamplight/event"
	"lamplight/owner"
)

// consider sends a subscription the newest state if it has something to be
// told and may be told now, and says whether it did.
func (n *Notifier) consider(t *owner.Turn, s *subscription) bool {
	if s.inFlight || s.waits || s.hold.After(t.Now) {
		return false
	}
	if s.ending != "" {
		n.send(t, s)
		n.remove(t, s, s.ending)
		return true
	}
	v := s.topic.current(s.view)
	if !s.must && s.sent == v.revision {
		s.seen = s.topic.revision
		return false
	}
	if !s.must && !n.mayTell(t, s) {
		return false
	}
	n.send(t, s)
	return true
}

// mayTell asks the notification rate; where it says no, the alarm is set.
func (n *Notifier) mayTell(t *owner.Turn, s *subscription) bool {
	if n.opt.RateOff {
		return true
	}
	ok, when := s.bucket.take(s.topic.pkg.Lifetime(), t.Now, s.seen < s.topic.urgent)
	if !ok {
		s.token = when
		n.schedule(t, s)
	}
	return ok
}

// send takes the next number and tells the state once that is durable.
func (n *Notifier) send(t *owner.Turn, s *subscription) {
	note := Notification{State: Active, Seq: s.seq, Left: s.until.Sub(t.Now)}
	if s.grant.Handling == event.Confirm {
		note.State = Pending
	}
	if s.ending != "" {
		note.State, note.Reason, note.Left = Terminated, s.ending, 0
	}
	if s.ending != ReasonRejected {
		v := s.topic.current(s.view)
		if v.failed == nil {
			note.Type, note.Body = s.format.Type, s.topic.written(v, t.Now)
		}
		s.sent = v.revision
	}
	s.seq++
	s.seen, s.must, s.inFlight, s.hold = s.topic.revision, false, true, time.Time{}
	s.token = time.Time{}
	n.reserve(t, s)
	sink := s.sink
	t.Say(func(failed error) {
		if failed == nil {
			sink.Notify(note)
		}
	})
}

// reserve saves a new block of numbers once half of the last is used, so that
// no notification waits for the disk and none repeats a number after a crash.
func (n *Notifier) reserve(t *owner.Turn, s *subscription) {
	if s.ending == "" && s.seq+block/2 > s.limit {
		s.limit += block
		n.save(t, s)
	}
}

// Done takes the outcome of the notification in flight.
func (n *Notifier) Done(t *owner.Turn, aor event.AoR, id string, o Outcome) {
	s := n.share(aor).subs[id]
	if s == nil || !s.inFlight {
		return
	}
	s.inFlight = false
	switch {
	case o == Delivered:
		s.failures = 0
	case o == NoDialog && !s.retried && t.Now.Sub(s.began) <= raceLasts:
		// Our 200 may come after this NOTIFY (RFC 6665 §4.1.2.4).
		s.retried, s.must, s.hold = true, true, t.Now.Add(retryAfterRace)
	case o == Later && s.failures < probes && s.ending == "":
		s.failures++
		s.must, s.hold = true, t.Now.Add(probeEvery)
	default:
		n.remove(t, s, ReasonDeactivated)
		return
	}
	n.touch(t, s.topic)
	n.schedule(t, s)
}
