package uas

import (
	"net/netip"
	"sync"
	"time"

	"lamplight/body/limits"
	"lamplight/event"
)

// Limits of what one may send; a zero field takes its default.
type Limits struct {
	Document  int           // bytes of a published document: 64 KiB
	XML       limits.XML    // of a published document: limits.Most, and never more
	LoginIdle time.Duration // how long the connection of a user may be silent who has authenticated: 15 min

	Source, User, AoR Rate          // requests: 200 and 10, 200 and 20, 2,000 and 200
	Called            Rate          // calls to an AoR: 60 and 2
	Guesses           int           // wrong passwords of one user from one address: 10
	GuessWithin       time.Duration // how long each counts: 5 min
	GuessPause        time.Duration // how long nothing is answered then: 15 min
}

// Rate is how many come at once, and how many each second after that.
type Rate struct{ Burst, Each int }

func (l Limits) orDefault() Limits {
	rate := func(r *Rate, burst, each int) {
		if *r == (Rate{}) {
			*r = Rate{burst, each}
		}
	}
	rate(&l.Source, 200, 10)
	rate(&l.User, 200, 20)
	rate(&l.AoR, 2000, 200)
	rate(&l.Called, 60, 2)
	set := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	set(&l.LoginIdle, 15*time.Minute)
	set(&l.GuessWithin, 5*time.Minute)
	set(&l.GuessPause, 15*time.Minute)
	if l.XML == (limits.XML{}) {
		l.XML = limits.Most
	}
	if l.Document == 0 {
		l.Document = 64 << 10
	}
	if l.Guesses == 0 {
		l.Guesses = 10
	}
	return l
}

// A source that has authenticated is not counted for a while; its users are.
const (
	authenticates = 10 * time.Minute
	maxBuckets    = 100_000 // of sources, of users, of AoRs, and of guessers
)

// rates are the limits of sources, users and AoRs (RFC 3261 §26.1.5): bursts that
// an office behind one address needs, and what then comes each second. It reads
// the clock itself, as requests come before any turn.
type rates struct {
	limits  *Limits
	mu      sync.Mutex
	sources recent[source, bucket]
	users   recent[string, bucket]
	aors    recent[event.AoR, bucket]
	called  recent[event.AoR, bucket]
}

// bucket holds tokens; one comes back each while.
type bucket struct {
	spent  int
	filled time.Time
	free   time.Time // nothing is counted before
}

func (b *bucket) take(r Rate, now time.Time) bool {
	if now.Before(b.free) {
		return true
	}
	each := time.Second / time.Duration(r.Each)
	if n := int(now.Sub(b.filled) / each); n > 0 {
		b.filled = b.filled.Add(time.Duration(n) * each)
		if b.spent -= n; b.spent <= 0 {
			b.spent, b.filled = 0, now
		}
	}
	if b.spent >= r.Burst {
		return false
	}
	b.spent++
	return true
}

// recent are those in use, and those of the while before: what is not used in
// between is forgotten, as it says nothing any more by then.
type recent[K comparable, V any] struct {
	young, old map[K]*V
	turned     time.Time
}

// of is what is known of one; its zero value where that is nothing.
func (s *recent[K, V]) of(k K, now time.Time, while time.Duration) *V {
	if s.young == nil || now.Sub(s.turned) >= while || len(s.young) >= maxBuckets {
		s.young, s.old, s.turned = map[K]*V{}, s.young, now
	}
	v := s.young[k]
	if v == nil {
		if v = s.old[k]; v == nil {
			v = new(V)
		}
		s.young[k] = v
	}
	return v
}

// peek is what is known of one, nil where that is nothing.
func (s *recent[K, V]) peek(k K) *V {
	if v := s.young[k]; v != nil {
		return v
	}
	return s.old[k]
}

// source is where requests come from, an address, or for IPv6 a subnet. What
// comes with credentials is counted apart: else those who only ask would shut
// out who could let them all in.
type source struct {
	network     netip.Prefix
	credentials bool
}

func sourceOf(a netip.Addr, credentials bool) source {
	a = a.Unmap().WithZone("")
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits) // a received address is valid
	return source{p, credentials}
}

// admits counts a request of a source.
func (r *rates) admits(a netip.Addr, credentials bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	return r.sources.of(sourceOf(a, credentials), now, authenticates).take(r.limits.Source, now)
}

// returns gives a token back for credentials that were right but stale: after a
// restart all the phones of an office bring such.
func (r *rates) returns(a netip.Addr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := r.sources.of(sourceOf(a, true), time.Now(), authenticates)
	b.spent = max(b.spent-1, 0)
}

// authenticated counts a request of a user, and no longer those of its source.
func (r *rates) authenticated(a netip.Addr, user string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	for _, credentials := range []bool{false, true} {
		r.sources.of(sourceOf(a, credentials), now, authenticates).free = now.Add(authenticates)
	}
	return r.users.of(user, now, authenticates).take(r.limits.User, now)
}

// knows tells whether somebody at an address has authenticated.
func (r *rates) knows(a netip.Addr) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := r.sources.peek(sourceOf(a, true))
	return b != nil && time.Now().Before(b.free)
}

// about counts a request that concerns an AoR, whoever sent it: its owner has
// others to serve.
func (r *rates) about(aor event.AoR) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	return r.aors.of(aor, now, authenticates).take(r.limits.AoR, now)
}

// calls counts a call to an AoR, whoever calls: its phones have to ring for each.
func (r *rates) calls(aor event.AoR) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	return r.called.of(aor, now, authenticates).take(r.limits.Called, now)
}
