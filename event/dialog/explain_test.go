package dialog

import (
	"testing"

	"lamplight/body/dialoginfo"
	"lamplight/body/pidf"
	"lamplight/body/reginfo"
	"lamplight/event"
)

func TestWhyALampIsLit(t *testing.T) {
	desk := event.Input{Key: event.Key{Event: "reg", ID: "b"}, Doc: &reginfo.Contact{URI: "sip:a@192.0.2.1", State: reginfo.Active}}
	says := func(basic string, dnd bool) event.Input {
		return event.Input{Key: event.Key{Event: "presence", Source: event.EPA, ID: basic}, Doc: &pidf.Presence{
			Tuples: []pidf.Tuple{{ID: "t", Basic: basic}}, Persons: []pidf.Person{{ID: "p", DND: dnd}}}}
	}
	rings := event.Input{Key: event.Key{Event: "dialog", ID: "c"}, Doc: &dialoginfo.Info{Dialogs: []dialoginfo.Dialog{{ID: "1", State: dialoginfo.Early}}}}
	for _, c := range []struct {
		pkg  Package
		in   []event.Input
		says string
		won  string
	}{
		{Package{Registrar: true}, nil, "the lamp of alice@example.com is dark: nothing else lights the lamp", "reachability"},
		{Package{Registrar: true}, []event.Input{desk, rings, says("open", true)}, "the lamp of alice@example.com blinks: a call comes before all else", "calls"},
		{Package{Registrar: true}, []event.Input{desk, says("open", true)}, "the lamp of alice@example.com is lit: it lights the lamp where there is no call", "do not disturb"},
		{Package{Registrar: true, HideDND: true}, []event.Input{desk, says("open", true)}, "the lamp of alice@example.com is dark: nothing else lights the lamp", "reachability"},
		{Package{Registrar: true}, []event.Input{says("closed", true)}, "the lamp of alice@example.com is dark: nothing else lights the lamp", "reachability"},
	} {
		e := c.pkg.Explain("sip:alice@example.com", c.in, noon)
		for _, l := range e.Layers {
			if l.Won != (l.Layer == c.won) || l.Why == "" {
				t.Errorf("%+v", l)
			}
		}
		if e.Says != c.says || len(e.Inputs) != len(c.in) {
			t.Errorf("%+v, want %q", e, c.says)
		}
	}
}
