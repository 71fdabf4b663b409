// Package calendar reads users' calendars (iCalendar, RFC 5545) from where they
// say that it can be fetched, and tells when they are in a meeting or out of
// office. It fetches seldom and with care, keeps what it read last for a day, and
// never has anybody wait for it. It writes no calendar, and speaks no CalDAV (RFC
// 4791).
package calendar

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"lamplight/event"
)

// Source is where a user's calendar is.
type Source struct {
	URL    string // http or https
	Titles bool   // others may see what the meetings are called
}

// State is what is known of a user's calendar.
type State struct {
	Source
	Read  time.Time // when it was there last; zero: never
	Next  time.Time // when it is fetched again
	Error string    // why that failed last; "": it did not
	Busy  []Busy    // for two weeks
}

// Options of New.
type Options struct {
	Every time.Duration // how often each is fetched; 0: 10 minutes
	// Allow tells whether an address may be asked. It is asked of each address
	// that is connected to, those of redirections among them.
	Allow func(netip.Addr) error
	Zone  func(event.AoR) *time.Location
	// Enter is told what a user does, whenever that was read again, or is no longer
	// known: nil. It must not wait.
	Enter  func(event.AoR, []Busy)
	Logger *slog.Logger
}

const (
	every   = 10 * time.Minute
	atOnce  = 8                   // fetched at the same time
	spread  = 10 * time.Second    // within which all are fetched after the start
	ahead   = 14 * 24 * time.Hour // that are read of a calendar
	keeps   = 24 * time.Hour      // of what was read last, where it cannot be read any more
	longest = 6 * time.Hour       // between two attempts
	maxURL  = 2048
)

var errURL = errors.New("want the address of a calendar: https://calendar.example.com/alice.ics")

// Check refuses what is no address of a calendar.
func (s Source) Check() error {
	u, err := url.Parse(s.URL)
	if err != nil || len(s.URL) > maxURL || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || strings.ContainsFunc(s.URL, func(r rune) bool { return r <= ' ' }) {
		return errURL
	}
	return nil
}

// Calendars are those of all users. Its methods may be called from any goroutine.
type Calendars struct {
	o    Options
	http *http.Client
	wake chan struct{}

	mu      sync.Mutex
	of      map[event.AoR]*calendar
	running int

	fetched, unchanged, failures atomic.Uint64
}

// calendar is one user's.
type calendar struct {
	State
	whole    time.Time // when all of it was read
	failures int       // since
	running  bool
	etag     string
	modified string
}

// New makes it, with no calendar.
func New(o Options) *Calendars {
	if o.Every == 0 {
		o.Every = every
	}
	c := &Calendars{o: o, wake: make(chan struct{}, 1), of: map[event.AoR]*calendar{}}
	c.http = c.client()
	return c
}

// Live is how many calendars there are, and how many of them could not be read
// last.
func (c *Calendars) Live() (all, failing int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, one := range c.of {
		if one.failures > 0 {
			failing++
		}
	}
	return len(c.of), failing
}

// Counts are what came of all fetches.
func (c *Calendars) Counts() (fetched, unchanged, failed uint64) {
	return c.fetched.Load(), c.unchanged.Load(), c.failures.Load()
}

// Load makes those the users' calendars. The ones that are the same as before go on.
func (c *Calendars) Load(sources map[event.AoR]Source) {
	for aor := range c.known() {
		if _, ok := sources[aor]; !ok {
			c.Clear(aor)
		}
	}
	for aor, s := range sources {
		c.set(aor, s, rand.N(spread))
	}
}

func (c *Calendars) known() map[event.AoR]bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := map[event.AoR]bool{}
	for aor := range c.of {
		all[aor] = true
	}
	return all
}

// Set names a user's calendar, and fetches it at once.
func (c *Calendars) Set(aor event.AoR, s Source) { c.set(aor, s, 0) }

func (c *Calendars) set(aor event.AoR, s Source, after time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if had := c.of[aor]; had != nil && had.Source == s {
		return
	} else if had != nil {
		c.o.Enter(aor, nil)
	}
	c.of[aor] = &calendar{State: State{Source: s, Next: time.Now().Add(after)}}
	c.look()
}

