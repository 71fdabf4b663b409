package ua

import (
	"context"
	"errors"
	"strconv"
	"time"

	"lamplight/sip"
)

// registration is the binding of the agent's contact. All REGISTERs of one user
// agent have the same Call-ID and rising CSeqs (RFC 3261 §10.2).
type registration struct {
	agent  *Agent
	gate   gate
	callID string
	from   string
	keeper keeper

	// What the gate guards.
	cseq    uint32
	expires time.Duration // what is asked for; 0: it is not kept
}

func newRegistration(a *Agent) *registration {
	r := &registration{agent: a, gate: newGate(), callID: sip.NewCallID(), cseq: firstCSeq(),
		from: a.user.nameAddr(a.o.Display) + ";tag=" + sip.NewTag()}
	r.keeper = keeper{agent: a, what: "registration", again: r.again}
	return r
}

// Register binds the agent's contact to its user, once, and returns for how long
// (whole seconds; 0 takes the binding away). A refusal is a *StatusError.
func (a *Agent) Register(ctx context.Context, expires time.Duration) (granted time.Duration, err error) {
	r := a.registration
	if err := r.gate.enter(ctx); err != nil {
		return 0, err
	}
	defer r.gate.leave()
	return r.send(ctx, expires)
}

// KeepRegistered registers, and refreshes until Unregister or Close. What the
// registrar finds too brief is lengthened. After an error that may pass (no
// answer, 408, most of 5xx) it goes on trying all the same.
func (a *Agent) KeepRegistered(ctx context.Context, expires time.Duration) error {
	r := a.registration
	if err := r.gate.enter(ctx); err != nil {
		return err
	}
	defer r.gate.leave()
	r.expires = expires
	return r.sendAndKeep(ctx)
}

// Unregister takes the binding away, and keeps it no longer.
func (a *Agent) Unregister(ctx context.Context) error {
	r := a.registration
	if err := r.gate.enter(ctx); err != nil {
		return err
	}
	defer r.gate.leave()
	r.expires = 0
	r.keeper.stop()
	_, err := r.send(ctx, 0)
	return err
}

func (r *registration) again(ctx context.Context) {
	if r.gate.enter(ctx) != nil {
		return
	}
	defer r.gate.leave()
	if r.expires > 0 {
		_ = r.sendAndKeep(ctx) // the keeper logs it
	}
}

// sendAndKeep registers for as long as the registrar wants it at least (RFC 3261
// §10.2.8).
func (r *registration) sendAndKeep(ctx context.Context) error {
	granted, err := r.send(ctx, r.expires)
	if longer, ok := tooBrief(err, r.expires); ok {
		r.expires = longer
		granted, err = r.send(ctx, longer)
	}
	r.keeper.done(granted, err)
	return err
}

// tooBrief is the lifetime that a 423 asks for, where that is longer.
func tooBrief(err error, asked time.Duration) (time.Duration, bool) {
	var status *StatusError
	if errors.As(err, &status) && status.Code == 423 && status.MinExpires > asked {
		return status.MinExpires, true
	}
	return 0, false
}

// send sends a REGISTER; the caller is in the gate.
func (r *registration) send(ctx context.Context, expires time.Duration) (time.Duration, error) {
	a := r.agent
	r.cseq++
	// The domain is asked, in the user's name (RFC 3261 §10.2).
	req := sip.Request{Method: sip.REGISTER, URI: a.user.scheme + ":" + a.user.host, From: r.from,
		To: a.user.nameAddr(""), CallID: r.callID, CSeq: r.cseq,
		Header: header(nil).add(sip.Expires, wholeSeconds(expires))}
	m, err := a.doReachable(ctx, &req)
	r.cseq = req.CSeq
	if err != nil {
		return 0, err
	}
	return a.bound(m, expires), asError(m)
}

// bound is how long our contact is bound, by a registrar's response.
func (a *Agent) bound(m *sip.Message, asked time.Duration) time.Duration {
	ours, _ := sip.ParseURI([]byte(a.Contact()))
	for value := range m.Elements(sip.Contact) {
		n, err := sip.ParseNameAddr(value)
		if err != nil {
			continue
		}
		u, err := n.ParseURI()
		if expires, ok := n.Params.Get("expires"); ok && err == nil && sip.Equal(u, ours) {
			return seconds(expires)
		}
	}
	return lifetime(m, asked)
}

// lifetime is what a response grants.
func lifetime(m *sip.Message, asked time.Duration) time.Duration {
	if n, ok, err := m.Expires(); ok && err == nil {
		return time.Duration(n) * time.Second
	}
	if asked == ByServer {
		return time.Hour // it should have said
	}
	return asked
}

func wholeSeconds(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) }
