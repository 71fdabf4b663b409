// Package ua is a SIP user agent: it registers (RFC 3261 §10.2), publishes event
// state (RFC 3903 §4), subscribes to it (RFC 6665 §4.1), and makes and takes calls
// (RFC 3261 §13), for the command line, the demo, click-to-call and the tests. It
// talks to one server, whatever that has as servers of its name, has no media, and
// looks no other names up.
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
	"lamplight/sip/resolve"
	"lamplight/sip/transaction"
)

// ErrClosed says that the agent was closed.
var ErrClosed = errors.New("ua: the agent is closed")

// Options of New. User must be there.
type Options struct {
	User     string // the address-of-record: "sip:alice@example.test"; without scheme it is a sip one
	Server   string // where every request goes: "192.0.2.1:5060", "example.test"; a name is located by RFC 3263. "": the domain of User
	Username string // for digest; "": the user part of User
	Password string // for digest; "": a challenge is not answered
	Realm    string // the one whose challenges are answered; "": any of the server's

	Transport string          // "udp", "tcp", "tls", "ws" or "wss"; "": what the server's domain prefers, else udp
	TLS       *tls.Config     // whom to believe over TLS and WSS; nil: the system's authorities
	Names     resolve.Options // how the server's name is looked up
	Local     string          // over UDP the address to listen at; "": a free port of an address that reaches the server
	Display   string          // the display name in From
	Instance  string          // the URN of +sip.instance in Contact; "": none
	Q         string          // how much its Contact is preferred, "0" to "1.000"; "": not said
	UserAgent string          // the header field's value; "": none
	Header    []byte          // more for every request: whole lines, each with its CRLF

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
	server sip.URI // where every request goes
	layer  *transaction.Layer
	sender *resolve.Sender
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
	server, err := serverURI(o, user)
	if err != nil {
		return nil, err
	}
	if !clean(o.Display, o.Instance, o.UserAgent, o.Q) {
		return nil, errLineBreak
	}
	if o.Username == "" {
		o.Username = user.user
	}
	a := &Agent{o: o, user: user, server: server, log: o.Logger, subscriptions: map[*Subscription]struct{}{}, usages: map[string]*usage{}, calls: map[string]*Call{}}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	a.ctx, a.cancel = context.WithCancel(context.Background())
	a.digest.init(o.Realm, o.Username, o.Password)
	a.registration = newRegistration(a)
	// One reader: requests are handled in the order in which they come.
	a.layer = transaction.New(handler{a}, transaction.Options{Readers: 1, Listen: o.Listen, ClientTLS: o.TLS, Logger: o.Logger})
	o.Names.WebSocket = true
	a.sender = resolve.NewSender(resolve.New(o.Names), a.layer)
	if _, err := a.way(); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

// serverURI is where every request goes, as a URI that can be located: the server
// that was named, else the user's domain.
func serverURI(o Options, user address) (sip.URI, error) {
	server := o.Server
	if server == "" {
		server = user.host
	}
	host, port, err := net.SplitHostPort(server)
	if err != nil {
		host, port = strings.Trim(server, "[]"), ""
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	uri := "sip:" + host
	if user.scheme == "sips" && o.Transport == "" {
		uri = "sips:" + host
	}
	if port != "" {
		uri += ":" + port
	}
	if o.Transport != "" {
		uri += ";transport=" + strings.ToLower(o.Transport)
	}
	u, err := sip.ParseURI([]byte(uri))
	if err != nil {
		return u, fmt.Errorf("ua: server %q: neither an address nor a name", server)
	}
	return u, nil
}

// way is the flow to the server, a new one where there is none, or its connection
// is gone: to the first of the server's addresses that there is a way to.
func (a *Agent) way() (transaction.Flow, error) {
	if f := a.current(); f.Alive() {
		return f, nil
	}
	targets, err := a.sender.Resolver.Resolve(a.ctx, a.server)
	if err != nil {
		return transaction.Flow{}, fmt.Errorf("ua: the server: %w", err)
	}
	var flow transaction.Flow
	for _, t := range targets {
		if flow, err = a.flowTo(t); err == nil {
			a.use(flow)
			return flow, nil
		}
	}
	return flow, err
}

// flowTo is a flow to one of the server's addresses. Over UDP the agent has to
// listen where the server can reach it.
func (a *Agent) flowTo(t resolve.Target) (transaction.Flow, error) {
	flow, err := a.layer.FlowTo(t.Transport, t.Name, netip.AddrPort{}, t.Addr)
	if t.Transport != "UDP" || !errors.Is(err, transaction.ErrNoListener) {
		return flow, err
	}
	local := a.o.Local
	if local == "" {
		local = near(t.Addr.Addr())
	}
	if _, err := a.layer.Listen("udp:" + local); err != nil {
		return flow, err
	}
	return a.layer.FlowTo(t.Transport, t.Name, netip.AddrPort{}, t.Addr)
}

func (a *Agent) current() transaction.Flow {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.flow
}

// use makes a flow the one by which the server reaches the agent.
func (a *Agent) use(f transaction.Flow) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.flow = f
	a.contact = fmt.Sprintf("sip:%s%s%s", a.user.prefix(), f.Local(), f.URIParameter())
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
	a.sender.Resolver.Close()
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
