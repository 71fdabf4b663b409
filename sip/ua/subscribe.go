package ua

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"lamplight/sip"
)

var (
	// ErrEnded says that a subscription was terminated by a NOTIFY; the last
	// Notify says why.
	ErrEnded = errors.New("ua: the subscription has ended")
	// ErrSilent says that a SUBSCRIBE was accepted and no NOTIFY followed, or
	// that the subscription expired without one (RFC 6665 §4.1.2.4).
	ErrSilent = errors.New("ua: the notifier is silent")
)

// maxWaiting bounds the NOTIFYs that wait to be read; what comes then is
// answered with 500, so that the notifier tries again.
const maxWaiting = 64

// SubscribeOptions say how to subscribe.
type SubscribeOptions struct {
	Expires time.Duration // whole seconds, or ByServer; 0 fetches the state once
	ID      string        // the id parameter of Event; "": none
	Accept  []string      // media types; none: the package's default
	Header  []byte        // more header fields: whole lines, each with its CRLF

	// Keep subscribes anew when the subscription ends, unless it was ended for
	// good: by Unsubscribe, by a refusal that will not pass, or with the reason
	// rejected, noresource or invariant.
	Keep bool
	// NoRefresh lets the subscription expire.
	NoRefresh bool
	// OnNotify takes the NOTIFYs in the place of Notifications, in their order,
	// on the goroutine that reads the socket: it must not wait for the agent.
	OnNotify func(Notify)
}

// Subscription is a subscription to one resource's state. It refreshes itself.
type Subscription struct {
	agent *Agent
	aor   address
	event string
	from  string
	o     SubscribeOptions
	gate  gate // one SUBSCRIBE at a time

	queue chan Notify
	done  chan struct{}

	mu       sync.Mutex
	expires  time.Duration // what is asked for
	usage    *usage        // the last
	timer    *time.Timer
	failures int
	seq      int
	leaving  bool
	ended    bool
	err      error
}

// Subscribe subscribes to a resource ("": the agent's user) in an event package,
// and returns when the notifier has accepted it; NOTIFYs may have come by then. A
// refusal is a *StatusError.
func (a *Agent) Subscribe(ctx context.Context, aor, event string, o SubscribeOptions) (*Subscription, error) {
	of, err := a.resource(aor)
	if err != nil {
		return nil, err
	}
	if !clean(event, o.ID) || !clean(o.Accept...) {
		return nil, errLineBreak
	}
	s := &Subscription{agent: a, aor: of, event: event, from: a.user.nameAddr(a.o.Display), o: o, expires: o.Expires, gate: newGate(),
		queue: make(chan Notify, maxWaiting), done: make(chan struct{})}
	if err := a.addSubscription(s); err != nil {
		return nil, err
	}
	s.gate <- struct{}{}
	defer s.gate.leave()
	if err := s.begin(ctx); err != nil {
		s.end(err)
		return nil, err
	}
	return s, nil
}

// begin opens a dialog; the caller is in the gate. A subscription to be kept may
// be longer than was asked for.
func (s *Subscription) begin(ctx context.Context) error {
	err := s.beginOnce(ctx)
	if longer, ok := tooBrief(err, s.asks()); ok && s.o.Keep {
		s.ask(longer)
		err = s.beginOnce(ctx)
	}
	return err
}

func (s *Subscription) beginOnce(ctx context.Context) error {
	u := &usage{of: s, callID: sip.NewCallID(), tag: sip.NewTag(), cseq: firstCSeq(), begun: time.Now()}
	s.mu.Lock()
	s.usage = u
	s.mu.Unlock()
	s.agent.addUsage(u)
	err := u.subscribe(ctx, s.asks())
	if err == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var status *StatusError
	if u.established && !errors.As(err, &status) {
		if u.expires.IsZero() {
			u.grant(max(s.expires, 0)) // and what was granted is asked again at once
		}
		return nil // the response was lost; a NOTIFY says as much
	}
	s.forget(u)
	return err
}

// asks is the lifetime that SUBSCRIBEs ask for.
func (s *Subscription) asks() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.expires
}

func (s *Subscription) ask(expires time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expires = expires
}

func (s *Subscription) header(expires time.Duration) []byte {
	event := s.event
	if s.o.ID != "" {
		event += ";id=" + s.o.ID
	}
	h := header(nil).add(sip.Event, event)
	if expires >= 0 {
		h = h.add(sip.Expires, wholeSeconds(expires))
	}
	if len(s.o.Accept) > 0 {
		h = h.add(sip.Accept, strings.Join(s.o.Accept, ", "))
	}
	return append(h, s.o.Header...)
}

// refreshes tells whether the subscription lengthens itself.
func (s *Subscription) refreshes() bool { return !s.o.NoRefresh && !s.leaving && s.expires != 0 }

// Notifications are the NOTIFYs, in their order; the channel is closed when the
// subscription has ended.
func (s *Subscription) Notifications() <-chan Notify { return s.queue }

