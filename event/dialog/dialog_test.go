package dialog

import (
	"strings"
	"testing"
	"time"

	"lamplight/body/dialoginfo"
	"lamplight/body/pidf"
	"lamplight/event"
	"lamplight/event/eventtest"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

const aor event.AoR = "sip:alice@example.com"

const ringing = `<?xml version="1.0"?>
<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="1" state="partial" entity="alice@example.com">
<dialog id="call-1@pbx" call-id="call-1@pbx" local-tag="tag-l" remote-tag="tag-r" direction="recipient"><state>early</state>
<local><identity>sip:alice@example.com</identity></local>
<remote><identity display="Bob">sip:bob@example.org</identity><target uri="sip:bob@192.0.2.9"/></remote></dialog></dialog-info>`

func doc(id, state string) *dialoginfo.Info {
	return &dialoginfo.Info{Dialogs: []dialoginfo.Dialog{{ID: id, CallID: "c" + id, LocalTag: "l", RemoteTag: "r", State: state, Direction: dialoginfo.Initiator}}}
}

func input(id string, d *dialoginfo.Info) event.Input {
	return event.Input{Key: event.Key{Event: "dialog", Source: event.EPA, ID: id}, Made: noon, Doc: d}
}

func TestContract(t *testing.T) {
	seen := input("seen", doc("2", dialoginfo.Confirmed))
	seen.Source = event.Call
	eventtest.Run(t, Package{}, ringing, doc("1", dialoginfo.Early), seen, doc("3", dialoginfo.Terminated))
}

// shown is what a watcher with some rights is sent of some inputs.
func shown(t *testing.T, r event.Rights, in ...event.Input) string {
	t.Helper()
	d, _ := Package{}.Compose(aor, in, noon)
	b, err := Package{}.Encode("sip:1001@example.com", Package{}.View(d, r), event.Format{})
	if err != nil || !b.Versioned {
		t.Fatalf("versioned %v, %v", b.Versioned, err)
	}
	return string(b.Head) + "5" + string(b.Tail)
}

func TestIdleIsADocumentWithADialog(t *testing.T) {
	got := shown(t, event.RightsAll)
	for _, want := range []string{`version="5" state="full" entity="sip:1001@example.com"`, `<dialog id="idle"><state>terminated</state>`} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is not in\n%s", want, got)
		}
	}
}

// A lamp is lit while somebody does not want to be disturbed, and no longer.
func TestDoNotDisturb(t *testing.T) {
	until := noon.Add(time.Hour)
	says := func(basic string) event.Input {
		return event.Input{Key: event.Key{Event: "presence", Source: event.EPA, ID: "p"}, Made: noon, Doc: &pidf.Presence{
			Tuples: []pidf.Tuple{{Basic: basic}}, Persons: []pidf.Person{{DND: true, DNDUntil: until}}}}
	}
	for _, c := range []struct {
		p     Package
		basic string
		at    time.Time
		want  string
	}{
		{Package{}, "open", noon, dialoginfo.Confirmed},
		{Package{Registrar: true}, "open", noon, dialoginfo.Confirmed},
		{Package{HideDND: true}, "open", noon, dialoginfo.Terminated},
		{Package{}, "closed", noon, dialoginfo.Terminated},
		{Package{}, "open", until, dialoginfo.Terminated},
	} {
		d, next := c.p.Compose(aor, []event.Input{says(c.basic)}, c.at)
		if got := d.(*dialoginfo.Info).Dialogs; len(got) != 1 || got[0].State != c.want {
			t.Errorf("%+v, %s: %+v, want %s", c.p, c.basic, got, c.want)
		}
		if lit := c.want == dialoginfo.Confirmed; lit != next.Equal(until) {
			t.Errorf("%+v, %s: it changes at %v", c.p, c.basic, next)
		}
	}
}

func TestWhatIsShownToWhom(t *testing.T) {
	d, err := Package{}.Parse(dialoginfo.Type, []byte(ringing))
	if err != nil {
		t.Fatal(err)
	}
	in := input("p", d.(*dialoginfo.Info))
	secrets := []string{"call-1", "tag-l", "tag-r", "bob", "Bob", "alice", "192.0.2.9", "identity", "local", "remote"}
	for r, c := range map[event.Rights]struct{ with, without []string }{
		event.RightsAll:   {[]string{"<state>early</state>", `direction="recipient"`, `call-id="call-1@pbx"`, "Bob"}, nil},
		"state direction": {[]string{"<state>early</state>", `direction="recipient"`}, secrets},
		"state":           {[]string{"<state>early</state>"}, append(secrets, "direction")},
		"direction":       {[]string{`<dialog id="idle"><state>terminated</state>`}, append(secrets, "direction")},
	} {
		got := shown(t, r, in)
		for _, want := range c.with {
			if !strings.Contains(got, want) {
				t.Errorf("%q: %s is not in\n%s", r, want, got)
			}
		}
		for _, secret := range c.without {
			if strings.Contains(got, secret) {
				t.Errorf("%q: %s is in\n%s", r, secret, got)
			}
		}
	}
	if got := (Package{}).Entity(d); got != "sip:alice@example.com" {
		t.Errorf("entity %q", got)
	}
}

