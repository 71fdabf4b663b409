package uas

import (
	"math/rand/v2"
	"time"

	"lamplight/event"
	"lamplight/owner"
	"lamplight/registrar"
	"lamplight/sip"
)

// Ask asks a device whose connection is gone at its Contact, where that says
// that it listens for TCP at an address of its own: the host that it registered
// from, and another port than the connection had. Some close connections on which
// nothing is said. Questions are spread over a part of the time there is, for a
// restart loses all connections.
func (s *Server) Ask(aor event.AoR, b *registrar.Binding, within time.Duration) {
	u, err := sip.ParseURI([]byte(b.URI))
	if err != nil || b.RegID != "" {
		return
	}
	t, err := s.names.Resolver.Direct(u)
	if err != nil || t.Transport != "TCP" || t.Addr == b.Source || t.Addr.Addr() != b.Source.Addr() ||
		t.Addr == b.Local || s.Outbound != nil && !s.Outbound(t.Addr) {
		return
	}
	q := &question{server: s, aor: aor, id: b.ID}
	request := sip.Request{Method: sip.OPTIONS, URI: b.URI, From: "<" + string(aor) + ">;tag=" + sip.NewTag(),
		To: "<" + b.URI + ">", CallID: sip.NewCallID(), CSeq: 1}
	local := b.Local
	time.AfterFunc(rand.N(within/4+1), func() {
		f, err := s.layer.FlowFrom("TCP", local, t.Addr)
		if err == nil {
			_ = s.layer.Send(f, &request, q) // where it could not be sent nobody is found
		}
	})
}

// question is an OPTIONS that asks whether a device is there: any answer says so
// but that somebody else got none (RFC 3261 §21.4.9).
type question struct {
	server *Server
	aor    event.AoR
	id     string // of the binding
}

// Response takes the answer.
func (q *question) Response(m *sip.Message) {
	if m.Status() == 408 {
		return
	}
	q.server.Owners.Return(string(q.aor), owner.Func(func(t *owner.Turn) { q.server.Registrar.Found(t, q.aor, q.id) }))
}

// Failed takes that there was none: the binding ends with its time of grace.
func (q *question) Failed(error) {}
