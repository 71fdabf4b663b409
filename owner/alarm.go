package owner

import (
	"container/heap"
	"time"
)

// Alarm is a deadline of an owner's. It belongs to what it wakes: embed it, and
// move it by Turn.Wake. The zero Alarm is not set.
type Alarm struct {
	at    time.Time
	key   string
	job   Job
	place int // in the heap, counted from 1; 0: not set
}

// At is when the alarm goes off; zero where it is not set.
func (a *Alarm) At() time.Time {
	if a.place == 0 {
		return time.Time{}
	}
	return a.at
}

// alarms is a heap of deadlines, the next first.
type alarms []*Alarm

func (h alarms) Len() int           { return len(h) }
func (h alarms) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h alarms) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i+1, j+1
}

func (h *alarms) Push(x any) {
	a := x.(*Alarm)
	*h = append(*h, a)
	a.place = len(*h)
}

func (h *alarms) Pop() any {
	last := len(*h) - 1
	a := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	a.place = 0
	return a
}

// set moves an alarm; the zero time takes it away.
func (h *alarms) set(a *Alarm, at time.Time) {
	switch {
	case at.IsZero() && a.place > 0:
		heap.Remove(h, a.place-1)
	case at.IsZero():
	case a.place > 0:
		a.at = at
		heap.Fix(h, a.place-1)
	default:
		a.at = at
		heap.Push(h, a)
	}
}

// due takes the next alarm that is not after now, or nil.
func (h *alarms) due(now time.Time) *Alarm {
	if len(*h) == 0 || (*h)[0].at.After(now) {
		return nil
	}
	return heap.Pop(h).(*Alarm)
}

// next is when the first alarm goes off; zero where none is set.
func (h alarms) next() time.Time {
	if len(h) == 0 {
		return time.Time{}
	}
	return h[0].at
}

// forget takes all alarms of some keys away, in one pass.
func (h *alarms) forget(keys map[string]struct{}) {
	kept := (*h)[:0]
	for _, a := range *h {
		if _, gone := keys[a.key]; gone {
			a.place = 0
			continue
		}
		kept = append(kept, a)
		a.place = len(kept)
	}
	clear((*h)[len(kept):])
	*h = kept
	heap.Init(h)
}
