package ua

import (
	"bytes"
	"context"
	"strconv"
	"strings"

	"lamplight/sip"
	"lamplight/sip/transaction"
)

// InviteOptions say how to call.
type InviteOptions struct {
	Body     []byte // the session description; nil: the other side offers
	Header   []byte // more header fields, such as Replaces: whole lines, each with its CRLF
	Reliable bool   // 100rel is supported: provisional responses that want a PRACK get it (RFC 3262 §4)

	From    string              // the name-addr that From has in place of the agent's; "": its own
	OnOffer func([]byte) []byte // answers what the other side offers later, with its answer or nil to refuse; it may wait. nil: the agent does

	// ACK is the body of the ACK for a 2xx, by the response; nil: none. It may not
	// use the call. With WaitACK the ACK waits for Acknowledge.
	ACK     func(*sip.Message) []byte
	WaitACK bool
}

// outgoing is what a call that was made has: guarded by its mutex.
type outgoing struct {
	o          InviteOptions
	request    sip.Request
	sent       transaction.Sent
	challenged map[int]int
	cancelled  bool
	reason     []byte // of the CANCEL
	reliable   map[string]uint32
}

// Invite calls somebody, and returns when the INVITE was sent.
func (a *Agent) Invite(to string, o InviteOptions) (*Call, error) {
	of, err := parseAddress(to)
	if err != nil {
		return nil, err
	}
	if !clean(o.From) {
		return nil, errLineBreak
	}
	from := o.From
	if from == "" {
		from = a.user.nameAddr(a.o.Display)
	}
	c := a.newCall(sip.NewCallID(), sip.NewTag())
	c.cseq = firstCSeq()
	h := header(nil).add(sip.Contact, a.contactValue()).add(sip.Allow, a.methods())
	supported := "replaces"
	if o.Reliable {
		supported = "replaces, 100rel"
	}
	h = append(h.add(sip.Supported, supported), o.Header...)
	c.out = outgoing{o: o, challenged: map[int]int{}, reliable: map[string]uint32{},
		request: sip.Request{Method: sip.INVITE, URI: of.uri, From: from + ";tag=" + c.tag, To: "<" + of.uri + ">",
			CallID: c.callID, CSeq: c.cseq, Header: h, ContentType: typeOf(o.Body), Body: o.Body}}
	if err := a.addCall(c); err != nil {
		return nil, err
	}
	if err := c.send(); err != nil {
		c.end(Ending{Err: err}, nil)
		return nil, err
	}
	return c, nil
}

// send sends the INVITE, the first time or with an answer to a challenge.
func (c *Call) send() error {
	c.mu.Lock()
	r := c.out.request
	c.mu.Unlock()
	sent, err := c.agent.invite(r, inviting{c, r})
	if err != nil {
		return err
	}
	c.mu.Lock()
	if c.out.request.CSeq == r.CSeq { // else it was challenged, and another was sent meanwhile
		c.out.sent = sent
	}
	cancelled, reason := c.out.cancelled, c.out.reason
	c.mu.Unlock()
	if cancelled {
		sent.Cancel(reason)
	}
	return nil
}

// invite begins an INVITE's transaction.
func (a *Agent) invite(r sip.Request, x transaction.Exchange) (transaction.Sent, error) {
	r.Header = a.headerOf(&r)
	flow, err := a.way()
	if err != nil {
		return transaction.Sent{}, domain(err)
	}
	sent, err := a.layer.Invite(flow, &r, x)
	return sent, domain(err)
}

// cancel cancels the INVITE, now or as soon as it may be.
func (c *Call) cancel(reason []byte) {
	c.mu.Lock()
	c.out.cancelled, c.out.reason = true, reason
	sent := c.out.sent
	c.mu.Unlock()
	sent.Cancel(reason)
}

// inviting is the exchange of a call's first INVITE.
type inviting struct {
	call    *Call
	request sip.Request
}

func (x inviting) Failed(err error) { x.call.end(Ending{Err: domain(err)}, nil) }

