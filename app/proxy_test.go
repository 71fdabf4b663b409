package app_test

import (
	"fmt"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"lamplight/app"
	"lamplight/body/dialoginfo"
	"lamplight/config"
	"lamplight/event"
	"lamplight/event/presence"
	"lamplight/policy"
	"lamplight/sip"
	"lamplight/sip/ua"
)

// inSwitchboard runs a script in an office whose server passes calls on.
func inSwitchboard(t *testing.T, change func(*app.Options), script func(o *office)) {
	t.Helper()
	inOffice(t, func(o *app.Options) {
		o.Role = []string{"registrar", "proxy", "presence"}
		if change != nil {
			change(o)
		}
	}, script)
}

// telephone is a user's phone that makes and takes calls.
type telephone struct {
	*ua.Agent
	o        *office
	user     string
	calls    chan *ua.Call
	messages chan *sip.Message
}

// telephone opens a phone of a user at an address of its own, and registers it.
func (o *office) telephone(user string, change ...func(*ua.Options)) *telephone {
	o.Helper()
	p := o.offline(user, change...)
	if _, err := p.Register(soon(o), time.Hour); err != nil {
		o.Fatalf("%s registers: %v", user, err)
	}
	return p
}

// offline is a phone that has not registered.
func (o *office) offline(user string, change ...func(*ua.Options)) *telephone {
	o.Helper()
	p := &telephone{o: o, user: user, calls: make(chan *ua.Call, 20), messages: make(chan *sip.Message, 20)}
	options := ua.Options{User: aor(user), Server: at, Password: "secret", Listen: o.listen,
		Local: fmt.Sprintf("198.51.100.%d:5060", 100+len(o.agents)), OnCall: func(c *ua.Call) { p.calls <- c },
		OnMessage: func(m *sip.Message) { p.messages <- m }}
	for _, c := range change {
		c(&options)
	}
	var err error
	if p.Agent, err = ua.New(options); err != nil {
		o.Fatal(err)
	}
	o.agents[fmt.Sprint(user, " ", len(o.agents))] = p.Agent
	return p
}

// call begins a call.
func (p *telephone) call(to string) *ua.Call {
	p.o.Helper()
	c, err := p.Invite(to, ua.InviteOptions{Body: ua.SDP("sendrecv")})
	if err != nil {
		p.o.Fatalf("%s calls %s: %v", p.user, to, err)
	}
	return c
}

// rung is the next call that comes.
func (p *telephone) rung() *ua.Call {
	p.o.Helper()
	select {
	case c := <-p.calls:
		return c
	case <-time.After(time.Minute):
		p.o.Fatalf("%s's phone does not ring", p.user)
		return nil
	}
}

// quiet checks that no call comes for a time.
func (p *telephone) quiet(d time.Duration) {
	p.o.Helper()
	select {
	case c := <-p.calls:
		p.o.Errorf("%s's phone rings:\n%s", p.user, c.Invitation().Bytes())
	case <-time.After(d):
	}
}

func (o *office) reaches(c *ua.Call, state ua.CallState) {
	o.Helper()
	if err := c.Wait(soon(o), state); err != nil {
		o.Fatalf("the call does not come to be %v: %v", state, err)
	}
}

// must fails the test for an error.
func (o *office) must(err error) {
	o.Helper()
	if err != nil {
		o.Fatal(err)
	}
}

// talk has one phone call another, which answers.
func (o *office) talk(from, to *telephone) (caller, callee *ua.Call) {
	o.Helper()
	caller = from.call(aor(to.user))
	callee = to.rung()
	o.must(callee.Ring())
	o.reaches(caller, ua.Ringing)
	o.must(callee.Answer(ua.SDP("sendrecv")))
	o.reaches(caller, ua.Confirmed)
	o.reaches(callee, ua.Confirmed)
	return caller, callee
}

// refusedWith checks that a call was refused, and why.
func (o *office) refusedWith(c *ua.Call, code int) {
	o.Helper()
	if err := c.Wait(soon(o), ua.Ended); err != nil {
		o.Fatalf("the call is not over: %v", err)
	}
	if e := c.Ending(); e.Code != code {
		o.Errorf("the call ended with %+v, want %d", e, code)
	}
}

