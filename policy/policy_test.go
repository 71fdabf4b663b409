package policy

import (
	"testing"
	"time"

	"lamplight/event"
)

func who(aor event.AoR) event.Subscriber { return event.Subscriber{AoR: aor, Authenticated: true} }

func TestWhoMayWatch(t *testing.T) {
	const alice = event.AoR("sip:alice@example.test")
	p := New(Options{Lists: func(domain, other string) bool { return domain == "example.test" && other == "partner.test" }})
	for _, c := range []struct {
		watcher event.Subscriber
		event   event.Name
		want    event.Grant
	}{
		{who(alice), "reg", event.Grant{Handling: event.Allow, Rights: event.RightsAll}},
		{who(alice), "presence.winfo", event.Grant{Handling: event.Allow, Rights: event.RightsAll}},
		{who("sip:bob@example.test"), "presence", event.Grant{Handling: event.Allow, Rights: Everything}},
		{who("sip:bob@example.test"), "dialog", event.Grant{Handling: event.Allow, Rights: StateDirection}},
		{who("sip:bob@example.test"), "reg", event.Grant{}},
		{who("sip:bob@example.test"), "presence.winfo", event.Grant{}},
		{who("sip:carol@partner.test"), "presence", event.Grant{Handling: event.Allow, Rights: Everything}},
		{who("sip:eve@evil.test"), "presence", event.Grant{}},
		{who("sip:eve@example.tesu"), "presence", event.Grant{}},
		{who("sip:eve@sub.example.test"), "presence", event.Grant{}},
		{event.Subscriber{AoR: "sip:bob@example.test"}, "presence", event.Grant{}},
	} {
		if got, _ := p.Decide(alice, c.watcher, c.event, time.Time{}); got != c.want {
			t.Errorf("%s watches %s: %+v, want %+v", c.watcher.AoR, c.event, got, c.want)
		}
	}
}

func TestOwnRulesTakeThePlaceOfTheDomains(t *testing.T) {
	const alice, bob, eve = event.AoR("sip:alice@example.test"), event.AoR("sip:bob@example.test"), event.AoR("sip:eve@evil.test")
	p := New(Options{})
	p.Set(alice, Rules{
		{Domains: []string{"example.test"}, Except: []event.AoR{bob}, Handling: event.Allow, Rights: State},
		{One: []event.AoR{"sip:dave@example.test"}, Handling: event.Allow, Rights: "direction"},
		{One: []event.AoR{eve}, Handling: event.Allow, Rights: event.RightsAll},
		{One: []event.AoR{"sip:carol@example.test"}, Handling: event.Confirm},
	})
	for watcher, want := range map[event.AoR]event.Grant{
		bob:                      {},
		eve:                      {}, // the domain forbids it
		"sip:carol@example.test": {Handling: event.Allow, Rights: State},
		"sip:dave@example.test":  {Handling: event.Allow, Rights: StateDirection},
	} {
		if got, _ := p.Decide(alice, who(watcher), "presence", time.Time{}); got != want {
			t.Errorf("%s: %+v, want %+v", watcher, got, want)
		}
	}
	p.Set(alice, nil)
	if g, _ := p.Decide(alice, who(bob), "presence", time.Time{}); g.Handling != event.Allow {
		t.Errorf("without own rules bob gets %+v", g)
	}
}
