// Package hep sends copies of SIP messages (RFC 3261) to a Homer server in HEP3,
// its encapsulation protocol, which no RFC describes: over UDP, credentials
// masked, and never so that the wire waits for it. What cannot be sent at once
// waits in a queue, and what the queue cannot hold is dropped and counted. It
// receives nothing, and knows neither HEP over TLS nor compression.
package hep

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"lamplight/sip"
	"lamplight/sip/trace"
	"lamplight/sip/transaction"
)

// Options of Dial.
type Options struct {
	To       netip.AddrPort
	ID       uint32 // of this capture agent
	Password string // "": none
}

// queued is how many messages may wait to be sent.
const queued = 1024

// The largest that UDP carries, and the longest message for which there is room.
const (
	maxDatagram = 65507
	longest     = 65000
)

// Sender sends to one server. Its methods may be called from several goroutines.
type Sender struct {
	Sent    atomic.Uint64
	Dropped atomic.Uint64 // for want of room, as too long, or nobody listens

	o       Options
	conn    net.Conn
	waiting chan copied
	stop    chan struct{}
	done    chan struct{}
}

// copied is a message that waits.
type copied struct {
	at   time.Time
	flow transaction.Flow
	sent bool
	b    []byte
}

// Dial makes a sender, which runs until Close. Nobody is asked whether the
// server is there; the error is of our own socket.
func Dial(o Options) (*Sender, error) {
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(o.To))
	if err != nil {
		return nil, fmt.Errorf("hep: %w", err)
	}
	s := &Sender{o: o, conn: conn, waiting: make(chan copied, queued), stop: make(chan struct{}), done: make(chan struct{})}
	go s.run()
	return s, nil
}

// Close ends the sender, once it has tried to send what waits.
func (s *Sender) Close() error {
	close(s.stop)
	<-s.done
	return s.conn.Close()
}

// Add takes a message in, and copies it. It is a transaction.Trace but for the
// time.
func (s *Sender) Add(at time.Time, f transaction.Flow, sent bool, b []byte) {
	if len(s.waiting) == cap(s.waiting) { // no copy for nothing
		s.Dropped.Add(1)
		return
	}
	select {
	case s.waiting <- copied{at, f, sent, append([]byte(nil), b...)}:
	default:
		s.Dropped.Add(1)
	}
}

func (s *Sender) run() {
	defer close(s.done)
	var b []byte
	for {
		select {
		case c := <-s.waiting:
			b = s.send(b[:0], c)
			continue
		default:
		}
		select {
		case c := <-s.waiting:
			b = s.send(b[:0], c)
		case <-s.stop:
			return
		}
	}
}

// send sends one message. That nobody listens is no reason to stop: the server
// may be there again with the next one.
func (s *Sender) send(b []byte, c copied) []byte {
	if len(c.b) > longest {
		s.Dropped.Add(1)
		return b
	}
	from, to := c.flow.Remote(), c.flow.Local()
	if c.sent {
		from, to = to, from
	}
	b = s.o.Append(b, c.at, c.flow.Reliable(), from, to, trace.Mask(c.b))
	if len(b) > maxDatagram {
		s.Dropped.Add(1)
	} else if _, err := s.conn.Write(b); err != nil {
		s.Dropped.Add(1)
	} else {
		s.Sent.Add(1)
	}
	return b
}

// The chunks that are sent, by their types, and the protocols in them.
const (
	ipFamily    = 0x01
	ipProtocol  = 0x02
	source4     = 0x03
	target4     = 0x04
	source6     = 0x05
	target6     = 0x06
	sourcePort  = 0x07
	targetPort  = 0x08
	seconds     = 0x09
	microsecond = 0x0a
	protocol    = 0x0b
	agentID     = 0x0c
	authKey     = 0x0e
	payload     = 0x0f
	correlation = 0x11

	inet, inet6 = 2, 10
	tcp, udp    = 6, 17
	isMessage   = 1 // of SIP
)

// Append appends a message as one packet of HEP3. The Call-ID is what Homer
// correlates by; what is no SIP message has none.
func (o *Options) Append(b []byte, at time.Time, stream bool, from, to netip.AddrPort, message []byte) []byte {
	start := len(b)
	b = append(b, "HEP3\x00\x00"...) // and the length, which is known at the end
	b = addresses(b, from.Addr().Unmap(), to.Addr().Unmap())
	over := byte(udp)
	if stream {
		over = tcp
	}
	b = chunk(b, ipProtocol, []byte{over})
	b = chunk(b, sourcePort, order.AppendUint16(nil, from.Port()))
	b = chunk(b, targetPort, order.AppendUint16(nil, to.Port()))
	b = chunk(b, seconds, order.AppendUint32(nil, uint32(at.Unix())))
	b = chunk(b, microsecond, order.AppendUint32(nil, uint32(at.Nanosecond()/1000)))
	b = chunk(b, protocol, []byte{isMessage})
	b = chunk(b, agentID, order.AppendUint32(nil, o.ID))
	if o.Password != "" {
		b = chunk(b, authKey, []byte(o.Password))
	}
	var m sip.Message
	if m.Parse(message) == nil && len(m.CallID()) > 0 {
		b = chunk(b, correlation, m.CallID())
	}
	b = chunk(b, payload, message)
	order.PutUint16(b[start+4:], uint16(len(b)-start))
	return b
}

var order = binary.BigEndian

func addresses(b []byte, from, to netip.Addr) []byte {
	if from.Is4() && to.Is4() {
		b = chunk(b, ipFamily, []byte{inet})
		return chunk(chunk(b, source4, from.AsSlice()), target4, to.AsSlice())
	}
	source, target := from.As16(), to.As16()
	b = chunk(b, ipFamily, []byte{inet6})
	return chunk(chunk(b, source6, source[:]), target6, target[:])
}

// chunk appends one chunk: vendor 0, its type, its length with this head, and
// what is in it.
func chunk(b []byte, kind uint16, value []byte) []byte {
	b = order.AppendUint16(append(b, 0, 0), kind)
	return append(order.AppendUint16(b, uint16(6+len(value))), value...)
}
