package event

import (
	"hash/maphash"
	"time"
)

// spreadFrom is the shortest interval that is worth spreading.
const spreadFrom = 10 * time.Minute

var seed = maphash.MakeSeed()

// Spread takes up to a fifth off an interval, never going below least, so that
// what began together (after a power cut) does not come back together. The
// fraction follows from key and now.
func Spread(interval, least time.Duration, key string, now time.Time) time.Duration {
	if interval < spreadFrom {
		return interval
	}
	var h maphash.Hash
	h.SetSeed(seed)
	h.WriteString(key)
	maphash.WriteComparable(&h, now.UnixNano())
	off := time.Duration(h.Sum64()%200) * interval / 1000
	return max((interval - off).Truncate(time.Second), least)
}
