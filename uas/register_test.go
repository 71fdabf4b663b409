package uas_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lamplight/directory"
	"lamplight/esc"
	"lamplight/event"
	"lamplight/owner"
	"lamplight/registrar"
	"lamplight/sip"
	"lamplight/sip/digest"
	"lamplight/sip/resolve"
	"lamplight/sip/transaction"
	"lamplight/sip/wire"
	"lamplight/store/fault"
	"lamplight/uas"
)

// counter is a registrar at 127.0.0.1:5060 of a network in memory, and a
// socket in front of it.
type counter struct {
	t         *testing.T
	registrar *registrar.Registrar
	owners    *owner.Owners
	journal   *fault.Journal
	socket    *wire.Socket
	sent      int
}

// atCounter runs f in a bubble, where all time is the bubble's.
func atCounter(t *testing.T, o uas.Options, f func(t *testing.T, c *counter)) {
	t.Helper()
	serve(t, o, true, f)
}

// serve does so with the registrar role or without it.
func serve(t *testing.T, o uas.Options, role bool, f func(t *testing.T, c *counter)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := wire.New(1)
		listen := func(_, addr string) (transaction.PacketConn, error) { return n.Listen(addr) }
		inputs := esc.New(nil, nil, esc.Limits{})
		c := &counter{t: t, journal: &fault.Journal{}, registrar: registrar.New(inputs, registrar.Options{})}
		c.owners = owner.New(c.journal, c.registrar, owner.Options{Owners: 2})
		o.Owners, o.ESC, o.Book = c.owners, inputs, book()
		o.Verifier = digest.New([32]byte{1}, time.Now, digest.Options{})
		if role {
			o.Registrar = c.registrar
		}
		server := uas.New(o)
		layer := transaction.New(server, transaction.Options{Listen: listen})
		server.Use(layer, resolve.NewSender(resolve.New(resolve.Options{}), layer))
		if _, err := layer.Listen("udp:127.0.0.1:5060"); err != nil {
			t.Fatal(err)
		}
		var err error
		if c.socket, err = n.Listen("127.0.0.1:40000"); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- c.owners.Run(ctx) }()
		defer func() {
			stop()
			if err := <-ended; err != nil {
				t.Error(err)
			}
			_ = c.socket.Close()
			_ = layer.Close()
		}()
		f(t, c)
	})
}

func book() *directory.Book {
	ha1 := func(user string) map[string]digest.HA1s {
		return map[string]digest.HA1s{user: digest.Hash(user, "example.test", "secret")}
	}
	b := &directory.Book{}
	b.Store(directory.New([]directory.Domain{
		{Name: "example.test", Realm: "example.test", Aliases: []string{"127.0.0.1"}},
		{Name: "other.test", Realm: "other.test"},
	}, []directory.User{
		{AoR: "sip:alice@example.test", Aliases: []string{"1002", "+49891002"}, HA1: ha1("alice")},
		{AoR: "sip:bob@example.test", HA1: ha1("bob")},
		{AoR: "sip:pbx@example.test", HA1: ha1("pbx")},
		{AoR: "sip:carol@other.test"},
	}, false))
	return b
}

// register is a REGISTER of alice's; header lines replace those of the same
// name, and "" ends it. Each has a new branch and Call-ID.
func (c *counter) register(lines ...string) string {
	c.sent++
	fields := []string{"REGISTER sip:example.test SIP/2.0",
		fmt.Sprintf("Via: SIP/2.0/UDP 127.0.0.1:40000;branch=z9hG4bK%d", c.sent),
		"From: <sip:alice@example.test>;tag=f", "To: <sip:alice@example.test>",
		fmt.Sprintf("Call-ID: c%d", c.sent), "CSeq: 1 REGISTER", "Content-Length: 0"}
	for _, line := range lines {
		name, _, _ := strings.Cut(line, " ")
		if i := slices.IndexFunc(fields, func(f string) bool { return strings.HasPrefix(f, name+" ") }); i >= 0 && name != "Contact:" {
			fields[i] = line
			continue
		}
		fields = append(fields, line)
	}
	return strings.Join(fields, "\r\n") + "\r\n\r\n"
}

