package app_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"lamplight/app"
	"lamplight/body/dialoginfo"
	"lamplight/body/pidf"
	"lamplight/config"
	"lamplight/directory"
	"lamplight/esc"
	"lamplight/event"
	"lamplight/event/presence"
	"lamplight/owner"
	"lamplight/sip"
	"lamplight/sip/ua"
)

const (
	alice event.AoR = "sip:alice@example.test"
	bob   event.AoR = "sip:bob@example.test"
	carol event.AoR = "sip:carol@example.test"
)

// forwards says where a user's calls go.
func (o *office) forwards(user string, f app.Forwarding) {
	o.Helper()
	o.must(o.server.SetForwarding(event.AoR(aor(user)), f))
}

// undisturbed says of a user that they do not want to be disturbed.
func (o *office) undisturbed(user string) {
	o.Helper()
	o.must(o.server.SetDND(event.AoR(aor(user)), true, time.Time{}))
}

// employs is the people with a domain's setting.
type employs struct {
	staff
	dnd string
}

func (e employs) Load() ([]directory.Domain, []directory.User, error) {
	domains, users, err := e.staff.Load()
	domains[0].DND = e.dnd
	return domains, users, err
}

// Who does not want to be disturbed is not: the call is refused at once, no lamp
// rings, and messages still come. Who is let through and the user's own phones are
// not refused, and a call that takes the place of another is not.
func TestDoNotDisturbRefusesCalls(t *testing.T) {
	for setting, want := range map[string]struct {
		code   int
		result string
	}{"": {480, "failed"}, "486": {486, "busy"}} {
		var history ended
		inSwitchboard(t, func(o *app.Options) { o.People, o.History = employs{dnd: setting}, &history }, func(o *office) {
			phone, caller, friend := o.telephone("alice"), o.telephone("bob"), o.telephone("carol")
			o.watch("carol", "alice", "dialog")
			o.lampOf("carol", "alice")
			o.undisturbed("alice")
			o.lampOf("carol", "alice") // busy
			c := caller.call(string(alice))
			o.refusedWith(c, want.code)
			if e := c.Ending(); e.Reason != "Do Not Disturb" {
				t.Errorf("the caller reads %q", e.Reason)
			}
			phone.quiet(time.Second)
			o.expectSilence("carol", "alice", "dialog", time.Minute)
			history.are(t, "alice bob in missed", "bob alice out "+want.result)

			o.must(o.server.SetLetThrough(alice, []event.AoR{carol}))
			o.talk(friend, phone)
			own := o.telephone("alice")
			self := own.call("sip:1002@example.test")
			phone.rung()
			o.must(self.Hangup(soon(o)))
			o.must(o.server.SetDND(alice, false, time.Time{}))
			again := caller.call(string(alice))
			phone.rung()
			o.must(again.Hangup(soon(o)))
		})
	}
}

// Where the domain says so calls ring all the same.
func TestDoNotDisturbThatRefusesNothing(t *testing.T) {
	inSwitchboard(t, func(o *app.Options) { o.People = employs{dnd: directory.DNDOff} }, func(o *office) {
		phone, caller := o.telephone("alice"), o.telephone("bob")
		o.undisturbed("alice")
		o.talk(caller, phone)
	})
}

// A publication that says so is obeyed as well, and a message is not refused.
func TestDoNotDisturbOfAPublication(t *testing.T) {
	inSwitchboard(t, nil, func(o *office) {
		phone, caller := o.telephone("alice"), o.telephone("bob")
		o.publish("alice", presence.DND)
		o.refusedWith(caller.call(string(alice)), 480)
		phone.quiet(time.Second)
	})
}

