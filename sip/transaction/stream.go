package transaction

import (
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Times and sizes of connections.
const (
	dialTime   = 5 * time.Second
	writeTime  = 10 * time.Second
	lingerTime = time.Second // after a last word, until the other side has it
	maxQueue   = 1 << 20     // bytes that wait to be written; more is a dead flow
	fullQueue  = 64 << 10    // no more is read while as many wait
	readBuffer = 4 << 10     // of a connection that has nothing to say
)

// ErrFlowLost ends an exchange whose connection was closed.
var ErrFlowLost = errors.New("transaction: the connection is lost")

// stream is one connection (RFC 3261 §18.2): one goroutine reads it, and while
// there is something to write another writes it.
type stream struct {
	layer *Layer
	door  *door // the listener that stands for us; nil: there is none
	end
	token   uint64
	made    bool        // by us, not taken
	asked   atomic.Bool // a request of ours went over it
	framing framing     // of a WebSocket not before it is one

	mu      sync.Mutex
	changed sync.Cond // of the queue and of closed
	conn    net.Conn  // nil: not connected yet
	local   netip.AddrPort
	queue   []byte
	ends    []int // of the messages in the queue
	writing bool
	until   time.Time // something on it lasts: until then it may be silent
	closed  bool
	pinger  *time.Timer // nil: it is not pinged
	gone    sync.Once   // what hung on it was told

	// The reader's own.
	silent time.Time // until then it may be, where nothing lasts
	begun  time.Time // when the message did that is not whole yet; zero: there is none
	spoke  bool      // a whole message came

	counted bool // among those on which nothing lasts; the streams' own
}

// end is where a connection leads to. Others with the same address are no way to
// a name that was not verified.
type end struct {
	transport string
	remote    netip.AddrPort
	name      string // of the certificate; "": we did not ask
}

func (l *Layer) newStream(d *door, conn net.Conn, to end) *stream {
	s := &stream{layer: l, door: d, conn: conn, end: to, token: newToken()}
	s.changed.L = &s.mu
	if !to.isWebSocket() {
		s.framing = lengths{}
	}
	if conn != nil {
		s.local = addrPort(conn.LocalAddr())
	}
	return s
}

// newToken is never 0.
func newToken() (token uint64) {
	for token == 0 {
		var b [8]byte
		rand.Read(b[:]) // never fails
		token = binary.NativeEndian.Uint64(b[:])
	}
	return token
}

func (e *end) isWebSocket() bool { return e.transport == "WS" || e.transport == "WSS" }
func (e *end) isSecure() bool    { return e.transport == "TLS" || e.transport == "WSS" }

func (s *stream) named() string  { return s.transport }
func (s *stream) reliable() bool { return true }

// facing is the address that is listened on: the connection's own port, where
// we made it, is none to be reached at.
func (s *stream) facing(remote netip.AddrPort) netip.AddrPort {
	if s.door != nil {
		return s.door.facing(remote)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if advertise := s.layer.o.Advertise; advertise != nil && !s.made {
		return advertise(s.transport, s.local, remote)
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
	s.ends = append(s.ends, len(s.queue))
	if !s.writing {
		s.writing = true
		s.layer.readers.Go(s.drain)
	}
	return nil
}

// drain writes what is queued, all that has come together at once.
func (s *stream) drain() {
	conn := s.connect()
	var out []byte
	var ends []int
	for conn != nil {
		s.mu.Lock()
		out, ends = append(out[:0], s.queue...), append(ends[:0], s.ends...)
		s.queue, s.ends = s.queue[:0], s.ends[:0]
		if len(out) == 0 || s.closed {
			s.writing, s.queue, s.ends = false, nil, nil
		}
		done := !s.writing
		s.changed.Broadcast()
		s.mu.Unlock()
		if done {
			return
		}
		if err := s.framing.send(conn, out, ends); err != nil {
			break
		}
	}
	s.close()
}

// connect makes the connection, unless there is one; only drain calls it. It
// returns nil where nobody answers.
func (s *stream) connect() net.Conn {
	s.mu.Lock()
	conn := s.conn
	s.mu.Unlock()
	if conn != nil {
		return conn
	}
	conn, framing, err := s.layer.dial(s.end)
	if err != nil || !s.begin(conn, framing) {
		return nil
	}
	return conn
}

// begin reads from a connection that is ready.
func (s *stream) begin(conn net.Conn, framing framing) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = conn.Close()
		return false
	}
	s.conn, s.local, s.framing = conn, addrPort(conn.LocalAddr()), framing
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
	s.silent = time.Now().Add(s.patience())
	if s.handshake() {
		s.framing.receive(s)
	} else if !time.Now().Before(s.silent) {
		s.layer.Reached(LimitSlow)
	}
}

func (s *stream) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// handshake lets the other side see our certificate, and makes a WebSocket of
// the connection, in the time of the first message.
func (s *stream) handshake() bool {
	if c, ok := s.conn.(*tls.Conn); ok && !s.made {
		_ = c.SetDeadline(s.silent)
		if err := c.HandshakeContext(s.layer.streams.dials); err != nil {
			s.layer.log.Debug("a handshake failed", "remote", s.remote, "error", err)
			return false
		}
		if c.SetDeadline(time.Time{}) != nil {
			return false
		}
	}
	return s.framing != nil || s.upgrade()
}

// Read is the connection's, as long as there is patience.
func (s *stream) Read(b []byte) (int, error) {
	for s.waits() {
		n, err := s.conn.Read(b)
		if n > 0 || err != nil && !errors.Is(err, os.ErrDeadlineExceeded) { // waits tells whether it was the last one
			return n, err
		}
	}
	if !s.isClosed() {
		s.layer.Reached(LimitSlow)
	}
	return 0, os.ErrDeadlineExceeded
}

// heard says that a whole message came.
func (s *stream) heard() {
	if !s.spoke {
		s.spoke = true
		s.layer.streams.spoke(s)
	}
	s.silent, s.begun = time.Now().Add(s.layer.streams.o.Idle), time.Time{}
}

// patience is how long the first message may take: an answer longer than what
// somebody else begins.
func (s *stream) patience() time.Duration {
	if s.made {
		return s.layer.streams.o.Idle
	}
	return s.layer.streams.o.First
}

// waits sets how long the next bytes may take, and tells whether there is time
// left. Where something lasts on the connection it may be silent; but a message
// that has begun has to end. Nothing is read while too much waits to be written:
// who asks without listening is not answered for ever.
func (s *stream) waits() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.queue) > fullQueue && !s.closed {
		s.changed.Wait()
	}
	deadline := s.silent
	if s.until.After(deadline) {
		deadline = s.until
	}
	if whole := s.begun.Add(s.layer.streams.o.First); !s.begun.IsZero() && whole.Before(deadline) {
		deadline = whole
	}
	return !s.closed && time.Now().Before(deadline) && s.conn.SetReadDeadline(deadline) == nil
}