// lamps checks what the next NOTIFYs of lamps show: "bob confirmed".
func (o *office) lamps(list ...string) {
	o.Helper()
	for _, l := range list {
		whom, want, _ := strings.Cut(l, " ")
		if got := o.lampOf("carol", whom); got != want {
			o.Errorf("%s's lamp is %q, want %q", whom, got, want)
		}
	}
}

// A call between two registered users: each one's lamp goes along with it, within
// moments.
// [3261-16.7-3] [3261-16.11-1]
func TestACallLightsTheLampsOfBothEnds(t *testing.T) {
	inSwitchboard(t, nil, func(o *office) {
		alice, bob := o.telephone("alice"), o.telephone("bob")
		for _, u := range []string{"alice", "bob"} {
			o.publish(u, presence.Available)
			o.watch("carol", u, "dialog")
			o.lampOf("carol", u)
		}
		began := time.Now()
		c := alice.call("sip:bob@example.test")
		in := bob.rung()
		o.lamps("alice "+dialoginfo.Trying, "bob "+dialoginfo.Trying)
		o.must(in.Ring())
		o.reaches(c, ua.Ringing)
		o.lamps("alice "+dialoginfo.Early, "bob "+dialoginfo.Early)
		o.must(in.Answer(ua.SDP("sendrecv")))
		o.reaches(c, ua.Confirmed)
		o.lamps("alice "+dialoginfo.Confirmed, "bob "+dialoginfo.Confirmed)
		if e := <-in.Events(); e.What != ua.Answered {
			t.Errorf("Bob is told %v", e)
		}
		if e := <-in.Events(); e.What != ua.Acknowledged {
			t.Errorf("Bob is told %v, not of the ACK", e)
		}
		o.must(in.Hangup(soon(o)))
		o.reaches(c, ua.Ended)
		o.lamps("alice "+dialoginfo.Terminated, "bob "+dialoginfo.Terminated)
		if d := time.Since(began); d > time.Second {
			t.Errorf("it took %v", d)
		}
		synctest.Wait()
	})
}

// What a phone answers goes back to the caller: it is busy, it declines, it is not
// there; nobody of that name is.
// [3261-16.5-2] [3261-16.5-3] [3261-16.7-5]
func TestCallsThatAreNotAnswered(t *testing.T) {
	inSwitchboard(t, nil, func(o *office) {
		alice, bob := o.telephone("alice"), o.telephone("bob")
		c := alice.call("sip:bob@example.test")
		o.must(bob.rung().Reject(486))
		o.refusedWith(c, 486)
		c = alice.call("sip:bob@example.test")
		in := bob.rung()
		o.must(in.Ring())
		o.must(in.Reject(603))
		o.refusedWith(c, 603)
		c = alice.call("sip:bob@example.test")
		o.must(bob.rung().Reject(503))
		o.refusedWith(c, 500)                                    // it speaks for that phone
		o.refusedWith(alice.call("sip:carol@example.test"), 480) // has no phone
		o.refusedWith(alice.call("sip:nobody@example.test"), 404)
		bob.Close()
		o.refusedWith(alice.call("sip:bob@example.test"), 408)
	})
}

// A caller who hangs up first takes the ringing away.
// [3261-16.10-1]
func TestACallIsCancelled(t *testing.T) {
	inSwitchboard(t, nil, func(o *office) {
		alice, bob := o.telephone("alice"), o.telephone("bob")
		o.watch("carol", "bob", "dialog")
		o.lampOf("carol", "bob")
		c := alice.call("sip:bob@example.test")
		in := bob.rung()
		o.lamps("bob trying")
		o.must(in.Ring())
		o.reaches(c, ua.Ringing)
		o.lamps("bob early")
		o.must(c.Hangup(soon(o)))
		o.refusedWith(c, 487)
		o.reaches(in, ua.Ended)
		o.lamps("bob terminated")
		c = alice.call("sip:bob@example.test") // before it rings
		in = bob.rung()
		o.must(c.Hangup(soon(o)))
		o.refusedWith(c, 487)
		o.reaches(in, ua.Ended)
	})
}