func (x inviting) Provisional(m *sip.Message) {
	c := x.call
	to, err := m.To()
	if m.Status() == 100 || err != nil || len(to.Tag()) == 0 {
		return
	}
	m = copyOf(m)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state >= Confirmed {
		return
	}
	d, err := sip.NewUACDialog(m)
	if err == nil && isURI(d.Target) {
		c.dialog = d // of the branch that was heard last
		c.pracks(m, d)
	}
	if len(m.Body()) > 0 {
		c.body = m.Body()
	}
	c.tellLocked(CallEvent{What: Progressed, Status: m.Status(), Message: m})
	c.toLocked(Ringing)
}

// pracks acknowledges a provisional response that asks for it, once (RFC 3262
// §4).
func (c *Call) pracks(m *sip.Message, d sip.Dialog) {
	seq, err := strconv.ParseUint(string(m.Other("RSeq")), 10, 32)
	if err != nil || !requires(m, "100rel") || uint32(seq) <= c.out.reliable[d.RemoteTag] {
		return
	}
	c.out.reliable[d.RemoteTag] = uint32(seq)
	c.cseq++
	req := d.Request(sip.PRACK, c.cseq)
	cseq, _ := m.CSeq()
	req.Header = []byte("RAck: " + strconv.FormatUint(seq, 10) + " " + strconv.FormatUint(uint64(cseq.Number), 10) + " INVITE\r\n")
	c.agent.after(0, func(ctx context.Context) {
		if _, err := c.agent.do(ctx, &req); err != nil {
			c.agent.log.Warn("a PRACK was not answered", "error", err)
		}
	})
}

// requires tells whether a message has an option tag in Require.
func requires(m *sip.Message, tag string) bool { return lists(m, sip.Require, tag) }

func lists(m *sip.Message, h sip.Header, tag string) bool {
	for e := range m.Elements(h) {
		if strings.EqualFold(string(e), tag) {
			return true
		}
	}
	return false
}

func (x inviting) Response(m *sip.Message) {
	m = copyOf(m)
	c := x.call
	switch {
	case m.Status() < 300:
		c.answered(m, x.request)
	case c.again(m):
		if err := c.send(); err != nil {
			c.end(Ending{Err: err}, nil)
		}
	default:
		c.end(Ending{Code: m.Status(), Reason: reasonOf(m), Remote: true}, m)
	}
}

// again prepares the INVITE that answers a challenge.
func (c *Call) again(m *sip.Message) bool {
	if m.Status() != 401 && m.Status() != 407 {
		return false
	}
	again, stale := c.agent.digest.challenged(m)
	c.mu.Lock()
	defer c.mu.Unlock()
	tries := c.out.challenged[m.Status()]
	if !again || c.out.cancelled || tries > 1 || tries == 1 && !stale {
		return false
	}
	c.out.challenged[m.Status()]++
	c.cseq++
	c.out.request.CSeq = c.cseq
	return true
}

// answered takes a 2xx. The first confirms the call; one sent again has its ACK
// sent again; one of another branch is acknowledged and hung up (RFC 3261
// §13.2.2.4).
func (c *Call) answered(m *sip.Message, invite sip.Request) {
	to, _ := m.To()
	tag := string(to.Tag())
	c.mu.Lock()
	defer c.mu.Unlock()
	ack, known := c.acks[tag]
	if known {
		c.agent.sendACK(ack)
		return
	}
	d, err := sip.NewUACDialog(m)
	if err != nil || !isURI(d.Target) {
		return // a 2xx without a target cannot be acknowledged
	}
	first := c.state < Confirmed
	if first {
		c.dialog = d
		if len(m.Body()) > 0 {
			c.body = m.Body()
		}
	}
	ack = c.agent.ackOf(d, invite)
	switch {
	case c.dialog.RemoteTag != tag:
		c.ackLocked(ack)
		c.hangUpBranch(ack)
		return
	case !c.out.o.WaitACK || c.out.cancelled || c.state == Ended:
		if c.out.o.ACK != nil {
			ack.Body = c.out.o.ACK(m)
			ack.ContentType = typeOf(ack.Body)
		}
		c.ackLocked(ack) // before anybody learns that there is something to hang up
	}
	if first {
		c.tellLocked(CallEvent{What: Answered, Status: m.Status(), Message: m})
		c.toLocked(Confirmed)
		if c.out.cancelled {
			c.agent.after(0, func(ctx context.Context) { _ = c.bye(ctx, nil) }) // ended, whatever is said
		}
	}
}

