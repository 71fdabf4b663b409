package app

import (
	"sync"
	"time"

	"lamplight/event"
)

// passes are calls that may disturb: those of whoever insists.
type passes struct {
	mu    sync.Mutex
	until map[[2]event.AoR]time.Time // of who is called, and who calls
}

// A pass is for the time that it takes to have a user's phone call somebody.
const (
	passLasts = 2 * time.Minute
	maxPasses = 1000
)

func (p *passes) give(of, by event.AoR, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for k, until := range p.until {
		if !until.After(now) {
			delete(p.until, k)
		}
	}
	if p.until == nil {
		p.until = map[[2]event.AoR]time.Time{}
	}
	if len(p.until) < maxPasses {
		p.until[[2]event.AoR{of, by}] = now.Add(passLasts)
	}
}

func (p *passes) has(of, by event.AoR, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.until[[2]event.AoR{of, by}].After(now)
}
