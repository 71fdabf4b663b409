package transaction

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	random "math/rand/v2"
	"sync"
	"time"

	"lamplight/sip"
)

// clients are the client transactions (RFC 3261 §17.1): slots that the branch
// names, so that a response finds its own without a table.
type clients struct {
	ticks

	mu     sync.Mutex
	closed bool
	random *random.ChaCha8
	slots  []client
	free   []uint32
	wheel  wheel[turn]
	open   int
}

// turn is a slot's entry in the wheel; it is void once the slot is used again.
type turn struct{ slot, mark uint32 }

// client is one transaction. Its id is random: who has seen one of our branches
// cannot answer for others.
type client struct {
	id       uint64 // 0: the slot is free
	method   sip.Method
	flow     Flow
	message  *buffer
	exchange Exchange // nil: it has ended
	interval time.Duration
	due      int64         // the tick of its next retransmission or of its end; other turns are void
	ends     int64         // the tick of Timer F
	sending  bool          // Send uses the message still
	invite   *inviteClient // nil: of another method
}

// buffer is a message's bytes, used again when its transaction has ended.
type buffer struct{ b []byte }

var buffers = sync.Pool{New: func() any { return new(buffer) }}

func (b *buffer) recycle() {
	if cap(b.b) <= maxKept {
		buffers.Put(b)
	}
}

// due is what tick has to do for one client transaction.
type due struct {
	exchange Exchange // it failed; nil: it did not
	flow     Flow
	message  []byte // to send again; nil: none
}

func (c *clients) init() {
	var seed [32]byte
	rand.Read(seed[:]) // never fails
	c.random = random.NewChaCha8(seed)
	c.began = time.Now()
}

// Send sends a request and sees to its retransmissions. x is told of the final
// response or of failure; where Send returns an error it is told nothing. A
// request too large for UDP goes over a connection where there is a way; what its
// slices hold may not be changed until it has ended.
func (l *Layer) Send(f Flow, r *sip.Request, x Exchange) error {
	if r.Method == sip.INVITE {
		_, err := l.Invite(f, r, x)
		return err
	}
	f, err := l.usable(f)
	if err != nil {
		return err
	}
	if !f.Reliable() && size(r) > maxDatagramRequest {
		return l.sendLarge(f, r, x)
	}
	_, err = l.send(f, r, x)
	return err
}

// usable is a flow on which a request may go.
func (l *Layer) usable(f Flow) (Flow, error) {
	if f.via == nil {
		return f, ErrTransport
	}
	if l.o.Allow != nil && !l.o.Allow(f.remote) && !f.Inner() {
		l.NotAllowed.Add(1)
		return f, ErrNotAllowed
	}
	return l.renewed(f)
}

func (l *Layer) send(f Flow, r *sip.Request, x Exchange) (Sent, error) {
	slot, id, err := l.clients.reserve()
	if err != nil {
		return Sent{}, err
	}
	message := buffers.Get().(*buffer)
	var via [128]byte
	message.b = r.Append(message.b[:0], appendVia(via[:0], f, slot, id, ""))
	return l.begin(slot, client{id: id, method: r.Method, flow: f, message: message, exchange: x})
}

// begin sends the request of a slot that was reserved, for the first time.
func (l *Layer) begin(slot uint32, s client) (Sent, error) {
	if via, ok := s.flow.via.(*stream); ok {
		via.asked.Store(true)
	}
	if s.sending = true; s.method == sip.INVITE {
		s.invite = &inviteClient{}
	}
	l.clients.begin(slot, s)
	l.clock.wake(T1)
	l.Sent.Add(1)
	l.trace(s.flow, true, s.message.b)
	return Sent{l, slot, s.id}, l.clients.sent(slot, s.flow.write(s.message.b))
}

// reserve takes a slot and a new id. The request is built while nobody waits
// for the lock.
func (c *clients) reserve() (slot uint32, id uint64, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return 0, 0, ErrClosed
	}
	if len(c.free) == 0 {
		c.slots = append(c.slots, client{})
		c.free = append(c.free, uint32(len(c.slots)-1))
	}
	slot = c.free[len(c.free)-1]
	c.free = c.free[:len(c.free)-1]
	for id == 0 {
		id = c.random.Uint64()
	}
	return slot, id, nil
}

// begin puts a transaction into its slot and on the wheel.
func (c *clients) begin(slot uint32, s client) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open++; c.open == 1 {
		c.wheel.at = c.tick(time.Now())
	}
	s.interval, s.ends = T1, c.after(TimerF)
	next := c.after(T1)
	if s.flow.Reliable() { // no Timer E (RFC 3261 §17.1.2.2)
		next = s.ends
	}
	c.slots[slot] = s
	c.schedule(slot, &c.slots[slot], next)
}

// sent tells that Send is done with the message. What could not be sent ends
// here, unless something else has ended it and told the exchange.
func (c *clients) sent(slot uint32, failure error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := &c.slots[slot]
	s.sending = false
	switch {
	case s.exchange == nil:
		c.release(slot, s)
	case c.closed: // it began when all others had ended
		c.end(slot, s)
		return ErrClosed
	case failure != nil:
		c.end(slot, s)
		return ErrTransport
	}
	return nil
}

