package app_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lamplight/app"
	"lamplight/body/pidf"
	"lamplight/config"
	"lamplight/directory"
	"lamplight/event/presence"
	"lamplight/sip/digest"
	"lamplight/sip/transaction"
	"lamplight/sip/ua"
	"lamplight/sip/wire"
	"lamplight/store/fault"
)

// at is the server's address in the network in memory.
const at = "192.0.2.1:5060"

// office is a whole server on a network in memory, where all time is the
// bubble's, and those who talk to it.
type office struct {
	*testing.T
	net     *wire.Network
	journal *fault.Journal
	options app.Options
	server  *app.Server
	phones  []*handset
	agents  map[string]*ua.Agent
	watches map[string]*ua.Subscription
	tags    map[string]string // the entity-tag of an agent's last publication
}

// inOffice runs a script in an office. change, where it is not nil, changes
// what the server is told.
func inOffice(t *testing.T, change func(*app.Options), script func(o *office)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o := &office{T: t, net: wire.New(1), journal: &fault.Journal{}, agents: map[string]*ua.Agent{},
			watches: map[string]*ua.Subscription{}, tags: map[string]string{}}
		o.options = app.Options{Journal: o.journal, People: staff{}, Listen: o.listen, Serve: config.Serve{
			Data: "memory", Domain: []string{"example.test", "other.test"}, Listen: []string{"udp:" + at},
			Role: []string{"registrar", "presence"}, Limits: "on", NotifyRate: "on"}}
		if change != nil {
			change(&o.options)
		}
		o.start()
		defer o.close()
		script(o)
	})
}

func (o *office) listen(_, addr string) (transaction.PacketConn, error) { return o.net.Listen(addr) }

func (o *office) start() {
	o.Helper()
	var err error
	if o.server, err = app.New(o.options); err != nil {
		o.Fatal(err)
	}
	if err = o.server.Start(); err != nil {
		o.Fatal(err)
	}
}

// crash ends the server as kill -9 does, and starts another on what it stored.
func (o *office) crash() {
	o.Helper()
	o.server.Kill()
	o.start()
}

func (o *office) close() {
	for _, a := range o.agents {
		_ = a.Close()
	}
	for _, p := range o.phones {
		_ = p.socket.Close()
	}
	if err := o.server.Stop(); err != nil {
		o.Error(err)
	}
}

// advance lets time pass.
func (o *office) advance(d time.Duration) { time.Sleep(d); synctest.Wait() }

// staff are the people: each one's password is "secret".
type staff struct{}

func (staff) Load() ([]directory.Domain, []directory.User, error) {
	domains := []directory.Domain{
		{Name: "example.test", Realm: "example.test", Watchers: []string{"friend.test"}, Country: "49", Area: "89", Prefix: "0"},
		{Name: "other.test", Realm: "other.test"},
		{Name: "friend.test", Realm: "friend.test"},
	}
	users := []directory.User{
		{AoR: "sip:alice@example.test", Name: "Alice", Aliases: []string{"1002", "+498912341002"}},
		{AoR: "sip:bob@example.test"}, {AoR: "sip:carol@example.test", Aliases: []string{"*8", "**21", "#301"}}, {AoR: "sip:pbx@example.test"},
		{AoR: "sip:dave@other.test"}, {AoR: "sip:frida@friend.test"},
	}
	for i := range users {
		u := &users[i]
		name, host, _ := strings.Cut(strings.TrimPrefix(string(u.AoR), "sip:"), "@")
		u.HA1 = map[string]digest.HA1s{}
		for _, username := range append([]string{name, name + "@" + host}, u.Aliases...) {
			u.HA1[username] = digest.Hash(username, host, "secret")
		}
	}
	return domains, users, nil
}

// aor is the address-of-record of a user of the first domain, or of another.
func aor(user string) string {
	if !strings.Contains(user, "@") {
		user += "@example.test"
	}
	return "sip:" + user
}

