package ua

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"lamplight/sip"
	"lamplight/sip/transaction"
)

// CallState is how far a call has come; it only goes up.
type CallState int

// States of a call.
const (
	Calling   CallState = iota // an INVITE was sent, or has come
	Ringing                    // a provisional response with a To tag was: an early dialog
	Confirmed                  // it was answered
	Ended
)

func (s CallState) String() string {
	return [...]string{"calling", "ringing", "confirmed", "ended"}[s]
}

// ErrCallEnded says that a call has ended; Ending says why.
var ErrCallEnded = errors.New("ua: the call has ended")

// Ending is how a call ended.
type Ending struct {
	Code   int    // the final response that refused it; 0: there was none, it ended by a BYE or by Err
	Reason string // the other side's Reason header field, else the response's phrase
	Remote bool   // the other side ended it
	Err    error  // nil: by a message
}

// CallEvent is what happened in a call. Status is a response's; Message is the
// request or response that says it, nil where there is none.
type CallEvent struct {
	What    CallEventKind
	Status  int
	Message *sip.Message
}

// CallEventKind is a kind of CallEvent.
type CallEventKind int

// Kinds of CallEvent.
const (
	Progressed    CallEventKind = iota // a provisional response came
	Answered                           // the INVITE was answered by a 2xx
	Acknowledged                       // the ACK of our 2xx came
	Modified                           // the other side changed the session by a re-INVITE or an UPDATE: hold
	Transferring                       // a NOTIFY tells how a REFER of ours goes: Status
	TransferEnded                      // and that was the last word
	CallEnded
)

// maxEvents bounds the events that wait to be read; those that come then are
// dropped.
const maxEvents = 64

// Call is one call, made or taken. Its methods are safe for concurrent use.
type Call struct {
	agent       *Agent
	incoming    bool
	callID, tag string // ours
	gate        gate   // one request of ours that changes the session at a time
	events      chan CallEvent
	out         outgoing
	in          incoming

	mu      sync.Mutex
	changed chan struct{} // closed when the state goes up
	state   CallState
	ending  Ending
	dialog  sip.Dialog // zero before Ringing
	cseq    uint32     // of our last request
	acks    map[string]sip.Request
	replace *Call  // ended when this one is answered (RFC 3891 §3)
	body    []byte // of the other side's last offer or answer
}

func (a *Agent) newCall(callID, tag string) *Call {
	return &Call{agent: a, callID: callID, tag: tag, gate: newGate(), events: make(chan CallEvent, maxEvents),
		changed: make(chan struct{}), acks: map[string]sip.Request{}}
}

// addCall makes a call reachable by what belongs to it.
func (a *Agent) addCall(c *Call) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return ErrClosed
	}
	a.calls[usageKey(c.callID, c.tag)] = c
	return nil
}

// call is the call that a request inside a dialog belongs to.
func (a *Agent) call(m *sip.Message) *Call {
	to, err := m.To()
	if err != nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.calls[usageKey(string(m.CallID()), string(to.Tag()))]
}

// Incoming tells a call that came from one that was made.
func (c *Call) Incoming() bool { return c.incoming }

// CallID is the call's.
func (c *Call) CallID() string { return c.callID }

// State is how far the call has come.
func (c *Call) State() CallState {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// Ending is how the call ended, its zero value while it lasts.
func (c *Call) Ending() Ending {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ending
}

// Dialog is the call's dialog; its zero value where there is none yet.
func (c *Call) Dialog() sip.Dialog {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dialog
}

// RemoteBody is the last session description of the other side.
func (c *Call) RemoteBody() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.body
}

// Events are what happens in the call, in order. After CallEnded nothing comes
// but how a REFER goes; the channel is never closed.
func (c *Call) Events() <-chan CallEvent { return c.events }

