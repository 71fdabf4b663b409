package notifier

import (
	"bytes"
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
	urgent   uint64         // the last revision that must not wait
	subs     []*subscription
	views    map[viewKey]*view
	touched  bool // telling is asked for in this turn
	from     int  // where the next turn goes on telling
}

// view is the document for one class of subscribers: those who may see the
// same, in the same format, share the same bytes.
type view struct {
	key      viewKey
	users    int
	at       uint64 // the topic's revision it was made from
	revision uint64 // rises when its bytes change
	doc      event.Document
	body     event.Body
	failed   error
}

type viewKey struct {
	shown  shown // or the empty look
	rights event.Rights
	format event.Format
	entity string
}

type shown bool

const (
	shownState shown = true
	shownEmpty shown = false
)

// topic finds a topic or makes it, with the document as it is now.
func (n *Notifier) topic(t *owner.Turn, aor event.AoR, name event.Name) *topic {
	k := topicKey{aor, name}
	topics := n.share(aor).topics
	tp := topics[k]
	if tp == nil {
		pkg := n.packages[name]
		empty, _ := pkg.Compose(aor, nil, t.Now)
		doc := n.opt.Document(t, aor, name)
		tp = &topic{key: k, pkg: pkg, doc: doc, empty: empty, revision: 1, views: map[viewKey]*view{}}
		topics[k] = tp
	}
	return tp
}

func (tp *topic) change(doc event.Document) {
	tp.revision++
	if u, ok := tp.pkg.(event.Urger); ok && u.Urgent(tp.doc, doc) {
		tp.urgent = tp.revision
	}
	tp.doc = doc
}

// enter counts a subscription among a view's users.
func (tp *topic) enter(k viewKey) *view {
	v := tp.views[k]
	if v == nil {
		v = &view{key: k}
		tp.views[k] = v
	}
	v.users++
	return v
}

func (tp *topic) leave(v *view) {
	if v == nil {
		return
	}
	if v.users--; v.users == 0 {
		delete(tp.views, v.key)
	}
}

// current brings a view up to the topic's document.
func (tp *topic) current(v *view) *view {
	if v.at == tp.revision {
		return v
	}
	doc := tp.empty
	if v.key.shown == shownState {
		doc = withhold(tp.pkg, tp.doc, tp.empty, v.key.rights)
	}
	body, err := tp.pkg.Encode(v.key.entity, doc, v.key.format)
	if v.revision == 0 || !bytes.Equal(body.Head, v.body.Head) || !bytes.Equal(body.Tail, v.body.Tail) {
		v.revision++
	}
	v.at, v.doc, v.body, v.failed = tp.revision, doc, body, err
	return v
}

// written is a view's body as of now: one that tells how long something lasts
// is written anew.
func (tp *topic) written(v *view, now time.Time) event.Body {
	if p, ok := tp.pkg.(event.Aging); ok {
		if body, err := p.EncodeAt(v.key.entity, v.doc, v.key.format, now); err == nil {
			return body
		}
	}
	return v.body
}

func withhold(pkg event.Package, doc, empty event.Document, r event.Rights) event.Document {
	if viewer, ok := pkg.(event.Viewer); ok {
		return viewer.View(doc, r)
	}
	if r == event.RightsAll {
		return doc
	}
	return empty
}

// touch has the topic's subscribers told at the end of the turn.
func (n *Notifier) touch(t *owner.Turn, tp *topic) {
	if tp.touched {
		return
	}
	tp.touched = true
	t.End(func() { n.tell(t, tp) })
}

// tell goes through the subscribers and sends to those that have something to
// be told; what is too much for one turn is left to the next.
func (n *Notifier) tell(t *owner.Turn, tp *topic) {
	tp.touched = false
	if n.share(tp.key.aor).topics[tp.key] != tp {
		return // forgotten since
	}
	sent := 0
	for range len(tp.subs) {
		if tp.from >= len(tp.subs) {
			tp.from = 0
		}
		s := tp.subs[tp.from]
		if n.consider(t, s) {
			sent++
		}
		if s.place >= 0 {
			tp.from++
		}
		if sent >= n.opt.EveryTurn {
			t.Post(string(tp.key.aor), owner.Func(func(t *owner.Turn) { n.touch(t, tp) }))
			return
		}
	}
	n.dropIfIdle(tp)
}

// dropIfIdle forgets a topic that nobody watches.
func (n *Notifier) dropIfIdle(tp *topic) {
	if len(tp.subs) == 0 {
		delete(n.share(tp.key.aor).topics, tp.key)
	}
}
