package ua_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lamplight/sip"
	"lamplight/sip/transaction"
	"lamplight/sip/ua"
	"lamplight/sip/wire"
)

// peer is a server that answers as a test's script says.
type peer struct {
	t      testing.TB
	net    *wire.Network // nil: real sockets
	layer  *transaction.Layer
	addr   netip.AddrPort
	script func(*peer, *transaction.Request)

	mu       sync.Mutex
	received []string // the requests, whole
}

func (p *peer) Request(r *transaction.Request) {
	p.mu.Lock()
	p.received = append(p.received, string(r.Message.Bytes()))
	n := len(p.received)
	p.mu.Unlock()
	if n > 2000 { // else the bubble's time stands still for ever
		p.t.Errorf("%d requests: %s", n, r.Message.Bytes())
		return
	}
	p.script(p, r)
}

// requests are those received so far, of a method.
func (p *peer) requests(method sip.Method) []*sip.Message {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []*sip.Message
	for _, text := range p.received {
		m := parse(p.t, text)
		if m.Method() == method {
			list = append(list, m)
		}
	}
	return list
}

// count is how many requests came.
func (p *peer) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.received)
}

func parse(t testing.TB, text string) *sip.Message {
	t.Helper()
	var m sip.Message
	if err := m.Parse([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return &m
}

func (p *peer) listen() func(string, string) (transaction.PacketConn, error) {
	if p.net == nil {
		return nil
	}
	return func(_, addr string) (transaction.PacketConn, error) { return p.net.Listen(addr) }
}

func newPeer(t testing.TB, n *wire.Network, script func(*peer, *transaction.Request)) *peer {
	t.Helper()
	p := &peer{t: t, net: n, script: script}
	p.layer = transaction.New(p, transaction.Options{Listen: p.listen()})
	addr, err := p.layer.Listen("udp:127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.mu.Lock() // a request sees the address
	defer p.mu.Unlock()
	p.addr = addr
	return p
}

func (p *peer) agent(o ua.Options) *ua.Agent {
	p.t.Helper()
	if o.User == "" {
		o.User = "sip:bob@example.test"
	}
	o.Server, o.Listen = p.addr.String(), p.listen()
	a, err := ua.New(o)
	if err != nil {
		p.t.Fatal(err)
	}
	return a
}

// inMemory runs a test in a bubble with a scripted peer and an agent.
func inMemory(t *testing.T, o ua.Options, script func(*peer, *transaction.Request), test func(*testing.T, *peer, *ua.Agent)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t, wire.New(1), script)
		a := p.agent(o)
		defer p.layer.Close()
		defer a.Close()
		test(t, p, a)
	})
}

// answer responds with a status and header fields, "Name: value" each.
func answer(r *transaction.Request, status int, fields ...string) {
	resp := sip.Response{Status: status, ToTag: "peer"}
	for _, f := range fields {
		resp.Header = append(resp.Header, f+"\r\n"...)
	}
	r.Respond(&resp)
}

// notifier is the peer's side of a subscription.
type notifier struct {
	p      *peer
	flow   transaction.Flow
	dialog sip.Dialog
	event  string
	cseq   uint32
}

// accept begins a notifier by a SUBSCRIBE that was not answered yet.
func (p *peer) accept(r *transaction.Request, tag string) *notifier {
	d, err := sip.NewUASDialog(&r.Message, tag)
	if err != nil {
		p.t.Error(err)
	}
	return &notifier{p: p, flow: r.Flow, dialog: d, event: string(r.Message.Value(sip.Event)), cseq: 100}
}

// contact is the peer's, for its responses.
func (p *peer) contact() string { return fmt.Sprintf("Contact: <sip:%s>", p.addr) }

// ending is how a NOTIFY ended: a status, or 0 without a response.
type ending chan int

func (e ending) Response(m *sip.Message) { e <- m.Status() }
func (e ending) Failed(error)            { e <- 0 }

// send sends a NOTIFY, changed by f, and does not wait.
func (n *notifier) send(state, body string, f func(*sip.Request)) ending {
	n.cseq++
	r := n.dialog.Request(sip.NOTIFY, n.cseq)
	r.Header = []byte(n.p.contact() + "\r\nEvent: " + n.event + "\r\nSubscription-State: " + state + "\r\n")
	if body != "" {
		r.ContentType, r.Body = "application/pidf+xml", []byte(body)
	}
	if f != nil {
		f(&r)
	}
	e := make(ending, 1)
	if n.p.layer.Send(n.flow, &r, e) != nil { // at the end of a test
		e <- 0
	}
	return e
}

// expect sends a NOTIFY and checks the response's status.
func (n *notifier) expect(status int, state, body string, f func(*sip.Request)) {
	n.p.t.Helper()
	if got := <-n.send(state, body, f); got != status {
		n.p.t.Errorf("NOTIFY %s %q was answered by %d, want %d", state, body, got, status)
	}
}

// pass lets time pass in a bubble, and all that happens then come to rest.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// soon is a context for what must not take for ever.
func soon(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// next is the next NOTIFY as "state reason body".
func next(t testing.TB, s *ua.Subscription) string {
	t.Helper()
	n, err := s.Next(soon(t))
	if err != nil {
		return err.Error()
	}
	return strings.Join(strings.Fields(n.State+" "+n.Reason+" "+string(n.Body)), " ")
}

func expect[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}
