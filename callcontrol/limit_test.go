package callcontrol

import (
	"fmt"
	"testing"
	"time"

	"lamplight/event"
)

// So many calls in any minute, and of each user; who has made none for a minute is
// forgotten.
func TestLimit(t *testing.T) {
	l := limit{most: 2}
	noon := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	for i, step := range []struct {
		user  event.AoR
		after time.Duration
		want  bool
	}{
		{"alice", 0, true}, {"alice", 10 * time.Second, true}, {"alice", 20 * time.Second, false}, {"bob", 20 * time.Second, true},
		{"alice", 59 * time.Second, false}, {"alice", 60 * time.Second, true}, {"alice", 61 * time.Second, false}, {"alice", 70 * time.Second, true},
	} {
		if got := l.take(step.user, noon.Add(step.after)); got != step.want {
			t.Errorf("step %d: %v", i, got)
		}
	}
	for i := range 100 {
		l.take(event.AoR(fmt.Sprint(i)), noon.Add(2*time.Minute))
	}
	l.take("carol", noon.Add(4*time.Minute))
	if len(l.made) != 1 {
		t.Errorf("%d users are remembered", len(l.made))
	}
}
