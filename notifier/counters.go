package notifier

import (
	"sync/atomic"
	"time"

	"lamplight/event"
)

// Counters count the subscriptions to one event package, and what became of
// their notifications. They may be read at any time.
type Counters struct {
	live      atomic.Int64
	waiting   atomic.Int64
	coalesced atomic.Uint64
	deserted  atomic.Uint64 // ended, for there was no way to them any more
	results   [Lost + 1]atomic.Uint64

	took     [len(Bounds) + 1]atomic.Uint64 // the last: longer than all bounds
	tookLong atomic.Int64                   // all of them together, in nanoseconds
}

// Bounds are the upper bounds by which the times from a change to the answer of
// the NOTIFY that tells it are counted.
var Bounds = [...]time.Duration{
	time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond,
	50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 32 * time.Second,
}

// Counters are those of an event package; nil for one that is not known.
func (n *Notifier) Counters(name event.Name) *Counters { return n.counters[name] }

// Live is how many subscriptions there are.
func (c *Counters) Live() int64 { return c.live.Load() }

// Deserted is how many subscriptions ended because the way to them was lost.
func (c *Counters) Deserted() uint64 { return c.deserted.Load() }

// Waiting is how many subscriptions have news that is not sent yet: for the
// answer to the last notification, for the rate, or until a failure is over.
func (c *Counters) Waiting() int64 { return c.waiting.Load() }

// Coalesced is how many changes were told to nobody by themselves, once for each
// subscription: a newer one had come when it could be told.
func (c *Counters) Coalesced() uint64 { return c.coalesced.Load() }

// Ended is how many notifications had an outcome. A subscription's very last one
// is not among them: nobody waits for its answer.
func (c *Counters) Ended(o Outcome) uint64 { return c.results[o].Load() }

// Took is how many changes were told within each of Bounds, and not within the
// one before; and all the times together. What was told for another reason than
// a change is not counted.
func (c *Counters) Took() (counts [len(Bounds) + 1]uint64, sum time.Duration) {
	for i := range counts {
		counts[i] = c.took[i].Load()
	}
	return counts, time.Duration(c.tookLong.Load())
}

// ended counts an outcome and, where a change was delivered, how long it took.
func (c *Counters) ended(o Outcome, changed, now time.Time) {
	c.results[o].Add(1)
	if o != Delivered || changed.IsZero() {
		return
	}
	took, i := now.Sub(changed), 0
	for i < len(Bounds) && took > Bounds[i] {
		i++
	}
	c.took[i].Add(1)
	c.tookLong.Add(int64(took))
}
