package app_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lamplight/app"
	"lamplight/body/dialoginfo"
	"lamplight/event/presence"
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
