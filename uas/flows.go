package uas

import (
	"slices"
	"sync"
	"time"

	"lamplight/event"
	"lamplight/notifier"
	"lamplight/owner"
	"lamplight/registrar"
	"lamplight/sip"
	"lamplight/sip/transaction"
)

// flows are what hangs on each connection, so that its owners learn when it is
// lost.
type flows struct {
	mu    sync.Mutex
	hangs map[uint64]*hanging // by the connection's token
}

// hanging is what hangs on one connection, each until it would end by itself.
type hanging struct {
	until map[hook]time.Time
	sweep int // so many, and what ended meanwhile is cleared away
}

// hook is the bindings of an AoR, or one subscription to it.
type hook struct {
	aor          event.AoR
	subscription string // "": the bindings
}

// hang says that something lasts on a flow: its connection is not closed for
// idleness before, and should the other side end it, its owner is told. A
// connection that ended while the request was handled is told at once.
func (s *Server) hang(f transaction.Flow, h hook, lasts time.Duration) {
	if f.Lasts(lasts); f.Token() == 0 || lasts <= 0 {
		return
	}
	s.flows.add(f.Token(), h, time.Now(), lasts)
	if !f.Alive() && !s.layer.IsClosed() {
		s.Lost(f)
	}
}

func (fs *flows) add(token uint64, h hook, now time.Time, lasts time.Duration) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fs.hangs == nil {
		fs.hangs = map[uint64]*hanging{}
	}
	on := fs.hangs[token]
	if on == nil {
		on = &hanging{until: map[hook]time.Time{}, sweep: 64}
		fs.hangs[token] = on
	}
	on.until[h] = now.Add(lasts)
	if len(on.until) < on.sweep {
		return
	}
	for h, until := range on.until {
		if until.Before(now) {
			delete(on.until, h)
		}
	}
	on.sweep = max(64, 2*len(on.until))
}

// take is what hung on a connection, and hangs there no longer.
func (fs *flows) take(token uint64) *hanging {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	on := fs.hangs[token]
	delete(fs.hangs, token)
	return on
}

// Lost tells the owners of what hung on a connection that it is gone.
func (s *Server) Lost(f transaction.Flow) {
	on := s.flows.take(f.Token())
	if on == nil {
		return
	}
	s.log.Debug("a connection is lost", "remote", f.Remote(), "transport", f.Transport(), "hung", len(on.until))
	for h := range on.until {
		s.Owners.Return(string(h.aor), owner.Func(func(t *owner.Turn) { s.lost(t, h, f) }))
	}
}

// lost is what a lost connection means to one thing that hung on it. A
// subscriber who can be reached otherwise is told by that way when there is
// something to be told.
func (s *Server) lost(t *owner.Turn, h hook, f transaction.Flow) {
	if h.subscription == "" {
		s.Registrar.Lost(t, h.aor, f.Token())
		return
	}
	_, _, sink, ok := s.Notifier.Find(owner.Partition(string(h.aor)), h.subscription)
	d, dialog := sink.(*dialogSink)
	if !ok || !dialog || d.next != "" || d.at().token != f.Token() {
		return
	}
	if _, err := d.elsewhere(); err != nil {
		s.Notifier.Park(t, h.aor, h.subscription)
	}
}

// elsewhere is another way to a subscriber than the connection that is gone: to
// its first route or, where there is none, its Contact, if that is an address of
// the same host at which it can be reached. What is behind a NAT cannot, and what
// was told in secret is not told openly (RFC 3261 §26.2.2).
func (d *dialogSink) elsewhere() (transaction.Flow, error) {
	s, at, uri := d.server, d.at(), d.dialog.Target
	if len(d.dialog.Routes) > 0 {
		uri = routeURI(d.dialog.Routes[0])
	}
	u, _ := sip.ParseURI([]byte(uri))
	t, err := s.names.Resolver.Direct(u)
	to, transport := t.Addr, t.Transport
	switch {
	case err != nil, to == at.remote, to.Addr() != at.remote.Addr(), to == at.local,
		at.transport != "TCP" && transport != at.transport, s.Outbound != nil && !s.Outbound(to):
		return transaction.Flow{}, transaction.ErrFlowLost
	}
	return s.layer.FlowFrom(transport, at.local, to)
}

// Subscribes tells whether a registered device has a subscription to an AoR's
// state, as far as can be seen: it came by the same way, or names the same place.
func (s *Server) Subscribes(aor event.AoR, name event.Name, b *registrar.Binding) bool {
	contact, err := sip.ParseURI([]byte(b.URI))
	return slices.ContainsFunc(s.Notifier.Sinks(aor, name), func(sink notifier.Sink) bool {
		d, ok := sink.(*dialogSink)
		if !ok {
			return false
		}
		target, bad := sip.ParseURI([]byte(d.dialog.Target))
		at := d.at()
		return at.token == b.Flow && (at.token != 0 || at.remote == b.Source) ||
			err == nil && bad == nil && contact.HostLower() == target.HostLower() && contact.PortNumber() == target.PortNumber()
	})
}

// FlowTo is the flow that a device registered by (RFC 5626 §7). The error is
// transaction.ErrFlowLost where its connection is gone.
func (s *Server) FlowTo(b *registrar.Binding) (transaction.Flow, error) {
	if b.Flow != 0 {
		return s.layer.FlowOf(b.Flow)
	}
	return s.layer.FlowFrom("UDP", b.Local, b.Source)
}

// Ping keeps the way to a device open that is behind a NAT. A mapping lives on
// by any packet, so it is the smallest one that SIP ignores.
func (s *Server) Ping(b *registrar.Binding) {
	if s.Outbound != nil && !s.Outbound(b.Source) {
		return
	}
	if f, err := s.FlowTo(b); err == nil {
		_ = f.Ping() // a lost one is as good as a datagram that is lost
	}
}

// Alive tells whether a connection is there that something was registered by.
func (s *Server) Alive(token uint64) bool {
	f, err := s.layer.FlowOf(token)
	return err == nil && f.Alive()
}