// Next waits for a NOTIFY. After the last its error is Err's.
func (s *Subscription) Next(ctx context.Context) (Notify, error) {
	select {
	case n, ok := <-s.queue:
		if !ok {
			return Notify{}, s.Err()
		}
		return n, nil
	case <-ctx.Done():
		return Notify{}, ctx.Err()
	}
}

// Done is closed when the subscription has ended.
func (s *Subscription) Done() <-chan struct{} { return s.done }

// Err is why the subscription has ended: ErrEnded, ErrSilent, ErrClosed or a
// *StatusError; nil while it lasts.
func (s *Subscription) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Dialog is the dialog in use, its zero value where there is none.
func (s *Subscription) Dialog() sip.Dialog {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.usage.dialog
}

// Refresh subscribes again now, with another lifetime if it is not 0; the
// notifier answers with a NOTIFY of the whole state.
func (s *Subscription) Refresh(ctx context.Context, expires time.Duration) error {
	if err := s.gate.enter(ctx); err != nil {
		return err
	}
	defer s.gate.leave()
	s.mu.Lock()
	u, err := s.usage, s.err
	idle := u.over
	s.mu.Unlock()
	if err != nil || idle {
		return errors.Join(err, ErrEnded)
	}
	if expires != 0 {
		s.ask(expires)
	}
	return u.renew(ctx, s.asks())
}

// Unsubscribe ends the subscription, and waits for the NOTIFY that says so. What
// came before can still be read.
func (s *Subscription) Unsubscribe(ctx context.Context) error {
	s.mu.Lock()
	s.leaving = true
	s.usage.arm()
	s.mu.Unlock()
	if err := s.gate.enter(ctx); err != nil {
		return err
	}
	defer s.gate.leave()
	s.mu.Lock()
	u := s.usage
	idle := u.over
	s.mu.Unlock()
	if idle {
		s.end(ErrEnded)
		return nil
	}
	if err := u.subscribe(ctx, 0); err != nil {
		s.end(err)
		return err
	}
	select {
	case <-s.done:
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := s.Err(); !errors.Is(err, ErrEnded) {
		return err
	}
	return nil
}

// queueUp gives a NOTIFY to whoever reads the channel; false: there is no room.
func (s *Subscription) queueUp(n Notify) bool {
	if s.o.OnNotify != nil {
		return true
	}
	select {
	case s.queue <- n:
		return true
	default:
		return false
	}
}

// over ends a usage; by itself it ends the subscription, or begins another
// usage after a while.
func (s *Subscription) over(u *usage, err error, wait time.Duration, again bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u.over || s.ended {
		return
	}
	s.forget(u)
	if !again || !s.o.Keep || s.leaving || s.expires == 0 {
		s.endLocked(err)
		return
	}
	// One that ends as soon as it began is not begun again as fast as it can be.
	if s.failures++; time.Since(u.begun) > time.Minute {
		s.failures = 0
	}
	if s.failures > 1 {
		wait = max(wait, backoff(nil, s.failures-1))
	}
	s.timer = s.agent.after(wait, s.again)
}

func (s *Subscription) again(ctx context.Context) {
	if s.gate.enter(ctx) != nil {
		return
	}
	defer s.gate.leave()
	s.mu.Lock()
	skip := s.ended || s.leaving || !s.usage.over
	s.mu.Unlock()
	if skip {
		return
	}
	err := s.begin(ctx)
	switch {
	case err == nil:
	case passing(err):
		s.agent.log.Warn("a subscription was not begun again", "aor", s.aor.uri, "event", s.event, "error", err)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.failures++
		s.timer = s.agent.after(backoff(err, s.failures), s.again)
	default:
		s.end(err)
	}
}

// end ends the subscription for good.
func (s *Subscription) end(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endLocked(err)
}

func (s *Subscription) endLocked(err error) {
	if s.ended {
		return
	}
	s.ended = true
	if s.err = err; err == nil {
		s.err = ErrEnded
	}
	if s.timer != nil {
		s.timer.Stop()
	}
	if s.usage != nil {
		s.forget(s.usage)
	}
	s.agent.dropSubscription(s)
	close(s.queue)
	close(s.done)
}

// forget ends a usage: its NOTIFYs get 481 from now on.
func (s *Subscription) forget(u *usage) {
	u.over = true
	u.stop()
	s.agent.dropUsage(u)
}

func (a *Agent) addSubscription(s *Subscription) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return ErrClosed
	}
	a.subscriptions[s] = struct{}{}
	return nil
}

func (a *Agent) dropSubscription(s *Subscription) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.subscriptions, s)
}

func (a *Agent) addUsage(u *usage) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.usages[usageKey(u.callID, u.tag)] = u
}

func (a *Agent) dropUsage(u *usage) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.usages, usageKey(u.callID, u.tag))
}
