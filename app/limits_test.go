package app_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"lamplight/app"
	"lamplight/config"
	"lamplight/event/presence"
	"lamplight/sip"
)

// limited is one row of the limits: how it is set, how it is reached, and what is
// answered then.
type limited struct {
	limit string // its name in the metric
	set   func(*config.Limit)
	reach func(h *handset) *sip.Message
	want  string
	lines []string
}

// again repeats a request until one is refused, some times at most.
func again(n int, f func(i int) *sip.Message) (m *sip.Message) {
	for i := range n {
		if m = f(i); m.Status() >= 400 {
			return m
		}
	}
	return m
}

var soonAgain = []string{`Retry-After: \d+`}

// Every limit can be set, is answered as it should, and is counted.
func TestLimits(t *testing.T) {
	for _, row := range []limited{
		{"head", func(l *config.Limit) { l.Head = 1000 }, publish("X-Long: " + strings.Repeat("x", 1000)), "400 Header Fields Too Large", nil},
		{"fields", func(l *config.Limit) { l.Fields = 20 }, publish(strings.Split(strings.Repeat("+X: y\n", 20)+busy, "\n")...), "400 Too Many Header Fields", nil},
		{"same_field", func(l *config.Limit) { l.SameField = 4 }, subscribe("bob", "+Accept: a/b", "+Accept: a/b", "+Accept: a/b", "+Accept: a/b", "+Accept: a/b"), "400 Too Many Accept", nil},
		{"same_field", func(l *config.Limit) { l.SameField = 4 }, request("REGISTER", "sip:example.test", "Contact: <sip:a@203.0.113.9>"+strings.Repeat(", <sip:a@203.0.113.9>", 5)), "400 Too Many Contacts", nil},
		{"uri", func(l *config.Limit) { l.URI = 60 }, request("SUBSCRIBE", "sip:"+strings.Repeat("b", 60)+"@example.test"), "414 ", nil},
		{"uri", func(l *config.Limit) { l.URI = 60 }, subscribe("bob", "Contact: <sip:"+strings.Repeat("b", 60)+"@203.0.113.1>"), "400 URI Too Long In Contact", nil},
		{"display_name", func(l *config.Limit) { l.DisplayName = 10 }, subscribe("bob", `From: "A long name" <sip:alice@example.test>;tag=1`), "400 Display Name Too Long In From", nil},
		{"call_id", func(l *config.Limit) { l.CallID = 40 }, subscribe("bob", "Call-ID: "+strings.Repeat("c", 41)), "400 Call-ID Too Long", nil},
		{"tag", func(l *config.Limit) { l.Tag = 20 }, subscribe("bob", "From: <sip:alice@example.test>;tag="+strings.Repeat("t", 21)), "400 Tag Too Long", nil},
		{"document", func(l *config.Limit) { l.Document = 200 }, publish(busy), "413 ", nil},

		{"xml", func(l *config.Limit) { l.XMLDepth = 2 }, publish(busy), "400 ", nil},
		{"xml", func(l *config.Limit) { l.XMLNamespaces = 2 }, publish(busy), "400 ", nil},
		{"xml", func(*config.Limit) {}, publish("Content-Type: application/pidf+xml", strings.Repeat("<a>", 33)), "400 ", nil},

		{"interval", func(l *config.Limit) { l.RegisterMin = config.Duration(2 * time.Minute) }, request("REGISTER", "sip:example.test", "To: <sip:alice@example.test>", "Expires: 60"), "423 ", []string{"Min-Expires: 120"}},
		{"interval", func(l *config.Limit) { l.SubscribeMin = config.Duration(2 * time.Minute) }, subscribe("bob", "Expires: 60"), "423 ", []string{"Min-Expires: 120"}},
		{"interval", func(l *config.Limit) { l.PublishMin = config.Duration(2 * time.Minute) }, publish("Expires: 60", busy), "423 ", []string{"Min-Expires: 120"}},
		{"", func(l *config.Limit) { l.RegisterMax = config.Duration(60 * time.Second) }, request("REGISTER", "sip:example.test", "To: <sip:alice@example.test>", "Expires: 3600"), "200 ", []string{"Contact: .*;expires=60"}},
		{"", func(l *config.Limit) { l.SubscribeMax = config.Duration(60 * time.Second) }, subscribe("bob"), "200 ", []string{"Expires: 60"}},
		{"", func(l *config.Limit) { l.PublishMax = config.Duration(5 * time.Second) }, publish(busy), "200 ", []string{"Expires: 5"}},

		{"subscriptions", func(l *config.Limit) { l.UserSubscriptions = 2 }, func(h *handset) *sip.Message {
			return again(3, func(i int) *sip.Message {
				return h.do("SUBSCRIBE", aor("bob"), fmt.Sprintf("Contact: <sip:alice%d@203.0.113.1>", i))
			})
		}, "500 Too Many Subscriptions", soonAgain},
		{"subscriptions", func(l *config.Limit) { l.Subscriptions = 2 }, func(h *handset) *sip.Message {
			return again(3, func(i int) *sip.Message {
				return h.do("SUBSCRIBE", aor("bob"), fmt.Sprintf("Contact: <sip:alice%d@203.0.113.1>", i))
			})
		}, "500 Too Many Subscriptions", soonAgain},
		{"contacts", func(l *config.Limit) { l.Contacts = 2 }, func(h *handset) *sip.Message {
			return again(3, func(i int) *sip.Message {
				return h.do("REGISTER", "sip:example.test", "To: <sip:alice@example.test>", fmt.Sprintf("Contact: <sip:alice%d@203.0.113.1>", i))
			})
		}, "500 Too Many Contacts", soonAgain},
		{"publications", func(l *config.Limit) { l.Publications = 2 }, func(h *handset) *sip.Message {
			return again(3, func(int) *sip.Message { return h.do("PUBLISH", aor("alice"), busy) })
		}, "500 Too Many Publications", soonAgain},

		{"source", func(l *config.Limit) { l.SourceBurst, l.SourceRate = 3, 1 }, func(h *handset) *sip.Message {
			return again(4, func(int) *sip.Message { return h.exchange(h.request("OPTIONS", aor("bob"))) })
		}, "500 Too Many Requests", soonAgain},
		{"user", func(l *config.Limit) { l.UserBurst, l.UserRate = 3, 1 }, func(h *handset) *sip.Message {
			return again(4, func(int) *sip.Message { return h.do("SUBSCRIBE", aor("bob"), "Expires: 0") })
		}, "500 Too Many Requests", soonAgain},
		{"aor", func(l *config.Limit) { l.AoRBurst, l.AoRRate = 3, 1 }, func(h *handset) *sip.Message {
			carol := h.o.handset("carol")
			return again(4, func(i int) *sip.Message { return []*handset{h, carol}[i%2].do("SUBSCRIBE", aor("bob"), "Expires: 0") })
		}, "500 Too Many Requests", soonAgain},
		{"transactions", func(l *config.Limit) { l.Transactions = 3 }, func(h *handset) *sip.Message {
			return again(4, func(int) *sip.Message { return h.do("SUBSCRIBE", aor("bob"), "Expires: 0") })
		}, "503 ", soonAgain},
		{"nonce", func(l *config.Limit) { l.NonceLife = config.Duration(time.Second) }, func(h *handset) *sip.Message {
			line := h.authorization("PUBLISH", aor("alice"))
			h.o.advance(2 * time.Second)
			return h.exchange(h.request("PUBLISH", aor("alice"), line))
		}, "401 ", []string{"WWW-Authenticate: .*stale=true.*"}},
	} {
		t.Run(row.limit+" "+row.want, func(t *testing.T) {
			inOffice(t, func(o *app.Options) { row.set(&o.Limit) }, func(o *office) {
				h := o.handset("alice")
				if row.limit != "fields" && row.limit != "uri" {
					h.authorization("SUBSCRIBE", aor("alice"))
				}
				o.expect(row.reach(h), row.want, row.lines...)
				if row.limit == "" {
					return
				}
				name := `lamplight_limit_total{limit="` + row.limit + `"}`
				if n := o.scrape()[name]; n == "" || n == "0" {
					t.Errorf("%s is %q", name, n)
				}
			})
		})
	}
}

