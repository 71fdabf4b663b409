package event

import (
	"testing"
	"time"
)

func TestCurrent(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	input := func(id string, from, until time.Duration) Input {
		in := Input{Key: Key{Event: "e", Source: EPA, ID: id}}
		if from != 0 {
			in.From = now.Add(from)
		}
		if until != 0 {
			in.Until = now.Add(until)
		}
		return in
	}
	live, next := Current([]Input{
		input("d", -1, time.Hour), input("a", time.Minute, time.Hour), input("b", 0, 0), input("c", -time.Hour, -time.Minute),
	}, now)
	if len(live) != 2 || live[0].ID != "b" || live[1].ID != "d" || !next.Equal(now.Add(time.Minute)) {
		t.Errorf("live %v, next %v", live, next)
	}
	if live, next := Current([]Input{input("b", 0, 0)}, now); len(live) != 1 || !next.IsZero() {
		t.Errorf("live %v, next %v", live, next)
	}
}
