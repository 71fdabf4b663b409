// Package epa is the server's own event publication agent (RFC 3903 §4): where
// another server is the presence server, it publishes there who of the own users
// is registered (RFC 3863) and in which calls (RFC 4235). It leaves out what users
// publish themselves, which is passed on. What it has published is taken back at
// the end, and what a crash has left there is gone on with.
package epa

import (
	"log/slog"
	"sync"
	"time"

	"lamplight/event"
	"lamplight/owner"
	"lamplight/sip"
	"lamplight/sip/resolve"
	"lamplight/sip/transaction"
)

const (
	maxOpen  = 100         // requests under way at a time: a restart publishes for everybody
	maxRetry = time.Minute // the longest wait after a failure
)

// Options of New.
type Options struct {
	Server sip.URI      // the presence server
	Logger *slog.Logger // nil: nothing is logged
	// Keep stores what Restore needs after a crash, under an AoR and event, or with
	// no bytes takes it away. It returns at once. Nil: nothing is kept.
	Keep func(aor event.AoR, name event.Name, b []byte)
}

// Agent publishes. Use must be called before anything changes. It may be used by
// several goroutines at once.
type Agent struct {
	o     Options
	layer *transaction.Layer
	names *resolve.Sender

	mu      sync.Mutex
	all     map[key]*publication
	ready   []*publication // in turn to be sent
	open    int            // under way
	failing bool           // the last one failed
	began   bool           // what a crash has left was looked through
	over    chan struct{}  // closed when all was taken back; nil: the end has not come
}

type key struct {
	aor  event.AoR
	name event.Name
}

// New makes an agent that has published nothing.
func New(o Options) *Agent {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Agent{o: o, all: map[key]*publication{}}
}

// Use names what the requests go out on.
func (a *Agent) Use(l *transaction.Layer, names *resolve.Sender) { a.layer, a.names = l, names }

// Watched tells whether the agent wants to know of an event's changes.
func (a *Agent) Watched(_ event.AoR, name event.Name) bool { return name == "dialog" || name == "reg" }

// Changed takes a composed document, and publishes once the turn is durable.
func (a *Agent) Changed(t *owner.Turn, aor event.AoR, name event.Name, doc event.Document) {
	var d document
	switch name {
	case "dialog":
		d = dialogs(aor, doc)
	case "reg":
		name, d = "presence", registration(aor, doc)
	default:
		return
	}
	t.Say(func(failed error) {
		if failed == nil {
			a.publish(key{aor, name}, d)
		}
	})
}

// publish says a document, or ends the publication where it is none.
func (a *Agent) publish(k key, d document) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.all[k]
	switch {
	case a.over != nil, p == nil && !d.news:
		return
	case p == nil:
		p = &publication{agent: a, key: k}
		a.all[k] = p
	case p.want.equal(d):
		return
	}
	p.want, p.changed = d, true
	p.queue()
}

// Close takes back all that is published, as far as the time allows, and publishes
// nothing more.
func (a *Agent) Close(within time.Duration) {
	a.mu.Lock()
	a.over = make(chan struct{})
	for _, p := range a.all {
		if p.want, p.changed = (document{}), true; p.wait > 0 {
			p.drop() // nobody is there who could be told
			continue
		}
		p.queue()
	}
	a.ended()
	a.mu.Unlock()
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case <-a.over:
	case <-timer.C:
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, p := range a.all {
		p.stop()
	}
	a.ready = nil
}

// ended tells whoever waits for the end. The mutex is held, here and below.
func (a *Agent) ended() {
	if a.over != nil && a.all != nil && len(a.all) == 0 {
		close(a.over)
		a.all = nil
	}
}

// pump sends what is in turn.
func (a *Agent) pump() {
	for a.open < maxOpen && len(a.ready) > 0 {
		p := a.ready[0]
		a.ready = a.ready[1:]
		p.waiting = false
		p.send()
	}
}

// went says once that publishing fails, and once that it goes on.
func (a *Agent) went(k key, status int, err error) {
	failed := err != nil || status >= 300
	if failed == a.failing {
		return
	}
	if a.failing = failed; !failed {
		a.o.Logger.Info("the presence server takes publications again", "server", a.o.Server.String())
		return
	}
	a.o.Logger.Warn("the presence server does not take a publication", "server", a.o.Server.String(), "aor", k.aor, "event", k.name, "status", status, "error", err)
}
