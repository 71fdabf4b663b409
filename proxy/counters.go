package proxy

import "sync/atomic"

// The results of calls.
const (
	answered = iota
	busy
	cancelled
	unanswered
	challenged
	refused
	failed
	resultCount
)

// results are how results are called.
var results = [resultCount]string{"answered", "busy", "cancelled", "unanswered", "challenged", "refused", "failed"}

// Counters count calls. They may be read at any time.
type Counters struct {
	calls    [resultCount]atomic.Uint64
	Branches atomic.Uint64 // calls as they were passed on to one phone or gateway each
	Diverted atomic.Uint64 // calls that went on to somebody else
}

// Each tells how many calls had which result.
func (c *Counters) Each(f func(result string, calls uint64)) {
	for i := range c.calls {
		f(results[i], c.calls[i].Load())
	}
}

// ended counts a call by its final response.
func (c *Counters) ended(status int) { c.calls[resultOf(status)].Add(1) }

func resultOf(status int) int {
	switch status {
	case 486, 600:
		return busy
	case 487:
		return cancelled
	case 408, 480:
		return unanswered
	case 401, 407:
		return challenged
	}
	switch {
	case status < 300:
		return answered
	case status/100 == 5:
		return failed
	}
	return refused
}
