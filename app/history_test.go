package app_test

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"lamplight/app"
	calls "lamplight/call" // call is a document here
	"lamplight/config"
	"lamplight/control"
)

// pastCalls waits for as many calls in a user's history as a page should have.
func pastCalls(t *testing.T, c *control.Client, q control.HistoryQuery, want int) []control.Call {
	t.Helper()
	for late := time.After(20 * time.Second); ; {
		list, err := c.History(context.Background(), q)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == want {
			return list
		}
		select {
		case <-late:
			t.Fatalf("%+v: %d calls, want %d: %+v", q, len(list), want, list)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// A call that is over stands in the history of both its users, each with what the
// other may be seen as now, and only there; it is there after a restart.
func TestHistoryOverTheSocket(t *testing.T) {
	settings := config.Serve{Data: t.TempDir(), Domain: []string{"example.test"}, Listen: []string{"udp:127.0.0.1:0"}, LogLevel: "error",
		Role: []string{"registrar", "presence"}, Limits: "on", NotifyRate: "on", InsecureNoAuth: true, HistoryDays: 1}
	serve := func() *app.Process {
		p, err := app.Open(settings, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	p := serve()
	ask := func() *control.Client { c := control.InDir(settings.Data); t.Cleanup(c.Close); return c }
	p.Saw(seen(calls.Invite))
	p.Saw(seen(calls.Answer))
	p.Saw(seen(calls.Bye))
	busy := seen(calls.Refused)
	busy.CallID, busy.Branch, busy.Code = "call-2", "", 486
	p.Saw(busy)

	list := pastCalls(t, ask(), control.HistoryQuery{User: "alice"}, 2)
	if c := list[0]; c.Direction != "out" || c.User != "bob@example.test" || c.State != "offline" || c.Result == list[1].Result {
		t.Errorf("Alice's newest call is %+v", c)
	}
	missed := pastCalls(t, ask(), control.HistoryQuery{User: "bob@example.test", Result: "missed", Party: "alice"}, 1)
	if c := missed[0]; c.Direction != "in" || c.Party != "sip:alice@example.test" || c.Reason != "busy" || time.Since(c.Time) > time.Minute {
		t.Errorf("Bob missed %+v", c)
	}
	pastCalls(t, ask(), control.HistoryQuery{User: "alice", Before: list[0].Cursor}, 1)
	pastCalls(t, ask(), control.HistoryQuery{User: "alice", Party: "carol"}, 0)
	pastCalls(t, ask(), control.HistoryQuery{User: "carol"}, 0)
	for _, q := range []control.HistoryQuery{{User: "alice@elsewhere.test"}, {User: "alice", Result: "lost"}, {User: "alice", Before: "x"}} {
		if _, err := ask().History(context.Background(), q); err == nil {
			t.Errorf("%+v is answered", q)
		}
	}

	p.Saw(seen(calls.Invite)) // late
	third := seen(calls.Refused)
	third.CallID, third.Branch, third.Code = "call-3", "", 603
	p.Saw(third)
	stop(t, p) // what was handed over is written by then
	defer stop(t, serve())
	pastCalls(t, ask(), control.HistoryQuery{User: "alice"}, 3)
}

func TestNoHistoryIsKept(t *testing.T) {
	data := t.TempDir()
	p, err := app.Open(config.Serve{Data: data, Domain: []string{"example.test"}, Listen: []string{"udp:127.0.0.1:0"}, LogLevel: "error",
		Role: []string{"presence"}, Limits: "on", NotifyRate: "on", InsecureNoAuth: true}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	c := control.InDir(data)
	defer c.Close()
	if _, err := c.History(context.Background(), control.HistoryQuery{User: "alice"}); err == nil || !strings.Contains(err.Error(), "--history-days") {
		t.Errorf("no history: %v", err)
	}
	stop(t, p)
}