// refuse answers what breaks the framing, where it can be answered.
func (s *stream) refuse(b []byte, err error) {
	s.layer.Unframed.Add(1)
	r := pool.Get().(*Request)
	r.layer, r.Flow, r.key, r.began = s.layer, Flow{s, s.remote}, key{}, time.Now()
	r.Message.Limits = s.layer.o.Limits
	r.buf = append(r.buf[:0], b...)
	_ = r.Message.Parse(r.buf)
	r.refuse(err)
}

// linger lets the other side read the last word: closing while there is
// something unread would take it back.
func (s *stream) linger() {
	s.flush()
	if c, ok := s.conn.(interface{ CloseWrite() error }); ok && c.CloseWrite() == nil {
		_ = s.conn.SetReadDeadline(time.Now().Add(lingerTime))
		_, _ = io.Copy(io.Discard, s.conn)
	}
}

// flush waits until what is queued is written.
func (s *stream) flush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.writing && !s.closed {
		s.changed.Wait()
	}
}

// lasts says that something on the connection outlives its messages. Who reads
// learns it when the patience is over that it had before.
func (s *stream) lasts(until time.Time) {
	s.mu.Lock()
	first := s.until.IsZero() && !s.closed
	if until.After(s.until) {
		s.until = until
	}
	s.mu.Unlock()
	if first {
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
		defer s.tellLost()
		if !s.asked.Load() { // the search is not cheap
			return
		}
		for _, x := range s.layer.clients.lost(s) {
			x.Failed(ErrFlowLost)
		}
	})
}

// tellLost tells that the way is gone by which something that lasts was reached.
func (s *stream) tellLost() {
	s.mu.Lock()
	lasts := !s.until.IsZero()
	s.mu.Unlock()
	if l := s.layer; lasts && !s.made && l.o.Lost != nil && !l.IsClosed() {
		l.o.Lost(Flow{s, s.remote})
	}
}

func (s *stream) closeLocked() {
	s.closed, s.queue, s.ends = true, nil, nil
	if s.pinger != nil {
		s.pinger.Stop()
	}
	s.changed.Broadcast()
	if s.conn != nil {
		_ = s.conn.Close()
	}
}