// All calls of a user go to another, who is told why; the forwarder's phone does
// not ring. What stands in Diversion already stays, below.
func TestForwardingOfAllCalls(t *testing.T) {
	inSwitchboard(t, nil, func(o *office) {
		phone, caller, target := o.telephone("alice"), o.telephone("bob"), o.telephone("carol")
		o.forwards("alice", app.Forwarding{Immediate: "carol"})
		o.undisturbed("alice") // it goes before that
		c, err := caller.Invite(string(alice), ua.InviteOptions{Body: ua.SDP("sendrecv"), Header: []byte("Diversion: <sip:zoe@example.org>;reason=unknown\r\n")})
		o.must(err)
		came := target.rung()
		if d := values(came.Invitation(), "Diversion"); len(d) != 2 || d[0] != "<sip:alice@example.test>;reason=unconditional;counter=1" || d[1] != "<sip:zoe@example.org>;reason=unknown" {
			t.Errorf("Diversion %q", d)
		}
		o.must(came.Answer(ua.SDP("sendrecv")))
		o.reaches(c, ua.Confirmed)
		o.must(c.Hangup(soon(o)))
		phone.quiet(time.Second)
	})
}

// A call that is busy goes on to another; so does one to who is not to be disturbed.
// Who is asked last has the last word.
func TestForwardingWhileBusy(t *testing.T) {
	for _, status := range []int{486, 600} {
		inSwitchboard(t, nil, func(o *office) {
			phone, caller, target := o.telephone("alice"), o.telephone("bob"), o.telephone("carol")
			o.forwards("alice", app.Forwarding{Busy: "carol"})
			c := caller.call(string(alice))
			o.must(phone.rung().Reject(status))
			came := target.rung()
			if d := from(came, sip.Diversion); d != "<sip:alice@example.test>;reason=user-busy;counter=1" {
				t.Errorf("Diversion %q", d)
			}
			o.must(came.Answer(ua.SDP("sendrecv")))
			o.reaches(c, ua.Confirmed)
			o.must(c.Hangup(soon(o)))

			o.undisturbed("alice")
			c = caller.call(string(alice))
			o.must(target.rung().Reject(603))
			o.refusedWith(c, 603)
			phone.quiet(time.Second)

			o.undisturbed("carol")
			o.refusedWith(caller.call(string(alice)), 480)
		})
	}
}

// A call that nobody answers in time is taken from the phone that rings; one that
// reaches no phone goes on at once. The time is counted from the beginning.
func TestForwardingWhereNobodyAnswers(t *testing.T) {
	var history ended
	inSwitchboard(t, func(o *app.Options) { o.History = &history }, func(o *office) {
		phone, caller, target := o.telephone("alice"), o.telephone("bob"), o.telephone("carol")
		o.forwards("alice", app.Forwarding{NoAnswer: "carol", After: 12 * time.Second})
		o.publish("alice", presence.Available)
		o.watch("carol", "alice", "dialog")
		o.lampOf("carol", "alice")
		began := time.Now()
		c := caller.call(string(alice))
		rings := phone.rung()
		o.must(rings.Ring())
		o.comesToShow("carol", "alice", dialoginfo.Early)
		came := target.rung()
		if after := time.Since(began); after < 12*time.Second || after > 13*time.Second {
			t.Errorf("it went on after %v", after)
		}
		o.reaches(rings, ua.Ended)
		o.comesToShow("carol", "alice", dialoginfo.Terminated)
		if d := from(came, sip.Diversion); d != "<sip:alice@example.test>;reason=no-answer;counter=1" {
			t.Errorf("Diversion %q", d)
		}
		o.must(came.Answer(ua.SDP("sendrecv")))
		o.reaches(c, ua.Confirmed)
		o.must(c.Hangup(soon(o)))
		o.advance(time.Minute)
		history.are(t, "alice bob in elsewhere", "bob carol out answered", "carol bob in answered")

		o.must(phone.Unregister(soon(o)))
		began = time.Now()
		c = caller.call(string(alice))
		target.rung()
		if after := time.Since(began); after > time.Second {
			t.Errorf("it went on after %v", after)
		}
		o.must(c.Hangup(soon(o)))
	})
}