// All phones of a user ring; one answers, and the others are told that it was
// answered elsewhere (RFC 3326).
// [3261-16.6-4] [3261-16.7-4] [3261-16.7-7]
func TestACallForks(t *testing.T) {
	inSwitchboard(t, nil, func(o *office) {
		alice, desk, mobile := o.telephone("alice"), o.telephone("bob"), o.telephone("bob")
		o.watch("carol", "bob", "dialog")
		o.lampOf("carol", "bob")
		c := alice.call("sip:bob@example.test")
		first, second := desk.rung(), mobile.rung()
		o.must(first.Ring())
		o.must(second.Ring())
		o.reaches(c, ua.Ringing)
		o.must(second.Answer(ua.SDP("sendrecv")))
		o.reaches(c, ua.Confirmed)
		o.reaches(first, ua.Ended)
		if e := first.Ending(); !strings.Contains(e.Reason, "Call completed elsewhere") || !strings.Contains(e.Reason, "cause=200") {
			t.Errorf("the other phone is told %+v", e)
		}
		o.advance(time.Minute)
		if c.State() != ua.Confirmed || second.State() != ua.Confirmed {
			t.Errorf("after a minute the call is %v and %v", c.State(), second.State())
		}
		last := ""
		for len(o.watches["carol bob dialog"].Notifications()) > 0 {
			last = o.lampOf("carol", "bob")
		}
		if !strings.HasPrefix(last, "confirmed") { // of the branch that won
			t.Errorf("the lamp is %q", last)
		}
		o.must(c.Hangup(soon(o)))
		o.reaches(second, ua.Ended)
		// Both busy: the better answer counts.
		c = alice.call("sip:bob@example.test")
		o.must(desk.rung().Reject(480))
		o.must(mobile.rung().Reject(486))
		o.refusedWith(c, 486)
		// One declines for all.
		c = alice.call("sip:bob@example.test")
		other := desk.rung()
		o.must(mobile.rung().Reject(603))
		o.reaches(other, ua.Ended)
		o.refusedWith(c, 603)
	})
}

// Phones of a lower q ring when those before have not answered (RFC 3261 §16.6).
// [3261-16.6-6]
func TestSerialForking(t *testing.T) {
	inSwitchboard(t, nil, func(o *office) {
		alice := o.telephone("alice")
		first := o.telephone("bob", func(o *ua.Options) { o.Q = "0.7" })
		second := o.telephone("bob", func(o *ua.Options) { o.Q = "0.3" })
		c := alice.call("sip:bob@example.test")
		in := first.rung()
		o.must(in.Ring())
		second.quiet(10 * time.Second)
		o.must(in.Reject(486))
		in = second.rung()
		o.must(in.Answer(nil))
		o.reaches(c, ua.Confirmed)
	})
}

// A phone that rings for ever is given up after three minutes, and for as long as
// it says something it is not (Timer C, RFC 3261 §16.8).
// [3261-16.6-5] [3261-16.7-2] [3261-16.8-1]
func TestTimerC(t *testing.T) {
	inSwitchboard(t, nil, func(o *office) {
		alice, bob := o.telephone("alice"), o.telephone("bob")
		c := alice.call("sip:bob@example.test")
		in := bob.rung()
		began := time.Now()
		for range 3 {
			o.must(in.Ring())
			o.advance(2 * time.Minute)
		}
		o.advance(time.Minute)
		o.reaches(in, ua.Ended)
		o.must(c.Wait(soon(o), ua.Ended))
		if d := time.Since(began); d < 7*time.Minute || d > 8*time.Minute {
			t.Errorf("it was given up after %v", d)
		}
	})
}

