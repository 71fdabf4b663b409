package notifier

import (
	"slices"
	"time"

	"lamplight/body/watcherinfo"
	"lamplight/event"
	"lamplight/owner"
)

// Whose subscription ended before anybody answered waits on (RFC 3857 §4.7.1), so
// that the user sees days later who wanted to watch; in memory alone, and so many
// of one AoR and event.
const (
	giveupAfter = 7 * 24 * time.Hour
	maxWaiting  = 100
)

// waiter is a watcher without a subscription.
type waiter struct {
	id      string // of the subscription that there was
	watcher event.Subscriber
	since   time.Time
	alarm   owner.Alarm
}

// await keeps in mind who wanted to watch and was not answered.
func (n *Notifier) await(t *owner.Turn, s *subscription) {
	k := s.topic.key
	if n.packages[k.name+winfo] == nil || s.grant.Handling != event.Confirm {
		return
	}
	n.comesBack(t, k, s.watcher)
	waiting := n.share(k.aor).waiting
	if len(waiting[k]) >= maxWaiting {
		return
	}
	w := &waiter{id: s.id, watcher: s.watcher, since: s.began}
	waiting[k] = append(waiting[k], w)
	s.unanswered = true
	t.Wake(&w.alarm, string(k.aor), t.Now.Add(giveupAfter), owner.Func(func(t *owner.Turn) { n.endWaiting(t, k, w, watcherinfo.Giveup) }))
}

// comesBack forgets a waiter who subscribes again.
func (n *Notifier) comesBack(t *owner.Turn, k topicKey, who event.Subscriber) {
	for _, w := range n.share(k.aor).waiting[k] {
		if w.watcher == who {
			n.endWaiting(t, k, w, watcherinfo.Subscribe)
			return
		}
	}
}

// endWaiting forgets a waiter, and tells why whoever watches the watchers.
func (n *Notifier) endWaiting(t *owner.Turn, k topicKey, w *waiter, why string) {
	waiting := n.share(k.aor).waiting
	waiting[k] = slices.DeleteFunc(waiting[k], func(o *waiter) bool { return o == w })
	if len(waiting[k]) == 0 {
		delete(waiting, k)
	}
	t.Wake(&w.alarm, "", time.Time{}, nil)
	in := w.input(k.name, t.Now)
	n.tellOfWatcher(t, k, func(t *owner.Turn) {
		if why == watcherinfo.Subscribe {
			n.opt.Inputs.Withdraw(t, k.aor, in.Key)
			return
		}
		doc := in.Doc.(*watcherinfo.Watcher)
		doc.Status, doc.Event = watcherinfo.Terminated, why
		in.Until = t.Now.Add(terminatedLasts)
		n.opt.Inputs.Put(t, k.aor, in)
	})
}

// waitersDecided asks policy again about those who wait for an answer.
func (n *Notifier) waitersDecided(t *owner.Turn, k topicKey) {
	for _, w := range slices.Clone(n.share(k.aor).waiting[k]) {
		switch g, _ := n.decide(k.aor, w.watcher, k.name, t.Now); g.Handling {
		case event.Confirm:
		case event.Block:
			n.endWaiting(t, k, w, watcherinfo.Rejected)
		default:
			n.endWaiting(t, k, w, watcherinfo.Approved)
		}
	}
}

func (w *waiter) input(name event.Name, now time.Time) event.Input {
	return event.Input{Key: event.Key{Event: name + winfo, Source: event.Watcher, ID: w.id}, Made: now,
		Doc: &watcherinfo.Watcher{ID: w.id, URI: string(w.watcher.AoR), Status: watcherinfo.Waiting, Event: watcherinfo.Timeout, Since: w.since}}
}
