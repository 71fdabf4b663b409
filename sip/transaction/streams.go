package transaction

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"
)

// StreamOptions limit connections; a zero field takes its default.
type StreamOptions struct {
	Max     int // connections in all: 20,000
	PerAddr int // of one address on which nothing lasts: 100

	First time.Duration // until the first whole message: 10 s
	Idle  time.Duration // between messages where nothing lasts: 2 min
}

// streams are the connections of a layer.
type streams struct {
	o      StreamOptions
	dials  context.Context // ends with the layer
	cancel context.CancelFunc

	mu     sync.Mutex
	all    map[*stream]struct{}
	to     map[netip.AddrPort]*stream // by the remote address, the newest
	idle   map[netip.Addr]int         // on which nothing lasts, by address
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
	s.o, s.all, s.to, s.idle = o, map[*stream]struct{}{}, map[netip.AddrPort]*stream{}, map[netip.Addr]int{}
	s.dials, s.cancel = context.WithCancel(context.Background())
}

// add takes a connection in, unless there are too many.
func (s *streams) add(n *stream) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addLocked(n)
}

func (s *streams) addLocked(n *stream) bool {
	a := n.remote.Addr()
	if s.closed || len(s.all) >= s.o.Max || s.idle[a] >= s.o.PerAddr {
		return false
	}
	s.all[n], s.to[n.remote], n.counted = struct{}{}, n, true
	s.idle[a]++
	return true
}

// findOr is the connection to the same address, else the new one, taken in.
func (s *streams) findOr(n *stream) (found *stream, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if found := s.to[n.remote]; found != nil {
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
	if s.idle[a]--; s.idle[a] == 0 {
		delete(s.idle, a)
	}
}

func (s *streams) remove(n *stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, n)
	if s.to[n.remote] == n {
		delete(s.to, n.remote)
	}
	s.uncount(n)
}

func (s *streams) find(remote netip.AddrPort) *stream {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.to[remote]
}

func (s *streams) closeAll() {
	s.cancel()
	s.mu.Lock()
	s.closed = true
	all := make([]*stream, 0, len(s.all))
	for n := range s.all {
		all = append(all, n)
	}
	s.mu.Unlock()
	for _, n := range all {
		n.close()
	}
}

// door is one TCP listener.
type door struct {
	layer    *Layer
	listener net.Listener
	face
}

func (l *Layer) listenStreams(addr string) (netip.AddrPort, error) {
	n, err := net.Listen("tcp", addr)
	if err != nil {
		return netip.AddrPort{}, err
	}
	local, err := netip.ParseAddrPort(n.Addr().String())
	if err != nil {
		return netip.AddrPort{}, errors.Join(err, n.Close())
	}
	d := &door{layer: l, listener: n, face: face{transport: "TCP", local: local, advertise: l.o.Advertise}}
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
		s := d.layer.newStream(d, conn, addrPort(conn.RemoteAddr()))
		if !d.layer.streams.add(s) {
			d.layer.Refused.Add(1)
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

func (l *Layer) dial(remote netip.AddrPort) (net.Conn, error) {
	d := net.Dialer{Timeout: dialTime}
	return d.DialContext(l.streams.dials, "tcp", remote.String())
}

// streamFlow is the connection to an address. A server, which has an address to
// be reached at, makes it when something is sent; who has none makes it now, for
// its address is the connection's own.
func (l *Layer) streamFlow(local, remote netip.AddrPort) (Flow, error) {
	if s := l.streams.find(remote); s != nil {
		return Flow{s, remote}, nil
	}
	s := l.newStream(l.doorTo(local, remote), nil, remote)
	s.made = true
	var conn net.Conn
	if s.door == nil {
		s.until = forever // to be reached is what it is for
		var err error
		if conn, err = l.dial(remote); err != nil {
			return Flow{}, ErrTransport
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
	case conn != nil && !s.begin(conn):
		return Flow{}, ErrClosed
	}
	return Flow{found, remote}, nil
}

// doorTo is the listener at a local address, else one that reaches the remote.
func (l *Layer) doorTo(local, remote netip.AddrPort) (found *door) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, d := range l.doors {
		if d.at(local) {
			return d
		}
		if found == nil && d.reaches(remote.Addr()) {
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
		return l.streamFlow(s.door.local, f.remote)
	}
	return f, nil
}
