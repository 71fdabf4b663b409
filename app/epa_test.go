package app_test

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"lamplight/app"
	"lamplight/body/dialoginfo"
	"lamplight/body/pidf"
	"lamplight/config"
	"lamplight/event/presence"
	"lamplight/owner"
	"lamplight/registrar"
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
		beside := o.beside()
		defer func() { o.must(beside.Stop()) }()
		script(o, beside)
	})
}

// beside starts a presence server that trusts the office's.
func (o *office) beside() *app.Server {
	o.Helper()
	beside, err := app.New(app.Options{Journal: &fault.Journal{}, People: staff{}, Listen: o.listen, Serve: config.Serve{
		Data: "memory", Domain: []string{"example.test", "other.test"}, Listen: []string{"udp:" + besideAt},
		Role: []string{"presence"}, Limits: "on", NotifyRate: "on", Trust: []string{"192.0.2.1"}}})
	o.must(err)
	o.must(beside.Start())
	return beside
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

// neverSees reads the NOTIFYs that have come: none shows a state.
func (o *office) neverSees(user, whom string, not presence.State) {
	o.Helper()
	for {
		ctx, cancel := context.WithTimeout(context.Background(), 11*time.Minute)
		n, err := o.watches[user+" "+whom+" presence"].Next(ctx)
		cancel()
		if err != nil {
			return
		}
		if doc, err := pidf.Parse(n.Body); err == nil {
			if got, _, _ := presence.StateOf(doc); got == not {
				o.Errorf("%s sees %s as %v", user, whom, got)
			}
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

// The presence server believes what comes from the proxy, so that the proxy finds
// out who it is: nobody publishes for others, and strangers end there.
func TestNobodySpeaksForOthersToThePresenceServer(t *testing.T) {
	inTwoOffices(t, func(o *office, _ *app.Server) {
		h := o.handset("alice")
		forged := "P-Asserted-Identity: <sip:bob@example.test>"
		for _, c := range []struct {
			method, whom string
			lines        []string
			want         string
		}{
			{"PUBLISH", "alice", []string{busy}, "200 "},
			{"PUBLISH", "bob", []string{forged, strings.Replace(busy, "alice", "bob", 1)}, "403 "},
			{"PUBLISH", "nobody", []string{busy}, "404 "},
			{"SUBSCRIBE", "nobody", nil, "404 "},
			{"SUBSCRIBE", "bob", []string{forged, "Event: presence.winfo"}, "403 "},
			{"SUBSCRIBE", "alice", []string{"Event: presence.winfo"}, "200 "},
			{"SUBSCRIBE", "alice", []string{"Event: conference"}, "489 "},
		} {
			o.expect(h.paid(c.method, aor(c.whom), c.lines...), c.want)
		}
		o.watch("alice", "alice", "reg") // the registrar's to tell
		o.notified("alice", "alice", "reg")
		stranger := o.handset("eve@elsewhere.test")
		o.expect(stranger.exchange(stranger.request("SUBSCRIBE", aor("alice"))), "403 ")
	})
}

// A server that is no presence server, and knows of none, says so.
func TestNoPresenceServer(t *testing.T) {
	inOffice(t, func(o *app.Options) { o.Role = []string{"registrar", "proxy"} }, func(o *office) {
		h := o.handset("alice")
		o.expect(h.do("SUBSCRIBE", aor("alice")), "489 ", "Allow-Events: reg")
		o.expect(h.do("PUBLISH", aor("alice"), busy), "489 ", "Allow-Events: reg")
		o.expect(h.do("SUBSCRIBE", aor("alice"), "Event: reg"), "200 ")
	})
}

// What was published comes right again: after the proxy's crash, after its end, and
// after a time without the presence server.
func TestThePresenceServerAfterACrash(t *testing.T) {
	inTwoOffices(t, func(o *office, beside *app.Server) {
		bob := o.telephone("bob")
		watcher, err := ua.New(ua.Options{User: aor("carol"), Server: besideAt, Password: "secret", Listen: o.listen, Local: "198.51.100.99:5060"})
		o.must(err)
		o.agents["watcher"] = watcher
		o.watches["carol bob presence"], err = watcher.Subscribe(soon(o), aor("bob"), "presence", ua.SubscribeOptions{Expires: 2 * time.Hour, Keep: true})
		o.must(err)
		o.comesToSee("carol", "bob", presence.Available)
		o.crash()
		o.advance(11 * time.Minute) // what was published before has lapsed
		o.neverSees("carol", "bob", presence.Unknown)
		began := time.Now()
		o.must(o.server.Stop())
		o.comesToSee("carol", "bob", presence.Unknown)
		if d := time.Since(began); d > time.Second {
			t.Errorf("the end was told after %v", d)
		}
		o.start()
		o.comesToSee("carol", "bob", presence.Available)
		o.must(bob.Unregister(soon(o)))
		o.comesToSee("carol", "bob", presence.Offline)
	})
}

// Without the presence server calls go on; once it is there it is told everything,
// and once more where it has forgotten it.
func TestThePresenceServerComesLate(t *testing.T) {
	inOffice(t, func(o *app.Options) {
		o.Role, o.PresenceServer, o.Trust = []string{"registrar", "proxy"}, "sip:"+besideAt, []string{"192.0.2.2"}
	}, func(o *office) {
		alice, bob := o.telephone("alice"), o.telephone("bob")
		c, _ := o.talk(alice, bob)
		o.advance(5 * time.Minute)
		look := func() {
			t.Helper()
			beside := o.beside()
			defer beside.Kill()
			o.advance(2 * time.Minute) // a request was under way, and the longest wait
			w, err := ua.New(ua.Options{User: aor("carol"), Server: besideAt, Password: "secret", Listen: o.listen, Local: "198.51.100.99:5060"})
			o.must(err)
			defer w.Close()
			for _, event := range []string{"dialog", "presence"} {
				o.watches["carol bob "+event], err = w.Subscribe(soon(o), aor("bob"), event, ua.SubscribeOptions{Expires: time.Hour, Keep: true})
				o.must(err)
			}
			o.lamps("bob " + dialoginfo.Confirmed)
			o.expectNotify("carol", "bob", presence.OnThePhone)
		}
		look()
		o.advance(10 * time.Minute)
		look() // another, to which the entity-tags say nothing
		o.must(c.Hangup(soon(o)))
	})
}

// After a crash the proxy goes on with what it has published: nothing is published
// twice, and what is said no longer is taken back at once.
func TestAfterACrashNothingIsPublishedTwice(t *testing.T) {
	inTwoOffices(t, func(o *office, beside *app.Server) {
		published := func(event, want string) {
			t.Helper()
			w := httptest.NewRecorder()
			beside.Metrics().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
			if line := "lamplight_publications{event=\"" + event + "\"} " + want + "\n"; !strings.Contains(w.Body.String(), line) {
				t.Errorf("there is no %s in\n%s", line, w.Body)
			}
		}
		alice, bob := o.telephone("alice"), o.telephone("bob")
		c, _ := o.talk(alice, bob)
		o.advance(5 * time.Second)
		published("presence", "2")
		published("dialog", "2")
		o.crash()
		o.advance(5 * time.Second)
		published("presence", "2")
		published("dialog", "2")
		o.must(c.Hangup(soon(o)))
		o.advance(10 * time.Second)
		published("dialog", "0")

		o.server.Kill() // and where Bob is registered is not known any more
		var lost []owner.Record
		o.must(o.journal.Load(owner.Prefix(aor("bob")), func(r owner.Record) error {
			if _, kind, _, err := owner.ParseKey(r.Key); err == nil && kind == registrar.KindBinding {
				lost = append(lost, owner.Record{Key: r.Key})
			}
			return nil
		}))
		o.must(o.journal.Commit(lost))
		o.start()
		o.advance(5 * time.Second)
		published("presence", "1")
	})
}
