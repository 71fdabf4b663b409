package notifier

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"lamplight/event"
	"lamplight/owner"
	"lamplight/record"
)

// KindSubscription is the kind of a subscription's record.
const KindSubscription byte = 's'

// The full-state notifications after a start are paced: so many a second, and
// all of them within a minute.
const (
	paceStep = time.Millisecond
	paceOver = time.Minute
)

var errVersion = errors.New("written by another version of the server")

func (n *Notifier) save(t *owner.Turn, s *subscription) {
	if s.ending != "" || !t.Durable() {
		return
	}
	saved := s.sink.Save()
	if saved == nil {
		return
	}
	if s.limit == 0 {
		s.limit = block
	}
	w := record.NewWriter(1)
	w.String(string(s.topic.key.name))
	w.String(s.entity)
	w.String(string(s.watcher.AoR))
	w.Uint(boolBit(s.watcher.Authenticated))
	w.String(s.device)
	w.String(s.format.Type)
	w.Uint(uint64(s.format.Profile))
	w.Time(s.began)
	w.Time(s.until)
	w.Uint(uint64(s.limit))
	w.Blob(saved)
	t.Save(owner.Record{Key: s.recordKey(), Value: w.Bytes()})
	s.saved = true
}

func (s *subscription) recordKey() []byte {
	return owner.Key(string(s.topic.key.aor), KindSubscription, s.id)
}

func (n *Notifier) unsave(t *owner.Turn, s *subscription) {
	if s.saved {
		t.Save(owner.Record{Key: s.recordKey()})
	}
}

func boolBit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// Forget drops the subscriptions to an AoR. What is true of them whatever was
// stored is remembered until they are read again: their numbers, what they were
// told, and what is in flight.
func (n *Notifier) Forget(t *owner.Turn, key string) {
	aor := event.AoR(key)
	sh := n.share(aor)
	for _, name := range n.names {
		tp := sh.topics[topicKey{aor, name}]
		if tp == nil {
			continue
		}
		for _, s := range tp.subs {
			n.drop(s)
			t.Wake(&s.alarm, key, time.Time{}, nil)
			s.place = -1
			sh.past[s.id] = s
		}
		delete(sh.topics, tp.key)
	}
	if len(sh.reading) == 0 {
		t.End(func() { n.readAgain(t, sh) })
	}
	sh.reading[aor] = true
}

// readAgain ends the reading after a Forget. Subscriptions that are stored
// nowhere go on: those that are not kept, and those that are over and are owed
// their last notification. Who was never told of one subscribed in the turn
// that failed, and was refused.
func (n *Notifier) readAgain(t *owner.Turn, sh *share) {
	for _, id := range slices.Sorted(maps.Keys(sh.past)) {
		old := sh.past[id]
		if !sh.reading[old.topic.key.aor] {
			continue // to be read later
		}
		delete(sh.past, id)
		if old.seq == 0 || old.saved && old.ending == "" {
			continue
		}
		s := &subscription{id: id, entity: old.entity, watcher: old.watcher, device: old.device, format: old.format, sink: old.sink,
			began: old.began, until: old.until, limit: old.limit, ending: old.ending}
		s.carryOver(old)
		n.resume(t, s, old.topic.key)
		n.queue(t, s)
	}
	clear(sh.reading)
}

// carryOver takes over what a failed commit did not undo. A refresh that was
// undone is owed no notification.
func (s *subscription) carryOver(old *subscription) {
	s.progress, s.grant, s.approved = old.progress, old.grant, old.approved
	s.seen = 0
	s.must = old.must && old.until.Equal(s.until)
}

// Restore takes a stored subscription in. At a start its numbers go on above
// the last reserved block, and it is told the full state, paced; one that ended
// while the server was down is told so.
func (n *Notifier) Restore(t *owner.Turn, key string, _ byte, id string, value []byte) error {
	r, version := record.NewReader(value)
	k := topicKey{event.AoR(key), event.Name(r.String())}
	s := &subscription{id: id, entity: r.String(), saved: true}
	s.watcher = event.Subscriber{AoR: event.AoR(r.String()), Authenticated: r.Uint() == 1}
	s.device = r.String()
	s.format = event.Format{Type: r.String(), Profile: uint8(r.Uint())}
	s.began, s.until = r.Time(), r.Time()
	s.limit = uint32(r.Uint())
	saved := r.Blob()
	err := r.Err()
	switch {
	case err != nil:
	case version != 1:
		err = errVersion
	case n.packages[k.name] == nil:
		err = ErrBadEvent
	}
	if err != nil {
		return fmt.Errorf("subscription %s to %s of %s: %w", id, k.name, key, err)
	}
	s.sink = n.opt.Sink(id, saved)
	s.seq, s.bucket = s.limit, newBucket(n.packages[k.name].Lifetime(), t.Now)
	sh := n.share(k.aor)
	if old := sh.past[id]; old != nil {
		delete(sh.past, id)
		s.carryOver(old)
	}
	if sh.reading[k.aor] {
		n.resume(t, s, k)
		n.queue(t, s)
		return nil
	}
	if len(sh.paced) == 0 { // after all that is composed, and before anything is told
		t.End(func() { t.End(func() { n.pace(t, sh) }) })
	}
	sh.paced = append(sh.paced, s)
	s.old = true
	n.resume(t, s, k)
	return nil
}

// resume puts a subscription in its place again, as policy and time have it now.
func (n *Notifier) resume(t *owner.Turn, s *subscription, k topicKey) {
	s.topic = n.topic(t, k.aor, k.name)
	s.wake = owner.Func(func(t *owner.Turn) { n.ring(t, s) })
	n.quota.keep(s.watcher.AoR)
	n.add(s)
	g, again := n.decide(k.aor, s.watcher, k.name, t.Now)
	if g.Handling == event.Block {
		n.applyGrant(s, event.Grant{Handling: event.PoliteBlock}, time.Time{})
		n.over(t, s, ReasonRejected)
	} else {
		n.applyGrant(s, g, again)
	}
	if !s.until.After(t.Now) {
		n.over(t, s, ReasonTimeout)
	}
	n.watched(t, s)
	n.schedule(t, s)
}

// pace spreads what restored subscriptions are told, those to the AoRs that
// changed last first; what changes meanwhile is told at once. Nothing is told in
// the turn of the start itself: nobody listens yet.
func (n *Notifier) pace(t *owner.Turn, sh *share) {
	newest := n.opt.Newest
	if newest == nil {
		newest = func(event.AoR) time.Time { return time.Time{} }
	}
	slices.SortStableFunc(sh.paced, func(a, b *subscription) int {
		return cmp.Or(newest(b.topic.key.aor).Compare(newest(a.topic.key.aor)), b.began.Compare(a.began))
	})
	step := min(owner.Partitions*paceStep, paceOver/time.Duration(len(sh.paced)))
	for i, s := range sh.paced {
		s.hold, s.paced = t.Now.Add(time.Duration(i+1)*step), true
		n.schedule(t, s)
	}
	sh.paced = nil
}
