package transaction

import "time"

// A wheel of 512 ticks of 100 ms goes round in 51 s, more than any timer that
// is put on it.
const (
	tickLength = 100 * time.Millisecond
	wheelSize  = 512
)

// ticks count from when the layer began, on the clock that only goes forward.
type ticks struct{ began time.Time }

// tick is the tick under way at a time.
func (t ticks) tick(at time.Time) int64 { return int64(at.Sub(t.began) / tickLength) }

// after is the first tick that begins a duration after now, and not before.
func (t ticks) after(d time.Duration) int64 {
	return int64((time.Since(t.began) + d + tickLength - 1) / tickLength)
}

// wheel holds what is due, by tick.
type wheel[T any] struct {
	buckets [wheelSize][]T
	spare   []T
	at      int64 // the tick that was done last
}

func (w *wheel[T]) put(tick int64, x T) {
	i := tick % wheelSize
	w.buckets[i] = append(w.buckets[i], x)
}

// take hands out what is due up to a tick. What f puts on the wheel meanwhile is
// for later.
func (w *wheel[T]) take(to int64, f func(x T, tick int64)) {
	for tick := max(w.at+1, to-wheelSize+1); tick <= to; tick++ {
		i := tick % wheelSize
		bucket := w.buckets[i]
		w.buckets[i] = w.spare
		for _, x := range bucket {
			f(x, tick)
		}
		if w.spare = bucket[:0]; cap(bucket) > 1024 {
			w.spare = nil
		}
	}
	w.at = max(w.at, to)
}
