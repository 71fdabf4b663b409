package resolve

import (
	"errors"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"lamplight/sip"
	"lamplight/sip/transaction"
)

// Sender sends requests to where URIs lead. Where a target fails, it sends the
// same request to the next one, as a transaction of its own with a branch of its
// own (RFC 3263 §4.3).
type Sender struct {
	Resolver  *Resolver
	Failovers atomic.Uint64 // requests that were sent to another target

	layer *transaction.Layer

	mu     sync.Mutex
	failed map[Target]time.Time // tried last until then
}

// NewSender makes a sender. Both are closed by who made them.
func NewSender(r *Resolver, l *transaction.Layer) *Sender {
	return &Sender{Resolver: r, layer: l, failed: map[Target]time.Time{}}
}

// Way is where a request goes.
type Way struct {
	URI   sip.URI          // the first Route, else the Request-URI (RFC 3261 §8.1.2)
	Local netip.AddrPort   // the listener that it leaves from, where it reaches the target; zero: any
	Known transaction.Flow // used again, and first, where it leads to one of the targets; zero: none

	// Flow makes the flow to a target; nil: the layer does.
	Flow func(Target) (transaction.Flow, error)
}

// Try sends a request on the flow to one target, as Layer.Send, Invite or Forward
// does, with x as its exchange. An error says that x is told nothing, and lets the
// next target be tried; ErrStop ends it.
type Try func(f transaction.Flow, x transaction.Exchange) error

// ErrStop is what a Try returns that wants no more of it: a call was cancelled.
var ErrStop = errors.New("resolve: it was given up")

var errOurselves = errors.New("resolve: the target is ourselves")

// Send looks the URI up and sends a request there, without making the caller
// wait. try is called for one target after the other. x is told how it ended, of
// the last target's failure where all failed, and in between of provisional
// responses where it is a Progress. Both are called on goroutines that they must
// not block. Targets outside the layer's outbound list are passed over.
func (s *Sender) Send(w Way, try Try, x transaction.Exchange) {
	s.Resolver.Lookup(w.URI, func(targets []Target, err error) {
		if err != nil {
			x.Failed(err)
			return
		}
		a := &attempt{Sender: s, way: w, rest: s.inOrder(targets, w.Known), try: try, x: x}
		go a.next()
	})
}

// attempt is a request on its way along the targets. It is the exchange of each
// transaction.
type attempt struct {
	*Sender
	x     transaction.Exchange // whom the end is told
	way   Way
	try   Try
	rest  []Target
	now   Target
	heard atomic.Bool // of the target: a provisional response
}

// next sends to the next target that takes it. Once one did, everything is the
// transaction's, which may end before this returns.
func (a *attempt) next() {
	var err error
	for len(a.rest) > 0 {
		a.now, a.rest = a.rest[0], a.rest[1:]
		a.heard.Store(false)
		if err = a.send(); err == nil {
			return
		}
		if errors.Is(err, transaction.ErrClosed) || errors.Is(err, ErrStop) {
			break
		}
		if errors.Is(err, transaction.ErrTransport) {
			a.avoid(a.now, avoidFailed)
		}
	}
	a.x.Failed(err)
}

func (a *attempt) send() error {
	flow, err := a.flow()
	if err != nil {
		return err
	}
	if flow.Remote() == flow.Local() {
		return errOurselves
	}
	return a.try(flow, a)
}

func (a *attempt) flow() (transaction.Flow, error) {
	t := a.now
	switch {
	case leadsTo(a.way.Known, t):
		return a.way.Known, nil
	case a.way.Flow != nil:
		return a.way.Flow(t)
	}
	local := a.way.Local
	if local.Addr().Is4() != t.Addr.Addr().Is4() || local.Addr().IsLoopback() != t.Addr.Addr().IsLoopback() {
		local = netip.AddrPort{}
	}
	return a.layer.FlowTo(t.Transport, t.Name, local, t.Addr)
}

// leadsTo tells whether a flow is one to a target: a connection that was taken
// comes from any port of its host.
func leadsTo(f transaction.Flow, t Target) bool {
	return f.Transport() == t.Transport && f.Remote().Addr() == t.Addr.Addr() && (f.Reliable() || f.Remote().Port() == t.Addr.Port()) && f.Alive()
}

// Response takes a final response: a 503 is the server's failure, not the
// request's (RFC 3263 §4.3).
func (a *attempt) Response(m *sip.Message) {
	if m.Status() != 503 {
		a.x.Response(m)
		return
	}
	if wait := retryAfter(m); wait > 0 {
		a.avoid(a.now, wait)
	}
	if len(a.rest) == 0 {
		a.x.Response(m)
		return
	}
	a.failOver()
}

// Provisional takes a provisional response to an INVITE: the target is alive.
func (a *attempt) Provisional(m *sip.Message) {
	a.heard.Store(true)
	if x, ok := a.x.(transaction.Progress); ok {
		x.Provisional(m)
	}
}

// Failed takes the end of a transaction without a response.
func (a *attempt) Failed(err error) {
	if errors.Is(err, transaction.ErrClosed) || a.heard.Load() { // RFC 3263 §4.3: without any response
		a.x.Failed(err)
		return
	}
	a.avoid(a.now, avoidFailed)
	if len(a.rest) == 0 {
		a.x.Failed(err)
		return
	}
	a.failOver()
}

func (a *attempt) failOver() {
	a.Failovers.Add(1)
	go a.next() // a connection may have to be made
}

// For how long what failed is tried last, and how much of that is remembered.
const (
	avoidFailed = time.Minute
	avoidMost   = 5 * time.Minute // whatever Retry-After says
	maxAvoided  = 1024
)

// retryAfter is how long a server wants to be left alone (RFC 3261 §21.5.4).
func retryAfter(m *sip.Message) time.Duration {
	digits, _, _ := strings.Cut(string(m.Value(sip.RetryAfter)), ";")
	digits, _, _ = strings.Cut(digits, "(") // a comment (RFC 3261 §20.33)
	seconds, err := strconv.ParseUint(strings.TrimSpace(digits), 10, 32)
	if err != nil {
		return 0
	}
	return min(avoidMost, time.Duration(seconds)*time.Second)
}

func (s *Sender) avoid(t Target, d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.failed) >= maxAvoided {
		clear(s.failed) // they are found out again
	}
	s.failed[t] = time.Now().Add(d)
}

// inOrder puts first what is known, and last what failed a short while ago: a
// dead server would cost each request Timer F.
func (s *Sender) inOrder(targets []Target, known transaction.Flow) []Target {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, list := time.Now(), slices.Clone(targets)
	place := func(t Target) int {
		until, failed := s.failed[t]
		switch {
		case failed && now.Before(until):
			return 2
		case leadsTo(known, t):
			return 0
		}
		return 1
	}
	slices.SortStableFunc(list, func(a, b Target) int { return place(a) - place(b) })
	return list
}
