package notifier

import (
	"time"

	"lamplight/event"
	"lamplight/owner"
)

const (
	retryAfterRace = 200 * time.Millisecond // a 481 that overtook our 200
	raceLasts      = time.Second
	probeEvery     = time.Minute
	probes         = 3
	block          = 256 // numbers reserved with one write
)

// subscription is one live subscription.
type subscription struct {
	id      string
	topic   *topic
	place   int // in topic.subs; -1: not among them
	entity  string
	watcher event.Subscriber
	device  string
	format  event.Format
	sink    Sink

	began    time.Time
	until    time.Time
	grant    event.Grant
	askAgain time.Time // policy; zero: when the rules change
	approved bool      // after it was pending
	ending   string    // the reason, once it is over

	unanswered bool // it ended while it was pending: its watcher waits on

	view   *view
	queued bool // in topic.ready
	waits  bool // has news that is not sent; only counted
	saved  bool
	old    bool   // read back at a start, and not refreshed since
	limit  uint32 // numbers below it are reserved
	alarm  owner.Alarm
	wake   owner.Job // what the alarm does
	progress
}

// progress is how far telling a subscription has come. A failed commit undoes
// what its turn did to it, and nothing before.
type progress struct {
	seq      uint32      // of the next notification
	told     *event.Body // what was sent last; nil: nothing, or it may not have come
	seen     uint64      // the topic's revision then
	must     bool        // tell whatever was sent last
	inFlight bool
	tells    time.Time // when the change came that is in flight; zero: it is none
	on       Sink      // what is in flight went by it
	parked   time.Time // when it ends, for there is no way to it; zero: there is
	retried  bool
	failures int
	hold     time.Time // nothing is sent before
	paced    bool      // that is because of a start
	token    time.Time // when the rate allows one more; zero: nothing waits for it
	bucket   bucket
}

// Subscribe does what RFC 6665 §4.2.1 asks and gives the interval for the
// answer; a notification with the full state follows. Errors are the package's.
func (n *Notifier) Subscribe(t *owner.Turn, r Request) (time.Duration, error) {
	pkg := n.packages[r.Event]
	if pkg == nil {
		return 0, ErrBadEvent
	}
	s := n.share(r.AoR).subs[r.ID]
	switch {
	case r.Refresh && s == nil, s != nil && s.ending != "":
		return 0, ErrNoSubscription
	case s != nil && r.Peer && r.Refresh: // a proxy, which says who it is outside of dialogs alone
		r.Watcher = s.watcher
	case s != nil && s.watcher != r.Watcher:
		return 0, ErrNotTheSubscriber
	}
	left, err := n.interval(t, pkg, r)
	if err != nil {
		return 0, err
	}
	grant, again := n.decide(r.AoR, r.Watcher, r.Event, t.Now)
	if grant.Handling == event.Block {
		if s != nil {
			n.over(t, s, ReasonRejected)
		}
		return 0, ErrForbidden
	}
	if s == nil {
		if s, err = n.begin(t, r, left == 0); err != nil {
			return 0, err
		}
	}
	if grant.Handling == event.Confirm {
		s.grant.Handling = event.Confirm // also of one that ends at once
	}
	n.renew(t, s, r, left)
	n.applyGrant(s, grant, again)
	n.watched(t, s)
	n.queue(t, s)
	n.schedule(t, s)
	return left, nil
}

func (n *Notifier) interval(t *owner.Turn, pkg event.Package, r Request) (time.Duration, error) {
	life := n.lifetime(pkg)
	asked := r.Expires
	if r.Default {
		asked = life.Default
	}
	least := life.Min
	if r.Peer {
		least = 0
	}
	if asked > 0 && asked < least {
		return 0, &TooBriefError{least}
	}
	return event.Spread(min(asked, life.Max), least, r.ID, t.Now), nil
}

// lifetime is a package's, as far as no setting says otherwise.
func (n *Notifier) lifetime(pkg event.Package) event.Lifetime {
	life := pkg.Lifetime()
	if n.opt.Min > 0 {
		life.Min = n.opt.Min
	}
	if n.opt.Max > 0 {
		life.Max = n.opt.Max
	}
	life.Default = min(max(life.Default, life.Min), life.Max)
	return life
}

// begin makes a subscription. One that only fetches is no device's: it takes
// no other's place.
func (n *Notifier) begin(t *owner.Turn, r Request, fetch bool) (*subscription, error) {
	tp := n.topic(t, r.AoR, r.Event)
	s := &subscription{id: r.ID, topic: tp, entity: r.Entity, watcher: r.Watcher, began: t.Now}
	s.bucket = newBucket(tp.pkg.Lifetime(), t.Now)
	s.wake = owner.Func(func(t *owner.Turn) { n.ring(t, s) })
	if !fetch {
		s.device = r.Device
		n.replace(t, s)
	}
	if len(tp.subs) >= n.opt.PerAoR || !n.quota.take(r.Watcher.AoR) {
		n.touch(t, tp)
		return nil, ErrTooMany
	}
	n.add(s)
	return s, nil
}

// replace ends what the same device subscribed to before it rebooted.
func (n *Notifier) replace(t *owner.Turn, s *subscription) {
	if s.device == "" {
		return
	}
	if old := n.share(s.topic.key.aor).devices[s.deviceKey()]; old != nil {
		n.remove(t, old, ReasonDeactivated)
	}
}

