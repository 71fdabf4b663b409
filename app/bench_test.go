package app_test

import (
	"fmt"
	"testing"
	"time"

	"lamplight/body/dialoginfo"
	"lamplight/body/pidf"
	"lamplight/body/reginfo"
	"lamplight/esc"
	"lamplight/event"
	"lamplight/event/presence"
	"lamplight/owner"
	"lamplight/policy"
)

// BenchmarkPublish is the stages' share of a modifying PUBLISH, with the
// notifications that follow: parse, store, compose, tell.
func BenchmarkPublish(b *testing.B) {
	for _, watchers := range []int{0, 1, 10} {
		b.Run(fmt.Sprint(watchers, "-watchers"), func(b *testing.B) {
			w := newWorld(b, 1)
			w.mute, w.rateOff = true, true
			w.start()
			for i := range watchers {
				w.run([]string{fmt.Sprintf("subscribe w%d alice expires=590", i)})
			}
			alice := user("alice")
			bodies := [][]byte{
				presence.Publication(string(alice), "t", presence.Busy, "", w.now).Append(nil),
				presence.Publication(string(alice), "t", presence.Away, "", w.now).Append(nil),
			}
			var tag esc.ETag
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				p := esc.Publish{AoR: alice, By: alice, Event: "presence", IfMatch: tag, Type: pidf.Type, Body: bodies[i%2], Expires: 5 * time.Minute}
				w.post(alice, func(t *owner.Turn) {
					var err error
					if tag, _, err = w.esc.Publish(t, p); err != nil {
						b.Fatal(err)
					}
				})
				w.settle()
			}
		})
	}
}

// BenchmarkChange is what a change costs before it is written down: ten inputs
// composed, twenty rules asked, and what the watcher may not see withheld.
func BenchmarkChange(b *testing.B) {
	const alice, bob event.AoR = "sip:alice@example.test", "sip:bob@example.test"
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	var in []event.Input
	enter := func(name event.Name, source event.Source, doc event.Document) {
		in = append(in, event.Input{Key: event.Key{Event: name, Source: source, ID: fmt.Sprint(len(in))}, Made: now, Until: now.Add(time.Hour), Doc: doc})
	}
	for i, s := range []presence.State{presence.Available, presence.Away, presence.Busy} {
		enter("presence", event.EPA, presence.Publication(string(alice), fmt.Sprint("t", i), s, "a note", now))
		enter("reg", event.Registrar, &reginfo.Contact{URI: "sip:alice@192.0.2.1", State: reginfo.Active})
	}
	enter("dialog", event.Call, &dialoginfo.Info{Dialogs: []dialoginfo.Dialog{{ID: "1", CallID: "1", LocalTag: "a", RemoteTag: "b", State: dialoginfo.Confirmed}}})
	enter("presence", event.Calendar, presence.Publication(string(alice), "", presence.Meeting, "", now))
	enter("presence", event.User, presence.Publication(string(alice), "", presence.DND, "", now))
	enter("presence", event.User, presence.Publication(string(alice), "", presence.OutOfOffice, "", now))
	var rules policy.Rules
	for i := range 20 {
		rules = append(rules, policy.Rule{One: []event.AoR{event.AoR(fmt.Sprintf("sip:user%d@example.test", i))}, Handling: event.Allow, Rights: "activities persons services"})
	}
	rules[19].One = []event.AoR{bob}
	decides := policy.New(policy.Options{})
	decides.Set(alice, rules)
	people := presence.Package{Registrar: true}
	b.ReportAllocs()
	for b.Loop() {
		doc, _ := people.Compose(alice, in, now)
		grant, _ := decides.Decide(alice, event.Subscriber{AoR: bob, Authenticated: true}, "presence", now)
		if v := people.View(doc, grant.Rights).(*pidf.Presence); len(v.Persons) != 1 || v.Persons[0].Notes != nil {
			b.Fatalf("%+v by %+v", v, grant)
		}
	}
}
