package transaction

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// StreamOptions limit connections; a zero field takes its default.
type StreamOptions struct {
	Max     int // connections in all: 20,000
	PerAddr int // of one address on which nothing lasts: 100; of those that say nothing the oldest goes

	First time.Duration // until the first whole message: 10 s
	Idle  time.Duration // between messages where nothing lasts: 2 min
	Ping  time.Duration // between pings of a WebSocket: 2 min
	Pong  time.Duration // until one is answered: 10 s

	Origins []string // of the pages that may connect by WebSocket: "https://phone.example.com"; nil: those of the host they connect to
}

// streams are the connections of a layer.
type streams struct {
	o      StreamOptions
	dials  context.Context // ends with the layer
	cancel context.CancelFunc

	mu     sync.Mutex
	all    map[uint64]*stream    // by token
	to     map[end]*stream       // the newest
	idle   map[netip.Addr]*crowd // on which nothing lasts, by address
	closed bool
}

func (s *streams) init(o StreamOptions) {
	if o.Max == 0 {
		o.Max = 20_000
	}
	if o.PerAddr == 0 {
		o.PerAddr = 100
	}
	if o.First == 0 {
		o.First = 10 * time.Second
	}
	if o.Idle == 0 {
		o.Idle = 2 * time.Minute
	}
	if o.Ping == 0 {
		o.Ping = 2 * time.Minute
	}
	if o.Pong == 0 {
		o.Pong = 10 * time.Second
	}
	s.o, s.all, s.to, s.idle = o, map[uint64]*stream{}, map[end]*stream{}, map[netip.Addr]*crowd{}
	s.dials, s.cancel = context.WithCancel(context.Background())
}

// crowd are the connections of one address on which nothing lasts.
type crowd struct {
	size   int
	silent []*stream // those that have not said a whole message yet, the oldest first
}

var errNoCertificate = errors.New("no certificate")

// add takes a connection in, unless there are too many.
func (s *streams) add(n *stream) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addLocked(n)
}

func (s *streams) addLocked(n *stream) bool {
	if s.closed || len(s.all) >= s.o.Max {
		return false
	}
	a := n.remote.Addr()
	c := s.idle[a]
	if c == nil {
		c = &crowd{}
		s.idle[a] = c
	}
	if c.size >= s.o.PerAddr {
		if len(c.silent) == 0 {
			return false
		}
		silent := c.silent[0] // who says nothing keeps nobody out who shares its address
		s.uncount(silent)
		n.layer.Refused.Add(1)
		n.layer.Reached(LimitConnections)
		go silent.close()
	}
	s.all[n.token], s.to[n.end], n.counted = n, n, true
	if c.size++; !n.made {
		c.silent = append(c.silent, n)
	}
	s.idle[a] = c
	return true
}

// spoke says that a connection is one of those that say something.
func (s *streams) spoke(n *stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.idle[n.remote.Addr()]; n.counted && c != nil {
		c.spoke(n)
	}
}

func (c *crowd) spoke(n *stream) {
	if i := slices.Index(c.silent, n); i >= 0 {
		c.silent = slices.Delete(c.silent, i, i+1)
	}
}

// findOr is the connection to the same end, else the new one, taken in.
func (s *streams) findOr(n *stream) (found *stream, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if found := s.to[n.end]; found != nil {
		return found, true
	}
	return n, s.addLocked(n)
}

// lasts counts a connection no longer among those on which nothing lasts.
func (s *streams) lasts(n *stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.uncount(n)
}

func (s *streams) uncount(n *stream) {
	if !n.counted {
		return
	}
	n.counted = false
	a := n.remote.Addr()
	c := s.idle[a]
	c.spoke(n)
	if c.size--; c.size == 0 {
		delete(s.idle, a)
	}
}

func (s *streams) remove(n *stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, n.token)
	if s.to[n.end] == n {
		delete(s.to, n.end)
	}
	s.uncount(n)
}

// byTransport counts the connections.
func (s *streams) byTransport() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	count := map[string]int{}
	for _, n := range s.all {
		count[n.transport]++
	}
	return count
}

func (s *streams) find(to end) *stream {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.to[to]
}

func (s *streams) closeAll() {
	s.cancel()
	s.mu.Lock()
	s.closed = true
	all := make([]*stream, 0, len(s.all))
	for _, n := range s.all {
		all = append(all, n)
	}
	s.mu.Unlock()
	for _, n := range all {
		n.close()
	}
}

// door is one listener for connections.
type door struct {
	layer    *Layer
	listener net.Listener
	face
}

func (l *Layer) listenStreams(transport, addr string) (netip.AddrPort, error) {
	if (&end{transport: transport}).isSecure() && l.o.ServerTLS == nil {
		return netip.AddrPort{}, errNoCertificate
	}
	n, err := net.Listen("tcp", addr)
	if err != nil {
		return netip.AddrPort{}, err
	}
	local, err := netip.ParseAddrPort(n.Addr().String())
	if err != nil {
		return netip.AddrPort{}, errors.Join(err, n.Close())
	}
	d := &door{layer: l, listener: n, face: face{transport: transport, local: local, advertise: l.o.Advertise}}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return netip.AddrPort{}, errors.Join(ErrClosed, n.Close())
	}
	l.doors = append(l.doors, d)
	l.readers.Go(d.accept)
	return local, nil
}