// exchange sends a message and waits for the response.
func (c *counter) exchange(message string) *sip.Message {
	c.t.Helper()
	if _, err := c.socket.WriteToUDPAddrPort([]byte(message), netip.MustParseAddrPort("127.0.0.1:5060")); err != nil {
		c.t.Fatal(err)
	}
	b := make([]byte, 1<<16)
	n, _, err := c.socket.ReadFromUDPAddrPort(b)
	if err != nil {
		c.t.Fatal(err)
	}
	m := &sip.Message{}
	if err := m.Parse(b[:n]); err != nil {
		c.t.Fatalf("%v in\n%s", err, b[:n])
	}
	return m
}

// authenticated answers the challenge to a message with a user's password.
func (c *counter) authenticated(user string, lines ...string) *sip.Message {
	c.t.Helper()
	challenge := c.exchange(c.register(lines...))
	if challenge.Status() != 401 {
		c.t.Fatalf("%d without credentials, want 401", challenge.Status())
	}
	_, uri, _ := strings.Cut(c.register(lines...), " ")
	uri, _, _ = strings.Cut(uri, " ")
	answer := digest.Challenges(challenge)[0].Answer(sip.REGISTER, uri, user, "secret")
	return c.exchange(c.register(append(lines, strings.TrimSpace(answer))...))
}

