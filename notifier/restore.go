package notifier

import (
	"fmt"
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

// Forget drops the subscriptions to an AoR.
func (n *Notifier) Forget(t *owner.Turn, key string) {
	sh := &n.shares[owner.Partition(key)]
	for k, tp := range sh.topics {
		if string(k.aor) != key {
			continue
		}
		for _, s := range tp.subs {
			delete(sh.subs, s.id)
			delete(sh.devices, s.deviceKey())
			t.Wake(&s.alarm, key, time.Time{}, nil)
			s.place = -1
		}
		delete(sh.topics, k)
	}
}

// Restore takes a stored subscription in. Its numbers go on above the last
// reserved block; it is told the full state, paced. One that ended while the
// server was down is told so.
func (n *Notifier) Restore(t *owner.Turn, key string, _ byte, id string, value []byte) error {
	r, _ := record.NewReader(value)
	k := topicKey{event.AoR(key), event.Name(r.String())}
	s := &subscription{id: id, entity: r.String(), must: true, saved: true}
	s.watcher = event.Subscriber{AoR: event.AoR(r.String()), Authenticated: r.Uint() == 1}
	s.device = r.String()
	s.format = event.Format{Type: r.String(), Profile: uint8(r.Uint())}
	s.began, s.until = r.Time(), r.Time()
	s.limit = uint32(r.Uint())
	saved := r.Blob()
	if r.Err() != nil || n.packages[k.name] == nil {
		return fmt.Errorf("subscription %s to %s of %s: %w", id, k.name, key, r.Err())
	}
	s.seq = s.limit
	s.sink = n.opt.Sink(id, saved)
	s.topic = n.topic(t, k.aor, k.name)
	s.bucket = newBucket(s.topic.pkg.Lifetime(), t.Now)
	n.add(s)
	n.resume(t, s)
	return nil
}

func (n *Notifier) resume(t *owner.Turn, s *subscription) {
	sh := n.share(s.topic.key.aor)
	s.hold = t.Now.Add(time.Duration(sh.restored) * owner.Partitions * paceStep % paceOver)
	sh.restored++
	n.applyGrant(s, event.Grant{Handling: event.PoliteBlock}, time.Time{})
	n.decideAgain(t, s)
	if !s.until.After(t.Now) {
		n.over(t, s, ReasonTimeout)
	}
	n.reserve(t, s)
	n.watched(t, s)
	n.touch(t, s.topic)
	n.schedule(t, s)
}
