package app_test

import (
	"context"
	"testing"
	"time"

	"lamplight/app"
	"lamplight/body/dialoginfo"
	"lamplight/body/pidf"
	"lamplight/config"
	"lamplight/event/presence"
	"lamplight/sip/ua"
	"lamplight/store/fault"
)

// besideAt is the presence server's address.
const besideAt = "192.0.2.2:5060"

// inTwoOffices runs a script with a registrar and proxy, and a presence server
// beside it.
func inTwoOffices(t *testing.T, script func(o *office, beside *app.Server)) {
	t.Helper()
	inOffice(t, func(o *app.Options) {
		o.Role, o.PresenceServer, o.Trust = []string{"registrar", "proxy"}, "sip:"+besideAt, []string{"192.0.2.2"}
	}, func(o *office) {
		beside, err := app.New(app.Options{Journal: &fault.Journal{}, People: staff{}, Listen: o.listen, Serve: config.Serve{
			Data: "memory", Domain: []string{"example.test", "other.test"}, Listen: []string{"udp:" + besideAt},
			Role: []string{"presence"}, Limits: "on", NotifyRate: "on", Trust: []string{"192.0.2.1"}}})
		if err != nil {
			t.Fatal(err)
		}
		o.must(beside.Start())
		defer func() { o.must(beside.Stop()) }()
		script(o, beside)
	})
}

// comesToSee reads NOTIFYs until one shows a state.
func (o *office) comesToSee(user, whom string, want presence.State) {
	o.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for {
		n, err := o.watches[user+" "+whom+" presence"].Next(ctx)
		if err != nil {
			o.Fatalf("%s never sees %s as %v: %v", user, whom, want, err)
		}
		doc, err := pidf.Parse(n.Body)
		if err != nil {
			o.Fatal(err)
		}
		if got, _, _ := presence.StateOf(doc); got == want {
			return
		}
	}
}

// comesToShow reads NOTIFYs until a lamp shows a state.
func (o *office) comesToShow(user, whom, want string) {
	o.Helper()
	began := time.Now()
	for o.lampOf(user, whom) != want {
		if time.Since(began) > 30*time.Second {
			o.Fatalf("%s's lamp is never %s", whom, want)
		}
	}
}

// The registrar and proxy tells the presence server who is registered and in a
// call; phones subscribe and publish through it, and are told through it.
func TestAPresenceServerBesideTheProxy(t *testing.T) {
	inTwoOffices(t, func(o *office, _ *app.Server) {
		o.watch("carol", "bob", "presence")
		o.watch("carol", "bob", "dialog")
		o.expectNotify("carol", "bob", presence.Unknown)
		o.lamps("bob " + dialoginfo.Terminated)
		alice, bob := o.telephone("alice"), o.telephone("bob")
		o.comesToSee("carol", "bob", presence.Available)
		c := alice.call(aor("bob"))
		in := bob.rung()
		o.must(in.Ring())
		o.comesToShow("carol", "bob", dialoginfo.Early)
		o.must(in.Answer(ua.SDP("sendrecv")))
		o.comesToShow("carol", "bob", dialoginfo.Confirmed)
		o.comesToSee("carol", "bob", presence.OnThePhone)
		o.advance(20 * time.Minute) // all that was published is refreshed
		o.must(c.Hangup(soon(o)))
		o.comesToShow("carol", "bob", dialoginfo.Terminated)
		o.comesToSee("carol", "bob", presence.Available)

		o.publish("bob", presence.Busy)
		o.comesToSee("carol", "bob", presence.Busy)
		o.unpublish("bob", "presence")
		o.comesToSee("carol", "bob", presence.Available)
		o.must(bob.Unregister(soon(o)))
		o.comesToSee("carol", "bob", presence.Offline)
	})
}