// accept takes connections until the listener is closed.
func (d *door) accept() {
	for wait := time.Millisecond; ; {
		conn, err := d.listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil: // out of descriptors, most likely
			d.layer.log.Warn("a connection could not be taken", "local", d.local, "error", err)
			if !d.layer.streams.pause(wait) {
				return
			}
			wait = min(2*wait, time.Second)
			continue
		}
		wait = time.Millisecond
		to := end{transport: d.transport, remote: addrPort(conn.RemoteAddr())}
		if to.isSecure() {
			conn = tls.Server(conn, d.layer.o.ServerTLS)
		}
		s := d.layer.newStream(d, conn, to)
		if !d.layer.streams.add(s) {
			d.layer.Refused.Add(1)
			d.layer.Reached(LimitConnections)
			_ = conn.Close()
			continue
		}
		d.layer.readers.Go(s.read)
	}
}

// pause waits, and tells whether the layer still goes on.
func (s *streams) pause(d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-s.dials.Done():
		return false
	}
}

// dial makes a connection; over TLS the other side proves its name.
func (l *Layer) dial(to end) (net.Conn, framing, error) {
	ctx, cancel := context.WithTimeout(l.streams.dials, dialTime)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", to.remote.String())
	if err != nil {
		return nil, nil, err
	}
	if to.isSecure() {
		if conn, err = l.secure(ctx, conn, to); err != nil {
			return nil, nil, err
		}
	}
	if to.isWebSocket() {
		return l.dialWebSocket(ctx, conn, to)
	}
	return conn, lengths{}, nil
}

// secure is a connection over TLS, once the other side has proved its name.
func (l *Layer) secure(ctx context.Context, conn net.Conn, to end) (net.Conn, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if l.o.ClientTLS != nil {
		c = l.o.ClientTLS.Clone()
	}
	c.ServerName = to.name
	secure := tls.Client(conn, c)
	if err := secure.HandshakeContext(ctx); err != nil {
		l.log.Warn("a server did not prove its name", "remote", to.remote, "name", to.name, "error", err)
		return nil, errors.Join(err, conn.Close())
	}
	return secure, nil
}

// streamFlow is the connection to an address. A server, which has an address to
// be reached at, makes it when something is sent; who has none makes it now, for
// its address is the connection's own.
func (l *Layer) streamFlow(local netip.AddrPort, to end) (Flow, error) {
	if s := l.streams.find(to); s != nil {
		return Flow{s, to.remote}, nil
	}
	s := l.newStream(l.doorTo(local, to), nil, to)
	s.made = true
	var conn net.Conn
	var framing framing
	if s.door == nil {
		s.until = forever // to be reached is what it is for
		var err error
		if conn, framing, err = l.dial(to); err != nil {
			return Flow{}, fmt.Errorf("%w: %w", ErrTransport, err)
		}
		s.local = addrPort(conn.LocalAddr())
	}
	found, ok := l.streams.findOr(s)
	switch {
	case !ok || found != s:
		if conn != nil {
			_ = conn.Close()
		}
		if !ok {
			return Flow{}, ErrNoListener
		}
	case conn != nil && !s.begin(conn, framing):
		return Flow{}, ErrClosed
	}
	return Flow{found, to.remote}, nil
}

// doorTo is the listener of the transport at a local address, else one that
// reaches the remote.
func (l *Layer) doorTo(local netip.AddrPort, to end) (found *door) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, d := range l.doors {
		switch {
		case d.transport != to.transport:
			continue
		case d.at(local):
			return d
		}
		if found == nil && d.reaches(to.remote.Addr()) {
			found = d
		}
	}
	return found
}

// Alive tells whether something can still be sent: a connection may be gone.
func (f Flow) Alive() bool {
	s, ok := f.via.(*stream)
	if !ok {
		return f.via != nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.closed
}

// Token names the connection of a flow that the other side made: nobody guesses
// it, and no other connection has it, also between the same addresses (RFC 5626
// §5.2). Once it is gone there is no way back but a new one of theirs. It is 0 for
// all other flows.
func (f Flow) Token() uint64 {
	if s, ok := f.via.(*stream); ok && !s.made {
		return s.token
	}
	return 0
}

// FlowOf is the flow that a token names. The error is ErrFlowLost where its
// connection is gone.
func (l *Layer) FlowOf(token uint64) (Flow, error) {
	s := l.streams.named(token)
	if s == nil {
		return Flow{}, ErrFlowLost
	}
	return Flow{s, s.remote}, nil
}

// named is the connection that a token names; nil: there is none.
func (s *streams) named(token uint64) *stream {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all[token]
}

// forever is when what has no end does.
var forever = time.Unix(1<<40, 0)

// Lasts says how long something outlives the messages of a flow, a binding or a
// subscription: its connection is not closed for idleness before.
func (f Flow) Lasts(d time.Duration) {
	if s, ok := f.via.(*stream); ok && d > 0 {
		s.lasts(time.Now().Add(d))
	}
}

// Keep says that the connection of a flow is never closed for idleness.
func (f Flow) Keep() {
	if s, ok := f.via.(*stream); ok {
		s.lasts(forever)
	}
}

// renewed is a flow whose connection was made by us, and made again if it is
// gone: of theirs only they know how.
func (l *Layer) renewed(f Flow) (Flow, error) {
	if s, ok := f.via.(*stream); ok && s.made && s.door != nil && !f.Alive() {
		return l.streamFlow(s.door.local, s.end)
	}
	return f, nil
}