func (s *subscription) deviceKey() deviceKey {
	return deviceKey{s.topic.key, s.watcher.AoR, s.device}
}

func (n *Notifier) add(s *subscription) {
	sh := n.share(s.topic.key.aor)
	sh.subs[s.id] = s
	s.topic.counters.live.Add(1)
	if s.device != "" {
		sh.devices[s.deviceKey()] = s
	}
	s.place = len(s.topic.subs)
	s.topic.subs = append(s.topic.subs, s)
}

// renew takes over what a SUBSCRIBE may change: interval, format, target.
func (n *Notifier) renew(t *owner.Turn, s *subscription, r Request, left time.Duration) {
	s.format, s.sink = r.Format, r.Sink
	s.until = t.Now.Add(left)
	s.must, s.failures, s.hold, s.parked, s.old = true, 0, time.Time{}, time.Time{}, false
	if left == 0 {
		n.over(t, s, ReasonTimeout)
		return
	}
	n.save(t, s)
}

// over ends a subscription: it is not kept any more, and its last notification
// goes out when nothing is in flight.
func (n *Notifier) over(t *owner.Turn, s *subscription, reason string) {
	if s.ending != "" {
		return
	}
	s.ending, s.hold = reason, time.Time{}
	if reason == ReasonTimeout {
		n.await(t, s)
	}
	n.unsave(t, s)
	n.queue(t, s)
}

// remove drops a subscription without another word to its subscriber.
func (n *Notifier) remove(t *owner.Turn, s *subscription, reason string) {
	if s.ending == "" {
		s.ending = reason
		n.unsave(t, s)
	}
	tp := s.topic
	n.drop(s)
	last := len(tp.subs) - 1
	tp.subs[s.place] = tp.subs[last]
	tp.subs[s.place].place = s.place
	tp.subs[last] = nil
	tp.subs = tp.subs[:last]
	s.place = -1
	tp.leave(s.view)
	t.Wake(&s.alarm, "", time.Time{}, nil)
	n.watched(t, s)
	n.touch(t, tp)
	if s.saved {
		t.Say(func(failed error) {
			if failed != nil { // it will be read again, and must go on where it was
				n.share(tp.key.aor).past[s.id] = s
			}
		})
	}
}

// drop takes a subscription out of its share.
func (n *Notifier) drop(s *subscription) {
	sh := n.share(s.topic.key.aor)
	delete(sh.subs, s.id)
	s.topic.counters.live.Add(-1)
	s.wait(false)
	if s.device != "" && sh.devices[s.deviceKey()] == s {
		delete(sh.devices, s.deviceKey())
	}
	n.quota.giveBack(s.watcher.AoR)
}

func (n *Notifier) applyGrant(s *subscription, g event.Grant, again time.Time) {
	s.askAgain = again
	k := viewKey{shown: g.Handling == event.Allow, format: s.format, entity: s.entity}
	if k.shown == shownState {
		k.rights = g.Rights
	}
	if s.view == nil || s.view.key != k {
		s.topic.leave(s.view)
		s.view = s.topic.enter(k)
	}
	if pending := s.grant.Handling == event.Confirm; pending != (g.Handling == event.Confirm) {
		s.must, s.approved = true, pending
	}
	s.grant = g
}

// decideAgain asks policy about a subscription and ends it where that blocks it.
// One that is over already, and owed its last notification, is told no more than
// is allowed by then.
func (n *Notifier) decideAgain(t *owner.Turn, s *subscription) {
	before := s.grant.Handling
	g, again := n.decide(s.topic.key.aor, s.watcher, s.topic.key.name, t.Now)
	switch {
	case g.Handling == event.Block && s.ending != "":
		s.ending = ReasonRejected
		return
	case g.Handling == event.Block:
		n.over(t, s, ReasonRejected)
		return
	}
	n.applyGrant(s, g, again)
	if s.ending != "" {
		return
	}
	if before != g.Handling {
		n.watched(t, s)
	}
	n.schedule(t, s)
}

// schedule sets the subscription's one alarm to the first thing to come.
func (n *Notifier) schedule(t *owner.Turn, s *subscription) {
	if s.place < 0 {
		return
	}
	at := s.until
	if s.ending != "" {
		at = time.Time{} // its end has come already
	}
	for _, other := range [...]time.Time{s.askAgain, s.hold, s.token, s.parked} {
		if other.After(t.Now) && (at.IsZero() || other.Before(at)) {
			at = other
		}
	}
	if at.IsZero() || !at.Equal(s.alarm.At()) {
		t.Wake(&s.alarm, string(s.topic.key.aor), at, s.wake)
	}
}

func (n *Notifier) ring(t *owner.Turn, s *subscription) {
	switch {
	case s.ending != "":
	case !s.until.After(t.Now):
		n.over(t, s, ReasonTimeout)
	case !s.parked.IsZero() && !s.parked.After(t.Now):
		n.desert(t, s)
		return
	case !s.askAgain.IsZero() && !s.askAgain.After(t.Now):
		n.decideAgain(t, s)
	}
	n.queue(t, s)
	n.schedule(t, s)
}