// Who calls has to be who From says, and nothing leaves the own domains.
// [3261-16.3-1] [3261-16.3-3] [3261-16.3-4] [3261-16.4-1] [3261-16.5-1] [5626-5.2-1]
func TestNobodyCallsForFree(t *testing.T) {
	inSwitchboard(t, nil, func(o *office) {
		bob, outside := o.telephone("bob"), o.handset("gateway@elsewhere.test")
		h := o.handset("alice")
		invite := func(uri string, lines ...string) *sip.Message {
			return h.paid("INVITE", uri, append([]string{"Contact: <" + h.contact() + ">"}, lines...)...)
		}
		o.expect(h.exchange(h.request("INVITE", aor("bob"))), "407", `Proxy-Authenticate: Digest realm="example.test".*`)
		o.expect(invite(aor("bob"), "From: <sip:carol@example.test>;tag=1"), "403")
		o.expect(invite("sip:+900123@"+outside.addr.String()), "403")
		o.expect(invite("sip:somebody@elsewhere.test"), "403")
		o.expect(invite("sip:+900123@example.test"), "404")
		o.expect(invite("tel:+900123"), "404")
		o.expect(invite(aor("bob"), "Route: <sip:"+outside.addr.String()+";lr>"), "403")
		o.expect(invite(aor("bob"), "Route: <sip:"+at+";lr>, <sip:"+outside.addr.String()+";lr>"), "403")
		o.expect(h.paid("REFER", aor("bob"), "Refer-To: <sip:+900123@example.test>"), "403")
		o.expect(h.paid("MESSAGE", "sip:somebody@elsewhere.test"), "403")
		o.expect(invite(aor("bob"), "Proxy-Require: teleportation"), "420", "Unsupported: teleportation")
		o.expect(invite(aor("bob"), "Max-Forwards: 0"), "483")
		o.expect(invite(aor("bob"), "Max-Breadth: 0"), "440")
		for _, method := range []string{"INVITE", "BYE", "INFO", "UPDATE", "MESSAGE"} { // of no dialog
			o.expect(h.exchange(h.request(method, "sip:+900123@"+outside.addr.String(), "To: <sip:x@elsewhere.test>;tag=x",
				"Route: <sip:AAECAwQFBgcICQoLDA0ODw@"+at+";lr>")), "481|405")
		}
		stranger := o.handset("mallory@elsewhere.test")
		o.expect(stranger.exchange(stranger.request("INVITE", aor("bob"))), "403")
		outside.silent(time.Minute)
		bob.quiet(time.Second)
	})
}

// Where the settings say so strangers may call the own users, and nobody else.
func TestStrangersMayCallWhereAllowed(t *testing.T) {
	inSwitchboard(t, func(o *app.Options) { o.AllowStrangers = true }, func(o *office) {
		bob := o.telephone("bob")
		h := o.handset("mallory@elsewhere.test")
		h.send(h.request("INVITE", aor("bob"), "Contact: <"+h.contact()+">", "P-Asserted-Identity: <sip:alice@example.test>", "Remote-Party-ID: <sip:alice@example.test>"))
		in := bob.rung().Invitation()
		if in.Has(sip.PAssertedIdentity) || in.Has(sip.RemotePartyID) {
			t.Errorf("Bob is told\n%s", in.Bytes())
		}
		o.expect(h.exchange(h.request("INVITE", "sip:+900123@example.test")), "404")
		o.expect(h.exchange(h.request("INVITE", "sip:x@other.example")), "403")
	})
}

// What goes out says who it is from, once that is proved; a caller who asks for it
// is not named (RFC 3325).
// [3261-16.6-2]
func TestIdentities(t *testing.T) {
	inSwitchboard(t, nil, func(o *office) {
		bob := o.telephone("bob")
		h := o.handset("alice")
		invite := func(lines ...string) *sip.Message {
			o.Helper()
			h.send(h.paying("INVITE", "sip:bob@example.test", append([]string{"Contact: <" + h.contact() + ">", "P-Asserted-Identity: <sip:carol@example.test>",
				"P-Preferred-Identity: <sip:carol@example.test>"}, lines...)...))
			c := bob.rung()
			o.must(c.Reject(486))
			o.expect(h.response(""), "486")
			return c.Invitation()
		}
		o.expect(invite(), "INVITE", `P-Asserted-Identity: "Alice" <sip:alice@example.test>`, "P-Preferred-Identity: -", "Proxy-Authorization: -", "Max-Forwards: 69", "Max-Breadth: 60")
		o.expect(invite("Privacy: id"), "INVITE", "P-Asserted-Identity: -", "Privacy: id")
		o.expect(invite("From: Anonymous <sip:anonymous@anonymous.invalid>;tag=1"), "INVITE", "P-Asserted-Identity: -|.*alice.*")
	})
}