// appendVia appends the value of our Via. The mark is the proxy's, behind what
// names the transaction.
func appendVia(b []byte, f Flow, slot uint32, id uint64, mark string) []byte {
	b = append(append(append(b, "SIP/2.0/"...), f.Transport()...), ' ')
	b = f.Local().AppendTo(b)
	b = append(append(b, ";branch="...), cookie...)
	var name [12]byte
	binary.BigEndian.PutUint32(name[:], slot)
	binary.BigEndian.PutUint64(name[4:], id)
	b = hex.AppendEncode(b, name[:])
	if mark != "" {
		b = append(append(b, '.'), mark...)
	}
	return append(b, ";rport"...)
}

// schedule puts a transaction's next retransmission, or its end, on the wheel.
func (c *clients) schedule(slot uint32, s *client, tick int64) {
	s.due = min(tick, s.ends)
	c.wheel.put(s.due, turn{slot, uint32(s.id)})
}

// named is the transaction that a branch names, nil where it is over.
func (c *clients) named(branch []byte) (uint32, *client) {
	var name [12]byte
	branch, _, _ = bytes.Cut(branch, dot)
	if len(branch) != len(cookie)+24 || string(branch[:len(cookie)]) != string(cookie) {
		return 0, nil
	}
	if _, err := hex.Decode(name[:], branch[len(cookie):]); err != nil {
		return 0, nil
	}
	slot := binary.BigEndian.Uint32(name[:])
	if int(slot) >= len(c.slots) {
		return 0, nil
	}
	s := &c.slots[slot]
	if s.exchange == nil || s.id != binary.BigEndian.Uint64(name[4:]) {
		return 0, nil
	}
	return slot, s
}

func (c *clients) end(slot uint32, s *client) {
	s.exchange = nil
	c.open--
	if !s.sending {
		c.release(slot, s)
	}
}

var dot = []byte(".")

func (c *clients) release(slot uint32, s *client) {
	if s.message != nil {
		s.message.recycle()
	}
	*s = client{}
	c.free = append(c.free, slot)
}

// answer is what a response leads to.
type answer struct {
	exchange Exchange // nil: nobody is told
	matched  bool
	flow     Flow
	hop      []byte // an ACK or a CANCEL to send; nil: none
}

// response finds whom a response is for: by branch and CSeq method (RFC 3261
// §17.1.3), wherever it came from. What is for nobody is dropped, by a proxy too
// (RFC 6026 §8.9).
func (l *Layer) response(m *sip.Message) {
	l.Responses.Add(1)
	a := l.clients.response(m)
	if !a.matched {
		l.Unmatched.Add(1)
	}
	if a.hop != nil {
		l.trace(a.flow, true, a.hop)
		_ = a.flow.write(a.hop) // an ACK is sent again when the response is, a CANCEL by its timer
	}
	if a.exchange == nil {
		return
	}
	if m.Status() >= 200 {
		a.exchange.Response(m)
	} else if x, ok := a.exchange.(Progress); ok {
		x.Provisional(m)
	}
}

// response gives a response to its transaction. A provisional one slows the
// retransmissions down.
func (c *clients) response(m *sip.Message) answer {
	via, err := m.TopVia()
	if err != nil {
		return answer{}
	}
	method := m.Method()
	c.mu.Lock()
	defer c.mu.Unlock()
	slot, s := c.named(via.Branch())
	switch {
	case s == nil:
		return answer{}
	case s.invite != nil && (method == sip.INVITE || method == sip.CANCEL):
		return c.invited(slot, s, method, m)
	case s.method != method:
		return answer{}
	case m.Status() < 200:
		s.interval = T2
		return answer{matched: true}
	}
	a := answer{exchange: s.exchange, matched: true}
	c.end(slot, s)
	return a
}

// due takes from the wheel what is to be done now.
func (c *clients) due(now time.Time) (list []due, again time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open == 0 {
		return nil, 0
	}
	to := c.tick(now)
	c.wheel.take(to, func(t turn, tick int64) {
		if s := &c.slots[t.slot]; s.exchange != nil && uint32(s.id) == t.mark && tick >= s.due {
			list = append(list, c.one(t.slot, s, tick, to))
		}
	})
	return list, tickLength
}

func (c *clients) one(slot uint32, s *client, tick, now int64) due {
	d := due{flow: s.flow}
	if tick >= s.ends {
		if s.waits() {
			d.exchange = s.exchange
		}
		c.end(slot, s)
		return d
	}
	message := s.message.b
	switch {
	case s.invite == nil:
		s.interval = min(2*s.interval, T2)
	case s.invite.state == calling: // Timer A has no limit (RFC 3261 §17.1.1.2)
		s.interval *= 2
	default:
		message, s.interval = s.invite.hop, min(2*s.interval, T2)
	}
	d.message = append([]byte(nil), message...) // its buffer may be another's soon
	// From the tick, so that lateness does not add up; but after a stop of the
	// whole process not all that was missed at once.
	c.schedule(slot, s, max(tick, now-1)+int64(s.interval/tickLength))
	return d
}

// waits tells whether the exchange is not told yet how it ends.
func (s *client) waits() bool { return s.invite == nil || s.invite.state < completed }

// lost ends every transaction on a connection that is no more.
func (c *clients) lost(via carrier) (open []Exchange) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.slots {
		if s := &c.slots[i]; s.exchange != nil && s.flow.via == via {
			if s.waits() {
				open = append(open, s.exchange)
			}
			c.end(uint32(i), s)
		}
	}
	return open
}

// closeAll ends every transaction, and lets none begin.
func (c *clients) closeAll() (open []Exchange) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for i := range c.slots {
		if s := &c.slots[i]; s.exchange != nil {
			if s.waits() {
				open = append(open, s.exchange)
			}
			c.end(uint32(i), s)
		}
	}
	return open
}