// Whoever calls, a user's phones ring so often and no oftener; others can be called.
func TestLimitCalled(t *testing.T) {
	inSwitchboard(t, func(o *app.Options) { o.Limit.CalledBurst, o.Limit.CalledRate = 3, 1 }, func(o *office) {
		alice, bob := o.handset("alice"), o.handset("bob")
		for i := range 3 {
			o.expect([]*handset{alice, bob}[i%2].paid("INVITE", aor("carol")), "480 ")
		}
		o.expect(alice.paid("INVITE", aor("carol")), "500 Too Many Calls", soonAgain...)
		o.expect(alice.paid("INVITE", aor("bob")), "480 ")
		o.expectMetrics(map[string]string{`lamplight_limit_total{limit="called"}`: "1"})
		o.advance(time.Second)
		o.expect(alice.paid("INVITE", aor("carol")), "480 ")
	})
}

// An owner that has too much to do says so for the whole server, and goes on
// when it is through.
func TestLimitIntake(t *testing.T) {
	inOffice(t, func(o *app.Options) { o.Limit.Intake = 1 }, func(o *office) {
		alice := o.handset("alice")
		alice.authorization("PUBLISH", aor("alice"))
		held := make(chan struct{})
		o.journal.Fail(func(int) (bool, bool) { <-held; return false, false })
		var refused *sip.Message
		for range 3 { // the first is under way, the second waits, the third is refused
			alice.send(alice.request("PUBLISH", aor("alice"), alice.authorization("PUBLISH", aor("alice")), busy))
			o.advance(10 * time.Millisecond)
		}
		refused = alice.response("PUBLISH")
		o.expect(refused, "503 ", soonAgain...)
		o.expectMetrics(map[string]string{`lamplight_limit_total{limit="intake"}`: "1"})
		close(held)
		o.expect(alice.response("PUBLISH"), "200 ")
		o.expect(alice.response("PUBLISH"), "200 ")
		o.journal.Fail(nil)
		o.shows(o.handset("bob").subscribe("alice").next(), presence.Busy)
	})
}

