package transaction

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"lamplight/sip/stun"
)

// Flow is where a message came in, and the way back: a socket or a connection,
// and the remote address. It can be compared; its zero value leads nowhere.
type Flow struct {
	via    carrier
	remote netip.AddrPort
}

// carrier takes messages to remote addresses: a UDP socket to many, a
// connection to one.
type carrier interface {
	named() string // the transport, as Via writes it
	reliable() bool
	facing(remote netip.AddrPort) netip.AddrPort
	write(b []byte, remote netip.AddrPort) error
}

// Transport is the transport's name as Via writes it, in upper case.
func (f Flow) Transport() string {
	if f.via == nil {
		return ""
	}
	return f.via.named()
}

// Reliable tells whether the transport itself sees to retransmissions.
func (f Flow) Reliable() bool { return f.via != nil && f.via.reliable() }

// IsWebSocket tells whether the transport is WS or WSS. There the other side may
// have no name and no address that could be reached but by the flow itself (RFC
// 7118 §5).
func (f Flow) IsWebSocket() bool {
	s, ok := f.via.(*stream)
	return ok && s.isWebSocket()
}

// URIParameter is the transport parameter with which a URI at Local is reached as
// by this flow, its semicolon with it; "" over UDP. WebSocket has one, whether or
// not TLS is below it (RFC 7118 §5.2).
func (f Flow) URIParameter() string {
	switch {
	case f.IsWebSocket():
		return ";transport=ws"
	case f.Reliable():
		return ";transport=" + strings.ToLower(f.Transport())
	}
	return ""
}

// Remote is the other side's address.
func (f Flow) Remote() netip.AddrPort { return f.remote }

// Local is our address as the other side should use it.
func (f Flow) Local() netip.AddrPort {
	if f.via == nil {
		return netip.AddrPort{}
	}
	return f.via.facing(f.remote)
}

func (f Flow) write(b []byte) error {
	if f.via == nil {
		return ErrTransport
	}
	return f.via.write(b, f.remote)
}

// listener is one UDP socket.
type listener struct {
	layer *Layer
	conn  PacketConn
	inner bool // it leads to a user agent of this process
	face
}

func (n *listener) named() string  { return n.transport }
func (n *listener) reliable() bool { return false }

func (n *listener) write(b []byte, remote netip.AddrPort) error {
	_, err := n.conn.WriteToUDPAddrPort(b, remote)
	return err
}

// face is an address that is listened on, and how it looks from elsewhere.
type face struct {
	transport string
	local     netip.AddrPort
	advertise Advertise // nil: as it is

	facingMu sync.Mutex
	facings  map[netip.Addr]netip.AddrPort
}

func (n *face) at(local netip.AddrPort) bool {
	return local.IsValid() && (n.local == local || n.wildcard() && n.local.Port() == local.Port())
}

func (n *face) wildcard() bool { return n.local.Addr().IsUnspecified() }

// reaches tells whether packets from this socket can get to an address: same
// family, and loopback only from loopback.
func (n *face) reaches(to netip.Addr) bool {
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
func (n *face) facing(remote netip.AddrPort) netip.AddrPort {
	local := n.local
	if n.wildcard() {
		local = n.route(remote)
	}
	if n.advertise != nil {
		return n.advertise(n.transport, local, remote)
	}
	return local
}

func (n *face) route(remote netip.AddrPort) netip.AddrPort {
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
			n.datagram(b[:size], netip.AddrPortFrom(from.Addr().Unmap(), from.Port()))
		case errors.Is(err, net.ErrClosed), n.layer.IsClosed():
			return
		default:
			n.layer.log.Debug("a socket could not be read", "local", n.local, "error", err)
			if failures++; failures > 10 {
				time.Sleep(10 * time.Millisecond)
			}
		}
	}
}

// datagram takes one datagram: a question for the own address is answered here
// (RFC 5626 §8).
func (n *listener) datagram(b []byte, from netip.AddrPort) {
	if !stun.Is(b) {
		n.layer.message(Flow{n, from}, b)
		return
	}
	n.layer.STUN.Add(1)
	if answer := stun.Answer(nil, b, from); len(answer) > 0 {
		_ = n.write(answer, from) // lost as any datagram may be; the client asks again
	}
}

// Ping sends what nobody answers: it keeps the address translations on the way
// open.
func (f Flow) Ping() error { return f.write(ping) }

// IsClosed tells whether the layer is at its end: what is lost then says nothing
// of the other side.
func (l *Layer) IsClosed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed
}
