package ua

import (
	"context"
	"time"

	"lamplight/sip"
	"lamplight/sip/transaction"
)

// timerN is how long a SUBSCRIBE may be without a NOTIFY (RFC 6665 §4.1.2.4).
const timerN = 64 * transaction.T1

// usage is a subscription's usage of one dialog, from its first SUBSCRIBE to its
// end (RFC 6665 §4.1.2). What is not the gate's is guarded by its subscription's
// mutex.
type usage struct {
	of          *Subscription
	callID, tag string
	cseq        uint32 // the gate's
	begun       time.Time

	dialog      sip.Dialog
	established bool // by a NOTIFY; until then dialog is what the 2xx said, if anything
	over        bool
	unanswered  bool // no NOTIFY yet since the last SUBSCRIBE
	sent        time.Time
	expires     time.Time
	refreshAt   time.Time
	failures    int

	refresh, limit *time.Timer
}

func usageKey(callID, tag string) string { return callID + " " + tag }

// subscribe sends a SUBSCRIBE of the usage, the first or another; the caller is
// in the gate.
func (u *usage) subscribe(ctx context.Context, expires time.Duration) error {
	s := u.of
	s.mu.Lock()
	req := u.request(expires)
	u.unanswered, u.sent = true, time.Now()
	s.mu.Unlock()
	m, err := s.agent.doReachable(ctx, &req)
	u.cseq = req.CSeq
	if err == nil {
		err = asError(m)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		u.accepted(m, expires)
		return nil
	}
	u.unanswered = false // only a success begins the wait for a NOTIFY
	return err
}

func (u *usage) request(expires time.Duration) sip.Request {
	s := u.of
	u.cseq++
	r := sip.Request{Method: sip.SUBSCRIBE, URI: s.aor.uri, From: s.from + ";tag=" + u.tag, To: "<" + s.aor.uri + ">",
		CallID: u.callID, CSeq: u.cseq}
	if u.dialog.CallID != "" {
		r = u.dialog.Request(sip.SUBSCRIBE, u.cseq)
	}
	r.Header = s.header(expires)
	return r
}

// accepted notes what a success grants. A 204 says that no NOTIFY follows (RFC
// 6665 §4.1.2.2).
func (u *usage) accepted(m *sip.Message, asked time.Duration) {
	if u.over {
		return
	}
	if m.Status() == 204 {
		u.unanswered = false
	}
	if d, err := sip.NewUACDialog(m); err == nil && !u.established && isURI(d.Target) {
		u.dialog = d
	}
	u.failures = 0
	u.grant(lifetime(m, asked))
}

func (u *usage) grant(d time.Duration) {
	u.expires, u.refreshAt = time.Now().Add(d), time.Now().Add(beforeEnd(d))
	u.arm()
}

// heard follows what a NOTIFY says of the subscription.
func (u *usage) heard(n Notify) {
	s := u.of
	if n.State == sip.Terminated {
		wait, again := n.again()
		s.over(u, nil, wait, again)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if n.Expires > 0 { // it is the authority (RFC 6665 §4.1.3)
		end := time.Now().Add(n.Expires)
		if u.expires.IsZero() || end.Before(u.expires.Add(-time.Second)) {
			u.refreshAt = time.Now().Add(beforeEnd(n.Expires))
		}
		u.expires = end
	}
	u.arm()
}

// arm sets the timers: for the next refresh, and for the end of patience.
func (u *usage) arm() {
	u.stop()
	s := u.of
	if u.over || u.expires.IsZero() {
		return
	}
	if s.refreshes() {
		u.refresh = s.agent.after(time.Until(u.refreshAt), u.refreshNow)
	}
	// The notifier's own NOTIFY of the end may be on its way for that long.
	limit := u.expires.Add(timerN)
	if wait := u.sent.Add(timerN); u.unanswered && wait.Before(limit) {
		limit = wait
	}
	u.limit = s.agent.after(time.Until(limit), func(context.Context) { s.over(u, ErrSilent, 0, true) })
}

func (u *usage) stop() {
	for _, t := range []*time.Timer{u.refresh, u.limit} {
		if t != nil {
			t.Stop()
		}
	}
}

func (u *usage) refreshNow(ctx context.Context) {
	s := u.of
	if s.gate.enter(ctx) != nil {
		return
	}
	defer s.gate.leave()
	s.mu.Lock()
	skip := u.over || !s.refreshes() || time.Now().Before(u.refreshAt)
	s.mu.Unlock()
	if !skip {
		_ = u.renew(ctx, s.asks()) // it is logged
	}
}

// renew refreshes, and takes the consequences of a failure. The caller is in the
// gate.
func (u *usage) renew(ctx context.Context, expires time.Duration) error {
	s := u.of
	err := u.subscribe(ctx, expires)
	if longer, ok := tooBrief(err, expires); ok {
		s.ask(longer)
		err = u.subscribe(ctx, longer)
	}
	if err == nil {
		return nil
	}
	s.agent.log.Warn("a subscription was not refreshed", "aor", s.aor.uri, "event", s.event, "error", err)
	if endsUsage(err) {
		s.over(u, err, 0, true)
		return err
	}
	// It lasts for as long as was granted (RFC 6665 §4.1.2.2).
	s.mu.Lock()
	defer s.mu.Unlock()
	u.failures++
	u.refreshAt = time.Now().Add(backoff(err, u.failures))
	u.arm()
	return err
}

// endsUsage tells the responses to a refresh that end a subscription (RFC 6665
// §4.1.2.2).
func endsUsage(err error) bool {
	for _, code := range []int{404, 405, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604} {
		if isStatus(err, code) {
			return true
		}
	}
	return false
}
