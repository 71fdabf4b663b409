package uas

import (
	"net/netip"
	"sync"
	"time"
)

// The rates of requests: bursts that an office behind one address needs, and
// what then comes each second. A source that has authenticated is not counted
// for a while; its users are.
const (
	burst         = 200
	sourceEach    = time.Second / 10
	userEach      = time.Second / 20
	authenticates = 10 * time.Minute
	maxBuckets    = 100_000 // of sources, and of users
)

// rates are the limits of sources and users (RFC 3261 §26.1.5). It reads the
// clock itself, as requests come before any turn.
type rates struct {
	mu      sync.Mutex
	sources buckets[source]
	users   buckets[string]
}

// bucket holds tokens; one comes back each while.
type bucket struct {
	tokens int
	filled time.Time
	free   time.Time // nothing is counted before
}

func (b *bucket) take(each time.Duration, now time.Time) bool {
	if now.Before(b.free) {
		return true
	}
	if n := int(now.Sub(b.filled) / each); n > 0 {
		b.filled = b.filled.Add(time.Duration(n) * each)
		if b.tokens += n; b.tokens >= burst {
			b.tokens, b.filled = burst, now
		}
	}
	if b.tokens == 0 {
		return false
	}
	b.tokens--
	return true
}

// buckets are those in use, and those of the while before: what is not used in
// between is forgotten, as it is full again by then.
type buckets[K comparable] struct {
	young, old map[K]*bucket
	turned     time.Time
}

func (s *buckets[K]) of(k K, now time.Time) *bucket {
	if s.young == nil || now.Sub(s.turned) >= authenticates || len(s.young) >= maxBuckets {
		s.young, s.old, s.turned = map[K]*bucket{}, s.young, now
	}
	b := s.young[k]
	if b == nil {
		if b = s.old[k]; b == nil {
			b = &bucket{tokens: burst, filled: now}
		}
		s.young[k] = b
	}
	return b
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
	return r.sources.of(sourceOf(a, credentials), now).take(sourceEach, now)
}

// returns gives a token back for credentials that were right but stale: after a
// restart all the phones of an office bring such.
func (r *rates) returns(a netip.Addr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := r.sources.of(sourceOf(a, true), time.Now())
	b.tokens = min(b.tokens+1, burst)
}

// authenticated counts a request of a user, and no longer those of its source.
func (r *rates) authenticated(a netip.Addr, user string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	for _, credentials := range []bool{false, true} {
		r.sources.of(sourceOf(a, credentials), now).free = now.Add(authenticates)
	}
	return r.users.of(user, now).take(userEach, now)
}
