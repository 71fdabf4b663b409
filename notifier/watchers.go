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
const terminatedLasts = 5 * time.Minute

// watched enters a changed subscription as an input of the next turn, if
// somebody watches the watchers.
func (n *Notifier) watched(t *owner.Turn, s *subscription) {
	aor, name := s.topic.key.aor, s.topic.key.name
	if n.opt.Inputs == nil {
		return
	}
	if strings.HasSuffix(string(name), winfo) {
		n.watchersWatched(t, s)
		return
	}
	watching := n.share(aor).topics[topicKey{aor, name + winfo}]
	if watching == nil || len(watching.subs) == 0 {
		return
	}
	n.postWatcher(t, s)
}

func (n *Notifier) postWatcher(t *owner.Turn, s *subscription) {
	aor := s.topic.key.aor
	in := s.watcherInput(t.Now)
	t.Post(string(aor), owner.Func(func(t *owner.Turn) { n.opt.Inputs.Put(t, aor, in) }))
}

// watchersWatched lets the first subscription to watcher information wait for
// the next turn, in which all watchers are inputs, so that its first
// notification is the full state; the end of the last one withdraws them.
func (n *Notifier) watchersWatched(t *owner.Turn, s *subscription) {
	aor := s.topic.key.aor
	watched := n.share(aor).topics[topicKey{aor, event.Name(strings.TrimSuffix(string(s.topic.key.name), winfo))}]
	switch {
	case watched == nil:
	case s.place < 0 && len(s.topic.subs) == 0:
		for _, w := range watched.subs {
			k := w.watcherKey()
			t.Post(string(aor), owner.Func(func(t *owner.Turn) { n.opt.Inputs.Withdraw(t, aor, k) }))
		}
	case s.place >= 0 && len(s.topic.subs) == 1:
		for _, w := range watched.subs {
			n.postWatcher(t, w)
		}
		s.waits = true
		t.Post(string(aor), owner.Func(func(t *owner.Turn) {
			s.waits = false
			n.touch(t, s.topic)
		}))
	}
}

func (s *subscription) watcherKey() event.Key {
	return event.Key{Event: s.topic.key.name + winfo, Source: event.Watcher, ID: s.id}
}

func (s *subscription) watcherInput(now time.Time) event.Input {
	w := &watcherinfo.Watcher{ID: s.id, URI: string(s.watcher.AoR), Status: Active, Event: "subscribe",
		Since: s.began, Until: s.until}
	in := event.Input{Key: s.watcherKey(), Made: now, Doc: w}
	switch {
	case s.ending != "":
		w.Status, w.Event = Terminated, s.ending
		in.Until = now.Add(terminatedLasts)
	case s.grant.Handling == event.Confirm:
		w.Status = Pending
	}
	return in
}
