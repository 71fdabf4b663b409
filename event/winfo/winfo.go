// Package winfo is the watcher information template (RFC 3857): who watches an
// event package's state, as the notifier tells it. It tells full state always;
// nobody publishes it. It leaves out the watchers of watchers.
package winfo

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"

	"lamplight/body/watcherinfo"
	"lamplight/event"
)

// Suffix makes the name of a package's watcher information (RFC 3857 §4.1).
const Suffix = ".winfo"

// MaxShown is how many watchers a document shows, those who wait for an answer
// first.
const MaxShown = 500

// Of is the watcher information of a package.
func Of(pkg event.Package) event.Package { return template{pkg.Event()} }

// template is the package, of the watched package's name.
type template struct{ of event.Name }

// Event is the package's name.
func (p template) Event() event.Name { return p.of + Suffix }

// Reads lists what is composed.
func (p template) Reads() []event.Name { return []event.Name{p.Event()} }

// Types lists how documents are labelled.
func (template) Types() []string { return []string{watcherinfo.Type} }

// Lifetime follows RFC 3857 §4.4 and §4.10.
func (template) Lifetime() event.Lifetime {
	return event.Lifetime{Min: time.Minute, Default: time.Hour, Max: 24 * time.Hour, Refill: 5 * time.Second, Burst: 5}
}

// Parse refuses: watchers come by SUBSCRIBE.
func (template) Parse(string, []byte) (event.Document, error) { return nil, event.ErrUnsupportedType }

// Compose makes one list of all watchers.
func (p template) Compose(aor event.AoR, in []event.Input, now time.Time) (event.Document, time.Time) {
	live, next := event.Current(in, now)
	list := watcherinfo.List{Resource: string(aor), Package: string(p.of)}
	for _, i := range live {
		if w, ok := i.Doc.(*watcherinfo.Watcher); ok && i.Event == p.Event() && w != nil {
			shown := *w
			shown.ID = token(i.ID)
			list.Watchers = append(list.Watchers, shown)
		}
	}
	slices.SortFunc(list.Watchers, func(a, b watcherinfo.Watcher) int {
		return cmp.Or(cmp.Compare(place(a.Status), place(b.Status)), cmp.Compare(a.ID, b.ID))
	})
	list.Watchers = list.Watchers[:min(len(list.Watchers), MaxShown)]
	return &watcherinfo.Info{Lists: []watcherinfo.List{list}}, next
}

func place(status string) int {
	return slices.Index([]string{watcherinfo.Pending, watcherinfo.Waiting, watcherinfo.Active, watcherinfo.Terminated}, status)
}

// token is a subscription's identifier as RFC 3858 §3 wants it; it tells
// nothing of the subscription's own, which holds a Call-ID and tags.
func token(id string) string {
	sum := sha256.Sum256([]byte(id))
	return "w" + hex.EncodeToString(sum[:8])
}

// Encode prints a document about the URI that was watched, without lengths.
func (p template) Encode(entity string, d event.Document, f event.Format) (event.Body, error) {
	return p.EncodeAt(entity, d, f, time.Time{})
}

// EncodeAt prints a document with how long each watcher has watched and will.
func (template) EncodeAt(entity string, d event.Document, _ event.Format, now time.Time) (event.Body, error) {
	doc := watcherinfo.Info{Lists: slices.Clone(d.(*watcherinfo.Info).Lists)}
	for i := range doc.Lists {
		doc.Lists[i].Resource = entity
	}
	return event.Body{Head: doc.AppendHead(nil), Tail: doc.AppendTail(nil, now), Versioned: true}, nil
}

// Quiet tells a change by which ended watchers are forgotten: RFC 3857 §4.7.1
// knows nothing of them any more, and has no notification for it.
func (template) Quiet(before, after event.Document) bool {
	return event.OnlyForgets(watchers(before), watchers(after), func(w watcherinfo.Watcher) bool { return w.Status == watcherinfo.Terminated })
}

func watchers(d event.Document) (all []watcherinfo.Watcher) {
	for _, l := range d.(*watcherinfo.Info).Lists {
		all = append(all, l.Watchers...)
	}
	return all
}
