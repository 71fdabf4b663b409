package notifier

import (
	"slices"
	"time"

	"lamplight/event"
	"lamplight/owner"
)

// topic is an AoR's state in one event package, and who watches it.
type topic struct {
	key      topicKey
	pkg      event.Package
	doc      event.Document
	empty    event.Document // what nobody's state looks like
	revision uint64         // of doc
	changed  time.Time      // when it became so
	counters *Counters
	urgent   uint64 // the last revision that must not wait
	subs     []*subscription
	views    map[viewKey]*view
	ready    []*subscription // may have something to be told
	touched  bool            // telling is asked for in this turn
	waits    bool            // for the watchers' inputs of the next turn
}

// topic finds a topic or makes it, with the document as it is now.
func (n *Notifier) topic(t *owner.Turn, aor event.AoR, name event.Name) *topic {
	k := topicKey{aor, name}
	topics := n.share(aor).topics
	tp := topics[k]
	if tp == nil {
		pkg := n.packages[name]
		empty, _ := pkg.Compose(aor, nil, t.Now)
		doc := n.opt.Document(t, aor, name)
		tp = &topic{key: k, pkg: pkg, doc: doc, empty: empty, revision: 1, counters: n.counters[name], views: map[viewKey]*view{}}
		topics[k] = tp
		n.gather(t, tp)
	}
	return tp
}

func (tp *topic) change(now time.Time, doc event.Document) {
	tp.revision++
	tp.changed = now
	if u, ok := tp.pkg.(event.Urger); ok && u.Urgent(tp.doc, doc) {
		tp.urgent = tp.revision
	}
	tp.doc = doc
}

// hush takes a document in that nobody is told: who was told the last one
// counts as having been told this one.
func (tp *topic) hush(now time.Time, doc event.Document) {
	var told []*subscription
	for _, s := range tp.subs {
		if s.told != nil && same(s.told, tp.current(s.view).body) {
			told = append(told, s)
		}
	}
	tp.change(now, doc)
	for _, s := range told {
		s.told, s.seen = tp.current(s.view).body, tp.revision
	}
}

// queue has a subscription considered at the end of the turn.
func (n *Notifier) queue(t *owner.Turn, s *subscription) {
	if !s.queued {
		s.queued = true
		s.topic.ready = append(s.topic.ready, s)
	}
	n.touch(t, s.topic)
}

// touch has a topic's queue told, and the topic dropped where nobody watches it
// any more: after all that the turn composes, so that a state that was replaced
// in the same turn is told to nobody.
func (n *Notifier) touch(t *owner.Turn, tp *topic) {
	if tp.touched {
		return
	}
	tp.touched = true
	t.End(func() { t.End(func() { n.tell(t, tp) }) })
}

// tell sends to those in the queue that have something to be told; what is too
// much for one turn is left to the next.
func (n *Notifier) tell(t *owner.Turn, tp *topic) {
	defer func() { tp.touched = false }()
	if tp.waits || n.share(tp.key.aor).topics[tp.key] != tp {
		return // later, or forgotten since
	}
	done, sent := 0, 0
	for done < len(tp.ready) && sent < n.opt.EveryTurn {
		s := tp.ready[done]
		s.queued = false
		if s.place >= 0 && n.consider(t, s) {
			sent++
		}
		done++
	}
	if tp.ready = slices.Delete(tp.ready, 0, done); len(tp.ready) > 0 {
		t.Post(string(tp.key.aor), owner.Func(func(t *owner.Turn) { n.touch(t, tp) }))
		return
	}
	n.dropIfIdle(t, tp)
}

// dropIfIdle forgets a topic that nobody watches.
func (n *Notifier) dropIfIdle(t *owner.Turn, tp *topic) {
	if len(tp.subs) == 0 {
		delete(n.share(tp.key.aor).topics, tp.key)
		n.scatter(t, tp)
	}
}
