package transaction

import (
	"errors"
	"net"
	"net/netip"
	"sync"
)

// Attach takes messages from a user agent of this very process, over a socket in
// memory such as Pipe makes. What comes by it can have come from nowhere else, and
// nothing goes out on it but what names it. It is called once.
func (l *Layer) Attach(conn PacketConn) error {
	local, err := netip.ParseAddrPort(conn.LocalAddr().String())
	if err != nil {
		return errors.Join(err, conn.Close())
	}
	n := &listener{layer: l, conn: conn, inner: true, face: face{transport: "UDP", local: local}}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return errors.Join(ErrClosed, conn.Close())
	}
	l.inner = n
	l.readers.Go(n.read)
	return nil
}

// Inner tells whether the other side is a user agent of this very process.
func (f Flow) Inner() bool {
	n, ok := f.via.(*listener)
	return ok && n.inner
}

// Pipe makes the two sockets of a wire in memory. Their addresses only have to be
// two; what finds no room is lost, as with UDP.
func Pipe(a, b netip.AddrPort) (PacketConn, PacketConn) {
	x, y := &pipeEnd{local: a, in: make(chan []byte, pipeRoom), closed: make(chan struct{})}, &pipeEnd{local: b, in: make(chan []byte, pipeRoom), closed: make(chan struct{})}
	x.other, y.other = y, x
	return x, y
}

const pipeRoom = 1024 // messages

type pipeEnd struct {
	local  netip.AddrPort
	other  *pipeEnd
	in     chan []byte
	closed chan struct{}
	once   sync.Once
}

func (p *pipeEnd) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	select {
	case <-p.closed:
		return 0, netip.AddrPort{}, net.ErrClosed
	case m := <-p.in:
		return copy(b, m), p.other.local, nil
	}
}

func (p *pipeEnd) WriteToUDPAddrPort(b []byte, _ netip.AddrPort) (int, error) {
	select {
	case <-p.closed:
		return 0, net.ErrClosed
	default:
	}
	select {
	case p.other.in <- append([]byte(nil), b...):
	default: // no room
	}
	return len(b), nil
}

func (p *pipeEnd) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(p.local) }

func (p *pipeEnd) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}
