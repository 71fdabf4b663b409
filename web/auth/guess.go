package auth

import (
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// Limits of wrong passwords, for one user from one address; a zero field takes its
// default.
type Limits struct {
	Guesses int           // 10
	Within  time.Duration // how long each counts: 5 min
	Pause   time.Duration // how long nothing is right then: 15 min
}

func (l Limits) orDefault() Limits {
	if l.Guesses == 0 {
		l.Guesses = 10
	}
	if l.Within == 0 {
		l.Within = 5 * time.Minute
	}
	if l.Pause == 0 {
		l.Pause = 15 * time.Minute
	}
	return l
}

// maxGuessers bounds what is remembered.
const maxGuessers = 100_000

// guesses hold those up who try passwords. An account does not lock itself: it
// could be locked by anybody.
type guesses struct {
	limits Limits
	mu     sync.Mutex
	seen   map[guesser]*guess
}

type guesser struct {
	user    string
	network netip.Prefix
}

type guess struct {
	wrong        int
	since, until time.Time
}

// guesserOf is who claims a name, with a domain or without.
func guesserOf(user string, r *http.Request) guesser {
	user, _, _ = strings.Cut(strings.ToLower(strings.TrimPrefix(strings.TrimSpace(user), "sip:")), "@")
	at, _ := netip.ParseAddrPort(r.RemoteAddr)
	addr := at.Addr().Unmap().WithZone("")
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	network, _ := addr.Prefix(bits) // the zero prefix where there is no address
	return guesser{strings.Clone(user[:min(len(user), 128)]), network}
}

func (g *guesses) paused(k guesser, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	one := g.seen[k]
	return one != nil && now.Before(one.until)
}

func (g *guesses) right(k guesser) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.seen, k)
}

func (g *guesses) wrong(k guesser, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	one := g.seen[k]
	if one == nil {
		if len(g.seen) >= maxGuessers {
			g.forget(now)
		}
		one = &guess{since: now}
		g.seen[k] = one
	}
	if now.Sub(one.since) >= g.limits.Within {
		one.wrong, one.since = 0, now
	}
	if one.wrong++; one.wrong >= g.limits.Guesses {
		one.until = now.Add(g.limits.Pause)
	}
}

// forget drops what says nothing any more, or all where everything does.
func (g *guesses) forget(now time.Time) {
	for k, one := range g.seen {
		if now.Sub(one.since) >= g.limits.Within && !now.Before(one.until) {
			delete(g.seen, k)
		}
	}
	if len(g.seen) >= maxGuessers {
		clear(g.seen)
	}
}