// An INVITE that comes back the way it went is refused; users who have registered
// each other do not multiply calls (RFC 5393).
// [3261-16.3-2]
func TestLoops(t *testing.T) {
	inSwitchboard(t, nil, func(o *office) {
		h, g := o.handset("alice"), o.handset("bob")
		register := func(h *handset, user string, contacts ...string) {
			lines := []string{"To: <" + aor(user) + ">", "From: <" + aor(user) + ">;tag=1"}
			for _, c := range contacts {
				lines = append(lines, "+Contact: <"+c+">;expires=600")
			}
			o.expect(h.do("REGISTER", "sip:example.test", append(lines, "Contact: <"+contacts[0]+">;expires=600")...), "200")
		}
		register(h, "alice", "sip:alice@example.test", "sip:bob@example.test", "sip:a@203.0.113.1:5060")
		register(g, "bob", "sip:alice@example.test", "sip:bob@example.test", "sip:b@203.0.113.2:5060")
		var sent atomic.Int64
		o.net.Tap(func(from, _ netip.AddrPort, b []byte) {
			if from == serverAt && strings.HasPrefix(string(b), "INVITE ") {
				sent.Add(1)
			}
		})
		carol := o.offline("carol")
		c := carol.call(aor("alice"))
		invite := h.next()
		for invite.Method() != sip.INVITE {
			invite = h.next()
		}
		synctest.Wait()
		if n := sent.Load(); n != 2 {
			t.Errorf("%d INVITEs were sent", n)
		}
		// It comes back from outside: by its own Via it is known.
		text := strings.Replace(string(invite.Bytes()), "INVITE sip:a@203.0.113.1:5060", "INVITE sip:alice@example.test", 1)
		text = strings.Replace(text, "Via: ", "Via: SIP/2.0/UDP 203.0.113.1:5060;branch=z9hG4bKloop;rport\r\nVia: ", 1)
		for len(h.responses) > 0 {
			<-h.responses
		}
		o.expect(h.exchange(text), "482|407")
		_ = c
	})
}

// Inside the call everything passes, by the way that it was begun on: hold,
// messages of all kinds, and a session that is reliable from the first ringing on.
func TestInsideACall(t *testing.T) {
	inSwitchboard(t, nil, func(o *office) {
		alice, bob := o.telephone("alice"), o.telephone("bob")
		c, err := alice.Invite(aor("bob"), ua.InviteOptions{Body: ua.SDP("sendrecv"), Reliable: true})
		o.must(err)
		in := bob.rung()
		o.must(in.Progress(183, ua.SDP("sendrecv"), true))
		o.reaches(c, ua.Ringing)
		o.advance(time.Second)
		if in.State() != ua.Ringing {
			t.Fatalf("Bob's call is %v", in.State())
		}
		o.must(in.Answer(ua.SDP("sendrecv")))
		o.reaches(c, ua.Confirmed)
		o.advance(time.Millisecond) // until the server has seen it
		o.watch("carol", "alice", "dialog")
		o.watch("carol", "bob", "dialog")
		o.lamps("alice confirmed", "bob confirmed")
		for _, call := range []*ua.Call{c, in} {
			if _, err := call.Reinvite(soon(o), ua.SDP("sendonly")); err != nil {
				t.Errorf("hold: %v", err)
			}
			if _, err := call.Update(soon(o), ua.SDP("sendrecv")); err != nil {
				t.Errorf("UPDATE: %v", err)
			}
			for _, method := range []sip.Method{sip.INFO, sip.OPTIONS, sip.MESSAGE} {
				m, err := call.Do(soon(o), sip.Request{Method: method})
				if err != nil || m.Status() != 200 {
					t.Errorf("%s: %v %v", method, m, err)
				}
			}
		}
		o.must(in.Hangup(soon(o)))
		o.reaches(c, ua.Ended)
	})
}

// Alice transfers Bob to Carol, without asking her and after she has; the new call
// meets the same rules as any (RFC 5589).
func TestTransfers(t *testing.T) {
	inSwitchboard(t, nil, func(o *office) {
		referrals := make(chan ua.Referral, 4)
		alice, carol := o.telephone("alice"), o.telephone("carol")
		bob := o.telephone("bob", func(o *ua.Options) { o.OnRefer = func(r ua.Referral) { referrals <- r } })
		blind, in := o.talk(alice, bob)
		o.must(blind.Refer(soon(o), "sip:carol@example.test"))
		_, err := (<-referrals).Follow(ua.InviteOptions{Body: ua.SDP("sendrecv")})
		o.must(err)
		third := carol.rung()
		o.must(third.Answer(nil))
		o.reaches(third, ua.Confirmed)
		told(o, blind, 200)
		o.must(blind.Hangup(soon(o)))
		o.reaches(in, ua.Ended)
		o.must(third.Hangup(soon(o)))

		first, _ := o.talk(alice, bob)
		consult, asked := o.talk(alice, carol)
		o.must(first.Refer(soon(o), consult.ReferTo()))
		_, err = (<-referrals).Follow(ua.InviteOptions{Body: ua.SDP("sendrecv")})
		o.must(err)
		third = carol.rung()
		if third.Replaced() != asked {
			t.Errorf("the call replaces none of Carol's")
		}
		o.must(third.Answer(nil))
		o.reaches(consult, ua.Ended)
		told(o, first, 200)

		first.Hangup(soon(o))
		talk, _ := o.talk(alice, bob)
		o.must(talk.Refer(soon(o), "sip:+900123@example.test"))
		c, err := (<-referrals).Follow(ua.InviteOptions{})
		o.must(err)
		o.refusedWith(c, 404)
		told(o, talk, 404)
	})
}

