package transaction

import (
	"bytes"
	"strconv"
	"sync"
	"time"

	"lamplight/sip"
)

// clients are the client transactions (RFC 3261 §17.1.2): slots that the branch
// names, so that a response finds its own without a table.
type clients struct {
	prefix string // of every branch of this layer

	mu    sync.Mutex
	slots []client
	free  []uint32
	wheel [wheelSize][]turn
	at    int64 // the tick that was done last
	open  int
}

// A wheel of 512 ticks of 100 ms goes round in 51 s, more than Timer F.
const (
	tickLength = 100 * time.Millisecond
	wheelSize  = 512
)

// turn is a slot's entry in the wheel; it is void once the slot is used again.
type turn struct{ slot, generation uint32 }

type client struct {
	generation uint32
	method     sip.Method
	flow       Flow
	message    []byte
	exchange   Exchange // nil: the slot is free
	interval   time.Duration
	ends       int64 // the tick of Timer F
}

// due is what tick has to do for one client transaction.
type due struct {
	exchange Exchange
	flow     Flow
	message  []byte
	failed   bool
}

func (c *clients) init() {
	c.prefix = string(cookie) + sip.NewTag()[:12]
	c.at = tickOf(time.Now())
}

func tickOf(t time.Time) int64 { return t.UnixNano() / int64(tickLength) }

// Send sends a request and sees to its retransmissions. x is told of the final
// response or of failure; where Send returns an error it is told nothing.
func (l *Layer) Send(f Flow, r *sip.Request, x Exchange) error {
	if f.listener == nil {
		return ErrTransport
	}
	if l.o.Allow != nil && !l.o.Allow(f.remote) {
		l.NotAllowed.Add(1)
		return ErrNotAllowed
	}
	message, slot, err := l.clients.begin(f, r, x)
	if err != nil {
		return err
	}
	l.clock.wake(T1)
	l.Sent.Add(1)
	if err := f.write(message); err != nil && l.clients.abandon(slot) {
		return ErrTransport
	}
	return nil
}

// begin takes a slot, and builds the request with the slot's branch.
func (c *clients) begin(f Flow, r *sip.Request, x Exchange) ([]byte, turn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.prefix == "" {
		return nil, turn{}, ErrClosed
	}
	if len(c.free) == 0 {
		c.slots = append(c.slots, client{})
		c.free = append(c.free, uint32(len(c.slots)-1))
	}
	t := turn{slot: c.free[len(c.free)-1]}
	c.free = c.free[:len(c.free)-1]
	s := &c.slots[t.slot]
	s.generation++
	t.generation = s.generation
	if c.open++; c.open == 1 {
		c.at = tickOf(time.Now())
	}
	s.method, s.flow, s.exchange = r.Method, f, x
	s.interval, s.ends = T1, tickOf(time.Now())+int64(TimerF/tickLength)
	s.message = r.Append(make([]byte, 0, 512+len(r.Header)+len(r.Body)), c.via(f, t))
	c.schedule(t, s)
	return s.message, t, nil
}

func (c *clients) via(f Flow, t turn) []byte {
	b := append(make([]byte, 0, 128), "SIP/2.0/"...)
	b = append(append(b, f.Transport()...), ' ')
	b = f.Local().AppendTo(b)
	b = append(append(b, ";branch="...), c.prefix...)
	b = append(append(b, '.'), strconv.FormatUint(uint64(t.slot), 36)...)
	b = append(append(b, '.'), strconv.FormatUint(uint64(t.generation), 36)...)
	return append(b, ";rport"...)
}

// schedule puts a transaction's next retransmission, or its end, on the wheel.
func (c *clients) schedule(t turn, s *client) {
	next := min(tickOf(time.Now())+int64(s.interval/tickLength), s.ends)
	i := next % wheelSize
	c.wheel[i] = append(c.wheel[i], t)
	s.interval = min(2*s.interval, T2)
}

// slot is the transaction that a branch names, nil where it is over.
func (c *clients) slot(branch []byte) (*client, turn) {
	rest, ok := bytes.CutPrefix(branch, []byte(c.prefix+"."))
	if !ok {
		return nil, turn{}
	}
	a, b, _ := bytes.Cut(rest, []byte("."))
	slot, err1 := strconv.ParseUint(string(a), 36, 32)
	generation, err2 := strconv.ParseUint(string(b), 36, 32)
	t := turn{uint32(slot), uint32(generation)}
	if err1 != nil || err2 != nil {
		return nil, t
	}
	return c.get(t), t
}

func (c *clients) get(t turn) *client {
	if int(t.slot) >= len(c.slots) {
		return nil
	}
	if s := &c.slots[t.slot]; s.generation == t.generation && s.exchange != nil {
		return s
	}
	return nil
}

func (c *clients) end(t turn, s *client) {
	s.exchange, s.message, s.flow = nil, nil, Flow{}
	c.free = append(c.free, t.slot)
	c.open--
}

// abandon ends a transaction unless something else has.
func (c *clients) abandon(t turn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.get(t)
	if s == nil {
		return false
	}
	c.end(t, s)
	return true
}

// response finds whom a response is for: by branch and CSeq method (RFC 3261
// §17.1.3). A provisional one slows the retransmissions down.
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
	c.mu.Lock()
	defer c.mu.Unlock()
	s, t := c.slot(via.Branch())
	if s == nil || s.method != m.Method() {
		return nil
	}
	x := s.exchange
	if m.Status() < 200 {
		s.interval = T2
	} else {
		c.end(t, s)
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
	to := tickOf(now)
	for tick := max(c.at+1, to-wheelSize+1); tick <= to; tick++ {
		bucket := c.wheel[tick%wheelSize]
		c.wheel[tick%wheelSize] = nil
		for _, t := range bucket {
			if s := c.get(t); s != nil {
				list = append(list, c.one(t, s, tick))
			}
		}
	}
	c.at = to
	return list, tickLength
}

func (c *clients) one(t turn, s *client, tick int64) due {
	d := due{exchange: s.exchange, flow: s.flow, message: s.message, failed: tick >= s.ends}
	if d.failed {
		c.end(t, s)
	} else {
		c.schedule(t, s)
	}
	return d
}

// closeAll ends every transaction, and lets none begin.
func (c *clients) closeAll() (open []Exchange) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.prefix = ""
	for i := range c.slots {
		if s := &c.slots[i]; s.exchange != nil {
			open = append(open, s.exchange)
			c.end(turn{uint32(i), s.generation}, s)
		}
	}
	return open
}