// wrong is credentials with a wrong password, for a nonce of the server's.
func (h *handset) wrong(user string) string {
	h.o.Helper()
	return strings.TrimSpace(h.challenge().Answer(sip.SUBSCRIBE, aor("bob"), user, "wrong"))
}

// guesses sends wrong passwords until one is not answered, and tells how many
// were, and how long the last took.
func (h *handset) guesses(user string, most int) (answered int, last time.Duration) {
	h.o.Helper()
	for range most {
		text := h.request("SUBSCRIBE", aor("bob"), h.wrong(user))
		began := time.Now()
		h.send(text)
		select {
		case m := <-h.responses:
			h.o.expect(m, "401 ")
			answered, last = answered+1, time.Since(began)
		case <-time.After(32 * time.Second):
			return answered, last
		}
	}
	return answered, last
}

// Who guesses is slowed down, then not heard for a while; elsewhere, and at a
// port where the password was right, the user goes on.
func TestLimitGuesses(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		phone := o.handset("alice")
		phone.subscribe("bob")
		eve := o.handsetAt("alice", "example.test", netip.AddrPortFrom(phone.addr.Addr(), 6000)) // behind the same address
		if n, last := eve.guesses("alice", 20); n != 10 || last < time.Second {
			t.Errorf("%d guesses were answered, the last after %v", n, last)
		}
		o.expectMetrics(map[string]string{`lamplight_limit_total{limit="guesses"}`: "1"})
		if n, _ := eve.guesses("nobody", 20); n != 10 { // as for who is known
			t.Errorf("%d guesses for a stranger were answered", n)
		}
		phone.subscribe("bob")
		o.handset("alice").subscribe("bob")
		eve.send(eve.request("SUBSCRIBE", aor("bob"), strings.TrimSpace(eve.challenge().Answer(sip.SUBSCRIBE, aor("bob"), "alice", "secret"))))
		o.advance(10 * time.Minute)
		if len(eve.responses) > 0 {
			t.Error("who guessed is told that it is right")
		}
		o.advance(5 * time.Minute)
		eve.nonce = nil
		eve.subscribe("bob")
		for range 10 { // now and then somebody is wrong
			if n, last := eve.guesses("bob", 3); n != 3 || last > 0 {
				t.Errorf("%d answered, the last after %v", n, last)
			}
			o.advance(5 * time.Minute)
		}
	})
}
