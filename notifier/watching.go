package notifier

import (
	"slices"
	"strings"
	"time"

	"lamplight/body/watcherinfo"
	"lamplight/event"
	"lamplight/owner"
)

// Watching is somebody who watches an AoR's state, or waits until they may.
type Watching struct {
	Watcher event.AoR
	Event   event.Name
	Status  string // Active or Pending, or watcherinfo's waiting
	Since   time.Time
	Until   time.Time
}

// Watching lists who watches an AoR, those who wait for an answer first; who
// watches watchers is left out.
func (n *Notifier) Watching(_ *owner.Turn, aor event.AoR) (list []Watching) {
	for _, name := range n.names {
		tp := n.share(aor).topics[topicKey{aor, name}]
		for _, w := range n.share(aor).waiting[topicKey{aor, name}] {
			list = append(list, Watching{Watcher: w.watcher.AoR, Event: name, Status: watcherinfo.Waiting, Since: w.since})
		}
		if tp == nil || strings.HasSuffix(string(name), winfo) {
			continue
		}
		for _, s := range tp.subs {
			if s.ending != "" {
				continue
			}
			w := Watching{s.watcher.AoR, name, Active, s.began, s.until}
			if s.grant.Handling == event.Confirm {
				w.Status = Pending
			}
			list = append(list, w)
		}
	}
	slices.SortStableFunc(list, func(a, b Watching) int {
		if a.Status != b.Status {
			return strings.Compare(b.Status, a.Status) // waiting, pending, active
		}
		return strings.Compare(string(a.Watcher), string(b.Watcher))
	})
	return list
}

// View writes what a subscriber with a grant is told of an AoR's state now, with 0
// for the version.
func (n *Notifier) View(t *owner.Turn, aor event.AoR, entity string, g event.Grant, f event.Format, name event.Name) ([]byte, error) {
	pkg := n.packages[name]
	if pkg == nil {
		return nil, ErrBadEvent
	}
	empty, _ := pkg.Compose(aor, nil, t.Now)
	doc := empty
	if g.Handling == event.Allow {
		doc = withhold(pkg, n.opt.Document(t, aor, name), empty, g.Rights)
	}
	body, err := pkg.Encode(entity, doc, f)
	if aging, ok := pkg.(event.Aging); ok && err == nil {
		body, err = aging.EncodeAt(entity, doc, f, t.Now)
	}
	if body.Versioned {
		return slices.Concat(body.Head, []byte("0"), body.Tail), err
	}
	return slices.Concat(body.Head, body.Tail), err
}
