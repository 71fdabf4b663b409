package transaction

import (
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

// streams are the connections of a layer, by the remote address.
type streams struct {
	o StreamOptions

	mu     sync.Mutex
	all    map[netip.AddrPort]*stream
	idle   map[netip.Addr]int // on which nothing lasts, by address
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
	s.o, s.all, s.idle = o, map[netip.AddrPort]*stream{}, map[netip.Addr]int{}
}

// add takes a connection in, unless there are too many.
func (s *streams) add(n *stream) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := n.remote.Addr()
	if s.closed || len(s.all) >= s.o.Max || s.idle[a] >= s.o.PerAddr {
		return false
	}
	s.all[n.remote], n.counted = n, true
	s.idle[a]++
	return true
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
	if s.all[n.remote] == n {
		delete(s.all, n.remote)
	}
	s.uncount(n)
}

func (s *streams) find(remote netip.AddrPort) *stream {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all[remote]
}

func (s *streams) closeAll() {
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
	for {
		conn, err := d.listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil: // out of descriptors, most likely
			d.layer.log.Warn("a connection could not be taken", "local", d.local, "error", err)
			time.Sleep(10 * time.Millisecond)
			continue
		}
		remote, _ := netip.ParseAddrPort(conn.RemoteAddr().String())
		s := &stream{layer: d.layer, door: d, conn: conn, remote: netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port())}
		if !d.layer.streams.add(s) {
			d.layer.Refused.Add(1)
			_ = conn.Close()
			continue
		}
		d.layer.readers.Go(s.read)
	}
}

// streamFlow is the connection to an address. A server, which has an address to
// be reached at, makes it when something is sent; who has none makes it now.
func (l *Layer) streamFlow(local, remote netip.AddrPort) (Flow, error) {
	if s := l.streams.find(remote); s != nil {
		return Flow{s, remote}, nil
	}
	s := &stream{layer: l, door: l.doorTo(local, remote), local: local, remote: remote}
	if !l.streams.add(s) {
		return Flow{}, ErrNoListener
	}
	if s.door == nil && !s.connect() {
		s.close()
		return Flow{}, ErrTransport
	}
	return Flow{s, remote}, nil
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

// Lasts says that something outlives the messages of a flow, a binding or a
// subscription: its connection is not closed for idleness.
func (f Flow) Lasts() {
	if s, ok := f.via.(*stream); ok {
		s.lasts()
	}
}
