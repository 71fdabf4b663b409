// Package ua is a SIP user agent: it registers (RFC 3261 §10.2), publishes event
// state (RFC 3903 §4), subscribes to it (RFC 6665 §4.1), and makes and takes calls
// (RFC 3261 §13), for the command line, the demo, click-to-call and the tests. It
// talks to one server, has no media, and looks no names up but that server's.
package ua

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"lamplight/sip"
	"lamplight/sip/transaction"
)

// ErrClosed says that the agent was closed.
var ErrClosed = errors.New("ua: the agent is closed")

// Options of New. User and Server must be there.
type Options struct {
	User     string // the address-of-record: "sip:alice@example.test"; without scheme it is a sip one
	Server   string // where every request goes: "192.0.2.1:5060", "example.test"; without port it is 5060, over TLS 5061, over WebSocket 80 or 443
	Username string // for digest; "": the user part of User
	Password string // for digest; "": a challenge is not answered
	Realm    string // the one whose challenges are answered; "": any of the server's

	Transport string      // "udp", "tcp", "tls", "ws" or "wss"; "": udp
	TLS       *tls.Config // whom to believe over TLS and WSS; nil: the system's authorities
	Local     string      // over UDP the address to listen at; "": a free port of an address that reaches the server
	Display   string      // the display name in From
	Instance  string      // the URN of +sip.instance in Contact; "": none
	UserAgent string      // the header field's value; "": none
	Header    []byte      // more for every request: whole lines, each with its CRLF

	// Listen opens the socket: nil takes a real one, a test may give one in memory.
	Listen func(network, addr string) (transaction.PacketConn, error)
	// OnRequest sees every request first, on the goroutine that reads the
	// socket; with true it has taken it and answers or drops it.
	OnRequest func(*transaction.Request) bool
	// OnCall takes calls that come, on the goroutine that reads the socket: it must
	// not wait for the agent, and may answer at once. nil: INVITE gets 405.
	OnCall func(*Call)
	// OnRefer takes a REFER inside a call, as OnCall does, after it was accepted.
	// nil: it is declined.
	OnRefer func(Referral)
	// OnMessage takes a MESSAGE. nil: it gets 405.
	OnMessage func(*sip.Message)
	Logger    *slog.Logger // nil: nothing is logged
}

// Agent is one user agent. Its methods are safe for concurrent use.
type Agent struct {
	o      Options
	user   address
	server netip.AddrPort
	host   string // the server's name as it was given
	layer  *transaction.Layer
	log    *slog.Logger
	digest credentials

	registration *registration

	ctx    context.Context // ends with Close
	cancel context.CancelFunc

	mu            sync.Mutex
	flow          transaction.Flow
	contact       string // the URI at which it can be reached
	closed        bool
	subscriptions map[*Subscription]struct{}
	usages        map[string]*usage // by Call-ID and our tag
	calls         map[string]*Call  // by the same
	work          sync.WaitGroup    // what runs by itself
}

