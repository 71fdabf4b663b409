package notifier

import (
	"time"

	"lamplight/event"
)

// bucket is the notification rate of one subscription: the first change goes
// at once, and what follows it waits for a token (RFC 6665 §5.4.9).
type bucket struct {
	tokens int
	filled time.Time
}

func newBucket(l event.Lifetime, now time.Time) bucket { return bucket{max(l.Burst, 1), now} }

// fill adds the tokens of the time gone by.
func (b *bucket) fill(l event.Lifetime, now time.Time) {
	burst := max(l.Burst, 1)
	if l.Refill <= 0 {
		b.tokens, b.filled = burst, now
		return
	}
	n := int(now.Sub(b.filled) / l.Refill)
	if n <= 0 {
		return
	}
	b.filled = b.filled.Add(time.Duration(n) * l.Refill)
	if b.tokens = min(b.tokens+n, burst); b.tokens == burst {
		b.filled = now
	}
}

// take takes a token, or tells when there will be one. What is urgent takes
// one that is there and never waits.
func (b *bucket) take(l event.Lifetime, now time.Time, urgent bool) (ok bool, when time.Time) {
	b.fill(l, now)
	if b.tokens > 0 {
		b.tokens--
		return true, time.Time{}
	}
	return urgent, b.filled.Add(l.Refill)
}
