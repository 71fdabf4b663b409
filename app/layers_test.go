package app_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"lamplight/app"
	"lamplight/directory"
	"lamplight/event/presence"
)

// What says of itself when it ends is told to watchers at its end and not before:
// published activities, a service with a timed status, and what a user chose; and
// what stood in its shadow is seen then.
func TestALayerEndsInTime(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		alice, bob := o.handset("alice"), o.handset("bob")
		bob.subscribe("alice", "Expires: 86400")
		o.shows(bob.next(), presence.Offline)
		after := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(time.RFC3339) }
		ends := func(what string, within time.Duration, want presence.State) {
			o.Helper()
			bob.silent(within - time.Second)
			began := time.Now()
			o.shows(bob.next(), want)
			if late := time.Since(began); late > 2*time.Second {
				o.Errorf("%s: told after %v", what, late)
			}
		}
		lunch := strings.Replace(state("alice", presence.Away), "<rpid:activities>", `<rpid:activities until="`+after(30*time.Minute)+`">`, 1)
		tag := alice.publish("alice", "Expires: 86400", lunch)
		o.shows(bob.next(), presence.Away)
		ends("activities", 30*time.Minute, presence.Available)

		shut := strings.Replace(state("alice", presence.Available), "</status>", `</status><t:timed-status xmlns:t="urn:ietf:params:xml:ns:pidf:timed-status" from="`+
			after(10*time.Minute)+`" until="`+after(20*time.Minute)+`"><t:basic>closed</t:basic></t:timed-status>`, 1)
		alice.publish("alice", "Expires: 86400", "SIP-If-Match: "+tag, shut)
		o.shows(bob.next(), presence.Available)
		ends("before a timed status", 10*time.Minute, presence.Offline)
		ends("a timed status", 10*time.Minute, presence.Available)

		o.must(o.server.SetStatus("sip:alice@example.test", app.Status{State: presence.Busy, Note: "counting", Until: time.Now().Add(time.Hour)}))
		o.has(bob.next(), `<note xml:lang="en">Busy</note>`, "<rpid:busy/>", "<dm:note>counting</dm:note>", `until="`+after(time.Hour)+`"`)
		alice.publish("alice", "Event: dialog", "Expires: 86400", call("alice", "confirmed"))
		o.has(bob.next(), `<note xml:lang="en">Busy</note>`, "<rpid:busy/><rpid:on-the-phone/>")
		ends("a status with an end", time.Hour, presence.OnThePhone)
	})
}

// besides are the people of an office whose domain has a default.
type besides struct {
	staff
	state, note string
}

func (b *besides) Load() ([]directory.Domain, []directory.User, error) {
	domains, users, err := b.staff.Load()
	domains[0].Default, domains[0].Note = b.state, b.note
	return domains, users, err
}

// A domain's default is told as soon as it is set, of who is registered alone.
func TestADomainsDefaultIsTold(t *testing.T) {
	people := &besides{}
	inOffice(t, func(o *app.Options) { o.People = people }, func(o *office) {
		alice, bob, buddy := o.handset("alice"), o.handset("bob"), o.handset("bob")
		bob.subscribe("alice")
		o.shows(bob.next(), presence.Offline)
		buddy.subscribe("carol")
		o.shows(buddy.next(), presence.Offline)
		o.expect(alice.do("REGISTER", "sip:example.test", "To: <sip:alice@example.test>", "Contact: <"+alice.contact()+">"), "200 ")
		o.shows(bob.next(), presence.Available)
		people.state, people.note = "away", "ask the front desk"
		o.must(o.server.PeopleChanged())
		o.shows(bob.next(), presence.Away)
		tag := alice.publish("alice", state("alice", presence.Available))
		o.shows(bob.next(), presence.Available)
		alice.publish("alice", "SIP-If-Match: "+tag, "Expires: 0")
		o.has(bob.next(), `<note xml:lang="en">Away</note>`, "<dm:note>ask the front desk</dm:note>")
		people.state = ""
		o.must(o.server.PeopleChanged())
		o.shows(bob.next(), presence.Available)
		buddy.silent(time.Second)
	})
}

// The page that says why a lamp is red: what is known, which layer won, and what
// each class of watchers sees, in words and without anybody's secrets.
func TestWhyIsThisLampRed(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		tag := o.handset("alice").publish("alice", "Expires: 86400", state("alice", presence.Away))
		until := time.Now().Add(time.Hour).Truncate(time.Second)
		o.must(o.server.SetDND("sip:alice@example.test", true, until))
		e, err := o.server.Explain("sip:alice@example.test", "")
		o.must(err)
		if e.State != "dnd" || !e.Layers[0].Won || len(e.Inputs) != 2 || !e.Next.Equal(until) || !strings.Contains(e.Lamp.Says, "is lit") {
			t.Errorf("%+v", e)
		}
		seen := map[string]string{}
		for _, w := range e.Watchers {
			seen[w.Who] = fmt.Sprint(w.Handling, " ", w.State, " ", w.Lamp)
		}
		for who, want := range map[string]string{"the user": "allow dnd confirmed", "own domain": "allow dnd confirmed", "stranger": "block  "} {
			if seen[who] != want {
				t.Errorf("%s: %q, want %q", who, seen[who], want)
			}
		}
		if len(e.Watchers) != 4 || e.Watchers[2].AoR != "friend.test" {
			t.Errorf("%+v", e.Watchers)
		}
		text, err := json.Marshal(e)
		o.must(err)
		if strings.Contains(string(text), tag) {
			t.Errorf("the entity-tag %s is in %s", tag, text)
		}
		as, err := o.server.Explain("sip:alice@example.test", "sip:bob@example.test")
		o.must(err)
		if len(as.Watchers) != 1 || as.Watchers[0].State != "dnd" || !strings.Contains(as.Watchers[0].Document, "Do not disturb") {
			t.Errorf("%+v", as.Watchers)
		}
		if _, err := o.server.Explain("sip:nobody@example.test", ""); err == nil {
			t.Error("nobody is explained")
		}
	})
}