// agent is a user's own user agent.
func (o *office) agent(user string) *ua.Agent {
	o.Helper()
	if a := o.agents[user]; a != nil {
		return a
	}
	a, err := ua.New(ua.Options{User: aor(user), Server: at, Password: "secret", Listen: o.listen,
		Local: fmt.Sprintf("198.51.100.%d:5060", len(o.agents)+1)})
	if err != nil {
		o.Fatal(err)
	}
	o.agents[user] = a
	return a
}

func soon(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// publish has a user's agent publish a state, the first time or another.
func (o *office) publish(user string, s presence.State) {
	o.Helper()
	o.published(user, ua.Publication{Event: "presence", Type: pidf.Type, Body: []byte(state(user, s)), Expires: time.Hour})
}

// state is a document as a softphone publishes it.
func state(user string, s presence.State) string {
	basic, activity := "open", ""
	switch s {
	case presence.Offline:
		basic = "closed"
	case presence.OnThePhone, presence.Busy, presence.Away, presence.Meeting:
		activity = "<dm:person id=\"p1\"><rpid:activities><rpid:" + s.String() + "/></rpid:activities></dm:person>"
	case presence.DND:
		activity = "<dm:person id=\"p1\"><rpid:activities><rpid:busy/></rpid:activities><dm:note>Do not disturb</dm:note></dm:person>"
	case presence.OutOfOffice:
		activity = "<dm:person id=\"p1\"><rpid:activities><rpid:vacation/></rpid:activities></dm:person>"
	}
	return `<?xml version="1.0" encoding="UTF-8"?>
<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model"` +
		` xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" entity="` + aor(user) + `">
<tuple id="t1"><status><basic>` + basic + `</basic></status></tuple>` + activity + "</presence>"
}

// published sends a publication, and keeps its entity-tag.
func (o *office) published(user string, p ua.Publication) {
	o.Helper()
	key := user + " " + p.Event
	p.IfMatch = o.tags[key]
	r, err := o.agent(user).Publish(soon(o), p)
	if err != nil {
		o.Fatalf("%s publishes %s: %v", user, p.Event, err)
	}
	if o.tags[key] = r.ETag; p.Expires == 0 {
		delete(o.tags, key)
	}
}

// unpublish takes a user's publication back.
func (o *office) unpublish(user, event string) {
	o.Helper()
	o.published(user, ua.Publication{Event: event})
}

// watch subscribes one user to another's state. The NOTIFYs are read by
// expectNotify.
func (o *office) watch(user, whom, event string) {
	o.Helper()
	s, err := o.agent(user).Subscribe(soon(o), aor(whom), event, ua.SubscribeOptions{Expires: time.Hour, Keep: true})
	if err != nil {
		o.Fatalf("%s subscribes to %s's %s: %v", user, whom, event, err)
	}
	o.watches[user+" "+whom+" "+event] = s
}

// notified is the next NOTIFY that a user gets.
func (o *office) notified(user, whom, event string) ua.Notify {
	o.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	n, err := o.watches[user+" "+whom+" "+event].Next(ctx)
	if err != nil {
		o.Fatalf("%s gets no NOTIFY of %s's %s: %v", user, whom, event, err)
	}
	return n
}

// expectNotify checks the next NOTIFY of presence that a user gets: it shows a
// state, and comes within a second.
func (o *office) expectNotify(user, whom string, want presence.State) {
	o.Helper()
	began := time.Now()
	n := o.notified(user, whom, "presence")
	doc, err := pidf.Parse(n.Body)
	if err != nil {
		o.Fatalf("NOTIFY to %s: %v\n%s", user, err, n.Body)
	}
	if got, _, _ := presence.StateOf(doc); got != want {
		o.Errorf("%s sees %s as %v, want %v\n%s", user, whom, got, want, n.Body)
	}
	if late := time.Since(began); late > time.Second {
		o.Errorf("%s sees %s as %v after %v", user, whom, want, late)
	}
}

// expectSilence checks that a user gets no NOTIFY for a time.
func (o *office) expectSilence(user, whom, event string, d time.Duration) {
	o.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	if n, err := o.watches[user+" "+whom+" "+event].Next(ctx); err == nil {
		o.Errorf("%s gets a NOTIFY:\n%s", user, n.Message.Bytes())
	}
}

// serverAt is the server's address.
var serverAt = netip.MustParseAddrPort(at)