// New makes an agent and opens its socket; nothing is sent yet.
func New(o Options) (*Agent, error) {
	user, err := parseAddress(o.User)
	if err != nil {
		return nil, err
	}
	host, server, err := resolve(o.Server, o.Transport)
	if err != nil {
		return nil, err
	}
	if !clean(o.Display, o.Instance, o.UserAgent) {
		return nil, errLineBreak
	}
	if o.Username == "" {
		o.Username = user.user
	}
	a := &Agent{o: o, user: user, host: host, server: server, log: o.Logger, subscriptions: map[*Subscription]struct{}{}, usages: map[string]*usage{}, calls: map[string]*Call{}}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	a.ctx, a.cancel = context.WithCancel(context.Background())
	a.digest.init(o.Realm, o.Username, o.Password)
	a.registration = newRegistration(a)
	// One reader: requests are handled in the order in which they come.
	a.layer = transaction.New(handler{a}, transaction.Options{Readers: 1, Listen: o.Listen, ClientTLS: o.TLS, Logger: o.Logger})
	if err := a.open(); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

// resolve reads host:port, and looks a host up that is a name.
func resolve(server, transport string) (host string, at netip.AddrPort, err error) {
	host, port, err := net.SplitHostPort(server)
	if err != nil {
		host, port = strings.Trim(server, "[]"), defaultPort(transport)
	}
	server = net.JoinHostPort(host, port)
	if at, err := netip.ParseAddrPort(server); err == nil {
		return host, at, nil
	}
	u, err := net.ResolveUDPAddr("udp", server)
	if err != nil || u.IP == nil {
		return "", at, fmt.Errorf("ua: server %q: not an address and no name that can be looked up", server)
	}
	at = u.AddrPort()
	return host, netip.AddrPortFrom(at.Addr().Unmap(), at.Port()), nil
}

// defaultPort is that of RFC 3261 §19.1.2 and RFC 7118 §5.5.
func defaultPort(transport string) string {
	switch strings.ToLower(transport) {
	case "tls":
		return "5061"
	case "ws":
		return "80"
	case "wss":
		return "443"
	}
	return "5060"
}

func (a *Agent) open() error {
	if a.transport() == "UDP" {
		local := a.o.Local
		if local == "" {
			local = near(a.server.Addr())
		}
		if _, err := a.layer.Listen("udp:" + local); err != nil {
			return err
		}
	}
	_, err := a.way()
	return err
}

func (a *Agent) transport() string {
	if a.o.Transport == "" {
		return "UDP"
	}
	return strings.ToUpper(a.o.Transport)
}

// way is the flow to the server; a connection that is gone is made again.
func (a *Agent) way() (transaction.Flow, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.flow.Alive() {
		return a.flow, nil
	}
	flow, err := a.layer.FlowTo(a.transport(), a.host, netip.AddrPort{}, a.server)
	if err != nil {
		return flow, err
	}
	a.flow = flow
	a.contact = fmt.Sprintf("sip:%s%s%s", a.user.prefix(), flow.Local(), flow.URIParameter())
	return flow, nil
}

// near is an address to listen at from which another is reached.
func near(server netip.Addr) string {
	switch {
	case server.IsLoopback() && server.Is6():
		return "[::1]:0"
	case server.IsLoopback():
		return "127.0.0.1:0"
	case server.Is6():
		return "[::]:0"
	}
	return "0.0.0.0:0"
}

// Local is the address at which the server reaches the agent.
func (a *Agent) Local() netip.AddrPort {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.flow.Local()
}

// Contact is the URI in its Contact header fields.
func (a *Agent) Contact() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.contact
}

// AoR is the address-of-record of its user.
func (a *Agent) AoR() string { return a.user.uri }

// Close ends the agent as a crash would: it tells the server nothing. What waits
// fails with ErrClosed, and Close returns when nothing runs any more; it must
// not be called from OnRequest or OnNotify.
func (a *Agent) Close() error {
	a.mu.Lock()
	if a.closed {
		a.mu.Unlock()
		return nil
	}
	a.closed = true
	var open []*Subscription
	for s := range a.subscriptions {
		open = append(open, s)
	}
	var calls []*Call
	for _, c := range a.calls {
		calls = append(calls, c)
	}
	a.mu.Unlock()
	a.cancel()
	err := a.layer.Close()
	for _, c := range calls {
		c.end(Ending{Err: ErrClosed}, nil)
	}
	for _, s := range open {
		s.end(ErrClosed)
	}
	a.work.Wait()
	return err
}

// after calls f later on a goroutine of its own, unless the agent is closed
// before; Close waits for it.
func (a *Agent) after(d time.Duration, f func(context.Context)) *time.Timer {
	return time.AfterFunc(d, func() {
		a.mu.Lock()
		if a.closed {
			a.mu.Unlock()
			return
		}
		a.work.Add(1)
		a.mu.Unlock()
		defer a.work.Done()
		f(a.ctx)
	})
}

// handler takes the layer's requests, so that Agent needs no method for it.
type handler struct{ agent *Agent }

func (h handler) Request(r *transaction.Request) {
	a := h.agent
	if a.o.OnRequest != nil && a.o.OnRequest(r) {
		return
	}
	resp := sip.Response{ToTag: sip.NewTag()}
	err := r.Message.Validate()
	var syntax *sip.SyntaxError
	switch method := r.Message.Method(); {
	case errors.As(err, &syntax):
		resp.Status, resp.Reason = syntax.Status, syntax.Reason
	case a.took(r):
		return
	case method == sip.ACK:
		r.Drop()
		return
	case method == sip.NOTIFY:
		resp.Status = a.notified(&r.Message)
	case method == sip.OPTIONS && a.unknown(&r.Message) != 481:
		resp.Status, resp.Header = 200, a.allow()
	case method == sip.INVITE:
		r.RespondStateless(&sip.Response{Status: a.unknown(&r.Message), ToTag: resp.ToTag, Header: a.allow()})
		return
	default:
		resp.Status, resp.Header = a.unknown(&r.Message), a.allow()
	}
	r.Respond(&resp)
}

// allow is what is answered with something better than 405.
func (a *Agent) allow() []byte { return header(nil).add(sip.Allow, a.methods()) }

// unknown is the status of what belongs to nothing.
func (a *Agent) unknown(m *sip.Message) int {
	if to, err := m.To(); err == nil && len(to.Tag()) > 0 && a.o.OnCall != nil {
		return 481
	}
	return 405
}
