package feature

import (
	"errors"
	"strings"
	"testing"
	"time"

	"lamplight/body/csta"
	"lamplight/body/pidf"
	"lamplight/event"
	"lamplight/event/eventtest"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func undisturbed(id string, until time.Time) event.Input {
	return event.Input{Key: event.Key{Event: "presence", Source: event.User, ID: id}, Doc: &pidf.Presence{Persons: []pidf.Person{{DND: true, DNDUntil: until}}}}
}

func TestContract(t *testing.T) {
	eventtest.Run(t, Package{Forwards: true}, undisturbed("dnd", time.Time{}),
		&Settings{Forwarding: Forwarding{Immediate: "1002"}}, &Settings{Forwarding: Forwarding{NoAnswer: "1002", After: 30 * time.Second}})
}

// It does not matter who says that somebody does not want to be disturbed; when the
// last one's time is over, nobody does.
func TestDoNotDisturbOfWhoeverSaysSo(t *testing.T) {
	in := []event.Input{undisturbed("dnd", noon.Add(time.Hour)), undisturbed("other", noon.Add(time.Minute))}
	for _, c := range []struct {
		at, next time.Duration
		on       bool
	}{{0, time.Minute, true}, {time.Minute, time.Hour, true}, {time.Hour, 0, false}} {
		doc, next := Package{}.Compose("sip:alice@example.test", in, noon.Add(c.at))
		if list := doc.(*csta.Features).List; len(list) != 1 || list[0].On != c.on || c.next > 0 && !next.Equal(noon.Add(c.next)) {
			t.Errorf("after %v: %+v until %v", c.at, list, next)
		}
	}
}

func TestWhatATelephoneSets(t *testing.T) {
	body := `<SetForwarding xmlns="` + csta.Space + `"><device/><forwardingType>forwardBusy</forwardingType><activateForward>true</activateForward><forwardDN>1003</forwardDN></SetForwarding>`
	want, reply, err := Package{}.Set(csta.Type, []byte(body))
	if f, ok := want.(*csta.Feature); err != nil || !ok || *f != (csta.Feature{Kind: csta.Busy, On: true, To: "1003"}) || reply.Type != csta.Type || !strings.Contains(string(reply.Head), "SetForwardingResponse") {
		t.Errorf("%+v, %s, %v", want, reply.Head, err)
	}
	if _, _, err := (Package{}).Set("text/plain", []byte(body)); !errors.Is(err, event.ErrUnsupportedType) {
		t.Error(err)
	}
	var malformed *event.MalformedError
	if _, _, err := (Package{}).Set(csta.Type, []byte("<a/>")); !errors.As(err, &malformed) {
		t.Error(err)
	}
}

func TestForwardingAfterATelephoneHasSetOne(t *testing.T) {
	was := Forwarding{Busy: "1002", NoAnswer: "1004", After: 30 * time.Second}
	for _, c := range []struct {
		set  csta.Feature
		want Forwarding
	}{
		{csta.Feature{Kind: csta.Immediate, On: true, To: "1"}, Forwarding{Immediate: "1", Busy: "1002", NoAnswer: "1004", After: 30 * time.Second}},
		{csta.Feature{Kind: csta.Busy, On: true}, was},
		{csta.Feature{Kind: csta.Busy, To: "1002"}, Forwarding{NoAnswer: "1004", After: 30 * time.Second}},
		{csta.Feature{Kind: csta.NoAnswer, On: true, To: "1", Rings: 2}, Forwarding{Busy: "1002", NoAnswer: "1", After: 12 * time.Second}},
		{csta.Feature{Kind: csta.NoAnswer, On: true, To: "1", Rings: 100}, Forwarding{Busy: "1002", NoAnswer: "1", After: MaxAfter}},
		{csta.Feature{Kind: csta.DoNotDisturb, On: true}, was},
	} {
		if got := was.With(&c.set); got != c.want {
			t.Errorf("%+v: %+v", c.set, got)
		}
	}
}

func FuzzSettings(f *testing.F) {
	s := Settings{Forwarding: Forwarding{Immediate: "1002", After: time.Minute}, LetThrough: []event.AoR{"sip:bob@example.test"}}
	f.Add(s.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		doc, err := Package{}.Parse(SettingsType, b)
		if err != nil {
			return
		}
		again, err := Package{}.Parse(SettingsType, doc.(*Settings).Append(nil))
		if err != nil || again.(*Settings).Forwarding != doc.(*Settings).Forwarding {
			t.Errorf("%+v comes back as %+v, %v", doc, again, err)
		}
	})
}