// A late early after terminated must not light the lamp again.
func TestTerminatedIsFinal(t *testing.T) {
	for _, in := range [][]event.Input{
		{input("1", doc("a", dialoginfo.Terminated)), input("2", doc("a", dialoginfo.Early))},
		{input("2", doc("a", dialoginfo.Terminated)), input("1", doc("a", dialoginfo.Early))},
	} {
		if got := shown(t, event.RightsAll, in...); strings.Contains(got, "early") || !strings.Contains(got, "terminated") {
			t.Errorf("shown\n%s", got)
		}
	}
}

func TestADialogThatEndedIsToldAndThenGone(t *testing.T) {
	in := input("1", doc("a", dialoginfo.Terminated))
	in.Until = noon.Add(time.Minute)
	d, next := Package{}.Compose(aor, []event.Input{in}, noon)
	if id := d.(*dialoginfo.Info).Dialogs[0].ID; id == "idle" || !next.Equal(in.Until) {
		t.Errorf("id %q, next %v", id, next)
	}
	d, next = Package{}.Compose(aor, []event.Input{in}, in.Until)
	if id := d.(*dialoginfo.Info).Dialogs[0].ID; id != "idle" || !next.IsZero() {
		t.Errorf("afterwards id %q, next %v", id, next)
	}
}

func TestALongListIsCut(t *testing.T) {
	var in []event.Input
	for i := range MaxShown + 10 {
		state := dialoginfo.Terminated
		if i == MaxShown+5 {
			state = dialoginfo.Early
		}
		in = append(in, input(string(rune('A'+i)), doc(string(rune('A'+i)), state)))
	}
	d, _ := Package{}.Compose(aor, in, noon)
	if list := d.(*dialoginfo.Info).Dialogs; len(list) != MaxShown || list[0].State != dialoginfo.Early {
		t.Errorf("%d dialogs, the first %s", len(list), list[0].State)
	}
}

func TestWhatIsUrgent(t *testing.T) {
	compose := func(in ...event.Input) event.Document {
		d, _ := Package{}.Compose(aor, in, noon)
		return d
	}
	held := doc("a", dialoginfo.Confirmed)
	held.Dialogs[0].Local = dialoginfo.Party{Target: "sip:h", Params: []dialoginfo.Param{{Name: "+sip.rendering", Value: "no"}}}
	state := func(s string) event.Document { return compose(input("1", doc("a", s))) }
	for _, c := range []struct {
		name          string
		before, after event.Document
		want          bool
	}{
		{"rings", compose(), state(dialoginfo.Early), true},
		{"is answered", state(dialoginfo.Early), state(dialoginfo.Confirmed), true},
		{"ends", state(dialoginfo.Confirmed), state(dialoginfo.Terminated), true},
		{"is withdrawn", state(dialoginfo.Confirmed), compose(), true},
		{"is forgotten", state(dialoginfo.Terminated), compose(), false},
		{"begins", compose(), state(dialoginfo.Trying), false},
		{"is held", state(dialoginfo.Confirmed), compose(input("1", held)), false},
	} {
		if got := (Package{}).Urgent(c.before, c.after); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// What has ended is forgotten without a word; all else is told.
func TestForgettingIsQuiet(t *testing.T) {
	list := func(dialogs ...dialoginfo.Dialog) *dialoginfo.Info { return &dialoginfo.Info{Dialogs: dialogs} }
	d := func(id, state string) dialoginfo.Dialog { return dialoginfo.Dialog{ID: id, State: state} }
	ended, talking := d("1", dialoginfo.Terminated), d("2", dialoginfo.Confirmed)
	nobody, unreachable := d(idleID, dialoginfo.Terminated), list(d(idleID, dialoginfo.Terminated))
	unreachable.Unreachable = true
	for _, c := range []struct {
		before, after *dialoginfo.Info
		want          bool
	}{
		{list(ended), list(ended), true},
		{list(ended), list(nobody), true},
		{list(talking, ended), list(talking), true},
		{list(talking), list(nobody), false},
		{list(talking), list(d("2", dialoginfo.Terminated)), false},
		{list(talking, ended), list(d("2", dialoginfo.Terminated)), false},
		{list(nobody), list(talking), false},
		{list(nobody), list(ended), false},
		{list(ended), unreachable, false},
	} {
		if got := (Package{}).Quiet(c.before, c.after); got != c.want {
			t.Errorf("%+v to %+v is quiet: %v", c.before.Dialogs, c.after.Dialogs, got)
		}
	}
}