// Who gives up while the call goes on leaves nothing that rings; an answer in time
// ends the waiting.
func TestForwardingThatIsNotNeeded(t *testing.T) {
	inSwitchboard(t, nil, func(o *office) {
		phone, caller, target := o.telephone("alice"), o.telephone("bob"), o.telephone("carol")
		o.forwards("alice", app.Forwarding{NoAnswer: "carol", Busy: "carol", After: 6 * time.Second})
		c, _ := o.talk(caller, phone)
		target.quiet(time.Minute)
		o.must(c.Hangup(soon(o)))

		c = caller.call(string(alice))
		o.must(phone.rung().Ring())
		o.must(c.Hangup(soon(o)))
		target.quiet(time.Minute)
		o.refusedWith(c, 487)
	})
}

// Calls leave the own domains along a route, with the rights of who forwards them:
// the caller may be a stranger, who could not call there.
func TestForwardingAlongARoute(t *testing.T) {
	inSwitchboard(t, func(o *app.Options) {
		o.AllowStrangers, o.Route = true, []config.Route{{Pattern: "0*", Target: "sip:203.0.113.1", Strip: 1, Prepend: "+49"}}
	}, func(o *office) {
		gateway, stranger := o.handset("gateway@elsewhere.test"), o.handset("zoe@elsewhere.test")
		gateway.status.Store(486)
		o.forwards("alice", app.Forwarding{NoAnswer: "089 123"})
		o.expect(stranger.final(stranger.request("INVITE", "sip:089123@example.test")), "404 ")
		o.expect(stranger.final(stranger.request("INVITE", string(alice), "Contact: <"+stranger.contact()+">")), "486 ")
		o.expect(gateway.next(), `INVITE sip:\+4989123@203\.0\.113\.1 SIP`, "Diversion: <sip:alice@example.test>;reason=unavailable;counter=1")
	})
}

// A user that is removed and made again is somebody else, whom nobody has spoken
// for yet.
func TestWhatARemovedUserForcedIsForgotten(t *testing.T) {
	inSwitchboard(t, func(o *app.Options) { o.People = &leavers{} }, func(o *office) {
		o.undisturbed("alice")
		o.forwards("alice", app.Forwarding{Busy: "bob"})
		records := o.journal.Len()
		o.options.People.(*leavers).left = string(alice)
		o.must(o.server.PeopleChanged())
		o.advance(time.Second)
		if err := o.server.SetDND(alice, true, time.Time{}); err == nil {
			t.Error("it is taken of who is gone")
		}
		o.options.People.(*leavers).left = ""
		o.must(o.server.PeopleChanged())
		if u, err := o.server.State(alice); err != nil || u.DND || u.Forwarding != (app.Forwarding{}) || o.journal.Len() != records-2 {
			t.Errorf("%+v, %v, %d records of %d", u, err, o.journal.Len(), records)
		}
	})
}

// There is an end to what one user may have kept.
func TestTooMuchForced(t *testing.T) {
	w := newWorld(t, 1)
	var refused []error
	force := func(id, body string) {
		w.post(alice, func(t *owner.Turn) {
			f := esc.Forced{Key: event.Key{Event: "presence", Source: event.User, ID: id}, Made: t.Now, Type: pidf.Type, Body: []byte(body)}
			if err := w.esc.Force(t, alice, f); err != nil {
				refused = append(refused, err)
			}
		})
		w.settle()
	}
	doc := string(presence.Publication(string(alice), "t", presence.Busy, "", w.now).Append(nil))
	for i := range 64 {
		force(fmt.Sprint(i), doc)
	}
	force("63", doc) // in the place of another
	if refused != nil {
		t.Error(refused)
	}
	force("64", doc)
	force("0", doc+strings.Repeat(" ", 64<<10))
	if len(refused) != 2 || !errors.Is(refused[0], esc.ErrForcedTooMany) || !errors.Is(refused[1], esc.ErrForcedTooLarge) || w.journal.Len() != 64 {
		t.Errorf("%v, %d records", refused, w.journal.Len())
	}
}

