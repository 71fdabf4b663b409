// Package wire is a network in memory for tests and simulations: sockets like
// those of UDP whose datagrams can be lost, doubled and late, by a seed. It is
// no part of what a user runs.
package wire

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Network is one network; its sockets reach each other and nothing else.
type Network struct {
	mu      sync.Mutex
	random  *rand.Rand
	sockets map[netip.AddrPort]*Socket
	next    uint16
	loss    float64
	twice   float64
	delay   [2]time.Duration
	tap     func(from, to netip.AddrPort, b []byte)
}

// New makes a network without faults; the seed decides those set later.
func New(seed uint64) *Network {
	return &Network{random: rand.New(rand.NewPCG(seed, 1)), sockets: map[netip.AddrPort]*Socket{}, next: 20000}
}

// SetLoss loses datagrams with a probability from 0 to 1.
func (n *Network) SetLoss(p float64) { n.set(func() { n.loss = p }) }

// SetDuplicate delivers datagrams twice with a probability from 0 to 1.
func (n *Network) SetDuplicate(p float64) { n.set(func() { n.twice = p }) }

// SetDelay delivers after a time between two bounds.
func (n *Network) SetDelay(shortest, longest time.Duration) {
	n.set(func() { n.delay = [2]time.Duration{shortest, longest} })
}

// Tap sees every datagram that is sent, also one that is lost. It must not
// keep the bytes, and must not send.
func (n *Network) Tap(f func(from, to netip.AddrPort, b []byte)) { n.set(func() { n.tap = f }) }

func (n *Network) set(f func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f()
}

// Socket is one socket of a network.
type Socket struct {
	network *Network
	local   netip.AddrPort
	in      chan datagram
	closed  chan struct{}
	once    sync.Once
}

type datagram struct {
	from netip.AddrPort
	b    []byte
}

// queue is how many datagrams wait at a socket; more are lost, as with UDP.
const queue = 4096

// Listen opens a socket; port 0 takes a free one.
func (n *Network) Listen(addr string) (*Socket, error) {
	local, err := netip.ParseAddrPort(addr)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if local.Port() == 0 {
		local = n.free(local.Addr())
	}
	if n.sockets[local] != nil {
		return nil, fmt.Errorf("wire: %s is in use", local)
	}
	s := &Socket{network: n, local: local, in: make(chan datagram, queue), closed: make(chan struct{})}
	n.sockets[local] = s
	return s, nil
}

// free is an address with a port that nobody has.
func (n *Network) free(a netip.Addr) netip.AddrPort {
	for {
		local := netip.AddrPortFrom(a, n.next)
		if n.next++; local.Port() > 0 && n.sockets[local] == nil {
			return local
		}
	}
}

// ReadFromUDPAddrPort waits for a datagram.
func (s *Socket) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	select {
	case <-s.closed:
		return 0, netip.AddrPort{}, net.ErrClosed
	case d := <-s.in:
		return copy(b, d.b), d.from, nil
	}
}

// WriteToUDPAddrPort sends a datagram; like UDP it does not tell whether it
// arrived.
func (s *Socket) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	select {
	case <-s.closed:
		return 0, net.ErrClosed
	default:
	}
	for _, delay := range s.network.fate(s.local, to, b) {
		d := datagram{s.local, append([]byte(nil), b...)}
		if delay == 0 {
			s.network.deliver(to, d)
		} else {
			time.AfterFunc(delay, func() { s.network.deliver(to, d) })
		}
	}
	return len(b), nil
}

// fate decides after which times a datagram arrives: none, one or two.
func (n *Network) fate(from, to netip.AddrPort, b []byte) []time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.tap != nil {
		n.tap(from, to, b)
	}
	if n.loss > 0 && n.random.Float64() < n.loss {
		return nil
	}
	copies := 1
	if n.twice > 0 && n.random.Float64() < n.twice {
		copies = 2
	}
	list := make([]time.Duration, copies)
	for i := range list {
		list[i] = n.delay[0]
		if span := n.delay[1] - n.delay[0]; span > 0 {
			list[i] += time.Duration(n.random.Int64N(int64(span)))
		}
	}
	return list
}

func (n *Network) deliver(to netip.AddrPort, d datagram) {
	n.mu.Lock()
	s := n.sockets[to]
	n.mu.Unlock()
	if s == nil {
		return
	}
	select {
	case s.in <- d:
	default: // the queue is full
	}
}

// LocalAddr is the socket's address.
func (s *Socket) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(s.local) }

// Close ends the socket; what waits in it is lost.
func (s *Socket) Close() error {
	s.once.Do(func() {
		close(s.closed)
		s.network.mu.Lock()
		defer s.network.mu.Unlock()
		delete(s.network.sockets, s.local)
	})
	return nil
}
