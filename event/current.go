package event

import (
	"cmp"
	"slices"
	"time"
)

// Current are the inputs that count now, in an order that is always the same,
// and the next moment at which others will (zero: none by itself).
func Current(in []Input, now time.Time) (live []Input, next time.Time) {
	live = make([]Input, 0, len(in))
	sorted := true
	for j := range in {
		i := &in[j]
		next = Sooner(Sooner(next, i.From, now), i.Until, now)
		if !i.From.After(now) && (i.Until.IsZero() || i.Until.After(now)) {
			sorted = sorted && (len(live) == 0 || live[len(live)-1].Compare(&i.Key) <= 0)
			live = append(live, *i)
		}
	}
	if !sorted {
		slices.SortFunc(live, func(a, b Input) int { return a.Compare(&b.Key) })
	}
	return live, next
}

// Compare orders keys: by event, source and ID.
func (k *Key) Compare(other *Key) int {
	if k.Event != other.Event {
		return cmp.Compare(k.Event, other.Event)
	}
	if k.Source != other.Source {
		return cmp.Compare(k.Source, other.Source)
	}
	return cmp.Compare(k.ID, other.ID)
}

// Sooner is the earlier of next, where zero is never, and of another moment
// that is still to come.
func Sooner(next, at, now time.Time) time.Time {
	if at.After(now) && (next.IsZero() || at.Before(next)) {
		return at
	}
	return next
}

// OnlyForgets tells whether all that is gone from a list is what had ended, and
// nothing else of it changed: such a change is told to nobody (Quieter).
func OnlyForgets[T comparable](before, after []T, ended func(T) bool) bool {
	left := slices.DeleteFunc(slices.Clone(before), func(x T) bool { return ended(x) && !slices.Contains(after, x) })
	return len(left) < len(before) && slices.Equal(left, after)
}
