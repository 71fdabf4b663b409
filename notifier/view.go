package notifier

import (
	"bytes"
	"time"

	"lamplight/event"
)

// view is the document for one class of subscribers: those who may see the
// same, in the same format, share the same bytes.
type view struct {
	key   viewKey
	users int
	at    uint64 // the topic's revision it was made from
	doc   event.Document
	body  *event.Body // another one when its bytes change
	fails bool        // there is no body

	part *event.Body // of a Differ: what tells the same to who has been told from
	from *event.Body

	aged   *event.Body // of an Aging package: body with its lengths
	agedAt time.Time
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
	before := v.doc
	v.doc = tp.empty
	if v.key.shown == shownState {
		v.doc = withhold(tp.pkg, tp.doc, tp.empty, v.key.rights)
	}
	body, err := tp.pkg.Encode(v.key.entity, v.doc, v.key.format)
	if v.body == nil || !same(v.body, &body) {
		v.from, v.body = v.body, &body
		v.part = tp.part(v, before)
	}
	v.at, v.fails, v.aged = tp.revision, err != nil, nil
	return v
}

// part is what has changed in a view's document; nil: all is told.
func (tp *topic) part(v *view, before event.Document) *event.Body {
	d, ok := tp.pkg.(event.Differ)
	if !ok || before == nil {
		return nil
	}
	body, err := tp.pkg.Encode(v.key.entity, d.Diff(before, v.doc), v.key.format)
	if err != nil {
		return nil
	}
	return &body
}

// bodyAt is what a view tells at a moment.
func (tp *topic) bodyAt(v *view, now time.Time) event.Body {
	aging, ok := tp.pkg.(event.Aging)
	if !ok {
		return *v.body
	}
	if v.aged == nil || !v.agedAt.Equal(now) {
		body, err := aging.EncodeAt(v.key.entity, v.doc, v.key.format, now)
		if err != nil {
			return *v.body
		}
		v.aged, v.agedAt = &body, now
	}
	return *v.aged
}

func same(a, b *event.Body) bool {
	return a == b || bytes.Equal(a.Head, b.Head) && bytes.Equal(a.Tail, b.Tail)
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
