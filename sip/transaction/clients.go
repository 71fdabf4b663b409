package transaction

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	random "math/rand/v2"
	"sync"
	"time"

	"lamplight/sip"
)

// clients are the client transactions (RFC 3261 §17.1.2): slots that the branch
// names, so that a response finds its own without a table.
type clients struct {
	began time.Time // ticks count from here, on the clock that only goes forward

	mu     sync.Mutex
	closed bool
	random *random.ChaCha8
	slots  []client
	free   []uint32
	wheel  [wheelSize][]turn
	at     int64 // the tick that was done last
	open   int
}

// A wheel of 512 ticks of 100 ms goes round in 51 s, more than Timer F.
const (
	tickLength = 100 * time.Millisecond
	wheelSize  = 512
)

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
	ends     int64 // the tick of Timer F
	sending  bool  // Send uses the message still
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
	exchange Exchange
	flow     Flow
	message  []byte // nil: it failed
}

func (c *clients) init() {
	var seed [32]byte
	rand.Read(seed[:]) // never fails
	c.random = random.NewChaCha8(seed)
	c.began = time.Now()
}

// tick is the tick under way at a time.
func (c *clients) tick(t time.Time) int64 { return int64(t.Sub(c.began) / tickLength) }

// after is the first tick that begins a duration after now, and not before.
func (c *clients) after(d time.Duration) int64 {
	return int64((time.Since(c.began) + d + tickLength - 1) / tickLength)
}

// Send sends a request and sees to its retransmissions. x is told of the final
// response or of failure; where Send returns an error it is told nothing. A
// request too large for UDP goes over a connection where there is a way; what its
// slices hold may not be changed until it has ended.
func (l *Layer) Send(f Flow, r *sip.Request, x Exchange) error {
	if f.via == nil {
		return ErrTransport
	}
	if l.o.Allow != nil && !l.o.Allow(f.remote) {
		l.NotAllowed.Add(1)
		return ErrNotAllowed
	}
	f, err := l.renewed(f)
	if err != nil {
		return err
	}
	if !f.Reliable() && size(r) > maxDatagramRequest {
		return l.sendLarge(f, r, x)
	}
	return l.send(f, r, x)
}

func (l *Layer) send(f Flow, r *sip.Request, x Exchange) error {
	if s, ok := f.via.(*stream); ok {
		s.asked.Store(true)
	}
	slot, id, err := l.clients.reserve()
	if err != nil {
		return err
	}
	message := buffers.Get().(*buffer)
	var via [128]byte
	message.b = r.Append(message.b[:0], appendVia(via[:0], f, slot, id))
	l.clients.begin(slot, client{id: id, method: r.Method, flow: f, message: message, exchange: x, sending: true})
	l.clock.wake(T1)
	l.Sent.Add(1)
	l.trace(f, true, message.b)
	return l.clients.sent(slot, f.write(message.b))
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
		c.at = c.tick(time.Now())
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

func appendVia(b []byte, f Flow, slot uint32, id uint64) []byte {
	b = append(append(append(b, "SIP/2.0/"...), f.Transport()...), ' ')
	b = f.Local().AppendTo(b)
	b = append(append(b, ";branch="...), cookie...)
	var name [12]byte
	binary.BigEndian.PutUint32(name[:], slot)
	binary.BigEndian.PutUint64(name[4:], id)
	return append(hex.AppendEncode(b, name[:]), ";rport"...)
}

// schedule puts a transaction's next retransmission, or its end, on the wheel.
func (c *clients) schedule(slot uint32, s *client, tick int64) {
	i := min(tick, s.ends) % wheelSize
	c.wheel[i] = append(c.wheel[i], turn{slot, uint32(s.id)})
}

// named is the transaction that a branch names, nil where it is over.
func (c *clients) named(branch []byte) (uint32, *client) {
	var name [12]byte
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

func (c *clients) release(slot uint32, s *client) {
	s.message.recycle()
	*s = client{}
	c.free = append(c.free, slot)
}

// response finds whom a response is for: by branch and CSeq method (RFC 3261
// §17.1.3), wherever it came from. A provisional one slows the retransmissions
// down.
func (l *Layer) response(m *sip.Message) {
	l.Responses.Add(1)
	x := l.clients.response(m)
	switch {
	case x == nil:
		l.Unmatched.Add(1)
	case m.Status() >= 200:
		x.Response(m)
	}
}

func (c *clients) response(m *sip.Message) Exchange {
	via, err := m.TopVia()
	if err != nil {
		return nil
	}
	method := m.Method()
	c.mu.Lock()
	defer c.mu.Unlock()
	slot, s := c.named(via.Branch())
	if s == nil || s.method != method {
		return nil
	}
	x := s.exchange
	if m.Status() < 200 {
		s.interval = T2
	} else {
		c.end(slot, s)
	}
	return x
}

// due takes from the wheel what is to be done now.
func (c *clients) due(now time.Time) (list []due, again time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open == 0 {
		return nil, 0
	}
	to := c.tick(now)
	for tick := max(c.at+1, to-wheelSize+1); tick <= to; tick++ {
		i := tick % wheelSize
		bucket := c.wheel[i]
		for _, t := range bucket {
			if s := &c.slots[t.slot]; s.exchange != nil && uint32(s.id) == t.mark {
				list = append(list, c.one(t.slot, s, tick, to))
			}
		}
		if c.wheel[i] = bucket[:0]; cap(bucket) > 1024 {
			c.wheel[i] = nil
		}
	}
	c.at = max(c.at, to)
	return list, tickLength
}

func (c *clients) one(slot uint32, s *client, tick, now int64) due {
	d := due{exchange: s.exchange, flow: s.flow}
	if tick >= s.ends {
		c.end(slot, s)
		return d
	}
	d.message = append([]byte(nil), s.message.b...) // its buffer may be another's soon
	s.interval = min(2*s.interval, T2)
	// From the tick, so that lateness does not add up; but after a stop of the
	// whole process not all that was missed at once.
	c.schedule(slot, s, max(tick, now-1)+int64(s.interval/tickLength))
	return d
}

// lost ends every transaction on a connection that is no more.
func (c *clients) lost(via carrier) (open []Exchange) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.slots {
		if s := &c.slots[i]; s.exchange != nil && s.flow.via == via {
			open = append(open, s.exchange)
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
			open = append(open, s.exchange)
			c.end(uint32(i), s)
		}
	}
	return open
}
