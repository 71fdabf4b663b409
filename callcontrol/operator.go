package callcontrol

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"lamplight/body/dialoginfo"
	"lamplight/event"
	"lamplight/sip"
	"lamplight/sip/transaction"
	"lamplight/sip/ua"
)

// PickUp takes a call that rings at somebody over to an operator: the operator's
// phone is called, and has to take the ringing phone's place at the caller (RFC
// 3891 §3, RFC 5589 §7). callID names the call; "": any that rings. It goes on like
// Call.
func (c *Control) PickUp(ctx context.Context, operator, at event.AoR, callID string, tell func(Event)) error {
	d, ok := find(c.o.People.Dialogs(at, operator), callID, func(d *dialoginfo.Dialog) bool {
		return d.Direction == dialoginfo.Recipient && (d.State == dialoginfo.Early || d.State == dialoginfo.Proceeding)
	})
	if !ok {
		return told(ErrNoCall, tell)
	}
	caller := Party{URI: cmp.Or(d.Remote.Target, d.Remote.Identity), Name: d.Remote.Display}
	replaces := d.CallID + ";to-tag=" + d.RemoteTag + ";from-tag=" + d.LocalTag + ";early-only"
	if !clean(caller.URI) || !clean(replaces) {
		return told(ErrNoCall, tell)
	}
	if known, err := c.o.People.Target(operator, d.Remote.Identity); err == nil {
		caller.AoR, caller.Name = known.AoR, cmp.Or(caller.Name, known.Name)
	}
	return c.make(ctx, &session{control: c, user: c.o.People.User(operator), target: caller, replaces: replaces, tell: tell})
}

// find is the first dialog that is whole, and fits.
func find(list []dialoginfo.Dialog, callID string, fits func(*dialoginfo.Dialog) bool) (dialoginfo.Dialog, bool) {
	for _, d := range list {
		whole := d.CallID != "" && d.LocalTag != "" && d.RemoteTag != ""
		if whole && (callID == "" || callID == d.CallID) && fits(&d) {
			return d, true
		}
	}
	return dialoginfo.Dialog{}, false
}

// clean tells whether what somebody has published may stand in a header field.
func clean(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '<' || r == '>' || r == '"' })
}

// Transfer has the phone of a user who talks call another in place of that call:
// by a REFER outside of the call that names it by Target-Dialog (RFC 4538 §3). A
// phone that does not take that says why; then nothing has changed.
func (c *Control) Transfer(ctx context.Context, operator, of event.AoR, callID, target string) error {
	if err := c.enter(); err != nil {
		return err
	}
	defer c.leave()
	to, err := c.o.People.Target(operator, target)
	if err != nil {
		return err
	}
	d, ok := find(c.o.People.Dialogs(of, operator), callID, func(d *dialoginfo.Dialog) bool { return d.State == dialoginfo.Confirmed })
	if !ok || !clean(d.CallID) || !clean(d.LocalTag) || !clean(d.RemoteTag) || d.Local.Target != "" && !clean(d.Local.Target) {
		return ErrNoCall
	}
	ctx, cancel := context.WithTimeout(ctx, referredIn)
	defer cancel()
	defer context.AfterFunc(c.ctx, cancel)()
	return c.referOutside(ctx, c.o.People.User(operator), c.o.People.User(of), &d, &to)
}

func (c *Control) referOutside(ctx context.Context, by, of Party, d *dialoginfo.Dialog, to *Party) error {
	id, reports := sip.NewCallID(), make(chan report, 16)
	c.mu.Lock()
	c.refers[id] = reports
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.refers, id)
	}()
	m, err := c.agent.Do(ctx, sip.Request{Method: sip.REFER, URI: cmp.Or(d.Local.Target, of.URI), To: of.nameAddr(), CallID: id,
		From: by.nameAddr() + ";tag=" + sip.NewTag(), Header: []byte("P-Asserted-Identity: " + by.nameAddr() + "\r\nRefer-To: <" + to.URI + ">\r\nReferred-By: <" + by.URI + ">\r\n" +
			"Target-Dialog: " + d.CallID + ";local-tag=" + d.LocalTag + ";remote-tag=" + d.RemoteTag + "\r\nRequire: tdialog\r\nContact: <" + c.agent.Contact() + ">\r\n")})
	phone := of.name() + "'s phone"
	switch {
	case errors.Is(err, transaction.ErrTimeout):
		return failure(phone, 408, "")
	case err != nil:
		return err
	case m.Status() >= 300:
		return transferRefused(phone, m)
	}
	for {
		select {
		case r := <-reports:
			switch {
			case r.status >= 300:
				return failure(to.name(), r.status, r.reason)
			case r.status >= 200:
				return nil
			}
		case <-ctx.Done(): // it said that it does it, and no more
			return nil
		}
	}
}

// transferRefused words why a phone transfers nothing.
func transferRefused(phone string, m *sip.Message) *Failure {
	f := &Failure{Code: m.Status()}
	switch m.Status() {
	case 405, 420, 501:
		f.Text = phone + " cannot be told to transfer a call"
	case 403, 603:
		f.Text = phone + " lets nobody else transfer its calls"
	case 480, 404:
		f.Text = phone + " cannot be reached"
	case 481:
		f.Text = phone + " knows of no such call"
	default:
		f.Text = failure(phone, m.Status(), string(m.ReasonPhrase())).Text
	}
	return f
}

// reported takes the NOTIFYs of transfers (RFC 3515 §2.4.4), which belong to no
// call of the agent's.
func (c *Control) reported(r *transaction.Request) bool {
	m := &r.Message
	if m.Method() != sip.NOTIFY || m.Validate() != nil {
		return false
	}
	c.mu.Lock()
	reports := c.refers[string(m.CallID())]
	c.mu.Unlock()
	if reports == nil {
		return false
	}
	select {
	case reports <- report{status: ua.FragStatus(m.Body())}:
	default: // more than anybody has to say
	}
	r.Respond(&sip.Response{Status: 200})
	return true
}
