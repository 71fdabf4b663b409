package dialog

import (
	"fmt"
	"strings"
	"time"

	"lamplight/body/dialoginfo"
	"lamplight/body/pidf"
	"lamplight/body/reginfo"
	"lamplight/event"
)

// Explain says why a lamp is lit: of a call, of somebody who does not want to be
// disturbed, or why it is dark.
func (p Package) Explain(aor event.AoR, in []event.Input, now time.Time) event.Explanation {
	doc, next := p.Compose(aor, in, now)
	info := doc.(*dialoginfo.Info)
	live, _ := event.Current(in, now)
	called := len(dialoginfo.Merge(reports(live))) > 0
	dnd, until := disturbed(live, now)
	out := event.Explanation{State: info.Dialogs[0].State, Next: next}
	for i := range in {
		out.Inputs = append(out.Inputs, reason(&in[i], now))
	}
	calls := event.LayerReason{Layer: "calls", Won: called, Why: "there is no call"}
	if called {
		calls.Says, calls.Why = words(info.Dialogs), "a call comes before all else"
	}
	disturb := event.LayerReason{Layer: "do not disturb", Until: until, Why: "nobody said so"}
	if dnd {
		disturb.Says, disturb.Won, disturb.Why = "confirmed", !called && !p.HideDND && !info.Unreachable, "it lights the lamp where there is no call"
	}
	switch {
	case dnd && p.HideDND:
		disturb.Why = "lamps do not show it here"
	case dnd && called:
		disturb.Why = "a call comes before it"
	case dnd && info.Unreachable:
		disturb.Why = "the lamp of somebody who cannot be reached is dark"
	}
	idle := event.LayerReason{Layer: "reachability", Says: "reachable", Won: !calls.Won && !disturb.Won, Why: "nothing else lights the lamp"}
	if info.Unreachable {
		idle.Says = "not reachable"
	}
	out.Layers = []event.LayerReason{calls, disturb, idle}
	for _, l := range out.Layers {
		if l.Won {
			out.Says = fmt.Sprintf("the lamp of %s %s: %s", strings.TrimPrefix(string(aor), "sip:"), looks[out.State], l.Why)
		}
	}
	return out
}

// looks is what most phones make of a dialog's state.
var looks = map[string]string{dialoginfo.Early: "blinks", dialoginfo.Confirmed: "is lit", dialoginfo.Terminated: "is dark",
	dialoginfo.Trying: "is lit or blinks", dialoginfo.Proceeding: "is lit or blinks"}

// reason is what an input says to a lamp.
func reason(in *event.Input, now time.Time) event.InputReason {
	r := event.Reason(in, "", now)
	why := ""
	switch doc := in.Doc.(type) {
	case *dialoginfo.Info:
		r.Says = words(doc.Dialogs)
	case *reginfo.Contact:
		if r.Says = doc.URI + " is " + doc.State; doc.State != reginfo.Active {
			why = "it has ended"
		}
	case *pidf.Presence:
		on, _ := doc.DND(now)
		switch r.Says = "reachable"; {
		case isClosed(doc):
			r.Says, why = "not reachable", "this device says of itself that it cannot be reached"
		case on:
			r.Says = "do not disturb"
		case !isEvidence(*in):
			r.Says, why = "nothing of calls", "it is no sign that somebody can be reached"
		}
	default:
		why = "it is no part of lamps"
	}
	if r.Counts && why != "" {
		r.Counts, r.Why = false, why
	}
	return r
}

func words(dialogs []dialoginfo.Dialog) string {
	var list []string
	for _, d := range dialogs[:min(len(dialogs), 8)] {
		list = append(list, strings.TrimSuffix(d.State+", "+d.Direction, ", "))
	}
	if list == nil {
		return "no call"
	}
	return strings.Join(list, "; ")
}
