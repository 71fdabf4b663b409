package presence

import (
	"testing"
	"time"

	"lamplight/body/dialoginfo"
	"lamplight/body/reginfo"
	"lamplight/event"
)

// Every input says why it counts or not, and every layer why it won or not.
func TestWhyItIsSo(t *testing.T) {
	desk, talks := binding("b", reginfo.Active), calls("c", call("1", dialoginfo.Confirmed, dialoginfo.Recipient))
	late := says("2", Busy, "")
	late.From = noon.Add(time.Hour)
	old := published("1", Publication(string(alice), "t", Busy, "", noon.Add(-time.Minute)))
	young := published("2", Publication(string(alice), "t", Away, "", noon))
	over := says("3", Busy, "")
	over.Until = noon
	doubtful := call("1", dialoginfo.Confirmed, dialoginfo.Recipient)
	doubtful.Doubtful = true
	for _, c := range []struct {
		in    []event.Input
		why   []string // of the inputs
		layer Layer
		because,
		state string
	}{
		{[]event.Input{desk, binding("e", reginfo.Terminated), talks}, []string{"", "it has ended", ""}, Calls, "there is a call", "on-the-phone"},
		{[]event.Input{late, over}, []string{"its time has not come", "its time is over"}, Reachability, "nothing more is known than who can be reached", "offline"},
		{[]event.Input{old, young}, []string{"the same device has said something newer", ""}, Activity, "a device says so, and nothing stronger does", "away"},
		{[]event.Input{hard("hard", Busy), young}, []string{"a device says something, and this is for when none does", ""}, Fallback, "nothing is said here", "away"},
		{[]event.Input{desk, hard("hard", Busy), hard("x", Away)}, []string{"", "", "the user has another default"}, Fallback, "this was said to be shown where no device says anything", "busy"},
		{[]event.Input{says("1", Offline, ""), chose(Available, 0)}, []string{"this device says of itself that it cannot be reached", ""}, Manual, "who cannot be reached is not available", "offline"},
		{[]event.Input{desk, young, chose(Available, 0), meets("meeting")}, []string{"", "the user chose to be available", "", "the user chose to be available"}, Meetings, "manual comes before it", "available"},
		{[]event.Input{desk, talks, chose(Available, time.Hour)}, []string{"", "", ""}, Override, "available never outranks a call", "on-the-phone"},
		{[]event.Input{desk, calls("c", doubtful), chose(Busy, 0)}, []string{"", "", ""}, Calls, "nobody has said for a while that the call goes on: that takes the place of available alone", "busy"},
		{[]event.Input{desk, dnd(time.Hour), talks}, []string{"", "", ""}, Override, "the user said so, and that comes before all else", "dnd"},
		{[]event.Input{desk, {Key: event.Key{Event: "presence"}, Doc: "foreign"}}, []string{"", "it is no part of presence"}, Calls, "nothing is said here", "available"},
	} {
		e := office.Explain(alice, c.in, noon)
		for i, in := range e.Inputs {
			if in.Why != c.why[i] || in.Counts != (in.Why == "") || in.Says == "" && in.Counts {
				t.Errorf("%+v, want %q", in, c.why[i])
			}
		}
		if got := e.Layers[c.layer-1]; got.Why != c.because || e.State != c.state || got.Layer != c.layer.String() {
			t.Errorf("%+v of %+v, want %q", got, e, c.because)
		}
		won := 0
		for _, l := range e.Layers {
			if l.Won {
				won++
			}
		}
		if won != 1 {
			t.Errorf("%d layers won in %+v", won, e)
		}
	}
}

// Nobody learns from an explanation what would let them change a publication.
func TestNoEntityTagIsExplained(t *testing.T) {
	secret := says("secret", Busy, "")
	cal := meets("meeting")
	cal.ID = "https://secret.example.com/"
	for _, in := range office.Explain(alice, []event.Input{secret, cal, dnd(0)}, noon).Inputs {
		if in.ID != "" && in.ID != "dnd" {
			t.Errorf("%+v", in)
		}
	}
}
