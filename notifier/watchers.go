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
	if n.opt.Inputs == nil || n.packages[name+winfo] == nil || n.share(aor).topics[topicKey{aor, name + winfo}] == nil {
		return
	}
	in := s.watcherInput(t.Now)
	t.Post(string(aor), owner.Func(func(t *owner.Turn) { n.opt.Inputs.Put(t, aor, in) }))
}

// whose is the topic whose watchers a topic tells of; nil: there is none.
func (n *Notifier) whose(tp *topic) *topic {
	name, ok := strings.CutSuffix(string(tp.key.name), winfo)
	if !ok || n.opt.Inputs == nil {
		return nil
	}
	return n.share(tp.key.aor).topics[topicKey{tp.key.aor, event.Name(name)}]
}

// gather lets a new topic of watcher information wait for the next turn, in
// which all watchers are inputs, so that the first notification is the full
// state.
func (n *Notifier) gather(t *owner.Turn, tp *topic) {
	whose := n.whose(tp)
	if whose == nil {
		return
	}
	inputs := make([]event.Input, len(whose.subs))
	for i, s := range whose.subs {
		inputs[i] = s.watcherInput(t.Now)
	}
	tp.waits = true
	t.Post(string(tp.key.aor), owner.Func(func(t *owner.Turn) {
		for _, in := range inputs {
			n.opt.Inputs.Put(t, tp.key.aor, in)
		}
		tp.waits = false
		n.touch(t, tp)
	}))
}

// scatter withdraws the watchers once nobody watches them: they cost nothing
// then. Those who are gone already end with their time.
func (n *Notifier) scatter(t *owner.Turn, tp *topic) {
	whose := n.whose(tp)
	if whose == nil {
		return
	}
	keys := make([]event.Key, len(whose.subs))
	for i, s := range whose.subs {
		keys[i] = s.watcherKey()
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
