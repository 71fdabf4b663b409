package ua

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"strings"

	"lamplight/sip"
	"lamplight/sip/transaction"
)

func decimal(n uint32) string { return strconv.FormatUint(uint64(n), 10) }

// Refer asks the other side to call somebody in place of this call (RFC 3515
// §2.4.1), with more header lines. A target may have a Replaces header in its URI:
// then that call's place is taken (RFC 5589 §7). How it goes is told by events; a
// refusal is a *StatusError.
func (c *Call) Refer(ctx context.Context, target string, lines ...string) error {
	if !clean(target) || strings.ContainsAny(target, "<>") {
		return errLineBreak
	}
	h := header(nil).add(sip.ReferTo, "<"+target+">").add(sip.ReferredBy, "<"+c.agent.user.uri+">").add(sip.Contact, c.agent.contactValue())
	for _, l := range lines {
		h = append(h, l+"\r\n"...)
	}
	m, err := c.Do(ctx, sip.Request{Method: sip.REFER, Header: h})
	if err != nil {
		return err
	}
	return asError(m)
}

// ReferTo is the URI that has others take a call's place: its other side's
// target, with a Replaces header (RFC 5589 §7.2).
func (c *Call) ReferTo() string {
	d := c.Dialog()
	u, err := sip.ParseNameAddr([]byte(d.Remote))
	target := d.Target
	if err == nil {
		target = string(u.URI)
	}
	return target + "?Replaces=" + url.QueryEscape(c.Replaces())
}

// notified takes a NOTIFY of what a REFER leads to (RFC 3515 §2.4.5): a Status-Line
// as the body.
func (c *Call) notified(r *transaction.Request) {
	m := copyOf(&r.Message)
	event, err := m.Event()
	state, stateErr := m.SubscriptionState()
	if err != nil || string(event.Package) != "refer" || stateErr != nil {
		r.Respond(&sip.Response{Status: 489})
		return
	}
	r.Respond(&sip.Response{Status: 200})
	c.mu.Lock()
	defer c.mu.Unlock()
	e := CallEvent{What: Transferring, Status: FragStatus(m.Body()), Message: m}
	if state.State == sip.Terminated {
		e.What = TransferEnded
	}
	c.tellLocked(e)
}

// FragStatus is the status of a message/sipfrag body (RFC 3420 §2); 0: none.
func FragStatus(body []byte) int {
	rest, ok := strings.CutPrefix(string(body), "SIP/2.0 ")
	if !ok || len(rest) < 3 {
		return 0
	}
	n, err := strconv.Atoi(rest[:3])
	if err != nil {
		return 0
	}
	return n
}

// Referral is a REFER that came inside a call.
type Referral struct {
	Call       *Call
	Target     string // the URI, without its headers
	Replaces   string // the value of Replaces that its URI has; "": none
	ReferredBy string
	Message    *sip.Message
}

var errReferTo = errors.New("ua: a Refer-To that cannot be followed")

// referred takes a REFER (RFC 3515 §2.4.2).
func (c *Call) referred(r *transaction.Request) {
	m := copyOf(&r.Message)
	ref, err := c.referral(m)
	switch {
	case c.agent.o.OnRefer == nil:
		r.Respond(&sip.Response{Status: 603})
		return
	case err != nil:
		r.Respond(&sip.Response{Status: 400, Reason: "Malformed Refer-To"})
		return
	}
	r.Respond(&sip.Response{Status: 202, Header: header(nil).add(sip.Contact, c.agent.contactValue())})
	c.agent.o.OnRefer(ref)
}

func (c *Call) referral(m *sip.Message) (Referral, error) {
	n, err := sip.ParseNameAddr(m.Value(sip.ReferTo))
	if err != nil {
		return Referral{}, errReferTo
	}
	u, err := n.ParseURI()
	if err != nil {
		return Referral{}, errReferTo
	}
	ref := Referral{Call: c, ReferredBy: string(m.Value(sip.ReferredBy)), Message: m}
	for h := range strings.SplitSeq(string(u.Headers), "&") {
		name, value, _ := strings.Cut(h, "=")
		if strings.EqualFold(name, "Replaces") {
			if ref.Replaces, err = url.PathUnescape(value); err != nil || !clean(ref.Replaces) {
				return Referral{}, errReferTo
			}
		}
	}
	u.Headers = nil
	ref.Target = u.String()
	return ref, nil
}

// Follow calls whom the REFER names, and tells its sender how that goes until the
// call is answered or has ended. It returns when the INVITE was sent.
func (r Referral) Follow(o InviteOptions) (*Call, error) {
	h := header(nil)
	if r.Replaces != "" {
		h = h.add(sip.Replaces, r.Replaces)
	}
	if r.ReferredBy != "" {
		h = h.add(sip.ReferredBy, r.ReferredBy)
	}
	o.Header = append(h, o.Header...)
	c, err := r.Call.agent.Invite(r.Target, o)
	if err != nil {
		r.Call.agent.after(0, func(ctx context.Context) { r.tell(ctx, 503, true) })
		return nil, err
	}
	r.Call.agent.after(0, func(ctx context.Context) { r.report(ctx, c) })
	return c, nil
}

// report sends the NOTIFYs of a call that was made for a REFER.
func (r Referral) report(ctx context.Context, c *Call) {
	r.tell(ctx, 100, false)
	if c.Wait(ctx, Ringing) == nil && c.State() == Ringing {
		r.tell(ctx, 180, false)
	}
	status := 200
	if c.Wait(ctx, Confirmed) != nil {
		if status = c.Ending().Code; status < 300 {
			status = 503
		}
	}
	r.tell(ctx, status, true)
}

func (r Referral) tell(ctx context.Context, status int, last bool) {
	c := r.Call
	state := "active;expires=60"
	if last {
		state = "terminated;reason=noresource"
	}
	c.mu.Lock()
	req := c.requestLocked(sip.NOTIFY)
	c.mu.Unlock()
	cseq, _ := r.Message.CSeq()
	req.Header = header(nil).add(sip.Event, "refer;id="+decimal(cseq.Number)).add(sip.SubscriptionState, state).add(sip.Contact, c.agent.contactValue())
	req.ContentType = "message/sipfrag;version=2.0"
	req.Body = []byte("SIP/2.0 " + strconv.Itoa(status) + " " + sip.StatusText(status) + "\r\n")
	_, err := c.agent.do(ctx, &req)
	c.mu.Lock()
	c.cseq = max(c.cseq, req.CSeq) // a challenge took another
	c.mu.Unlock()
	if err != nil {
		c.agent.log.Warn("how a transfer goes was not told", "error", err)
	}
}
