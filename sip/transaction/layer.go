// Package transaction is the transaction layer over UDP, TCP, TLS and WebSocket
// (RFC 3261 §17 and §18, RFC 3581, RFC 4320, RFC 6026, RFC 7118): it absorbs
// retransmissions of requests, repeats its own until they are answered, and knows
// where an answer goes. It decides nothing about where a request is routed, and
// keeps no dialogs.
package transaction

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"lamplight/sip"
)

// Timers of RFC 3261 §17.1.1.1 and its table 4.
const (
	T1     = 500 * time.Millisecond
	T2     = 4 * time.Second
	TimerF = 64 * T1 // a request without an answer is given up
	TimerJ = 64 * T1 // a response is kept for retransmitted requests
)

// Errors of Send, and those that end an exchange.
var (
	ErrTimeout    = errors.New("transaction: no final response in time")
	ErrTransport  = errors.New("transaction: the request could not be sent")
	ErrNotAllowed = errors.New("transaction: the outbound list does not hold the target")
	ErrNoListener = errors.New("transaction: no listener reaches the target")
	ErrClosed     = errors.New("transaction: the layer is closed")
)

// PacketConn is what the layer needs of a UDP socket; *net.UDPConn is one.
type PacketConn interface {
	ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error)
	WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error)
	LocalAddr() net.Addr
	Close() error
}

// Handler takes requests, each once however often it was sent. It is called on
// a listener's goroutine and must not block for long.
type Handler interface{ Request(*Request) }

// Exchange is told how a request of ours ended: by one call, on one of the
// layer's goroutines, which it must not block. Of an INVITE each 2xx is told,
// those sent again too, since each needs its ACK (RFC 6026 §7.2). The message is
// valid during the call only.
type Exchange interface {
	Response(*sip.Message) // final
	Failed(error)
}

// Progress is an Exchange that is told of the provisional responses to an
// INVITE as well, 100 among them.
type Progress interface {
	Exchange
	Provisional(*sip.Message)
}

// Options of New; the zero value is a server's.
type Options struct {
	Readers   int                                            // goroutines that read each socket; 0: 1, so that what comes in order is handled in order
	Listen    func(network, addr string) (PacketConn, error) // nil: real sockets
	Streams   StreamOptions                                  // connections; the zero value is a server's
	ServerTLS *tls.Config                                    // for listeners of TLS; its certificate may change
	ClientTLS *tls.Config                                    // for connections that we make over TLS; nil: the system's authorities
	Allow     func(netip.AddrPort) bool                      // where requests may be sent; nil: anywhere
	Advertise Advertise                                      // the address told to others; nil: the socket's
	MaxOpen   int                                            // server transactions; 0: 100,000
	Limits    *sip.Limits                                    // of messages; nil: the default ones
	Trace     Trace                                          // nil: nobody looks
	Lost      func(Flow)                                     // a connection is gone that the other side made, and on which something lasts; nil: nobody asks
	Logger    *slog.Logger
}

// Advertise is our address as a remote one is told it, over a transport ("UDP")
// and from a local address.
type Advertise func(transport string, local, remote netip.AddrPort) netip.AddrPort

// Layer is the transaction layer of one server or user agent.
type Layer struct {
	Counters
	handler Handler
	o       Options
	log     *slog.Logger
	servers servers
	invites invites
	clients clients
	clock   clock

	mu        sync.Mutex
	listeners []*listener
	inner     *listener // of a user agent of this process; nil: there is none
	doors     []*door
	streams   streams
	closed    bool
	readers   sync.WaitGroup
}

// New makes a layer that gives requests to h.
func New(h Handler, o Options) *Layer {
	if o.Readers == 0 {
		o.Readers = 1
	}
	if o.MaxOpen == 0 {
		o.MaxOpen = 100_000
	}
	if o.Listen == nil {
		o.Listen = listenUDP
	}
	if o.Limits == nil {
		o.Limits = &sip.DefaultLimits
	}
	l := &Layer{handler: h, o: o, log: o.Logger}
	if l.log == nil {
		l.log = slog.New(slog.DiscardHandler)
	}
	l.streams.init(o.Streams)
	l.servers.init(o.MaxOpen)
	l.clients.init()
	l.invites.init(l.clients.ticks)
	l.clock.start(l.tick)
	return l
}

func listenUDP(network, addr string) (PacketConn, error) {
	a, err := net.ResolveUDPAddr(network, addr)
	if err != nil {
		return nil, err
	}
	c, err := net.ListenUDP(network, a)
	if err != nil {
		return nil, err
	}
	_ = c.SetReadBuffer(4 << 20) // as much as the system allows
	return c, nil
}