func (c *Call) ackLocked(ack sip.Request) {
	n, _ := sip.ParseNameAddr([]byte(ack.To)) // ours
	c.acks[string(n.Tag())] = ack
	c.agent.sendACK(ack)
}

// hangUpBranch says BYE in the dialog of an ACK.
func (c *Call) hangUpBranch(ack sip.Request) {
	bye := ack
	bye.Method, bye.CSeq, bye.Body, bye.ContentType, bye.Header = sip.BYE, ack.CSeq+1, nil, "", nil
	c.agent.after(0, func(ctx context.Context) { _, _ = c.agent.do(ctx, &bye) })
}

// ackOf is the ACK of a 2xx: with the INVITE's number and its credentials (RFC
// 3261 §13.2.2.4, §22.1).
func (a *Agent) ackOf(d sip.Dialog, invite sip.Request) sip.Request {
	r := d.Request(sip.ACK, invite.CSeq)
	r.Header = a.digest.answers(sip.INVITE, invite.URI)
	return r
}

func (a *Agent) sendACK(r sip.Request) {
	r.Header = append(bytes.Clone(r.Header), a.o.Header...)
	flow, err := a.way()
	if err == nil {
		err = a.layer.SendACK(flow, &r)
	}
	if err != nil {
		a.log.Warn("an ACK was not sent", "error", err) // the 2xx comes again
	}
}

// Acknowledge sends the ACK of a call that was made with WaitACK.
func (c *Call) Acknowledge(body []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state != Confirmed {
		return c.ending.error()
	}
	if _, known := c.acks[c.dialog.RemoteTag]; !known {
		ack := c.agent.ackOf(c.dialog, c.out.request)
		ack.Body, ack.ContentType = body, typeOf(body)
		c.ackLocked(ack)
	}
	return nil
}

// Reinvite offers a changed session, such as SDP("sendonly") for hold, and
// returns the answer's body. A call that is not there any more has ended (RFC
// 3261 §14.1).
func (c *Call) Reinvite(ctx context.Context, sdp []byte) ([]byte, error) {
	if err := c.gate.enter(ctx); err != nil {
		return nil, err
	}
	defer c.gate.leave()
	h := header(nil).add(sip.Contact, c.agent.contactValue()).add(sip.Allow, c.agent.methods()).add(sip.Supported, "replaces")
	answered := map[int]int{}
	for {
		c.mu.Lock()
		if c.state != Confirmed {
			ending := c.ending
			c.mu.Unlock()
			return nil, ending.error()
		}
		req := c.requestLocked(sip.INVITE)
		c.mu.Unlock()
		req.Header, req.ContentType, req.Body = h, typeOf(sdp), sdp
		x := &reinviting{exchange: make(exchange, 1), call: c, request: req}
		if _, err := c.agent.invite(req, x); err != nil {
			return nil, err
		}
		m, err := x.wait(ctx)
		if err != nil {
			c.failed(err, nil)
			return nil, err
		}
		if m.Status() == 401 || m.Status() == 407 {
			if again, stale := c.agent.digest.challenged(m); again && (answered[m.Status()] == 0 || stale && answered[m.Status()] == 1) {
				answered[m.Status()]++
				continue
			}
		}
		c.failed(nil, m)
		if err := asError(m); err != nil {
			return nil, err
		}
		c.refresh(m)
		return m.Body(), nil
	}
}

// failed ends a call that is not there any more.
func (c *Call) failed(err error, m *sip.Message) {
	switch {
	case err == transaction.ErrTimeout:
		c.end(Ending{Err: err}, nil)
	case m != nil && (m.Status() == 481 || m.Status() == 408):
		c.end(Ending{Code: m.Status(), Reason: reasonOf(m), Remote: true}, m)
	}
}

// reinviting is the exchange of an INVITE inside a dialog.
type reinviting struct {
	exchange
	call    *Call
	request sip.Request
}

func (x *reinviting) Response(m *sip.Message) {
	if m.Status() < 300 {
		ack := x.request
		ack.Method, ack.Body, ack.ContentType = sip.ACK, nil, ""
		ack.Header = x.call.agent.digest.answers(sip.INVITE, x.request.URI)
		x.call.agent.sendACK(ack)
	}
	x.exchange.Response(m)
}