// told checks what the last NOTIFY of a transfer says.
func told(o *office, c *ua.Call, status int) {
	o.Helper()
	for {
		select {
		case e := <-c.Events():
			if e.What == ua.TransferEnded {
				if e.Status != status {
					o.Errorf("the transfer ended with %d, want %d", e.Status, status)
				}
				return
			}
		case <-time.After(time.Minute):
			o.Fatal("nothing is told of the transfer")
		}
	}
}

// Messages reach all phones of a user, and one answer comes back (RFC 3428).
func TestMessages(t *testing.T) {
	inSwitchboard(t, nil, func(o *office) {
		alice, bob := o.telephone("alice"), o.telephone("bob")
		send := func(to string) int {
			m, err := alice.Do(soon(o), sip.Request{Method: sip.MESSAGE, URI: aor(to), ContentType: "text/plain", Body: []byte("hello")})
			if err != nil {
				t.Fatal(err)
			}
			return m.Status()
		}
		if got := send("bob"); got != 200 {
			t.Errorf("answered %d", got)
		}
		if m := <-bob.messages; string(m.Body()) != "hello" {
			t.Errorf("Bob gets\n%s", m.Bytes())
		}
		if got := send("carol"); got != 480 {
			t.Errorf("to nobody: %d", got)
		}
	})
}

// A server that crashes in a call goes on with it, and a BYE that is lost does not
// leave the lamps lit.
func TestCallsOutliveTheServer(t *testing.T) {
	inSwitchboard(t, nil, func(o *office) {
		alice, bob := o.telephone("alice"), o.telephone("bob")
		c, in := o.talk(alice, bob)
		o.crash()
		if m, err := in.Do(soon(o), sip.Request{Method: sip.INFO}); err != nil || m.Status() != 200 {
			t.Errorf("after the crash: %v %v", m, err)
		}
		o.must(c.Hangup(soon(o)))
		o.reaches(in, ua.Ended)
		o.advance(time.Minute)

		o.talk(alice, bob)
		o.watch("carol", "bob", "dialog")
		for o.lampOf("carol", "bob") != "confirmed" {
		}
		o.expectSilence("carol", "bob", "dialog", 10*time.Minute) // the phones answer probes
		alice.Close()
		bob.Close()
		o.advance(4 * time.Minute)
		if got := o.lampOf("carol", "bob"); got != "terminated" {
			t.Errorf("after four minutes the lamp is %s", got)
		}
	})
}

// A call that rings at Bob is picked up: by INVITE with Replaces to the caller's
// address, as phones do it that read it from the lamp, and by a code.
func TestPickup(t *testing.T) {
	inSwitchboard(t, func(o *app.Options) { o.PickupCode = "*8" }, func(o *office) {
		alice, bob, carol := o.telephone("alice"), o.telephone("bob"), o.telephone("carol")
		group := policy.Rules{{One: []event.AoR{"sip:carol@example.test"}, Handling: event.Allow, Rights: event.RightsAll}}
		ring := func() (c, in *ua.Call) {
			o.Helper()
			c = alice.call(aor("bob"))
			in = bob.rung()
			o.must(in.Ring())
			o.reaches(c, ua.Ringing)
			return c, in
		}
		picks := func(c, in *ua.Call, to string, options ua.InviteOptions) {
			o.Helper()
			options.Body = ua.SDP("sendrecv")
			pick, err := carol.Invite(to, options)
			o.must(err)
			taken := alice.rung()
			if taken.Replaced() != c {
				t.Error("it replaces nothing at the caller's")
			}
			o.must(taken.Answer(ua.SDP("sendrecv")))
			o.reaches(pick, ua.Confirmed)
			o.reaches(c, ua.Ended)
			o.reaches(in, ua.Ended)
			o.must(pick.Hangup(soon(o)))
			o.reaches(taken, ua.Ended)
		}
		c, in := ring()
		d := c.Dialog()
		picks(c, in, string(uriOf(t, in.Invitation().Value(sip.Contact))), ua.InviteOptions{
			Header: []byte("Replaces: " + d.CallID + ";to-tag=" + d.LocalTag + ";from-tag=" + d.RemoteTag + ";early-only\r\n")})

		c, in = ring()
		o.refusedWith(carol.call("sip:*8bob@example.test"), 403)
		o.server.UseRules("sip:bob@example.test", group)
		picks(c, in, "sip:*8bob@example.test", ua.InviteOptions{})
		o.refusedWith(carol.call("sip:*8bob@example.test"), 404) // nothing rings
	})
}

