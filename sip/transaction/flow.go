package transaction

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Flow is where a message came in, and the way back: a listener and the remote
// address. It can be compared; its zero value leads nowhere.
type Flow struct {
	listener *listener
	remote   netip.AddrPort
}

// Transport is the transport's name as Via writes it, in upper case.
func (f Flow) Transport() string { return "UDP" }

// Remote is the other side's address.
func (f Flow) Remote() netip.AddrPort { return f.remote }

// Local is our address as the other side should use it.
func (f Flow) Local() netip.AddrPort {
	if f.listener == nil {
		return netip.AddrPort{}
	}
	return f.listener.facing(f.remote)
}

func (f Flow) write(b []byte) error {
	if f.listener == nil {
		return ErrTransport
	}
	_, err := f.listener.conn.WriteToUDPAddrPort(b, f.remote)
	return err
}

// listener is one socket.
type listener struct {
	layer *Layer
	conn  PacketConn
	local netip.AddrPort

	facingMu sync.Mutex
	facings  map[netip.Addr]netip.AddrPort
}

func (n *listener) at(local netip.AddrPort) bool {
	return local.IsValid() && (n.local == local || n.wildcard() && n.local.Port() == local.Port())
}

func (n *listener) wildcard() bool { return n.local.Addr().IsUnspecified() }

// reaches tells whether packets from this socket can get to an address: same
// family, and loopback only from loopback.
func (n *listener) reaches(to netip.Addr) bool {
	a, to := n.local.Addr().Unmap(), to.Unmap()
	if n.wildcard() {
		return a.Is6() || to.Is4()
	}
	return a.Is4() == to.Is4() && a.IsLoopback() == to.IsLoopback()
}

// maxFacings bounds what a socket on all addresses remembers of its routes.
const maxFacings = 4096

// facing is our address on the way to a remote one. A socket on all addresses
// has no address of its own: the system's routes tell.
func (n *listener) facing(remote netip.AddrPort) netip.AddrPort {
	local := n.local
	if n.wildcard() {
		local = n.route(remote)
	}
	if n.layer.o.Advertise != nil {
		return n.layer.o.Advertise(local, remote)
	}
	return local
}

func (n *listener) route(remote netip.AddrPort) netip.AddrPort {
	n.facingMu.Lock()
	defer n.facingMu.Unlock()
	if local, ok := n.facings[remote.Addr()]; ok {
		return local
	}
	local := n.local
	// Connecting a UDP socket sends nothing; it only looks the route up.
	if c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(remote)); err == nil {
		if a, err := netip.ParseAddrPort(c.LocalAddr().String()); err == nil {
			local = netip.AddrPortFrom(a.Addr().Unmap(), n.local.Port())
		}
		_ = c.Close()
	}
	if n.facings == nil || len(n.facings) >= maxFacings {
		n.facings = map[netip.Addr]netip.AddrPort{}
	}
	n.facings[remote.Addr()] = local
	return local
}

// maxDatagram is the largest that UDP carries.
const maxDatagram = 65535

// read takes datagrams until the socket is closed. Other errors are of one
// packet, as an ICMP message makes them; should they not end, they are taken
// slowly.
func (n *listener) read() {
	b := make([]byte, maxDatagram)
	for failures := 0; ; {
		size, from, err := n.conn.ReadFromUDPAddrPort(b)
		switch {
		case err == nil:
			failures = 0
			n.layer.datagram(Flow{n, netip.AddrPortFrom(from.Addr().Unmap(), from.Port())}, b[:size])
		case errors.Is(err, net.ErrClosed), n.layer.isClosed():
			return
		default:
			n.layer.log.Debug("a socket could not be read", "local", n.local, "error", err)
			if failures++; failures > 10 {
				time.Sleep(10 * time.Millisecond)
			}
		}
	}
}

func (l *Layer) isClosed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed
}
