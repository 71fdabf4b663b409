package ua

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"lamplight/sip"
	"lamplight/sip/transaction"
)

// ErrAnswered says that a call that came has its final response already.
var ErrAnswered = errors.New("ua: the call was answered already")

// incoming is what a call that came has: guarded by its mutex.
type incoming struct {
	request *transaction.Request // the INVITE while it has no final response
	invite  *sip.Message
	ok      *repetition // the 2xx, until its ACK
	okCSeq  uint32      // of the INVITE that it answers
	early   *repetition // the reliable provisional response, until its PRACK
	rseq    uint32
}

func (i *incoming) stop() { i.ok.stop(); i.early.stop() }

// repetition says something again and again, as its user has to (RFC 3261
// §13.3.1.4, RFC 3262 §3).
type repetition struct {
	timer *time.Timer
	over  bool
	done  chan struct{} // closed when it is over
}

func (r *repetition) stop() {
	if r != nil && !r.over {
		r.over = true
		r.timer.Stop()
		close(r.done)
	}
}

// repeat says something after T1, then after twice as long each time up to a
// limit, for 64*T1; then it gives up. The call's mutex guards it.
func (c *Call) repeat(limit time.Duration, say, giveUp func()) *repetition {
	r := &repetition{done: make(chan struct{})}
	began, wait := time.Now(), transaction.T1
	var again func(context.Context)
	again = func(context.Context) {
		c.mu.Lock()
		over := r.over
		late := time.Since(began)+wait > 64*transaction.T1
		switch {
		case over:
		case late:
			r.stop()
		default:
			wait = min(2*wait, limit)
			r.timer = c.agent.after(wait, again)
		}
		c.mu.Unlock()
		switch {
		case over:
		case late:
			giveUp()
		default:
			say()
		}
	}
	r.timer = c.agent.after(wait, again)
	return r
}

// methods are what an agent takes.
func (a *Agent) methods() string {
	if a.o.OnCall == nil {
		return "NOTIFY, OPTIONS"
	}
	m := "INVITE, ACK, CANCEL, BYE, OPTIONS, NOTIFY, UPDATE, PRACK, INFO"
	if a.o.OnRefer != nil {
		m += ", REFER"
	}
	if a.o.OnMessage != nil {
		m += ", MESSAGE"
	}
	return m
}

// invited takes an INVITE that begins a call.
func (a *Agent) invited(r *transaction.Request) {
	if a.merged(&r.Message) { // RFC 3261 §8.2.2.2
		r.RespondStateless(&sip.Response{Status: 482})
		return
	}
	tag := sip.NewTag()
	m := copyOf(&r.Message)
	d, err := sip.NewUASDialog(m, tag)
	if err != nil || !isURI(d.Target) {
		r.RespondStateless(&sip.Response{Status: 400, Reason: "Malformed Contact"})
		return
	}
	for option := range m.Elements(sip.Require) {
		if !strings.EqualFold(string(option), "100rel") && !strings.EqualFold(string(option), "replaces") {
			r.RespondStateless(&sip.Response{Status: 420, ToTag: tag, Header: header(nil).add(sip.Unsupported, string(option))})
			return
		}
	}
	replaced, status := a.replaces(m)
	if status != 0 {
		r.Respond(&sip.Response{Status: status, ToTag: tag})
		return
	}
	c := a.newCall(d.CallID, tag)
	c.incoming, c.dialog, c.cseq, c.replace, c.body = true, d, firstCSeq(), replaced, m.Body()
	c.in.request, c.in.invite = r, m
	if a.addCall(c) != nil {
		r.Drop()
		return
	}
	a.o.OnCall(c)
}

// merged tells whether an INVITE came by another way before.
func (a *Agent) merged(m *sip.Message) bool {
	from, _ := m.From()
	cseq, _ := m.CSeq()
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, c := range a.calls {
		if !c.incoming || c.callID != string(m.CallID()) {
			continue
		}
		theirs, _ := c.in.invite.From()
		if n, _ := c.in.invite.CSeq(); string(theirs.Tag()) == string(from.Tag()) && n.Number == cseq.Number {
			return true
		}
	}
	return false
}

// replaces finds the call whose place an INVITE is to take, or the status that
// refuses it (RFC 3891 §3).
func (a *Agent) replaces(m *sip.Message) (*Call, int) {
	if !m.Has(sip.Replaces) {
		return nil, 0
	}
	id, params, _ := strings.Cut(string(m.Value(sip.Replaces)), ";")
	p := sip.Params(";" + params)
	to, _ := p.Get("to-tag")
	from, _ := p.Get("from-tag")
	_, early := p.Get("early-only")
	a.mu.Lock()
	c := a.calls[usageKey(strings.TrimSpace(id), string(to))]
	a.mu.Unlock()
	if c == nil {
		return nil, 481
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.dialog.RemoteTag != string(from):
		return nil, 481
	case c.state == Ended:
		return nil, 603
	case c.state == Confirmed && early:
		return nil, 486
	case c.state < Confirmed && c.incoming: // an early dialog that the other side began
		return nil, 481
	}
	return c, 0
}

