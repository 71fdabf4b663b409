package event

import (
	"encoding/binary"
	"hash/fnv"
	"time"
)

// spreadFrom is the shortest interval that is worth spreading.
const spreadFrom = 10 * time.Minute

// Spread takes up to a fifth off an interval, never going below least, so that
// what began together (after a power cut) does not come back together. The
// fraction follows from key and now.
func Spread(interval, least time.Duration, key string, now time.Time) time.Duration {
	if interval < spreadFrom {
		return interval
	}
	h := fnv.New64a()
	h.Write(binary.BigEndian.AppendUint64([]byte(key), uint64(now.UnixNano())))
	off := time.Duration(h.Sum64()%200) * interval / 1000
	return max((interval - off).Truncate(time.Second), least)
}