func uriOf(t *testing.T, value []byte) []byte {
	n, err := sip.ParseNameAddr(value)
	if err != nil {
		t.Fatal(err)
	}
	return n.URI
}

// A number that the table names goes out by its gateway, changed as it says, for
// own users alone; what comes back belongs to the call.
// [3261-16.6-1] [3261-16.6-3]
func TestRoutes(t *testing.T) {
	inSwitchboard(t, func(o *app.Options) {
		o.Route = []config.Route{{Pattern: "0*", Target: "sip:203.0.113.1", Strip: 1, Prepend: "+49"}, {Pattern: "partner.example", Target: "sip:203.0.113.1"}}
	}, func(o *office) {
		gateway, alice := o.handset("gateway@elsewhere.test"), o.telephone("alice")
		gateway.status.Store(486)
		o.refusedWith(alice.call("sip:089123@example.test"), 486)
		invite := gateway.next()
		o.expect(invite, `INVITE sip:\+4989123@203\.0\.113\.1 SIP`, "P-Asserted-Identity: .*<sip:alice@example.test>", "Record-Route: <sip:[A-Za-z0-9_-]{40,}@192.0.2.1:5060;lr>")
		gateway.drain()
		o.refusedWith(alice.call("sip:x@partner.example"), 486)
		for invite.Method() != sip.INVITE || strings.Contains(string(invite.RequestURI()), "+49") {
			invite = gateway.next()
		}
		o.expect(invite, "INVITE sip:x@partner.example SIP")
		o.expect(gateway.exchange(gateway.request("INVITE", "sip:089123@example.test")), "403")
	})
}

// A device that has registered two flows is called by one, and by the other where
// that one has failed (RFC 5626 §7); what it answers itself is the last word.
// [5626-7-1] [5626-7-2] [5626-7-3] [5626-7-4]
func TestFlowsOfADevice(t *testing.T) {
	inSwitchboard(t, nil, func(o *office) {
		first, second := o.handset("bob"), o.handset("bob")
		for i, h := range []*handset{first, second} {
			o.expect(h.do("REGISTER", "sip:example.test", "To: <"+aor("bob")+">", "From: <"+aor("bob")+">;tag=1", "Supported: path, outbound",
				fmt.Sprintf("Contact: <sip:bob@10.0.0.1:5060>;+sip.instance=\"<urn:uuid:1>\";reg-id=%d;expires=600", i+1)), "200")
			o.advance(time.Second)
		}
		alice := o.telephone("alice")
		second.status.Store(430)
		first.status.Store(486)
		o.refusedWith(alice.call(aor("bob")), 486)
		o.expect(second.next(), "INVITE sip:bob@10.0.0.1:5060 ")
		o.expect(first.next(), "INVITE sip:bob@10.0.0.1:5060 ")
		o.advance(time.Second)
		first.drain()
		second.drain()
		second.status.Store(486)
		o.refusedWith(alice.call(aor("bob")), 486)
		o.advance(time.Second)
		if n := len(first.requests); n > 0 {
			t.Errorf("%d requests by the other flow", n)
		}
	})
}

