// Package load drives a server as many phones at once would, and measures it: it
// registers them (RFC 3261 §10.2), watches their busy lamps (RFC 4235) and has them
// call each other (RFC 3261 §13). Its phones are as cheap as they can be: they
// have no media, keep to one server, and refresh nothing, so a run lasts no longer
// than the hour for which they register.
package load

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"lamplight/sip"
	"lamplight/sip/transaction"
)

// Calls says what is to be done: pairs of a caller and a callee, each watched by
// the same watchers, who call until there were enough calls.
type Calls struct {
	Server   netip.AddrPort
	Domain   string
	Calls    int           // how many in all
	For      time.Duration // no call begins later; 0: all are made
	Rate     float64       // calls begun a second; 0: each pair calls again at once, which finds the most there can be
	Pairs    int           // callers, and as many callees
	Watchers int           // of each party
	Ring     time.Duration // from the 180 to the 200
	Talk     time.Duration // from the 200 to the BYE
	Patience time.Duration // how long a call may take to get on, and a lamp to follow; 0: 10 s
	Password string        // of everybody; "": challenges are not answered
	PIDs     []int         // the server's processes, whose CPU time is read with that of their children; none: it is not
}

// The most that is simulated.
const (
	maxPairs    = 10_000
	maxWatchers = 1_000
	maxLamps    = 1_000_000
)

// Names are the users that a run needs, caller0 and so on.
func (o *Calls) Names() (list []string) {
	for i := range o.Pairs {
		list = append(list, callerName(i), calleeName(i))
	}
	for i := range o.Watchers {
		list = append(list, watcherName(i))
	}
	return list
}

func callerName(i int) string  { return "caller" + strconv.Itoa(i) }
func calleeName(i int) string  { return "callee" + strconv.Itoa(i) }
func watcherName(i int) string { return "watcher" + strconv.Itoa(i) }

// Check says what cannot be done.
func (o *Calls) Check() error {
	switch {
	case !o.Server.IsValid() || o.Server.Port() == 0:
		return errors.New("the server's address is needed, with its port")
	case o.Calls < 1 || o.Pairs < 1 || o.Pairs > maxPairs:
		return fmt.Errorf("want at least one call, and 1 to %d pairs", maxPairs)
	case o.Watchers < 0 || o.Watchers > maxWatchers || 2*o.Pairs*o.Watchers > maxLamps:
		return fmt.Errorf("want 0 to %d watchers, and no more than %d lamps", maxWatchers, maxLamps)
	case o.Rate < 0 || o.For < 0 || o.Ring < 0 || o.Talk < 0 || o.Patience < 0:
		return errors.New("neither a rate nor a time can be less than 0")
	}
	return nil
}

// run is one run.
type run struct {
	Calls
	token    string // in each Call-ID
	pairs    []*pair
	idle     chan *pair
	begun    int
	callers  *side
	callees  *side
	watchers *side
	lamps    sync.Map // *lamp by the Call-ID of its subscription
	meter    meter
}

// side is one socket, and the phones behind it.
type side struct {
	layer  *transaction.Layer
	flow   transaction.Flow
	phones map[string]*phone
	handle func(*phone, *transaction.Request)
}

// Run does it all and reports. Its error says why the phones could not begin;
// calls that fail are counted in the report.
func Run(ctx context.Context, o Calls) (*Report, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	if o.Patience == 0 {
		o.Patience = 10 * time.Second
	}
	r := &run{Calls: o, token: sip.NewTag()[:12], idle: make(chan *pair, o.Pairs)}
	defer r.close()
	if err := r.open(); err != nil {
		return nil, err
	}
	if err := r.prepare(ctx); err != nil {
		return nil, err
	}
	return r.measure(ctx)
}

func (r *run) open() (err error) {
	if r.callers, err = r.newSide(r.calling); err != nil {
		return err
	}
	if r.callees, err = r.newSide(r.called); err != nil {
		return err
	}
	if r.watchers, err = r.newSide(r.watching); err != nil {
		return err
	}
	for i := range r.Pairs {
		p := &pair{run: r, caller: r.newParty(r.callers, callerName(i)), callee: r.newParty(r.callees, calleeName(i))}
		p.caller.pair, p.callee.pair = p, p
		r.pairs = append(r.pairs, p)
	}
	for i := range r.Watchers {
		r.newPhone(r.watchers, watcherName(i))
	}
	return nil
}

