package app

import (
	"crypto/rand"
	"encoding/json"
	"strings"
	"sync/atomic"
	"time"

	"lamplight/event"
	"lamplight/event/dialog"
	"lamplight/event/presence"
	"lamplight/notifier"
	"lamplight/owner"
)

// streamed is how long a page's subscription is asked for; it is asked for again
// before it ends.
const streamed = 24 * time.Hour

// WatchLamps subscribes a user to what a page shows of others: of each the state
// and, where the page wants them, the calls. What may not be seen is unknown. told
// is called in the owners' turns and returns at once; stop ends it.
func (s *Server) WatchLamps(who event.AoR, aors []event.AoR, calls bool, told func(lamp string, data []byte)) (stop func()) {
	watcher := event.Subscriber{AoR: who, Authenticated: true}
	var sinks []*lampSink
	for _, aor := range aors {
		sinks = append(sinks, s.lampSink(watcher, aor, "presence", presence.LampType, told))
		if calls {
			sinks = append(sinks, s.lampSink(watcher, aor, "dialog", dialog.LampType, told))
		}
	}
	for _, sink := range sinks {
		sink.subscribe(streamed)
	}
	return func() {
		for _, sink := range sinks {
			sink.over.Store(true)
			sink.subscribe(0)
		}
	}
}

// lampSink tells a page of one event of one user. It is not kept over a restart: the
// page comes back by itself.
type lampSink struct {
	server  *Server
	id      string // in the owner's turns
	watcher event.Subscriber
	aor     event.AoR
	event   event.Name
	kind    string
	told    func(lamp string, data []byte)
	over    atomic.Bool
}

func (s *Server) lampSink(watcher event.Subscriber, aor event.AoR, name event.Name, kind string, told func(string, []byte)) *lampSink {
	return &lampSink{server: s, watcher: watcher, aor: aor, event: name, kind: kind, told: told}
}

// subscribe asks for a time; 0 ends it. Where the owner is busy the lamp stays
// unknown, until the page asks again.
func (k *lampSink) subscribe(expires time.Duration) {
	ask := owner.Func(func(t *owner.Turn) {
		if expires > 0 {
			if k.over.Load() {
				return
			}
			k.id = "page " + rand.Text()
		}
		_, err := k.server.notifier.Subscribe(t, notifier.Request{ID: k.id, Refresh: expires == 0, AoR: k.aor, Entity: string(k.aor), Event: k.event,
			Watcher: k.watcher, Format: event.Format{Type: k.kind}, Expires: expires, Sink: k})
		if err != nil && expires > 0 {
			k.unknown()
		}
	})
	if expires == 0 {
		k.server.owners.Return(string(k.aor), ask)
	} else if k.server.owners.Post(string(k.aor), ask) != nil {
		k.unknown()
	}
}

// unknown is what a page shows where nothing may be seen.
func (k *lampSink) unknown() {
	var what any = presence.Lamp{AoR: strings.TrimPrefix(string(k.aor), "sip:"), State: presence.Unknown.Token(), Text: presence.Unknown.Words()}
	if k.event == "dialog" {
		what = dialog.Lamp{AoR: strings.TrimPrefix(string(k.aor), "sip:"), Calls: []dialog.Call{}}
	}
	if b, err := json.Marshal(what); err == nil {
		k.told(string(k.event)+" "+string(k.aor), b)
	}
}

// Notify hands on what is new. The page's stream keeps the newest for a browser that
// is slow, so that it is delivered with this.
func (k *lampSink) Notify(n notifier.Notification) {
	switch {
	case k.over.Load():
	case n.State == notifier.Active && len(n.Body.Head) > 0:
		k.told(string(k.event)+" "+string(k.aor), n.Body.Head)
	default:
		k.unknown()
	}
	id := k.id
	k.server.owners.Return(string(k.aor), owner.Func(func(t *owner.Turn) {
		k.server.notifier.Done(t, k.aor, id, notifier.Delivered)
	}))
	if n.State == notifier.Terminated && n.Reason == notifier.ReasonTimeout && !k.over.Load() {
		k.subscribe(streamed)
	}
}

// Save is nothing.
func (*lampSink) Save() []byte { return nil }