// Who forwards to each other does not forward for ever, and nobody rings twice. A
// chain goes on to its end.
func TestForwardingInACircle(t *testing.T) {
	inSwitchboard(t, nil, func(o *office) {
		phone, caller, target := o.telephone("alice"), o.telephone("bob"), o.telephone("carol")
		o.forwards("alice", app.Forwarding{Immediate: "carol"})
		o.forwards("carol", app.Forwarding{Immediate: "1002"})
		c := caller.call(string(alice))
		came := target.rung()
		o.must(came.Reject(480))
		o.refusedWith(c, 480)
		phone.quiet(time.Second)

		o.forwards("carol", app.Forwarding{Immediate: "pbx"})
		pbx := o.telephone("pbx")
		c = caller.call(string(alice))
		if d := values(pbx.rung().Invitation(), "Diversion"); len(d) != 2 || d[0] != "<sip:carol@example.test>;reason=unconditional;counter=1" {
			t.Errorf("Diversion %q", d)
		}
		o.must(c.Hangup(soon(o)))
	})
}

// A phone that sends its user's calls elsewhere is followed there, with the user's
// rights: to own users and along the routes, and no further (RFC 3261 §16.5).
func TestPhonesThatRedirect(t *testing.T) {
	routes := func(o *app.Options) {
		o.Route = []config.Route{{Pattern: "0*", Target: "sip:198.51.100.77"}}
	}
	for name, c := range map[string]struct {
		contact string
		rings   bool   // the phone before it is sent on
		reason  string // in Diversion; "": it is not followed
	}{
		"a user":                      {"Contact: <sip:carol@example.test>", false, "unconditional"},
		"a user, after it rang":       {"Contact: <sip:carol@example.test>", true, "deflection"},
		"the best of those there are": {"Contact: <sip:dora@elsewhere.test>, <sip:bob@example.test>;q=0.2, <sip:carol@example.test>;q=0.5", false, "unconditional"},
		"nobody of ours":              {"Contact: <sip:dora@elsewhere.test>", false, ""},
		"its own user":                {"Contact: <sip:alice@example.test>", false, ""},
		"nowhere":                     {"Contact: -", false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			inSwitchboard(t, routes, func(o *office) {
				phone, caller, target := o.telephone("alice"), o.telephone("bob"), o.telephone("carol")
				c1 := caller.call(string(alice))
				in := phone.rung()
				if c.rings {
					o.must(in.Ring())
					o.reaches(c1, ua.Ringing)
				}
				o.must(in.Reject(302, c.contact))
				if c.reason == "" {
					o.refusedWith(c1, 302)
					target.quiet(time.Second)
					return
				}
				came := target.rung()
				if d := values(came.Invitation(), "Diversion"); len(d) != 1 || d[0] != "<sip:alice@example.test>;reason="+c.reason+";counter=1" {
					t.Errorf("Diversion %q", d)
				}
				o.must(came.Answer(ua.SDP("sendrecv")))
				o.reaches(c1, ua.Confirmed)
				o.must(c1.Hangup(soon(o)))
			})
		})
	}
}

// Phones that send calls to each other end nowhere.
func TestPhonesThatRedirectInACircle(t *testing.T) {
	inSwitchboard(t, nil, func(o *office) {
		phones := map[string]*telephone{"alice": o.telephone("alice"), "carol": o.telephone("carol")}
		c := o.telephone("bob").call(string(alice))
		o.must(phones["alice"].rung().Reject(302, "Contact: <sip:carol@example.test>"))
		o.must(phones["carol"].rung().Reject(302, "Contact: <sip:alice@example.test>"))
		o.refusedWith(c, 302)
		phones["alice"].quiet(time.Second)
	})
}