// Clear forgets a user's calendar.
func (c *Calendars) Clear(aor event.AoR) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of[aor] != nil {
		delete(c.of, aor)
		c.o.Enter(aor, nil)
	}
}

// State is what is known of a user's calendar; ok is false where there is none.
func (c *Calendars) State(aor event.AoR) (s State, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if one := c.of[aor]; one != nil {
		return one.State, true
	}
	return s, false
}

// look has Run see what is to do.
func (c *Calendars) look() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Run fetches calendars until the context ends, and waits for those that are
// being fetched.
func (c *Calendars) Run(ctx context.Context) {
	var fetches sync.WaitGroup
	defer fetches.Wait()
	for {
		timer := time.NewTimer(c.start(ctx, &fetches))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		case <-c.wake:
			timer.Stop()
		}
	}
}

// start begins to fetch what is due, and tells how long there is nothing more to
// do.
func (c *Calendars) start(ctx context.Context, fetches *sync.WaitGroup) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, next := time.Now(), time.Hour
	for aor, one := range c.of {
		switch due := one.Next.Sub(now); {
		case one.running:
		case due > 0:
			next = min(next, due)
		case c.running < atOnce: // else whoever is done looks again
			c.running++
			one.running = true
			asked := *one
			fetches.Go(func() { c.done(ctx, aor, one, c.fetch(ctx, aor, &asked)) })
		}
	}
	return next
}

// done takes in what came of a fetch.
func (c *Calendars) done(ctx context.Context, aor event.AoR, one *calendar, r result) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running--
	one.running = false
	defer c.look()
	if ctx.Err() != nil || c.of[aor] != one {
		return // nobody wants to know
	}
	now := time.Now()
	if r.err != nil {
		c.failed(aor, one, r, now)
		return
	}
	if one.failures > 0 {
		c.o.Logger.Info("a calendar can be read again", "aor", aor)
	}
	one.failures, one.Error, one.Read = 0, "", now
	one.Next = now.Add(jitter(c.o.Every))
	if r.unchanged {
		c.unchanged.Add(1)
	} else {
		c.fetched.Add(1)
		one.Busy, one.whole, one.etag, one.modified = r.busy, now, r.etag, r.modified
	}
	c.o.Enter(aor, one.Busy)
}

// failed tries again later and later.
func (c *Calendars) failed(aor event.AoR, one *calendar, r result, now time.Time) {
	c.failures.Add(1)
	if one.failures == 0 {
		c.o.Logger.Warn("a calendar cannot be read", "aor", aor, "error", r.err)
	}
	one.failures++
	one.Error = r.err.Error()
	wait := min(c.o.Every<<min(one.failures-1, 10), longest)
	one.Next = now.Add(max(jitter(max(wait, c.o.Every)), min(r.after, longest)))
	if over := one.Read.Add(keeps); !over.After(now) {
		one.Busy, one.etag, one.modified = nil, "", ""
	} else if one.Busy != nil && over.Before(one.Next) {
		one.Next = over // that is when it counts no more
	}
	c.o.Enter(aor, one.Busy)
}

// jitter is about so long, so that not all come at once.
func jitter(d time.Duration) time.Duration { return d - d/10 + rand.N(d/5+1) }

// Public refuses addresses that are only of this machine or this network, and those
// that are nobody's: what is fetched there might not be meant for users.
func Public(a netip.Addr) error {
	a = a.Unmap()
	switch {
	case a.IsLoopback():
		return fmt.Errorf("%s is this machine", a)
	case !a.IsGlobalUnicast(), a.IsPrivate(), shared.Contains(a), nat64.Contains(a):
		return fmt.Errorf("%s is no address of the public Internet: --calendar-network allows it", a)
	}
	return nil
}

var (
	shared = netip.MustParsePrefix("100.64.0.0/10") // of carriers
	nat64  = netip.MustParsePrefix("64:ff9b::/96")  // may lead to any of IPv4
)