// Invitation is the INVITE that a call came by; nil for one that was made.
func (c *Call) Invitation() *sip.Message { return c.in.invite }

// Replaced is the call that ends when this one is answered; nil: none.
func (c *Call) Replaced() *Call { return c.replace }

// Ring says 180.
func (c *Call) Ring() error { return c.Progress(180, nil, false) }

// Progress says a provisional response to a call that came; reliably, where the
// caller supports it: then it is said again until its PRACK comes (RFC 3262 §3).
func (c *Call) Progress(status int, body []byte, reliable bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.in.request
	if r == nil {
		return ErrAnswered
	}
	resp := &sip.Response{Status: status, ToTag: c.tag, Header: c.responseHeader(), ContentType: typeOf(body), Body: body}
	reliable = reliable && (lists(c.in.invite, sip.Supported, "100rel") || requires(c.in.invite, "100rel"))
	if reliable {
		c.in.rseq++
		resp.Header = append(resp.Header, "Require: 100rel\r\nRSeq: "+strconv.FormatUint(uint64(c.in.rseq), 10)+"\r\n"...)
		c.in.early.stop()
		c.in.early = c.repeat(64*transaction.T1, func() { r.Respond(resp) }, func() { _ = c.Reject(504) })
	}
	r.Respond(resp)
	c.toLocked(Ringing)
	return nil
}

func (c *Call) responseHeader() header {
	return header(nil).add(sip.Contact, c.agent.contactValue()).add(sip.Allow, c.agent.methods()).add(sip.Supported, "replaces, 100rel")
}

// Answer says 200 with a session description, again and again until the ACK
// comes; where none comes the call ends (RFC 3261 §13.3.1.4). A call that it
// replaces is ended.
func (c *Call) Answer(body []byte) error {
	c.mu.Lock()
	r, old := c.in.request, c.replace
	if r == nil {
		c.mu.Unlock()
		return ErrAnswered
	}
	c.in.request = nil
	c.in.early.stop()
	cseq, _ := c.in.invite.CSeq()
	c.acceptLocked(r, cseq.Number, body)
	c.tellLocked(CallEvent{What: Answered, Status: 200})
	c.toLocked(Confirmed)
	c.mu.Unlock()
	if old != nil {
		c.agent.after(0, func(ctx context.Context) { _ = old.Hangup(ctx) }) // it is over, whatever is said
	}
	return nil
}

// acceptLocked answers an INVITE by 200.
func (c *Call) acceptLocked(r *transaction.Request, cseq uint32, body []byte) {
	resp := &sip.Response{Status: 200, ToTag: c.tag, Header: c.responseHeader(), ContentType: typeOf(body), Body: body}
	c.in.okCSeq = cseq
	c.in.ok.stop()
	c.in.ok = c.repeat(transaction.T2, func() { r.Respond(resp) }, func() {
		c.agent.after(0, func(ctx context.Context) { _ = c.bye(ctx, nil) })
	})
	r.Respond(resp)
}

// Reject refuses a call that came, by a status from 300 on, with more header
// lines.
func (c *Call) Reject(status int, lines ...string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.refuseLocked(status, false, lines...)
}

func (c *Call) refuseLocked(status int, remote bool, lines ...string) error {
	r := c.in.request
	if r == nil {
		return ErrAnswered
	}
	c.in.request = nil
	resp := &sip.Response{Status: status, ToTag: c.tag}
	for _, l := range lines {
		resp.Header = append(resp.Header, l+"\r\n"...)
	}
	r.Respond(resp)
	c.endLocked(Ending{Code: status, Reason: sip.StatusText(status), Remote: remote}, nil)
	return nil
}

// cancelled takes a CANCEL (RFC 3261 §9.2).
func (a *Agent) cancelled(r *transaction.Request) {
	invite := r.Cancels()
	if invite == nil && !r.CancelsAnother() {
		r.Respond(&sip.Response{Status: 481})
		return
	}
	c := a.callOf(invite)
	reason := reasonOf(&r.Message)
	resp := &sip.Response{Status: 200}
	if c != nil {
		resp.ToTag = c.tag
	}
	r.Respond(resp)
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refuseLocked(487, true) == nil && reason != "" {
		c.ending.Reason = reason
	}
}

// callOf is the call that an INVITE under way began.
func (a *Agent) callOf(r *transaction.Request) *Call {
	if r == nil {
		return nil
	}
	a.mu.Lock()
	var all []*Call
	for _, c := range a.calls {
		all = append(all, c)
	}
	a.mu.Unlock()
	for _, c := range all {
		c.mu.Lock()
		found := c.in.request == r
		c.mu.Unlock()
		if found {
			return c
		}
	}
	return nil
}
