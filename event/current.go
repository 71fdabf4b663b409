package event

import (
	"cmp"
	"slices"
	"time"
)

// Current are the inputs that count now, in an order that is always the same,
// and the next moment at which others will (zero: none by itself).
func Current(in []Input, now time.Time) (live []Input, next time.Time) {
	for _, i := range in {
		for _, at := range []time.Time{i.From, i.Until} {
			next = Sooner(next, at, now)
		}
		if !i.From.After(now) && (i.Until.IsZero() || i.Until.After(now)) {
			live = append(live, i)
		}
	}
	slices.SortFunc(live, func(a, b Input) int {
		return cmp.Or(cmp.Compare(a.Event, b.Event), cmp.Compare(a.Source, b.Source), cmp.Compare(a.ID, b.ID))
	})
	return live, next
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
