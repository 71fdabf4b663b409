package notifier

import (
	"strings"
	"time"

	"lamplight/body/watcherinfo"
	"lamplight/event"
	"lamplight/owner"
)

// winfo is the suffix of the watcher information template (RFC 3857 §4.1).
const winfo = ".winfo"

// terminatedLasts is how long watcher information tells of a subscription that
// is over.
const terminatedLasts = 10 * time.Second

// watched enters a changed subscription as an input of the next turn, if
// somebody watches the watchers.
func (n *Notifier) watched(t *owner.Turn, s *subscription) {
	k := s.topic.key
	if n.opt.Inputs == nil || n.packages[k.name+winfo] == nil {
		return
	}
	in := s.watcherInput(t.Now)
	n.tellOfWatcher(t, k, func(t *owner.Turn) { n.opt.Inputs.Put(t, k.aor, in) })
}

// tellOfWatcher changes the inputs of watcher information in the next turn, if
// somebody watches the watchers.
func (n *Notifier) tellOfWatcher(t *owner.Turn, k topicKey, do func(*owner.Turn)) {
	if n.opt.Inputs == nil {
		return
	}
	watchers := n.share(k.aor).topics[topicKey{k.aor, k.name + winfo}]
	if watchers == nil || watchers.waits {
		return
	}
	t.Post(string(k.aor), owner.Func(do))
}

// waitersOf are those who wait of whom watcher information is about.
func (n *Notifier) waitersOf(tp *topic) []*waiter {
	name := event.Name(strings.TrimSuffix(string(tp.key.name), winfo))
	return n.share(tp.key.aor).waiting[topicKey{tp.key.aor, name}]
}

// tellsWatchers tells whether a topic is watcher information.
func (n *Notifier) tellsWatchers(tp *topic) bool {
	return n.opt.Inputs != nil && strings.HasSuffix(string(tp.key.name), winfo)
}

// watchedBy lists the subscriptions that watcher information is about.
func (n *Notifier) watchedBy(tp *topic) []*subscription {
	name := event.Name(strings.TrimSuffix(string(tp.key.name), winfo))
	if of := n.share(tp.key.aor).topics[topicKey{tp.key.aor, name}]; of != nil {
		return of.subs
	}
	return nil
}

// gather lets a new topic of watcher information wait for the next turn, in
// which all watchers are inputs, so that the first notification is the full
// state.
func (n *Notifier) gather(t *owner.Turn, tp *topic) {
	if !n.tellsWatchers(tp) {
		return
	}
	tp.waits = true
	t.Post(string(tp.key.aor), owner.Func(func(t *owner.Turn) {
		for _, s := range n.watchedBy(tp) {
			n.opt.Inputs.Put(t, tp.key.aor, s.watcherInput(t.Now))
		}
		for _, w := range n.waitersOf(tp) {
			n.opt.Inputs.Put(t, tp.key.aor, w.input(event.Name(strings.TrimSuffix(string(tp.key.name), winfo)), t.Now))
		}
		tp.waits = false
		n.touch(t, tp)
	}))
}

// scatter withdraws the watchers once nobody watches them: they cost nothing
// then. Those who are gone already end with their time.
func (n *Notifier) scatter(t *owner.Turn, tp *topic) {
	if !n.tellsWatchers(tp) {
		return
	}
	var keys []event.Key
	for _, s := range n.watchedBy(tp) {
		keys = append(keys, s.watcherKey())
	}
	for _, w := range n.waitersOf(tp) {
		keys = append(keys, event.Key{Event: tp.key.name, Source: event.Watcher, ID: w.id})
	}
	t.Post(string(tp.key.aor), owner.Func(func(t *owner.Turn) {
		for _, k := range keys {
			n.opt.Inputs.Withdraw(t, tp.key.aor, k)
		}
	}))
}

func (s *subscription) watcherKey() event.Key {
	return event.Key{Event: s.topic.key.name + winfo, Source: event.Watcher, ID: s.id}
}

func (s *subscription) watcherInput(now time.Time) event.Input {
	w := &watcherinfo.Watcher{ID: s.id, URI: string(s.watcher.AoR), Status: watcherinfo.Active, Event: watcherinfo.Subscribe,
		Since: s.began, Until: s.until}
	in := event.Input{Key: s.watcherKey(), Made: now, Doc: w}
	switch {
	case s.unanswered:
		w.Status, w.Event, w.Until = watcherinfo.Waiting, watcherinfo.Timeout, time.Time{}
	case s.ending != "":
		w.Status, w.Event = watcherinfo.Terminated, s.ending
		in.Until = now.Add(terminatedLasts)
	case s.grant.Handling == event.Confirm:
		w.Status = watcherinfo.Pending
	case s.approved:
		w.Event = watcherinfo.Approved
	}
	return in
}
