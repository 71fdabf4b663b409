package transaction

import (
	"math"
	"slices"

	"lamplight/sip"
)

// States of INVITE transactions, in their order (RFC 3261 §17.1.1.2, §17.2.1,
// RFC 6026 §7).
const (
	calling = iota
	proceeding
	completed
	confirmed
	accepted
)

// inviteClient is what an INVITE's client transaction has more than others.
type inviteClient struct {
	state     uint8
	cancelled bool
	reason    []byte // header lines of the CANCEL, while it has to wait
	hop       []byte // the CANCEL that is repeated, then the ACK
}

// never is the tick of what has no timer: an INVITE that is proceeding lasts as
// long as its user lets it.
const never = math.MaxInt64

// Sent names a client transaction; its zero value none.
type Sent struct {
	layer *Layer
	slot  uint32
	id    uint64
}

// Invite sends an INVITE as Send does, and returns what names it. x may be told
// of responses before it returns.
func (l *Layer) Invite(f Flow, r *sip.Request, x Exchange) (Sent, error) {
	f, err := l.usable(f)
	if err != nil {
		return Sent{}, err
	}
	if !f.Reliable() && size(r) > maxDatagramRequest {
		l.Large.Add(1)
	}
	return l.send(f, r, x)
}

// Cancel cancels an INVITE, with more header lines such as a Reason: by a CANCEL
// that is repeated until it is answered, and that waits for a provisional
// response (RFC 3261 §9.1). Where no final response follows in 64*T1 the exchange
// fails. Once there is a final response, or for another method, it does nothing.
func (s Sent) Cancel(header []byte) {
	if s.layer == nil {
		return
	}
	f, b := s.layer.clients.cancel(s, slices.Clone(header))
	if b != nil {
		s.layer.trace(f, true, b)
		_ = f.write(b) // it is sent again
	}
}

func (c *clients) cancel(t Sent, header []byte) (Flow, []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := &c.slots[t.slot]
	if s.exchange == nil || s.id != t.id || s.invite == nil || s.invite.cancelled || s.invite.state > proceeding {
		return Flow{}, nil
	}
	s.invite.cancelled, s.invite.reason = true, header
	if s.invite.state == calling {
		return Flow{}, nil
	}
	return s.flow, c.sendCancel(t.slot, s)
}

// sendCancel is the CANCEL to send, which it puts on the wheel.
func (c *clients) sendCancel(slot uint32, s *client) []byte {
	s.hop(sip.CANCEL, nil, s.invite.reason)
	s.invite.reason = nil
	s.interval, s.ends = T1, c.after(TimerF)
	if s.flow.Reliable() {
		c.schedule(slot, s, s.ends)
	} else {
		c.schedule(slot, s, c.after(T1))
	}
	return s.invite.hop
}

// hop builds an ACK or a CANCEL from the INVITE as it was sent.
func (s *client) hop(method sip.Method, response *sip.Message, header []byte) {
	var m sip.Message
	_ = m.Parse(s.message.b) // we wrote it
	s.invite.hop = sip.AppendHop(nil, method, &m, response, header)
}

// invited takes a response to an INVITE or to its CANCEL.
func (c *clients) invited(slot uint32, s *client, method sip.Method, m *sip.Message) answer {
	a := answer{matched: true, flow: s.flow}
	v, status := s.invite, m.Status()
	switch {
	case method == sip.CANCEL:
		if status >= 200 && v.state == proceeding && v.cancelled {
			s.due = s.ends // nothing is sent again; there is a turn for the end
			c.schedule(slot, s, s.ends)
		}
	case v.state == completed && status >= 300:
		a.hop = v.hop
	case v.state == accepted && status/100 == 2:
		a.exchange = s.exchange
	case v.state > proceeding:
	case status < 200:
		a.exchange = s.exchange
		if v.state == calling {
			v.state, s.due, s.ends = proceeding, never, never
			if v.cancelled {
				a.hop = c.sendCancel(slot, s)
			}
		}
	default:
		a.exchange = s.exchange
		a.hop = c.final(slot, s, m)
	}
	return a
}

// final ends an INVITE, but for what may come still: the response once more,
// which is acknowledged again (Timer D), or more of 2xx (Timer M, RFC 6026 §8.4).
// It returns the ACK to send.
func (c *clients) final(slot uint32, s *client, m *sip.Message) []byte {
	var ack []byte
	s.invite.state, s.invite.hop = accepted, nil
	if m.Status() >= 300 {
		s.invite.state = completed
		s.hop(sip.ACK, m, nil)
		ack = s.invite.hop
		if s.flow.Reliable() { // Timer D is 0
			c.end(slot, s)
			return ack
		}
	}
	if !s.sending {
		s.message.recycle()
		s.message = nil
	}
	s.ends = c.after(TimerF)
	c.schedule(slot, s, s.ends)
	return ack
}