// Listen opens a listener: "udp:192.0.2.1:5060", "tcp:192.0.2.1:5060",
// "tls:192.0.2.1:5061", "ws:192.0.2.1:8080", "wss:192.0.2.1:8443". Port 0 takes a free one; the address that came of it is
// returned.
func (l *Layer) Listen(spec string) (local netip.AddrPort, err error) {
	transport, addr, ok := strings.Cut(spec, ":")
	if !ok {
		transport = ""
	}
	switch transport {
	case "udp":
		local, err = l.listenPackets(addr)
	case "tcp", "tls", "ws", "wss":
		local, err = l.listenStreams(strings.ToUpper(transport), addr)
	default:
		err = errors.New("want udp:address:port, or tcp, tls, ws or wss in its place")
	}
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("transaction: listen on %s: %w", spec, err)
	}
	return local, nil
}

func (l *Layer) listenPackets(addr string) (netip.AddrPort, error) {
	conn, err := l.o.Listen("udp", addr)
	if err != nil {
		return netip.AddrPort{}, err
	}
	local, err := netip.ParseAddrPort(conn.LocalAddr().String())
	if err != nil {
		return netip.AddrPort{}, errors.Join(err, conn.Close())
	}
	n := &listener{layer: l, conn: conn, face: face{transport: "UDP", local: local, advertise: l.o.Advertise}}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return netip.AddrPort{}, errors.Join(ErrClosed, conn.Close())
	}
	l.listeners = append(l.listeners, n)
	for range l.o.Readers {
		l.readers.Go(n.read)
	}
	return local, nil
}

// ListensAt tells whether there is a listener at a port.
func (l *Layer) ListensAt(port uint16) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.ContainsFunc(l.listeners, func(n *listener) bool { return n.local.Port() == port }) ||
		slices.ContainsFunc(l.doors, func(d *door) bool { return d.local.Port() == port })
}

// Flow is a way to an address over UDP, from the first listener that reaches it.
func (l *Layer) Flow(to netip.AddrPort) (Flow, error) {
	return l.FlowFrom("UDP", netip.AddrPort{}, to)
}

// FlowFrom is a way to an address over a transport: from the listener at a local
// address, or from another that reaches it where there is none. Over TCP and TLS
// it is the connection to that address or, where there is none, one that is made
// when something is sent.
func (l *Layer) FlowFrom(transport string, local, remote netip.AddrPort) (Flow, error) {
	return l.FlowTo(transport, "", local, remote)
}

// FlowTo is FlowFrom to a host that over TLS has to prove its name; "": its
// address. A WebSocket is made by who does not listen alone: a browser cannot be
// connected to, so for a server the error is ErrFlowLost.
func (l *Layer) FlowTo(transport, name string, local, remote netip.AddrPort) (Flow, error) {
	to := end{transport: transport, remote: remote}
	switch transport {
	case "UDP":
		return l.packetFlow(local, remote)
	case "TCP":
		return l.streamFlow(local, to)
	case "WS", "WSS":
		if l.listens() {
			return Flow{}, ErrFlowLost
		}
	case "TLS":
	default:
		return Flow{}, ErrNoListener
	}
	if to.name = strings.ToLower(name); name == "" {
		to.name = remote.Addr().WithZone("").String()
	}
	return l.streamFlow(local, to)
}

// listens tells whether others can begin to talk to us.
func (l *Layer) listens() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.listeners)+len(l.doors) > 0
}

func (l *Layer) packetFlow(local, remote netip.AddrPort) (Flow, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.inner != nil && l.inner.local == local {
		return Flow{l.inner, remote}, nil
	}
	var other *listener
	for _, n := range l.listeners {
		if n.at(local) || n.advertise != nil && n.facing(remote) == local {
			return Flow{n, remote}, nil
		}
		if other == nil && n.reaches(remote.Addr()) {
			other = n
		}
	}
	if other == nil {
		return Flow{}, ErrNoListener
	}
	return Flow{other, remote}, nil
}

// Close closes the sockets and ends the layer's goroutines; exchanges that are
// open fail with ErrClosed.
func (l *Layer) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	var errs []error
	for _, n := range l.listeners {
		errs = append(errs, n.conn.Close())
	}
	if l.inner != nil {
		errs = append(errs, l.inner.conn.Close())
	}
	for _, d := range l.doors {
		errs = append(errs, d.listener.Close())
	}
	l.mu.Unlock()
	l.streams.closeAll()
	l.readers.Wait()
	l.clock.stop()
	for _, x := range l.clients.closeAll() {
		x.Failed(ErrClosed)
	}
	return errors.Join(errs...)
}

// tick does what is due and tells when to come again; 0: when something is new.
func (l *Layer) tick(now time.Time) time.Duration {
	due, again := l.clients.due(now)
	for _, d := range due {
		if d.exchange != nil {
			l.TimedOut.Add(1)
			d.exchange.Failed(ErrTimeout)
		}
		if d.message != nil {
			l.Resent.Add(1)
			l.trace(d.flow, true, d.message)
			_ = d.flow.write(d.message) // as with the first: Timer F tells in the end
		}
	}
	responses, more := l.invites.due(now, &l.servers)
	for _, d := range responses {
		l.trace(d.flow, true, d.message)
		_ = d.flow.write(d.message) // Timer H tells in the end, or the client asks again
	}
	return soonest(soonest(again, more), l.servers.expire(now))
}

func soonest(a, b time.Duration) time.Duration {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}
