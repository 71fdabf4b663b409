package ua

import (
	"context"
	"errors"
	"sync"
	"time"
)

// keeper does a thing again and again: before what was granted is over, and
// after a failure that may pass.
type keeper struct {
	agent *Agent
	what  string // for the log
	again func(context.Context)

	mu       sync.Mutex
	timer    *time.Timer
	failures int
}

// done says how it went, and when the next time is. A failure that will not pass
// is the last.
func (k *keeper) done(granted time.Duration, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.stopLocked()
	switch {
	case err == nil:
		k.failures = 0
		k.timer = k.agent.after(beforeEnd(granted), k.again)
	case errors.Is(err, ErrClosed):
	case passing(err):
		k.failures++
		wait := backoff(err, k.failures)
		k.agent.log.Warn(k.what+" failed, and is tried again", "in", wait, "error", err)
		k.timer = k.agent.after(wait, k.again)
	default:
		k.agent.log.Warn(k.what+" was refused", "error", err)
	}
}

func (k *keeper) stop() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.stopLocked()
}

func (k *keeper) stopLocked() {
	if k.timer != nil {
		k.timer.Stop()
	}
}

// beforeEnd is when to refresh: early enough for a request to fail by Timer F
// before the time is over, but not before half of it.
func beforeEnd(granted time.Duration) time.Duration {
	return max(granted-min(granted/2, 45*time.Second), time.Second)
}

// backoff is how long to wait after a failure, the nth in a row.
func backoff(err error, n int) time.Duration {
	var status *StatusError
	if errors.As(err, &status) && status.RetryAfter > 0 {
		return status.RetryAfter
	}
	return min(time.Second<<min(n-1, 6), time.Minute)
}

// passing tells a failure that may pass from a refusal, which would be the same
// another time (RFC 3261 §21.4, §21.5).
func passing(err error) bool {
	var status *StatusError
	if !errors.As(err, &status) {
		return !errors.Is(err, ErrClosed)
	}
	switch status.Code {
	case 408, 480, 481, 482, 491, 500, 502, 503, 504, 600:
		return true
	}
	return false
}
