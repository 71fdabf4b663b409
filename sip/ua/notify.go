package ua

import (
	"time"

	"lamplight/sip"
)

// Notify is one NOTIFY of a subscription.
type Notify struct {
	AoR, Event, ID string        // as subscribed to
	State          string        // sip.Active, sip.Pending, sip.Terminated, or another
	Reason         string        // why it is terminated; "": none given
	Expires        time.Duration // how long the subscription lasts; 0: not said
	RetryAfter     time.Duration // 0: not said
	ContentType    string        // "application/pidf+xml"; "": none
	Body           []byte
	CSeq           uint32
	Seq            int          // counts from 1 over all dialogs of the Subscription
	Message        *sip.Message // the whole
}

// notified answers a NOTIFY by a status code.
func (a *Agent) notified(m *sip.Message) int {
	to, _ := m.To() // it was validated
	a.mu.Lock()
	u := a.usages[usageKey(string(m.CallID()), string(to.Tag()))]
	a.mu.Unlock()
	if u == nil {
		return 481
	}
	n, status := u.take(m)
	if status != 200 {
		return status
	}
	if f := u.of.o.OnNotify; f != nil {
		f(n)
	}
	u.heard(n)
	return 200
}

// take checks a NOTIFY and gives it its place in the dialog (RFC 6665 §4.1.3).
func (u *usage) take(m *sip.Message) (Notify, int) {
	s := u.of
	s.mu.Lock()
	defer s.mu.Unlock()
	event, err := m.Event()
	if err != nil {
		return Notify{}, 489
	}
	// Compared byte by byte (RFC 6665 §8.2.1).
	if u.over || string(event.Package) != s.event || string(event.ID) != s.o.ID {
		return Notify{}, 481
	}
	state, err := m.SubscriptionState()
	if err != nil {
		return Notify{}, 400
	}
	d, status := u.follow(m)
	if status != 200 {
		return Notify{}, status
	}
	n := s.notify(m, state)
	if !s.queueUp(n) {
		return Notify{}, 500
	}
	s.seq++
	u.dialog, u.established, u.unanswered = d, true, false
	return n, 200
}

// follow is the dialog after a NOTIFY. The first NOTIFY begins it, even before
// the response to the SUBSCRIBE; those of other branches of a forked one are
// refused (RFC 6665 §4.1.2.4, RFC 3856 §6.9).
func (u *usage) follow(m *sip.Message) (sip.Dialog, int) {
	if !u.established {
		d, err := sip.NewUASDialog(m, u.tag)
		d.Local = u.of.from
		if err != nil || !isURI(d.Target) {
			return d, 400
		}
		return d, 200
	}
	d := u.dialog
	from, _ := m.From()
	cseq, _ := m.CSeq()
	switch {
	case string(from.Tag()) != d.RemoteTag:
		return d, 481
	case cseq.Number <= d.RemoteCSeq: // another request, since a repeated one doesn't get here
		return d, 500
	}
	d.RemoteCSeq = cseq.Number
	// NOTIFY refreshes the target (RFC 6665 §3.2).
	if c, err := sip.ParseNameAddr(m.Value(sip.Contact)); err == nil && isURI(string(c.URI)) {
		d.Target = string(c.URI)
	}
	return d, 200
}

func isURI(s string) bool {
	_, err := sip.ParseURI([]byte(s))
	return err == nil && clean(s)
}

func (s *Subscription) notify(m *sip.Message, state sip.SubscriptionStateValue) Notify {
	m = copyOf(m)
	cseq, _ := m.CSeq()
	n := Notify{AoR: s.aor.uri, Event: s.event, ID: s.o.ID, State: state.State, Reason: state.Reason,
		Expires: time.Duration(state.Expires) * time.Second, RetryAfter: time.Duration(state.RetryAfter) * time.Second,
		Body: m.Body(), CSeq: cseq.Number, Seq: s.seq + 1, Message: m}
	if t, err := m.MediaType(); err == nil {
		n.ContentType = string(t.Type)
	}
	if n.State == sip.Terminated {
		n.Expires = 0 // it means nothing there (RFC 6665 §4.1.3)
	}
	return n
}

// again tells whether to subscribe anew after a NOTIFY that ends a subscription,
// and after which time (RFC 6665 §4.1.3).
func (n Notify) again() (time.Duration, bool) {
	switch n.Reason {
	case "rejected", "noresource", "invariant":
		return 0, false
	case "deactivated", "timeout":
		return 0, true
	case "giveup":
		return max(n.RetryAfter, time.Minute), true
	}
	return max(n.RetryAfter, 5*time.Second), true
}
