package xmltree

import (
	"strconv"
	"strings"
	"time"
)

// maxSeconds is the longest time that is believed: a century.
const maxSeconds = 100 * 366 * 24 * 3600

// Moment is the time that lies so many seconds, each of one unit, from another;
// zero where they cannot be read.
func Moment(seconds string, at time.Time, unit time.Duration) time.Time {
	n, err := strconv.ParseUint(strings.TrimSpace(seconds), 10, 64)
	if err != nil || at.IsZero() {
		return time.Time{}
	}
	return at.Add(time.Duration(min(n, maxSeconds)) * unit)
}

// AppendSeconds appends an attribute with the seconds between two times, not
// less than none, unless one of them is not known.
func AppendSeconds(b []byte, name string, from, to time.Time) []byte {
	if from.IsZero() || to.IsZero() {
		return b
	}
	return AppendAttr(b, name, strconv.FormatInt(int64(max(to.Sub(from), 0)/time.Second), 10))
}
