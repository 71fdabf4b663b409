package transaction

import (
	"slices"
	"testing"
)

// What is put on the wheel while it turns is not lost, even into the bucket that
// is being emptied; after a long stop everything comes once.
func TestTheWheel(t *testing.T) {
	var w wheel[int]
	var got []int
	w.put(1, 1)
	w.put(wheelSize-1, 2)
	w.take(3*wheelSize+1, func(x int, tick int64) {
		if got = append(got, x); x == 1 {
			w.put(tick+wheelSize, 3)
		}
	})
	w.take(3*wheelSize+1, func(int, int64) { t.Error("a tick is done twice") })
	w.take(4*wheelSize+1, func(x int, _ int64) { got = append(got, x) })
	slices.Sort(got)
	if !slices.Equal(got, []int{1, 2, 3}) {
		t.Errorf("%v came, want each once", got)
	}
}
