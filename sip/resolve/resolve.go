// Package resolve locates SIP servers (RFC 3263): from a URI to the transports,
// addresses and ports that lead there, in the order in which they are tried, and
// it sends requests along that order. It asks the name servers it is told, keeps
// what they say for as long as they allow, and never makes a caller wait who did
// not ask to. It validates no DNSSEC, and serves no ENUM.
package resolve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"lamplight/sip"
)

// Errors of Lookup and Resolve.
var (
	ErrTransport = errors.New("resolve: no transport that can be used")
	ErrOwnDomain = errors.New("resolve: an own domain is not looked up")
	ErrNoName    = errors.New("resolve: no such name, or it has no address")
	ErrNoService = errors.New("resolve: the domain says that it has no such service")
	ErrServer    = errors.New("resolve: no name server knows")
	ErrTimeout   = errors.New("resolve: no name server answered in time")
	ErrLaborious = errors.New("resolve: too many questions for one name")
	ErrBusy      = errors.New("resolve: too many names are being looked up")
	ErrClosed    = errors.New("resolve: the resolver is closed")
	ErrLookup    = errors.New("resolve: a name that has to be looked up") // of Direct
)

// Options of New; the zero value is a server's.
type Options struct {
	Servers []netip.AddrPort       // the name servers, the first one asked first; none: the system's
	Own     func(host string) bool // own domains, in lower case, which are never looked up; nil: none
	Hosts   string                 // the file of names that need no DNS; "": /etc/hosts

	Try  time.Duration // one question to one name server: 2 s
	All  time.Duration // all questions for one URI: 10 s
	Most int           // URIs looked up at the same time: 1,024

	// Dial reaches a name server, over udp or tcp; nil: real sockets.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// WebSocket lets transports ws and wss count: a client makes such connections,
	// a server is only given them (RFC 7118 §5).
	WebSocket bool
	Random    *rand.Rand // decides among SRV records of one priority; nil: any
	Logger    *slog.Logger
}

// Resolver looks names up. It is safe for concurrent use.
type Resolver struct {
	Queries  atomic.Uint64 // questions sent to name servers
	Failures atomic.Uint64 // those that no name server answered

	o       Options
	system  system
	cache   cache
	context context.Context // ends with Close
	cancel  context.CancelFunc

	mu      sync.Mutex
	flights map[request]*flight
	asking  map[question]*query
	closed  bool
	work    sync.WaitGroup
}

// New makes a resolver; nothing is asked yet.
func New(o Options) *Resolver {
	if o.Try == 0 {
		o.Try = 2 * time.Second
	}
	if o.All == 0 {
		o.All = 10 * time.Second
	}
	if o.Most == 0 {
		o.Most = 1024
	}
	if o.Dial == nil {
		o.Dial = new(net.Dialer).DialContext
	}
	if o.Hosts == "" {
		o.Hosts = "/etc/hosts"
	}
	if o.Own == nil {
		o.Own = func(string) bool { return false }
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	r := &Resolver{o: o, flights: map[request]*flight{}, asking: map[question]*query{}}
	r.system.hostsFile, r.cache.entries = o.Hosts, map[question]answer{}
	r.context, r.cancel = context.WithCancel(context.Background())
	return r
}

// Close ends what is being looked up, with ErrClosed, and waits for it.
func (r *Resolver) Close() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.cancel()
	r.work.Wait()
}

// flight is one URI that is being looked up, and those who wait for it.
type flight struct{ waiting []func([]Target, error) }

// Lookup finds the targets of a URI and hands them to done: at once where no
// name is to be looked up, else from a goroutine of the resolver, which done must
// not block. What is asked meanwhile for the same place waits for the same answer.
// The list belongs to all who get it, and is not empty unless there is an error.
func (r *Resolver) Lookup(u sip.URI, done func([]Target, error)) {
	q, t, err := r.direct(u)
	if err == nil {
		done([]Target{t}, nil)
		return
	}
	if errors.Is(err, ErrLookup) {
		err = r.join(q, done)
	}
	if err != nil {
		done(nil, err)
	}
}

// Direct is the target of a URI that needs no look-up. For one that does the
// error is ErrLookup; any other says that looking up would not help.
func (r *Resolver) Direct(u sip.URI) (Target, error) {
	_, t, err := r.direct(u)
	return t, err
}

func (r *Resolver) direct(u sip.URI) (request, Target, error) {
	q, err := r.read(u)
	if err != nil {
		return q, Target{}, err
	}
	if t, ok := q.literal(); ok {
		return q, t, nil
	}
	if r.o.Own(q.host) {
		return q, Target{}, ErrOwnDomain
	}
	return q, Target{}, ErrLookup
}

func (r *Resolver) join(q request, done func([]Target, error)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	f := r.flights[q]
	switch {
	case r.closed:
		return ErrClosed
	case f != nil:
		f.waiting = append(f.waiting, done)
		return nil
	case len(r.flights) >= r.o.Most:
		return ErrBusy
	}
	r.flights[q] = &flight{waiting: []func([]Target, error){done}}
	r.work.Go(func() { r.fly(q) })
	return nil
}

func (r *Resolver) fly(q request) {
	ctx, cancel := context.WithTimeout(r.context, r.o.All)
	defer cancel()
	targets, err := r.locate(ctx, q)
	if err != nil && r.context.Err() != nil {
		err = ErrClosed
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", q.host, err)
		r.o.Logger.Debug("a name was not resolved", "name", q.host, "error", err)
	}
	r.mu.Lock()
	f := r.flights[q]
	delete(r.flights, q)
	r.mu.Unlock()
	for _, done := range f.waiting {
		done(targets, err)
	}
}

// Resolve is Lookup for who can wait.
func (r *Resolver) Resolve(ctx context.Context, u sip.URI) ([]Target, error) {
	type found struct {
		targets []Target
		err     error
	}
	c := make(chan found, 1)
	r.Lookup(u, func(t []Target, err error) { c <- found{t, err} })
	select {
	case f := <-c:
		return f.targets, f.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
