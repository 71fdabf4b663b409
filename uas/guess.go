package uas

import (
	"net/netip"
	"strings"
	"sync"
	"time"

	"lamplight/sip"
)

// How the answer to a wrong password is held back: after the first few, and not
// too many at once.
const (
	fewGuesses = 4
	guessDelay = time.Second
	mostLate   = 1000
)

// remembered is how long a phone's port is known from which the password was
// right: as long as a registration may last.
const remembered = 24 * time.Hour

// guesses slow those down who try passwords (RFC 3261 §26.1.5): the answer to a
// wrong one is late after the first few, and who was wrong too often is not
// answered for a while. They are told apart by user and address: an account that
// locks itself could be locked by anybody. A phone that had it right goes on,
// though another behind the same address has it wrong.
type guesses struct {
	limits *Limits
	mu     sync.Mutex
	seen   recent[guesser, guess]
	knows  recent[phone, struct{}]
	late   int // answers that wait
}

type guesser struct {
	user    string
	network netip.Prefix
}

type phone struct {
	user string
	at   netip.AddrPort
}

// guess is what is known of a guesser.
type guess struct {
	wrong int
	since time.Time // the first of them
	until time.Time // nothing is answered before
}

// phoneOf is who claims a digest username, known here or not; with a domain or
// without it is the same user.
func phoneOf(username string, at netip.AddrPort) phone {
	user, _, _ := strings.Cut(username, "@")
	return phone{strings.Clone(user[:min(len(user), sip.DefaultLimits.URI)]), at}
}

func (p phone) guesser() guesser { return guesser{p.user, sourceOf(p.at.Addr(), false).network} }

// paused tells whether a phone gets no answer now.
func (g *guesses) paused(p phone) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	k := g.seen.peek(p.guesser())
	return k != nil && time.Now().Before(k.until) && g.knows.peek(p) == nil
}

// right forgets what was wrong before.
func (g *guesses) right(p phone) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if k := g.seen.peek(p.guesser()); k != nil && !time.Now().Before(k.until) {
		*k = guess{}
	}
	g.knows.of(p, time.Now(), remembered)
}

// wrong counts a guess, and tells whether its answer is to be late.
func (g *guesses) wrong(p phone) (late bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	k := g.seen.of(p.guesser(), now, max(g.limits.GuessWithin, g.limits.GuessPause))
	if now.Sub(k.since) >= g.limits.GuessWithin {
		*k = guess{since: now, until: k.until}
	}
	if k.wrong++; k.wrong >= g.limits.Guesses {
		k.until = now.Add(g.limits.GuessPause)
	}
	if late = k.wrong > fewGuesses && g.late < mostLate; late {
		g.late++
	}
	return late
}

// wait says a late answer when it is time.
func (g *guesses) wait(answer func()) {
	time.AfterFunc(guessDelay, func() {
		g.mu.Lock()
		g.late--
		g.mu.Unlock()
		answer()
	})
}