// Wait waits until the call has come as far as a state. Where it ends before, the
// error is ErrCallEnded and says why.
func (c *Call) Wait(ctx context.Context, state CallState) error {
	for {
		c.mu.Lock()
		now, ending, changed := c.state, c.ending, c.changed
		c.mu.Unlock()
		switch {
		case now == Ended && state != Ended:
			return ending.error()
		case now >= state:
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (e Ending) error() error {
	switch {
	case e.Err != nil:
		return fmt.Errorf("%w: %w", ErrCallEnded, e.Err)
	case e.Code != 0:
		return fmt.Errorf("%w: %d %s", ErrCallEnded, e.Code, e.Reason)
	}
	return ErrCallEnded
}

// Replaces is the value of a Replaces header field that has another take this
// call's place at the other side (RFC 3891 §6.1).
func (c *Call) Replaces() string {
	d := c.Dialog()
	return d.CallID + ";to-tag=" + d.RemoteTag + ";from-tag=" + d.LocalTag
}

// toLocked raises the state.
func (c *Call) toLocked(s CallState) {
	if s <= c.state {
		return
	}
	c.state = s
	close(c.changed)
	c.changed = make(chan struct{})
}

func (c *Call) tellLocked(e CallEvent) {
	select {
	case c.events <- e:
	default:
		c.agent.log.Warn("nobody reads a call's events", "call", c.callID)
	}
}

// end ends the call for good; the first time counts.
func (c *Call) end(e Ending, m *sip.Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endLocked(e, m)
}

func (c *Call) endLocked(e Ending, m *sip.Message) {
	if c.state == Ended {
		return
	}
	c.ending = e
	c.tellLocked(CallEvent{What: CallEnded, Status: e.Code, Message: m})
	c.toLocked(Ended)
	c.in.stop()
	// What comes late is still this call's, to be answered as one that was.
	c.agent.after(64*transaction.T1, func(context.Context) { c.agent.dropCall(c) })
}

func (a *Agent) dropCall(c *Call) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.calls, usageKey(c.callID, c.tag))
}

// reasonOf is why the other side says that it ends a call.
func reasonOf(m *sip.Message) string {
	if v := m.Value(sip.Reason); v != nil {
		return string(v)
	}
	return string(m.ReasonPhrase())
}

// Hangup ends the call: by a BYE, or by a CANCEL of an INVITE that was not
// answered, or by refusing the one that came. It returns when the call has
// ended. A CANCEL may lose against a 2xx; then a BYE follows.
func (c *Call) Hangup(ctx context.Context) error {
	c.mu.Lock()
	state := c.state
	c.mu.Unlock()
	switch {
	case state == Ended:
		return nil
	case state == Confirmed:
		if err := c.settled(ctx); err != nil {
			return err
		}
		return c.bye(ctx, nil)
	case c.incoming:
		return c.Reject(603)
	}
	c.cancel(nil)
	return c.Wait(ctx, Ended)
}

// settled sees that there is an ACK, ours or that of our 2xx, or that it is given
// up: before, no BYE may be said (RFC 3261 §15).
func (c *Call) settled(ctx context.Context) error {
	if !c.incoming {
		_ = c.Acknowledge(nil) // one that has ended meanwhile needs none
	}
	c.mu.Lock()
	ok := c.in.ok
	c.mu.Unlock()
	if ok == nil {
		return nil
	}
	select {
	case <-ok.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// bye ends a dialog whether or not its BYE is answered (RFC 3261 §15.1.1).
func (c *Call) bye(ctx context.Context, header []byte) error {
	c.mu.Lock()
	req := c.requestLocked(sip.BYE)
	c.mu.Unlock()
	req.Header = header
	c.end(Ending{}, nil)
	_, err := c.agent.do(ctx, &req)
	return err
}

// requestLocked is the next request inside the dialog.
func (c *Call) requestLocked(method sip.Method) sip.Request {
	c.cseq++
	return c.dialog.Request(method, c.cseq)
}

// Do sends a request inside the dialog, such as OPTIONS, INFO or UPDATE, with r's
// method, header and body. The response may be any final one. After 481 and 408
// the call has ended (RFC 3261 §12.2.1.2).
func (c *Call) Do(ctx context.Context, r sip.Request) (*sip.Message, error) {
	if err := c.gate.enter(ctx); err != nil {
		return nil, err
	}
	defer c.gate.leave()
	c.mu.Lock()
	if c.state == Ended || c.dialog.CallID == "" {
		ending := c.ending
		c.mu.Unlock()
		return nil, ending.error()
	}
	req := c.requestLocked(r.Method)
	c.mu.Unlock()
	req.Header, req.ContentType, req.Body = r.Header, r.ContentType, r.Body
	m, err := c.agent.do(ctx, &req)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cseq = max(c.cseq, req.CSeq) // a challenge took another
	switch {
	case errors.Is(err, transaction.ErrTimeout):
		c.endLocked(Ending{Err: err}, nil)
	case err == nil && (m.Status() == 481 || m.Status() == 408):
		c.endLocked(Ending{Code: m.Status(), Reason: reasonOf(m), Remote: true}, m)
	}
	return m, err
}

// Update offers a changed session by UPDATE (RFC 3311 §5.1), and returns the
// answer's body.
func (c *Call) Update(ctx context.Context, sdp []byte) ([]byte, error) {
	m, err := c.Do(ctx, sip.Request{Method: sip.UPDATE, Header: header(nil).add(sip.Contact, c.agent.contactValue()), ContentType: typeOf(sdp), Body: sdp})
	if err == nil {
		err = asError(m)
	}
	if err != nil {
		return nil, err
	}
	c.refresh(m)
	return m.Body(), nil
}

// refresh takes the other side's target and session description from a message
// (RFC 3261 §12.2.1.2, RFC 3311 §5.1).
func (c *Call) refresh(m *sip.Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refreshLocked(m)
}

func (c *Call) refreshLocked(m *sip.Message) {
	if n, err := sip.ParseNameAddr(m.Value(sip.Contact)); err == nil && isURI(string(n.URI)) {
		c.dialog.Target = string(n.URI)
	}
	if len(m.Body()) > 0 {
		c.body = m.Body()
	}
}

// SessionType is the type of session descriptions.
const SessionType = "application/sdp"

func typeOf(body []byte) string {
	if len(body) == 0 {
		return ""
	}
	return SessionType
}

// SDP is a session description for whoever has no media of his own: one audio
// stream that leads to the discard port, in a direction such as "sendrecv", or
// "sendonly" for a call on hold (RFC 4566 §6).
func SDP(direction string) []byte {
	return fmt.Appendf(nil, "v=0\r\no=- 1 %d IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0 8\r\na=%s\r\n", time.Now().UnixNano(), direction)
}