func values(m *sip.Message, h sip.Header) string {
	var list []string
	for v := range m.Fields(h) {
		list = append(list, string(v))
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// registrations are single requests to an empty registrar whose From is
// believed: the response's status, and a header field of it.
var registrations = []struct {
	name   string
	lines  []string
	status int
	header sip.Header
	value  string
}{
	{"one contact", []string{"Contact: <sip:a@10.0.0.1:5062>", "Expires: 300"}, 200, sip.Contact, "<sip:a@10.0.0.1:5062>;expires=300"},
	{"without angle brackets", []string{"Contact: sip:a@10.0.0.1;expires=300;q=0.5"}, 200, sip.Contact, "<sip:a@10.0.0.1>;expires=300;q=0.5"},
	{"parameters come back as they were", []string{`Contact: "A" <sip:a@h>;+sip.instance="<urn:uuid:1>";audio;methods="INVITE, ACK";expires=300`},
		200, sip.Contact, `<sip:a@h>;expires=300;+sip.instance="<urn:uuid:1>";audio;methods="INVITE, ACK"`},
	{"several in one line", []string{"Contact: <sip:a@h>;expires=300, <sip:b@h>;expires=400"}, 200, sip.Contact, "<sip:a@h>;expires=300, <sip:b@h>;expires=400"},
	{"and in several", []string{"Contact: <sip:a@h>;expires=300", "Contact: <sip:b@h>;expires=400"}, 200, sip.Contact, "<sip:a@h>;expires=300, <sip:b@h>;expires=400"},
	{"none", nil, 200, sip.Contact, ""},
	{"the path comes back", []string{"Contact: <sip:a@h>", "Path: <sip:p1.test;lr>, <sip:p2.test;lr>"}, 200, sip.Path, "<sip:p1.test;lr>, <sip:p2.test;lr>"},
	{"and the time is told", nil, 200, sip.Date, "Sat, 01 Jan 2000 00:00:00 GMT"},
	{"path may be required", []string{"Require: path"}, 200, sip.Contact, ""},
	{"a user part in the Request-URI does no harm", []string{"REGISTER sip:alice@example.test SIP/2.0"}, 200, sip.Contact, ""},
	{"the domain by its address", []string{"REGISTER sip:127.0.0.1 SIP/2.0", "From: <sip:alice@127.0.0.1>;tag=f", "To: <sip:alice@127.0.0.1>"}, 200, sip.Contact, ""},
	{"by an alias", []string{"From: <sip:1002@example.test>;tag=f", "To: <sip:1002@example.test;user=phone>"}, 200, sip.Contact, ""},
	{"by a number", []string{"To: <tel:+49-89-1002>"}, 200, sip.Contact, ""},

	{"* alone", []string{"Contact: *", "Expires: 0"}, 200, sip.Contact, ""},
	{"* for a minute", []string{"Contact: *", "Expires: 60"}, 400, sip.Contact, ""},
	{"* without Expires", []string{"Contact: *"}, 400, sip.Contact, ""},
	{"* beside another", []string{"Contact: <sip:a@h>", "Contact: *", "Expires: 0"}, 400, sip.Contact, ""},
	{"* twice", []string{"Contact: *, *", "Expires: 0"}, 400, sip.Contact, ""},
	{"an empty Contact", []string{"Contact: "}, 400, sip.Contact, ""},
	{"a script", []string{"Contact: <javascript:alert(1)>"}, 400, sip.Contact, ""},
	{"a broken one", []string{"Contact: <sip:a@h"}, 400, sip.Contact, ""},
	{"a broken quality", []string{"Contact: <sip:a@h>;q=2"}, 400, sip.Contact, ""},
	{"a broken path", []string{"Contact: <sip:a@h>", "Path: <sip:"}, 400, sip.Contact, ""},

	{"too brief", []string{"Contact: <sip:a@h>", "Expires: 59"}, 423, sip.MinExpires, "60"},
	{"an extension that is not there", []string{"Require: gruu"}, 420, sip.Unsupported, "gruu"},
	{"somebody else's", []string{"To: <sip:bob@example.test>"}, 403, sip.Contact, ""},
	{"nobody's", []string{"From: <sip:nobody@example.test>;tag=f", "To: <sip:nobody@example.test>"}, 404, sip.Contact, ""},
	{"another domain's user", []string{"From: <sip:carol@other.test>;tag=f", "To: <sip:carol@other.test>"}, 404, sip.Contact, ""},
	{"a foreign domain", []string{"REGISTER sip:foreign.test SIP/2.0"}, 404, sip.Contact, ""},
	{"eleven contacts", []string{"Contact: " + strings.TrimSuffix(strings.Repeat("<sip:a@h:%d>, ", 11), ", ")}, 500, sip.Contact, ""},
}

// [5626-6-1] Among them what Path asks for.
func TestRegistrations(t *testing.T) {
	for _, r := range registrations {
		t.Run(r.name, func(t *testing.T) {
			atCounter(t, uas.Options{NoAuth: true}, func(t *testing.T, c *counter) {
				m := c.exchange(c.register(numbered(r.lines)...))
				if m.Status() != r.status || values(m, r.header) != r.value {
					t.Errorf("%d with %s %q, want %d with %q\n%s", m.Status(), r.header, values(m, r.header), r.status, r.value, m.Bytes())
				}
				if to, err := m.To(); err != nil || len(to.Tag()) == 0 {
					t.Error("a response without a To tag")
				}
				if m.Has(sip.RecordRoute) {
					t.Error("a response to REGISTER has no Record-Route")
				}
			})
		})
	}
}

// numbered makes the ports differ that are written as %d.
func numbered(lines []string) (list []string) {
	for _, line := range lines {
		for port := 5060; strings.Contains(line, "%d"); port++ {
			line = strings.Replace(line, "%d", fmt.Sprint(port), 1)
		}
		list = append(list, line)
	}
	return list
}

func TestALimitOfOneUserIsSaidToBeSo(t *testing.T) {
	atCounter(t, uas.Options{NoAuth: true}, func(t *testing.T, c *counter) {
		m := c.exchange(c.register(numbered([]string{"Contact: " + strings.TrimSuffix(strings.Repeat("<sip:a@h:%d>, ", 11), ", ")})...))
		if m.Status() != 500 || !m.Has(sip.RetryAfter) {
			t.Errorf("%d, Retry-After %t", m.Status(), m.Has(sip.RetryAfter))
		}
	})
}

func TestABindingIsListedUntilItEnds(t *testing.T) {
	atCounter(t, uas.Options{NoAuth: true}, func(t *testing.T, c *counter) {
		first := c.register("Call-ID: one", "CSeq: 5 REGISTER", "Contact: <sip:a@h>;expires=300")
		c.exchange(first)
		if c.exchange(first).Status() != 200 {
			t.Error("a repeated request got another answer")
		}
		if m := c.exchange(c.register("Call-ID: one", "CSeq: 4 REGISTER", "Contact: <sip:a@h>;expires=300")); m.Status() != 500 {
			t.Errorf("an older request: %d, want 500", m.Status())
		}
		time.Sleep(100*time.Second + 500*time.Millisecond)
		if got := values(c.exchange(c.register()), sip.Contact); got != "<sip:a@h>;expires=200" {
			t.Errorf("after 100.5 s: %q", got)
		}
		time.Sleep(200 * time.Second)
		if got := values(c.exchange(c.register()), sip.Contact); got != "" {
			t.Errorf("after 300 s: %q", got)
		}
	})
}

func TestWhatIsKeptBesideAContact(t *testing.T) {
	atCounter(t, uas.Options{NoAuth: true}, func(t *testing.T, c *counter) {
		c.exchange(c.register("Contact: <sip:a@10.0.0.1:5062>", "User-Agent: Phone/1", "Path: <sip:p.test;lr>"))
		b := c.bindings()[0]
		if b.Source.String() != "127.0.0.1:40000" || b.Local.String() != "127.0.0.1:5060" || b.UserAgent != "Phone/1" ||
			!slices.Equal(b.Path, []string{"<sip:p.test;lr>"}) {
			t.Errorf("kept %+v", b)
		}
	})
}

func TestWhoMayRegister(t *testing.T) {
	trusted := uas.Options{Trusted: uas.Trust{Users: []event.AoR{"sip:pbx@example.test"}}}
	for _, w := range []struct {
		name, user string
		lines      []string
		status     int
	}{
		{"the user", "alice", nil, 200},
		{"another user, for her", "bob", nil, 403},
		{"the user, for another", "alice", []string{"To: <sip:bob@example.test>"}, 403},
		{"the user, for nobody", "alice", []string{"To: <sip:nobody@example.test>"}, 404},
		{"a name that does not exist", "nobody", nil, 401},
		{"a trusted peer", "pbx", []string{"From: <sip:pbx@example.test>;tag=f"}, 200},
		{"a trusted peer, of another domain", "pbx", []string{"REGISTER sip:other.test SIP/2.0", "To: <sip:carol@other.test>"}, 403},
		{"a trusted peer, briefly", "pbx", []string{"Contact: <sip:a@h>", "Expires: 10"}, 200},
		{"a user, briefly", "alice", []string{"Contact: <sip:a@h>", "Expires: 10"}, 423},
	} {
		t.Run(w.name, func(t *testing.T) {
			atCounter(t, trusted, func(t *testing.T, c *counter) {
				if m := c.authenticated(w.user, w.lines...); m.Status() != w.status {
					t.Errorf("%d, want %d\n%s", m.Status(), w.status, m.Bytes())
				}
			})
		})
	}
}

func TestAStrangerIsNotChallenged(t *testing.T) {
	atCounter(t, uas.Options{}, func(t *testing.T, c *counter) {
		if m := c.exchange(c.register("From: <sip:mallory@foreign.test>;tag=f")); m.Status() != 403 {
			t.Errorf("%d, want 403", m.Status())
		}
	})
}

func TestAFailedCommitIsNotAcknowledged(t *testing.T) {
	atCounter(t, uas.Options{NoAuth: true}, func(t *testing.T, c *counter) {
		c.journal.Fail(func(int) (bool, bool) { return true, false })
		if m := c.exchange(c.register("Contact: <sip:a@h>")); m.Status() != 503 || !m.Has(sip.RetryAfter) {
			t.Errorf("%d, want 503 with Retry-After", m.Status())
		}
		c.journal.Fail(nil)
		if m := c.exchange(c.register()); m.Status() != 200 || m.Has(sip.Contact) {
			t.Errorf("%d, contacts %q", m.Status(), values(m, sip.Contact))
		}
	})
}

func TestWithoutTheRole(t *testing.T) {
	serve(t, uas.Options{NoAuth: true}, false, func(t *testing.T, c *counter) {
		m := c.exchange(c.register())
		if m.Status() != 405 || strings.Contains(string(m.Value(sip.Allow)), "REGISTER") {
			t.Errorf("%d, Allow %q", m.Status(), m.Value(sip.Allow))
		}
	})
	atCounter(t, uas.Options{NoAuth: true}, func(t *testing.T, c *counter) {
		m := c.exchange(strings.ReplaceAll(c.register(), "REGISTER", "OPTIONS"))
		if m.Status() != 200 || !strings.Contains(string(m.Value(sip.Allow)), "REGISTER") {
			t.Errorf("%d, Allow %q", m.Status(), m.Value(sip.Allow))
		}
	})
}
