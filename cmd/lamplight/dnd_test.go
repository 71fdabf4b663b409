package main

import (
	"encoding/json"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"lamplight/control"
)

// What is forced by command is there after a restart, in the time zone of the
// domain, and is taken off by command.
func TestWhatIsForcedByCommand(t *testing.T) {
	data := t.TempDir()
	s, _ := serve(t, "--data", data)
	succeed(t, "secret\n", "user", "add", "alice@example.test", "--password-stdin", "--data", data)
	succeed(t, "", "domain", "set", "example.test", "--zone", "Asia/Seoul", "--dnd-refuses", "486", "--default", "away", "--note", "ask", "--data", data)
	if out := succeed(t, "", "domain", "list", "--data", data); !strings.Contains(out, "zone Asia/Seoul\tdo-not-disturb refuses 486\tby default away ask") {
		t.Error(out)
	}
	succeed(t, "", "dnd", "alice", "on", "--until", "15:00", "--data", data)
	succeed(t, "", "status", "alice", "meeting", "--note", "on the 3rd floor", "--for", "2h", "--data", data)
	s.end(t, syscall.SIGTERM)
	s, _ = serve(t, "--data", data)

	ask := func(args ...string) (u control.UserState) {
		t.Helper()
		if err := json.Unmarshal([]byte(succeed(t, "", append(args, "--json", "--data", data)...)), &u); err != nil {
			t.Fatal(err)
		}
		return u
	}
	u := ask("dnd", "alice")
	if u.AoR != "alice@example.test" || u.State != "dnd" || !u.DND.On || u.DND.Until == nil {
		t.Fatalf("%+v", u)
	}
	if _, offset := u.DND.Until.Zone(); offset != 9*60*60 || u.DND.Until.Format("15:04") != "15:00" || time.Until(*u.DND.Until) > 24*time.Hour {
		t.Errorf("until %v", u.DND.Until)
	}
	if u.Status == nil || u.Status.State != "meeting" || u.Status.Note != "on the 3rd floor" || time.Until(*u.Status.Until) > 2*time.Hour {
		t.Errorf("%+v", u.Status)
	}
	if out := succeed(t, "", "status", "alice", "--data", data); !strings.Contains(out, "does not want to be disturbed until 2") ||
		!strings.Contains(out, "has chosen meeting (on the 3rd floor) until 2") {
		t.Error(out)
	}
	out := succeed(t, "", "explain", "alice", "--data", data)
	for _, want := range []string{"alice@example.test does not want to be disturbed: ", "it changes by itself at 2", "user of presence (manual): chosen by hand, meeting",
		"> override         do not disturb until 2", "own domain: dnd (on the 3rd floor), lamp terminated (allow", "stranger: nothing (block)"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	var why control.Explained
	if err := json.Unmarshal([]byte(succeed(t, "", "explain", "alice", "--as", "bob", "--json", "--data", data)), &why); err != nil || why.State != "dnd" || len(why.Watchers) != 1 || why.Watchers[0].Document == "" {
		t.Errorf("%+v, %v", why, err)
	}
	if u := ask("dnd", "alice", "off"); u.DND.On || u.Status == nil {
		t.Errorf("%+v", u)
	}
	if u := ask("status", "alice", "clear"); u.Status != nil {
		t.Errorf("%+v", u)
	}
	for _, args := range [][]string{{"1", "dnd", "nobody", "on"}, {"1", "dnd", "alice", "on", "--until", "25:00"}, {"2", "dnd", "alice", "perhaps"},
		{"2", "status", "alice", "ringing"}, {"2", "status", "alice", "clear", "--for", "1h"}, {"1", "status", "alice", "away", "--for=-1h"},
		{"1", "domain", "set", "example.test", "--zone", "Mars/Base"}, {"1", "domain", "set", "example.test", "--dnd-refuses", "603"},
		{"1", "domain", "set", "example.test", "--default", "ringing"}, {"1", "domain", "set", "example.test", "--note", strings.Repeat("x", 2000)}} {
		if status, _, errs := result(t, "", append(args[1:], "--data", data)...); strconv.Itoa(status) != args[0] {
			t.Errorf("%v: exit %d, %s", args[1:], status, errs)
		}
	}
	s.end(t, syscall.SIGTERM)
}
