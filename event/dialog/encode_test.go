package dialog

import (
	"strings"
	"testing"

	"lamplight/body/dialoginfo"
	"lamplight/body/pidf"
	"lamplight/body/reginfo"
	"lamplight/event"
)

// A phone's peculiarities change what it is shown, and nothing that others see.
func TestWhatAPhoneIsShown(t *testing.T) {
	two := []event.Input{input("1", doc("a", dialoginfo.Trying)), input("2", doc("b", dialoginfo.Confirmed))}
	calling := []event.Input{input("1", doc("a", dialoginfo.Early))}
	called := doc("a", dialoginfo.Early)
	called.Dialogs[0].Direction = dialoginfo.Recipient
	there := event.Input{Key: event.Key{Event: "reg", Source: event.Registrar, ID: "b"}, Made: noon, Doc: &reginfo.Contact{State: reginfo.Active}}
	says := func(basic string) event.Input {
		return event.Input{Key: event.Key{Event: "presence", Source: event.EPA, ID: "p"}, Made: noon, Doc: &pidf.Presence{Tuples: []pidf.Tuple{{Basic: basic}}}}
	}
	for _, c := range []struct {
		name    string
		profile uint8
		in      []event.Input
		want    string // states, in their order
	}{
		{"two calls", 0, two, "confirmed trying"},
		{"one of two calls", event.OneDialog, two, "confirmed"},
		{"none of one", event.OneDialog, nil, "terminated"},
		{"a call that is dialled", 0, calling, "early"},
		{"as if answered", event.CallingIsTalking, calling, "confirmed"},
		{"a call that comes in", event.CallingIsTalking, []event.Input{input("1", called)}, "early"},
		{"a call that has ended", event.CallingIsTalking, []event.Input{input("1", doc("a", dialoginfo.Terminated))}, "terminated"},
		{"nobody", event.NoIdleDialog, nil, ""},
		{"somebody", event.NoIdleDialog, calling, "early"},
		{"offline", event.OfflineState, nil, "offline"},
		{"failed", event.FailedState, nil, "failed"},
		{"registered", event.OfflineState, []event.Input{there}, "terminated"},
		{"open", event.FailedState, []event.Input{says("open")}, "terminated"},
		{"closed", event.FailedState, []event.Input{says("closed")}, "failed"},
		{"in a call", event.OfflineState, calling, "early"},
		{"another's dialect", event.CiscoActivities, nil, "terminated"},
	} {
		p := Package{Registrar: true}
		d, _ := p.Compose(aor, c.in, noon)
		before, _ := p.Encode("sip:1001@example.com", d, event.Format{})
		body, err := p.Encode("sip:1001@example.com", d, event.Format{Profile: c.profile})
		if err != nil {
			t.Fatal(err)
		}
		var states []string
		for _, part := range strings.Split(string(body.Tail), "<state>")[1:] {
			state, _, _ := strings.Cut(part, "<")
			states = append(states, state)
		}
		if got := strings.Join(states, " "); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		if after, _ := p.Encode("sip:1001@example.com", d, event.Format{}); string(after.Tail) != string(before.Tail) {
			t.Errorf("%s: others see\n%s\nafter\n%s", c.name, after.Tail, before.Tail)
		}
	}
}

// Where registrations aren't known nobody is known to be away, and who may see
// no dialog learns no more than of somebody who is not there.
func TestWhoCannotBeReached(t *testing.T) {
	offline := event.Format{Profile: event.OfflineState}
	d, _ := Package{}.Compose(aor, nil, noon)
	if b, _ := (Package{}).Encode("sip:a@example.com", d, offline); strings.Contains(string(b.Tail), "offline") {
		t.Errorf("without a registrar\n%s", b.Tail)
	}
	p := Package{Registrar: true}
	there := event.Input{Key: event.Key{Event: "reg", Source: event.Registrar, ID: "b"}, Made: noon, Doc: &reginfo.Contact{State: reginfo.Active}}
	d, _ = p.Compose(aor, []event.Input{there}, noon)
	for r, want := range map[event.Rights]string{"": "offline", State: "terminated"} {
		if b, _ := p.Encode("sip:a@example.com", p.View(d, r), offline); !strings.Contains(string(b.Tail), "<state>"+want+"</state>") {
			t.Errorf("rights %q:\n%s", r, b.Tail)
		}
	}
}
