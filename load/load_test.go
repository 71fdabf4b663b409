package load_test

import (
	"context"
	"os"
	"testing"
	"time"

	"lamplight/app"
	"lamplight/config"
	"lamplight/directory"
	"lamplight/event"
	"lamplight/load"
	"lamplight/sip/digest"
)

const (
	domain   = "load.test"
	password = "lamplight"
)

// book is the users of a run.
type book []string

func (b book) Load() ([]directory.Domain, []directory.User, error) {
	var users []directory.User
	for _, name := range b {
		users = append(users, directory.User{AoR: event.AoR("sip:" + name + "@" + domain),
			HA1: map[string]digest.HA1s{name: digest.Hash(name, domain, password)}})
	}
	return []directory.Domain{{Name: domain, Realm: domain}}, users, nil
}

func serve(t *testing.T, o load.Calls, believes bool, roles ...string) load.Calls {
	t.Helper()
	s, err := app.New(app.Options{People: book(o.Names()), Serve: config.Serve{Data: config.Memory, Domain: []string{domain},
		Listen: []string{"udp:127.0.0.1:0"}, Role: roles, InsecureNoAuth: believes, Limits: "off", NotifyRate: "off"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Stop() })
	o.Server, o.Domain = s.Addrs()[0], domain
	return o
}

func TestCallsAndTheirLamps(t *testing.T) {
	for _, secret := range []string{"", password} {
		o := serve(t, load.Calls{Calls: 20, Pairs: 4, Watchers: 3, Ring: 20 * time.Millisecond, Talk: 20 * time.Millisecond,
			Patience: time.Minute, Password: secret, PIDs: []int{os.Getpid()}}, secret == "", "registrar", "proxy", "presence")
		r, err := load.Run(t.Context(), o)
		if err != nil {
			t.Fatalf("password %q: %v", secret, err)
		}
		if r.Calls != 20 || r.Completed != 20 || len(r.Failures) > 0 || r.Lost > 0 {
			t.Errorf("password %q: %+v", secret, r)
		}
		if all := 20 * 2 * 3; r.Dark.Lamps != all || r.Lit.Lamps+int(r.Skipped) != all {
			t.Errorf("password %q: of %d lamps %d were lit, %d skipped that, and %d went out", secret, all, r.Lit.Lamps, r.Skipped, r.Dark.Lamps)
		}
		if r.PerSecond <= 0 || r.Dark.P99 < r.Dark.Median {
			t.Errorf("password %q: %+v", secret, r)
		}
	}
}

func TestACallThatFailsIsCounted(t *testing.T) {
	o := serve(t, load.Calls{Calls: 3, Pairs: 1, Rate: 1000, Patience: time.Minute}, true, "registrar", "presence") // and no proxy
	r, err := load.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	failed := 0
	for _, n := range r.Failures {
		failed += n
	}
	if r.Completed != 0 || failed != 3 {
		t.Errorf("%+v", r)
	}
}

func TestWhatCannotBegin(t *testing.T) {
	good := serve(t, load.Calls{Calls: 1, Pairs: 1, Watchers: 1}, false, "registrar", "proxy", "presence")
	for what, change := range map[string]func(*load.Calls){
		"no server":        func(o *load.Calls) { o.Server, _ = load.ParseServer("127.0.0.1:0") },
		"no calls":         func(o *load.Calls) { o.Calls = 0 },
		"too many lamps":   func(o *load.Calls) { o.Pairs, o.Watchers = 10_000, 1000 },
		"a negative time":  func(o *load.Calls) { o.Talk = -1 },
		"no password":      func(*load.Calls) {},
		"a wrong password": func(o *load.Calls) { o.Password = "wrong" },
	} {
		o := good
		change(&o)
		if r, err := load.Run(t.Context(), o); err == nil {
			t.Errorf("%s: %+v", what, r)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := load.Run(ctx, good); err == nil {
		t.Error("it began although it was cancelled")
	}
}
