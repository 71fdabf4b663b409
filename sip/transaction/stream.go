package transaction

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"lamplight/sip"
)

// Times and sizes of connections.
const (
	dialTime   = 5 * time.Second
	writeTime  = 10 * time.Second
	maxQueue   = 1 << 20 // bytes that wait to be written; more is a dead flow
	readBuffer = 4 << 10 // of a connection that has nothing to say
)

// ErrFlowLost ends an exchange whose connection was closed.
var ErrFlowLost = errors.New("transaction: the connection is lost")

// stream is one connection (RFC 3261 §18.2): one goroutine reads it, and while
// there is something to write another writes it.
type stream struct {
	layer  *Layer
	door   *door // through which it came; nil: we made it
	local  netip.AddrPort
	remote netip.AddrPort

	mu      sync.Mutex
	conn    net.Conn // nil: not connected yet
	queue   []byte
	writing bool
	kept    bool // something on it lasts: it is not closed for idleness
	closed  bool
	gone    sync.Once // what hung on it was told

	counted bool // among those on which nothing lasts; the streams' own
}

func (s *stream) named() string  { return "TCP" }
func (s *stream) reliable() bool { return true }

// facing is the address that is listened on: the connection's own port, where
// we made it, is none to be reached at.
func (s *stream) facing(remote netip.AddrPort) netip.AddrPort {
	if s.door != nil {
		return s.door.facing(remote)
	}
	return s.local
}

// write queues a message: it never waits for the other side.
func (s *stream) write(b []byte, _ netip.AddrPort) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return ErrFlowLost
	case len(s.queue)+len(b) > maxQueue:
		s.closeLocked()
		return ErrFlowLost
	}
	s.queue = append(s.queue, b...)
	if !s.writing {
		s.writing = true
		s.layer.readers.Go(s.drain)
	}
	return nil
}

// drain writes what is queued, all that has come together at once.
func (s *stream) drain() {
	if !s.connect() {
		s.close()
		return
	}
	var out []byte
	for {
		s.mu.Lock()
		if out = append(out[:0], s.queue...); len(out) == 0 || s.closed {
			s.writing, s.queue = false, nil
			s.mu.Unlock()
			return
		}
		s.queue = s.queue[:0]
		s.mu.Unlock()
		_ = s.conn.SetWriteDeadline(time.Now().Add(writeTime))
		if _, err := s.conn.Write(out); err != nil {
			s.close()
			return
		}
	}
}

// connect makes the connection, unless there is one.
func (s *stream) connect() bool {
	if s.conn != nil {
		return true
	}
	conn, err := net.DialTimeout("tcp", s.remote.String(), dialTime)
	if err != nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = conn.Close()
		return false
	}
	s.conn, s.local = conn, addrPort(conn.LocalAddr())
	s.layer.readers.Go(s.read)
	return true
}

func addrPort(a net.Addr) netip.AddrPort {
	at, _ := netip.ParseAddrPort(a.String()) // a TCP connection's has this form
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
}

// read takes messages until the connection ends.
func (s *stream) read() {
	defer s.close()
	b := make([]byte, 0, readBuffer)
	deadline := time.Now().Add(s.layer.streams.o.First)
	for {
		if err := s.waits(deadline); err != nil {
			return
		}
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := s.conn.Read(b[len(b):cap(b)])
		if b = b[:len(b)+n]; n > 0 {
			rest, heard, frameErr := s.messages(b)
			if frameErr != nil {
				s.refuse(b, frameErr)
				return
			}
			if heard {
				deadline = time.Now().Add(s.layer.streams.o.Idle)
			}
			b = s.keep(b, rest)
		}
		if err != nil {
			return
		}
	}
}

// waits sets how long the next bytes may take. Where something lasts on the
// connection they may take for ever, unless a message has begun.
func (s *stream) waits(deadline time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept {
		deadline = time.Time{}
	}
	return s.conn.SetReadDeadline(deadline)
}

// keep moves what is left to the front; a large buffer is given back when it
// is empty.
func (s *stream) keep(b, rest []byte) []byte {
	if len(rest) == 0 && cap(b) > readBuffer {
		return make([]byte, 0, readBuffer)
	}
	return b[:copy(b, rest)]
}

var (
	crlf = []byte("\r\n")
	ping = []byte("\r\n\r\n")
)

// messages hands on all whole messages; a keep-alive is answered (RFC 5626
// §3.5.1).
func (s *stream) messages(b []byte) (rest []byte, heard bool, err error) {
	for {
		switch {
		case bytes.HasPrefix(b, ping):
			b, heard = b[len(ping):], true
			_ = s.write(crlf, s.remote)
			continue
		case bytes.HasPrefix(b, crlf) && len(b) > 3:
			b = b[len(crlf):]
			continue
		case len(b) < 4:
			return b, heard, nil
		}
		n, err := sip.Frame(b)
		if n == 0 || err != nil {
			return b, heard, err
		}
		s.layer.message(Flow{s, s.remote}, b[:n])
		b, heard = b[n:], true
	}
}

// refuse answers what breaks the framing, where it can be answered; nobody
// knows where the next message begins, so the connection ends.
func (s *stream) refuse(b []byte, err error) {
	s.layer.Malformed.Add(1)
	r := pool.Get().(*Request)
	r.layer, r.Flow, r.key = s.layer, Flow{s, s.remote}, key{}
	r.buf = append(r.buf[:0], b...)
	_ = r.Message.Parse(r.buf)
	r.refuse(err)
	s.flush()
}

// flush waits until what is queued is written.
func (s *stream) flush() {
	for wait := time.Millisecond; wait < time.Second; wait *= 2 {
		s.mu.Lock()
		done := !s.writing || s.closed
		s.mu.Unlock()
		if done {
			return
		}
		time.Sleep(wait)
	}
}

// lasts says that something on the connection outlives its messages.
func (s *stream) lasts() {
	s.mu.Lock()
	was := s.kept || s.closed
	s.kept = true
	if s.conn != nil && !was {
		_ = s.conn.SetReadDeadline(time.Time{})
	}
	s.mu.Unlock()
	if !was {
		s.layer.streams.lasts(s)
	}
}

// close ends the connection, and tells who waits for answers on it.
func (s *stream) close() {
	s.mu.Lock()
	s.closeLocked()
	s.mu.Unlock()
	s.gone.Do(func() {
		s.layer.streams.remove(s)
		for _, x := range s.layer.clients.lost(s) {
			x.Failed(ErrFlowLost)
		}
	})
}

func (s *stream) closeLocked() {
	s.closed, s.queue = true, nil
	if s.conn != nil {
		_ = s.conn.Close()
	}
}
