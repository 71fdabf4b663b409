package dialoginfo

import (
	"fmt"
	"testing"
)

func one(state, callID, local, remote string) *Info {
	return &Info{Dialogs: []Dialog{{ID: "d", CallID: callID, LocalTag: local, RemoteTag: remote, State: state}}}
}

func TestWhatHasTerminatedStaysSo(t *testing.T) {
	for _, c := range []struct {
		name string
		said []*Info
		want string
	}{
		{"a late early", []*Info{one(Early, "c", "l", "r"), one(Confirmed, "c", "l", "r"), one(Terminated, "c", "l", "r"), one(Early, "c", "l", "r")}, Terminated},
		{"later still", []*Info{one(Terminated, "c", "l", "r"), {}, one(Confirmed, "c", "l", "r")}, Terminated},
		{"a branch of what ended before it had one", []*Info{one(Terminated, "c", "l", ""), one(Early, "c", "l", "r")}, Terminated},
		{"another branch", []*Info{one(Terminated, "c", "l", "r"), one(Early, "c", "l", "r2")}, Early},
		{"another call", []*Info{one(Terminated, "c", "l", "r"), one(Early, "c2", "l", "r")}, Early},
		{"no Call-ID: the id may be another call's", []*Info{one(Terminated, "", "", ""), one(Early, "", "", "")}, Early},
	} {
		now, changed := c.said[0], false
		for _, next := range c.said[1:] {
			now, changed = next.After(now)
		}
		said := c.said[len(c.said)-1].Dialogs[0].State
		if got := now.Dialogs[0].State; got != c.want || changed != (said != c.want) {
			t.Errorf("%s: %s, changed %t, want %s", c.name, got, changed, c.want)
		}
	}
}

// What is remembered is bounded.
func TestEndedDialogsAreForgotten(t *testing.T) {
	now := &Info{}
	for i := range 100 {
		now, _ = one(Terminated, fmt.Sprint(i), "l", "r").After(now)
	}
	if now, _ = (&Info{}).After(now); len(now.ended) != maxEnded {
		t.Errorf("%d are remembered, want %d", len(now.ended), maxEnded)
	}
}