func (r *run) newSide(handle func(*phone, *transaction.Request)) (*side, error) {
	s := &side{phones: map[string]*phone{}, handle: handle}
	s.layer = transaction.New(s, transaction.Options{})
	local := "udp:0.0.0.0:0"
	switch a := r.Server.Addr(); {
	case a.IsLoopback() && a.Is4():
		local = "udp:127.0.0.1:0"
	case a.IsLoopback():
		local = "udp:[::1]:0"
	case a.Is6():
		local = "udp:[::]:0"
	}
	_, err := s.layer.Listen(local)
	if err == nil {
		s.flow, err = s.layer.Flow(r.Server)
	}
	if err != nil {
		return nil, errors.Join(err, s.layer.Close())
	}
	return s, nil
}

// Request gives a request to the phone that its Request-URI names.
func (s *side) Request(q *transaction.Request) {
	uri, err := sip.ParseURI(q.Message.RequestURI())
	p := s.phones[string(uri.User)]
	switch {
	case err == nil && p != nil:
		s.handle(p, q)
	case q.Message.Method() == sip.ACK:
		q.Drop()
	default:
		q.Respond(&sip.Response{Status: 404})
	}
}

func (r *run) close() {
	for _, s := range []*side{r.callers, r.callees, r.watchers} {
		if s != nil {
			_ = s.layer.Close() // nothing is told after the report
		}
	}
}

// atOnce bounds the phones that begin at once, so that they drown nobody.
const atOnce = 16

// prepare registers the phones and subscribes the watchers.
func (r *run) prepare(ctx context.Context) error {
	var work []func(context.Context) error
	for _, p := range r.pairs {
		work = append(work, p.caller.phone.register, p.callee.phone.register)
	}
	if err := together(ctx, work); err != nil {
		return err
	}
	work = work[:0]
	for _, p := range r.pairs {
		for i := range r.Watchers {
			w := r.watchers.phones[watcherName(i)]
			for _, of := range []*party{p.caller, p.callee} {
				work = append(work, func(ctx context.Context) error { return r.watch(ctx, w, of) })
			}
		}
	}
	return together(ctx, work)
}

// together does all of it, a few at once, and returns the first error.
func together(ctx context.Context, work []func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan func(context.Context) error)
	var all sync.WaitGroup
	for range atOnce {
		all.Go(func() {
			for do := range next {
				if err := do(ctx); err != nil {
					cancel(err)
				}
			}
		})
	}
	for _, do := range work {
		if ctx.Err() != nil {
			break
		}
		next <- do
	}
	close(next)
	all.Wait()
	return context.Cause(ctx)
}

// measure has the pairs call, and reads the clocks round it.
func (r *run) measure(ctx context.Context) (*Report, error) {
	cpu, err := newCPU(r.PIDs)
	if err != nil {
		return nil, err
	}
	for _, p := range r.pairs {
		r.idle <- p
	}
	r.meter.reset()
	began := time.Now()
	if err := r.begin(ctx, began); err != nil {
		return nil, err
	}
	for range r.pairs { // until each pair's last call is over
		select {
		case <-r.idle:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	took := time.Since(began)
	used, err := cpu.used()
	return r.report(took, used), err
}

// begin begins all calls, each when it is due and a pair is free.
func (r *run) begin(ctx context.Context, began time.Time) error {
	for n := range r.Calls.Calls {
		if r.For > 0 && time.Since(began) >= r.For {
			return nil
		}
		r.begun = n + 1
		if r.Rate > 0 {
			due := began.Add(time.Duration(float64(n) / r.Rate * float64(time.Second)))
			select {
			case <-time.After(time.Until(due)):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		select {
		case p := <-r.idle:
			p.call(n)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// ParseServer reads an address with or without a port.
func ParseServer(s string) (netip.AddrPort, error) {
	if _, _, err := net.SplitHostPort(s); err != nil {
		s = net.JoinHostPort(s, "5060")
	}
	return netip.ParseAddrPort(s)
}
