package ua

import (
	"context"
	"strings"

	"lamplight/sip"
	"lamplight/sip/transaction"
)

// took takes a request of a call, and tells whether it is one. It was validated.
func (a *Agent) took(r *transaction.Request) bool {
	m := &r.Message
	if a.o.OnCall == nil && !a.hasCalls() {
		return false
	}
	to, _ := m.To()
	method, inside := m.Method(), len(to.Tag()) > 0
	switch {
	case method == sip.CANCEL:
		a.cancelled(r)
	case method == sip.INVITE && !inside && a.o.OnCall != nil:
		a.invited(r)
	case method == sip.MESSAGE && a.o.OnMessage != nil:
		a.o.OnMessage(copyOf(m))
		r.Respond(&sip.Response{Status: 200, ToTag: sip.NewTag()})
	case !inside:
		return false
	default:
		c := a.call(m)
		if c == nil {
			return false
		}
		c.request(r)
	}
	return true
}

func (a *Agent) hasCalls() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.calls) > 0
}

// request takes a request inside the dialog (RFC 3261 §12.2.2).
func (c *Call) request(r *transaction.Request) {
	m := &r.Message
	if m.Method() == sip.ACK {
		c.acked(copyOf(m))
		r.Drop()
		return
	}
	if status := c.inOrder(m); status != 0 {
		r.Respond(&sip.Response{Status: status})
		return
	}
	switch m.Method() {
	case sip.BYE:
		c.hungUp(r)
	case sip.INVITE, sip.UPDATE:
		c.modified(r)
	case sip.PRACK:
		c.pracked(r)
	case sip.REFER:
		c.referred(r)
	case sip.NOTIFY:
		c.notified(r)
	case sip.OPTIONS, sip.INFO, sip.MESSAGE:
		r.Respond(&sip.Response{Status: 200, Header: header(nil).add(sip.Allow, c.agent.methods())})
	default:
		r.Respond(&sip.Response{Status: 405, Header: header(nil).add(sip.Allow, c.agent.methods())})
	}
}

// inOrder checks a request against the dialog: 0 where it fits, else a status.
// What follows the end finds nothing, but for a BYE that crosses ours and for
// what a REFER leads to.
func (c *Call) inOrder(m *sip.Message) int {
	from, _ := m.From()
	cseq, _ := m.CSeq()
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.dialog.CallID == "" || c.dialog.RemoteTag != string(from.Tag()):
		return 481
	case c.state == Ended && m.Method() != sip.NOTIFY && m.Method() != sip.BYE:
		return 481
	case c.dialog.RemoteCSeq > cseq.Number:
		return 500
	}
	c.dialog.RemoteCSeq = cseq.Number
	return 0
}

// acked takes the ACK of a 2xx.
func (c *Call) acked(m *sip.Message) {
	cseq, _ := m.CSeq()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.in.ok == nil || c.in.ok.over || c.in.okCSeq != cseq.Number {
		return
	}
	c.in.ok.stop()
	if len(m.Body()) > 0 {
		c.body = m.Body()
	}
	c.tellLocked(CallEvent{What: Acknowledged, Message: m})
}

// hungUp takes a BYE; an INVITE without a final response is refused (RFC 3261
// §15.1.2).
func (c *Call) hungUp(r *transaction.Request) {
	m := copyOf(&r.Message)
	r.Respond(&sip.Response{Status: 200})
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refuseLocked(487, true) != nil {
		c.endLocked(Ending{Reason: reasonOf(m), Remote: true}, m)
	}
}

// modified takes a re-INVITE or an UPDATE (RFC 3261 §14.2, RFC 3311 §5.2): what
// is offered is answered in the direction that suits it.
func (c *Call) modified(r *transaction.Request) {
	m := copyOf(&r.Message)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.in.request != nil && c.state == Confirmed || m.Method() == sip.INVITE && c.state < Confirmed {
		r.Respond(&sip.Response{Status: 491})
		return
	}
	c.refreshLocked(m)
	c.tellLocked(CallEvent{What: Modified, Message: m})
	if answer := c.out.o.OnOffer; answer != nil && (len(m.Body()) > 0 || m.Method() == sip.INVITE) {
		c.in.request = r // until it is answered no other comes
		c.agent.after(0, func(context.Context) { c.modify(r, m, answer(m.Body())) })
		return
	}
	var body []byte
	if len(m.Body()) > 0 || m.Method() == sip.INVITE {
		body = SDP(facing(string(m.Body())))
	}
	if m.Method() == sip.INVITE {
		cseq, _ := m.CSeq()
		c.acceptLocked(r, cseq.Number, body)
		return
	}
	r.Respond(&sip.Response{Status: 200, Header: c.responseHeader(), ContentType: typeOf(body), Body: body})
}

// modify answers what the other side has offered; without an answer it is refused.
func (c *Call) modify(r *transaction.Request, m *sip.Message, answer []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.in.request != r {
		return // the call has ended, and it was refused
	}
	c.in.request = nil
	switch cseq, _ := m.CSeq(); {
	case answer == nil:
		r.Respond(&sip.Response{Status: 488})
	case m.Method() == sip.INVITE:
		c.acceptLocked(r, cseq.Number, answer)
	default:
		r.Respond(&sip.Response{Status: 200, Header: c.responseHeader(), ContentType: typeOf(answer), Body: answer})
	}
}

// facing is the direction that answers an offered one (RFC 3264 §6.1).
func facing(sdp string) string {
	switch {
	case strings.Contains(sdp, "a=sendonly"):
		return "recvonly"
	case strings.Contains(sdp, "a=recvonly"):
		return "sendonly"
	case strings.Contains(sdp, "a=inactive"):
		return "inactive"
	}
	return "sendrecv"
}

// pracked takes a PRACK (RFC 3262 §3).
func (c *Call) pracked(r *transaction.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	seq, _, _ := strings.Cut(string(r.Message.Other("RAck")), " ")
	if c.in.early == nil || c.in.early.over || seq != decimal(c.in.rseq) {
		r.Respond(&sip.Response{Status: 481})
		return
	}
	c.in.early.stop()
	r.Respond(&sip.Response{Status: 200})
}

// Message sends a text to somebody (RFC 3428 §4); a refusal is a *StatusError.
func (a *Agent) Message(ctx context.Context, to, text string) error {
	of, err := parseAddress(to)
	if err != nil {
		return err
	}
	m, err := a.Do(ctx, sip.Request{Method: sip.MESSAGE, URI: of.uri, ContentType: "text/plain", Body: []byte(text)})
	if err != nil {
		return err
	}
	return asError(m)
}