// The caller sees 180 and no 100, and the challenges of two gateways at once.
// [3261-16.7-1] [3261-16.7-6]
func TestWhatComesBack(t *testing.T) {
	inSwitchboard(t, nil, func(o *office) {
		phones := []*handset{o.handset("bob"), o.handset("bob")}
		for i, h := range phones {
			o.expect(h.do("REGISTER", "sip:example.test", "To: <"+aor("bob")+">", "From: <"+aor("bob")+">;tag=1", "Contact: <"+h.contact()+">;expires=600"), "200")
			h.status.Store(0)
			h.drain()
			_ = i
		}
		alice := o.handset("alice")
		alice.send(alice.paying("INVITE", aor("bob"), "Contact: <"+alice.contact()+">"))
		answer := func(h *handset, invite *sip.Message, status int, header string) {
			resp := sip.Response{Status: status, ToTag: h.addr.String(), Header: []byte(header)}
			if status == 100 {
				resp.ToTag = ""
			}
			_, _ = h.socket.WriteToUDPAddrPort(resp.Append(nil, invite, serverAt), serverAt)
		}
		invites := []*sip.Message{phones[0].next(), phones[1].next()}
		for i, h := range phones {
			answer(h, invites[i], 100, "")
		}
		answer(phones[0], invites[0], 180, "")
		o.expect(alice.response(""), "180")
		answer(phones[0], invites[0], 401, "WWW-Authenticate: Digest realm=\"a\", nonce=\"1\"\r\n")
		answer(phones[1], invites[1], 407, "Proxy-Authenticate: Digest realm=\"b\", nonce=\"2\"\r\n")
		o.expect(alice.response(""), "401|407", "WWW-Authenticate: .*realm=\"a\".*", "Proxy-Authenticate: .*realm=\"b\".*")
	})
}

// Whoever is not known is answered once for each request, whatever comes back: an
// address that is not the sender's is not flooded (RFC 3261 §26.3.2.4).
func TestStrangersAreAnsweredOnce(t *testing.T) {
	inSwitchboard(t, nil, func(o *office) {
		socket, err := o.net.Listen("203.0.113.99:5060")
		o.must(err)
		defer socket.Close()
		var answers atomic.Int64
		o.net.Tap(func(_, to netip.AddrPort, _ []byte) {
			if to.Addr() == netip.MustParseAddr("203.0.113.99") {
				answers.Add(1)
			}
		})
		h := o.handset("mallory@elsewhere.test")
		for i, lines := range [][]string{{}, {"To: <sip:bob@example.test>;tag=1"}, {"From: <sip:alice@example.test>;tag=1"}, {"Max-Forwards: 0"},
			{"From: <sip:alice@anonymous.invalid>;tag=1"}, {"Route: <sip:192.0.2.1;lr>", "To: <sip:bob@example.test>;tag=1"}} {
			text := strings.ReplaceAll(h.request("INVITE", aor("bob"), lines...), h.addr.String(), "203.0.113.99:5060")
			_, err := socket.WriteToUDPAddrPort([]byte(text), serverAt)
			o.must(err)
			o.advance(40 * time.Second)
			if n := answers.Swap(0); n != 1 {
				t.Errorf("%d: %d answers", i, n)
			}
		}
	})
}

// Calls come about on a network that loses, doubles and delays what is sent, and
// leave nothing behind.
func TestCallsOverABadNetwork(t *testing.T) {
	inSwitchboard(t, nil, func(o *office) {
		alice, bob := o.telephone("alice"), o.telephone("bob")
		o.net.SetLoss(0.2)
		o.net.SetDuplicate(0.2)
		o.net.SetDelay(0, 200*time.Millisecond)
		for range 5 {
			c, in := o.talk(alice, bob)
			if m, err := c.Do(soon(o), sip.Request{Method: sip.INFO}); err != nil || m.Status() != 200 {
				t.Errorf("INFO: %v %v", m, err)
			}
			o.must(in.Hangup(soon(o)))
			o.reaches(c, ua.Ended)
			c = alice.call(aor("bob"))
			in = bob.rung()
			o.must(in.Ring())
			o.reaches(c, ua.Ringing)
			o.must(c.Hangup(soon(o)))
			o.reaches(in, ua.Ended)
		}
		o.net.SetLoss(0)
		o.watch("carol", "bob", "dialog")
		o.advance(5 * time.Minute)
		last := ""
		for len(o.watches["carol bob dialog"].Notifications()) > 0 {
			last = o.lampOf("carol", "bob")
		}
		if strings.Trim(strings.ReplaceAll(last, "terminated", ""), " ") != "" {
			t.Errorf("the lamp is %q", last)
		}
	})
}
