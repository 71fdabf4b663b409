package transaction

import (
	"sync/atomic"
	"time"
)

// Bounds are the upper bounds by which the times are counted that a request took
// to its final response.
var Bounds = [...]time.Duration{
	500 * time.Microsecond, time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond,
	50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond, time.Second, 5 * time.Second, 32 * time.Second,
}

// durations count lengths of time by Bounds.
type durations struct {
	counts [len(Bounds) + 1]atomic.Uint64 // the last: longer than all bounds
	sum    atomic.Int64                   // in nanoseconds
}

func (d *durations) add(took time.Duration) {
	i := 0
	for i < len(Bounds) && took > Bounds[i] {
		i++
	}
	d.counts[i].Add(1)
	d.sum.Add(int64(took))
}

// EachDuration tells of every method how many requests had their final response
// within each of Bounds, and not within the one before; and all the times
// together. Methods of which there was none are left out.
func (c *Counters) EachDuration(each func(method string, counts [len(Bounds) + 1]uint64, sum time.Duration)) {
	for i := range c.byMethod {
		d := &c.byMethod[i].took
		var counts [len(Bounds) + 1]uint64
		some := false
		for j := range counts {
			counts[j] = d.counts[j].Load()
			some = some || counts[j] > 0
		}
		if some {
			each(c.method(i), counts, time.Duration(d.sum.Load()))
		}
	}
}
