package app_test

import (
	"strings"
	"testing"
	"time"

	"lamplight/app"
	"lamplight/body/dialoginfo"
	calls "lamplight/call" // call is a document here
	"lamplight/event"
	"lamplight/event/presence"
)

// seen is a message of a call from Alice to Bob, as the proxy tells of it.
func seen(what calls.What) calls.Seen {
	party := func(name string) calls.Party {
		return calls.Party{AoR: event.AoR(aor(name)), URI: aor(name), Display: name}
	}
	s := calls.Seen{CallID: "call-1", What: what, FromTag: "a", CSeq: 1, Caller: party("alice"), Callee: party("bob"),
		CallerTarget: "sip:alice@198.51.100.1:5060", CalleeTarget: "sip:bob@198.51.100.2:5060", CalleeBinding: "sip:bob@198.51.100.2:5060"}
	switch what {
	case calls.Bye, calls.Alive, calls.Gone:
		s.ToTag = "b"
	case calls.Progress, calls.Answer:
		s.Branch, s.ToTag = "z9hG4bK1", "b"
	default:
		s.Branch = "z9hG4bK1"
	}
	return s
}

// lampOf is what the next NOTIFY shows of somebody's lamp.
func (o *office) lampOf(user, whom string) string {
	o.Helper()
	n := o.notified(user, whom, "dialog")
	doc, err := dialoginfo.Parse(n.Body)
	if err != nil {
		o.Fatalf("%v\n%s", err, n.Body)
	}
	var states []string
	for _, d := range doc.Dialogs {
		states = append(states, d.State)
	}
	return strings.Join(states, " ")
}

func (o *office) saw(what calls.What, whom, want string) {
	o.Helper()
	began := time.Now()
	o.server.Saw(seen(what))
	if got := o.lampOf("carol", whom); got != want || time.Since(began) > 50*time.Millisecond {
		o.Errorf("%s's lamp is %s after %v, want %s", whom, got, time.Since(began), want)
	}
}

// A call lights the lamp of either end at once, and goes on doing so after a
// crash: nobody is told meanwhile that it was over.
func TestACallLightsLampsOverACrash(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		o.publish("bob", presence.Available)
		o.watch("carol", "bob", "dialog")
		o.lampOf("carol", "bob")
		o.saw(calls.Invite, "bob", dialoginfo.Trying)
		o.expectMetrics(map[string]string{"lamplight_calls": "1"})
		o.saw(calls.Progress, "bob", dialoginfo.Early)
		o.saw(calls.Answer, "bob", dialoginfo.Confirmed)
		o.crash()
		if got := o.lampOf("carol", "bob"); got != dialoginfo.Confirmed {
			t.Errorf("after the crash Bob's lamp is %s", got)
		}
		o.saw(calls.Bye, "bob", dialoginfo.Terminated)
		o.expectSilence("carol", "bob", "dialog", time.Minute) // it is forgotten
	})
}

// A phone whose registration ends in a call takes the lamp of both ends with it
// within a minute, unless it gives a sign of life.
func TestALostRegistrationEndsACall(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		bob := o.handset("bob@example.test")
		register := func(expires string) {
			o.Helper()
			o.expect(bob.do("REGISTER", "sip:example.test", "To: <"+aor("bob")+">", "From: <"+aor("bob")+">;tag=1", "Call-ID: 1@bob",
				"Contact: <sip:bob@198.51.100.2:5060>;expires="+expires), "200 ")
		}
		register("600")
		o.watch("carol", "alice", "dialog")
		o.lampOf("carol", "alice")
		o.server.Saw(seen(calls.Invite))
		o.server.Saw(seen(calls.Answer))
		for o.lampOf("carol", "alice") != dialoginfo.Confirmed {
		}
		register("0")
		o.advance(10 * time.Second)
		o.server.Saw(seen(calls.Alive))
		o.expectSilence("carol", "alice", "dialog", time.Minute)

		register("600")
		register("0")
		began := time.Now()
		if got := o.lampOf("carol", "alice"); got != dialoginfo.Terminated || time.Since(began) > time.Minute {
			t.Errorf("after %v Alice's lamp is %s", time.Since(began), got)
		}
	})
}

// history is what the server has given away.
type history struct{ list chan calls.Ended }

func (h history) Keep(list []calls.Ended, kept func()) bool {
	for _, e := range list {
		h.list <- e
	}
	kept()
	return true
}

func TestACallEndsInTheHistory(t *testing.T) {
	h := history{make(chan calls.Ended, 4)}
	inOffice(t, func(o *app.Options) { o.History = h }, func(o *office) {
		for _, what := range []calls.What{calls.Invite, calls.Answer} {
			o.server.Saw(seen(what))
		}
		o.advance(10 * time.Second)
		o.server.Saw(seen(calls.Bye))
		o.advance(time.Second)
		for range 2 {
			if e := <-h.list; e.Result != calls.Answered || e.Duration.Round(time.Second) != 10*time.Second {
				t.Errorf("kept %+v", e)
			}
		}
	})
}
