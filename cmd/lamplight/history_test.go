package main

import (
	"strconv"
	"syscall"
	"testing"
	"time"

	"lamplight/control"
)

// The history of who has not called anybody is empty; that of nobody is an error.
func TestHistory(t *testing.T) {
	s, ready := serves(t, "--admin", "127.0.0.1:0", "--drain", "0s")
	if out := succeed(t, "", "history", "alice@example.test", "--admin", ready["admin"], "--json"); out != "" {
		t.Errorf("calls that nobody made: %s", out)
	}
	for _, args := range [][]string{{"1", "history", "alice@elsewhere.test"}, {"2", "history", "alice", "--result", "lost"}, {"2", "history"}} {
		status, _, errs := result(t, "", append(args[1:], "--admin", ready["admin"])...)
		if strconv.Itoa(status) != args[0] {
			t.Errorf("%v: exit %d, %s", args[1:], status, errs)
		}
	}
	s.end(t, syscall.SIGTERM)
}

func TestACallAsAPersonReadsIt(t *testing.T) {
	at := time.Date(2026, 11, 24, 12, 0, 0, 0, time.Local)
	for want, c := range map[string]control.Call{
		"2026-11-24 12:00:00\tin\tBob <sip:bob@example.test>\tanswered 1m5s\tavailable": {Time: at, Direction: "in", Name: "Bob", Party: "sip:bob@example.test",
			Result: "answered", Duration: 65.2, State: "available"},
		"2026-11-24 12:00:00\tout\t<sip:1@x>\telsewhere by carol@example.test (picked up)\t": {Time: at, Direction: "out", Party: "sip:1@x",
			Result: "elsewhere", PickedUpBy: "carol@example.test", Reason: "picked\n\tup"},
		"2026-11-24 12:00:00\tin\t?[2J <sip:1@x>\tmissed\t": {Time: at, Direction: "in", Name: "\x1b[2J", Party: "sip:1@x", Result: "missed"},
	} {
		if got := line(&c); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
