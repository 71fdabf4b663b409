package app_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lamplight/app"
	"lamplight/event/presence"
	"lamplight/sip"
)

// refused is one row of what the server refuses, as alice's handset sees it.
type refused struct {
	name   string
	change func(*app.Options)
	do     func(h *handset) *sip.Message
	want   string
	lines  []string
}

// refusals runs rows, each in an office of its own.
func refusals(t *testing.T, rows []refused) {
	t.Helper()
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			inOffice(t, r.change, func(o *office) {
				m := r.do(o.handset("alice"))
				o.expect(m, r.want, r.lines...)
				o.expect(m, r.want, "Content-Length: 0", "Record-Route: -", "Contact: -", "Event: -", "Subscription-State: -", "To: .*;tag=.+")
			})
		})
	}
}

var busy = state("alice", presence.Busy)

func publish(lines ...string) func(*handset) *sip.Message {
	return func(h *handset) *sip.Message { return h.do("PUBLISH", aor("alice"), lines...) }
}

func subscribe(to string, lines ...string) func(*handset) *sip.Message {
	return func(h *handset) *sip.Message { return h.do("SUBSCRIBE", aor(to), lines...) }
}

func request(method, uri string, lines ...string) func(*handset) *sip.Message {
	return func(h *handset) *sip.Message { return h.do(method, uri, lines...) }
}

// [3903-11.1.1-2] [3903-11.1.1-3] [3903-6-16] [6665-8.2.1-2] [6665-8.2.3-1]
func TestRefusals(t *testing.T) {
	refusals(t, []refused{
		{"From without tag", nil, publish("From: <sip:alice@example.test>", busy), "400 ", nil},
		{"CSeq of another method", nil, publish("CSeq: 1 SUBSCRIBE", busy), "400 ", nil},
		{"two Events", nil, subscribe("bob", "+Event: dialog"), "400 ", nil}, // [6665-3.1.2-1]
		{"Expires that is no number", nil, publish("Expires: soon", busy), "400 ", nil},
		{"a body that is not there", nil, publish("Content-Length: 10"), "400 ", nil},
		{"SUBSCRIBE without Contact", nil, subscribe("bob", "Contact: -"), "400 ", nil},
		{"SUBSCRIBE with two Contacts", nil, subscribe("bob", "+Contact: <sip:a@203.0.113.1>"), "400 ", nil},
		{"SUBSCRIBE with two Contacts in one field", nil, subscribe("bob", "Contact: <sip:a@203.0.113.1>, <sip:b@203.0.113.1>"), "400 ", nil},
		{"PUBLISH of nothing", nil, publish(), "400 ", nil},                                   // [3903-6-18]
		{"two entity-tags", nil, publish("SIP-If-Match: a", "+SIP-If-Match: b"), "400 ", nil}, // [3903-6-10]
		{"two entity-tags in one field", nil, publish("SIP-If-Match: a, b"), "400 ", nil},     // [3903-6-10]
		{"no entity-tag in the field", nil, publish("SIP-If-Match: ", busy), "400 ", nil},     // [3903-6-10]
		{"a document about somebody else", nil, publish(strings.ReplaceAll(busy, "alice", "bob")), "400 ", nil},
		{"a document that is no XML", nil, publish("<presence"), "400 ", nil},
		{"a document with another root", nil, publish(`<pres xmlns="urn:ietf:params:xml:ns:pidf"/>`), "400 ", nil},
		{"Contact * with an interval", nil, request("REGISTER", "sip:example.test", "To: <sip:alice@example.test>", "Contact: *", "Expires: 60"), "400 ", nil},

		{"without credentials", nil, func(h *handset) *sip.Message { return h.exchange(h.request("PUBLISH", aor("alice"), busy)) },
			"401 ", []string{`WWW-Authenticate: Digest realm="example.test", nonce="\S+", algorithm=MD5, qop="auth", Digest realm="example.test", nonce="\S+", algorithm=SHA-256, qop="auth"`}},

		{"a stranger", nil, subscribe("alice", "From: <sip:eve@elsewhere.test>;tag=e"), "403 ", nil},
		{"another name in From", nil, publish("From: <sip:bob@example.test>;tag=b", busy), "403 ", nil},
		{"PUBLISH for somebody else", nil, request("PUBLISH", aor("bob"), state("bob", presence.Busy)), "403 ", nil}, // [3903-14.1-2]
		{"another domain's user", nil, subscribe("dave@other.test"), "403 ", nil},
		{"somebody else's registrations", nil, subscribe("bob", "Event: reg"), "403 ", nil},
		{"REGISTER for somebody else", nil, request("REGISTER", "sip:example.test", "To: <sip:bob@example.test>"), "403 ", nil},
		{"a target off the outbound list", func(o *app.Options) { o.Outbound = []string{"198.51.100.0/24"} }, subscribe("bob"), "403 ", nil},
		{"the server as target", nil, subscribe("bob", "Record-Route: <sip:"+at+";lr>"), "403 ", nil},

		{"PUBLISH for nobody", nil, request("PUBLISH", aor("nobody"), busy), "404 ", nil}, // [3903-6-6]
		{"SUBSCRIBE to nobody", nil, subscribe("nobody"), "404 ", nil},
		{"SUBSCRIBE in another domain", nil, subscribe("alice@elsewhere.test"), "404 ", nil},
		{"REGISTER in another domain", nil, request("REGISTER", "sip:elsewhere.test"), "404 ", nil},

		{"INVITE", nil, request("INVITE", aor("bob")), "405 ", []string{"Allow: OPTIONS, SUBSCRIBE, PUBLISH, REGISTER"}}, // [3903-11.1.1-1]
		{"MESSAGE", nil, request("MESSAGE", aor("bob")), "405 ", []string{"Allow: .*PUBLISH.*"}},
		{"REGISTER without the role", func(o *app.Options) { o.Role = []string{"presence"} },
			request("REGISTER", "sip:example.test"), "405 ", []string{"Allow: OPTIONS, SUBSCRIBE, PUBLISH"}},

		{"no format of ours", nil, subscribe("bob", "Accept: text/plain"), "406 ", []string{"Accept: application/pidf.xml, .*"}},
		{"no format of ours, by quality", nil, subscribe("bob", "Accept: application/pidf+xml;q=0, text/plain"), "406 ", nil},

		{"an unknown entity-tag", nil, publish("SIP-If-Match: nothing", busy), "412 Conditional Request Failed", []string{"SIP-ETag: -"}}, // [3903-11.2.1-1] [3903-6-11]

		{"a body of another type", nil, publish("Content-Type: text/plain", "<x/>"), "415 ", []string{"Accept: .*application/pidf.xml.*"}}, // [3903-6-17]
		{"a body without a type", nil, publish("Content-Type: ", "<x/>"), "415 ", []string{"Accept: .*application/pidf.xml.*"}},
		{"a body of another package", nil, publish("Event: dialog", "Content-Type: application/pidf+xml", busy), "415 ", []string{"Accept: .*application/dialog-info.xml.*"}},
		{"a body that is packed", nil, publish("Content-Encoding: gzip", busy), "415 ", []string{"Accept-Encoding: identity"}},

		{"a pres URI", nil, request("SUBSCRIBE", "pres:bob@example.test"), "416 ", nil},
		{"an http URI", nil, request("PUBLISH", "http://example.test/alice", busy), "416 ", nil},
		{"an extension that is required", nil, publish("Require: eventlist, path, precondition", busy), "420 ",
			[]string{"Unsupported: eventlist, precondition"}},

		{"PUBLISH for too short", nil, publish("Expires: 4", busy), "423 ", []string{"Min-Expires: 5"}},
		{"SUBSCRIBE for too short", nil, subscribe("bob", "Expires: 59"), "423 ", []string{"Min-Expires: 60"}},
		{"REGISTER for too short", nil, request("REGISTER", "sip:example.test", "To: <sip:alice@example.test>", "Expires: 59"), "423 ", []string{"Min-Expires: 60"}},

		{"a subscription that is not", nil, subscribe("bob", "To: <sip:bob@example.test>;tag=00aabbcc"), "481 ", nil},
		{"a subscription of a tag that is not ours", nil, subscribe("bob", "To: <sip:bob@example.test>;tag=z"), "481 ", nil},
		{"NOTIFY", nil, request("NOTIFY", "sip:"+at), "481 ", nil},
		{"BYE", nil, request("BYE", "sip:"+at), "481 ", nil},

		{"PUBLISH without Event", nil, publish("Event: -", busy), "489 Bad Event", []string{"Allow-Events: presence, dialog, reg, presence.winfo.*"}}, // [3903-6-7]
		{"PUBLISH of an unknown event", nil, publish("Event: conference", busy), "489 Bad Event", []string{"Allow-Events: presence, .*"}},             // [3903-6-8]
		{"PUBLISH of registrations", nil, publish("Event: reg", "Content-Type: application/reginfo+xml", busy), "489 Bad Event", []string{"Allow-Events: .*"}},
		{"SUBSCRIBE without Event", nil, subscribe("bob", "Event: -"), "489 Bad Event", []string{"Allow-Events: presence, .*"}},                // [6665-4.2.3-1]
		{"SUBSCRIBE to an unknown event", nil, subscribe("bob", "Event: conference"), "489 Bad Event", []string{"Allow-Events: presence, .*"}}, // [6665-8.3.2-1] [6665-4.2.1.1-2]
		{"SUBSCRIBE to the watchers of watchers", nil, subscribe("alice", "Event: presence.winfo.winfo"), "489 Bad Event", nil},
		{"an event in another case", nil, subscribe("bob", "Event: Presence"), "489 Bad Event", nil}, // [6665-8.2.1-1]

		{"an unknown method", nil, request("DANCE", aor("bob")), "501 ", nil},
		{"a method in lower case", nil, request("publish", aor("alice"), busy), "501 ", nil}, // [3903-11.1.1-5]

		{"a commit that fails", nil, func(h *handset) *sip.Message {
			h.o.journal.Fail(func(int) (bool, bool) { return true, false })
			return h.do("PUBLISH", aor("alice"), busy)
		}, "503 ", []string{`Retry-After: \d+`}}, // [3903-6-23]
	})
}

// What needs something before it: each row goes on where the one before ended.
func TestRefusalsOfWhatFollows(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		alice, carol := o.handset("alice"), o.handset("carol")
		d := alice.subscribe("bob", "Expires: 600")

		o.expect(d.again("CSeq: 0 SUBSCRIBE"), "500 Out Of Order", "Retry-After: -")
		o.expect(d.again("Event: -"), "489 ", "Allow-Events: .+")
		o.expect(d.again("Event: presence;id=other"), "403 ")
		o.expect(d.again("From: <sip:alice@example.test>;tag=other"), "481 ")
		o.expect(d.again("Call-ID: other"), "481 ")
		o.expect(d.again("Accept: text/plain"), "406 ", "Accept: application/pidf.xml.*")
		o.expect(d.again("Expires: 5"), "423 ", "Min-Expires: 60") // [6665-4.2.1.4-2]

		lines := append([]string{"CSeq: 1000 SUBSCRIBE"}, d.lines...)
		lines[1] = strings.Replace(lines[1], "alice", "carol", 1)
		o.expect(carol.do("SUBSCRIBE", d.target, lines...), "403 ")

		tag := alice.publish("alice", busy)
		o.expect(carol.do("PUBLISH", aor("carol"), "SIP-If-Match: "+tag), "412 ")
		o.expect(alice.do("PUBLISH", aor("alice"), "Event: dialog", "SIP-If-Match: "+tag), "412 ")
		o.expect(d.again(), "200 OK") // and none of it ended the subscription
	})
}

// Limits of one user speak of that user: 500 with Retry-After, never 503.
func TestRefusalsOfTooMany(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		alice := o.handset("alice")
		for range 10 {
			alice.publish("alice", busy)
		}
		o.expect(alice.do("PUBLISH", aor("alice"), busy), "500 ", `Retry-After: \d+`) // [3903-9-1] [3903-9-2]
		var list []string
		for i := range 33 {
			list = append(list, fmt.Sprintf("<sip:alice@203.0.113.1:%d>", 6000+i))
		}
		m := alice.do("REGISTER", "sip:example.test", "To: <sip:alice@example.test>", "Contact: "+strings.Join(list, ", "))
		o.expect(m, "500 ", `Retry-After: \d+`)
	})
}

// A server that is about to stop refuses what is new, and ends what is running.
func TestRefusalsWhileStopping(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		alice, bob := o.handset("alice"), o.handset("bob")
		alice.publish("alice", busy)
		o.journal.Fail(func(int) (bool, bool) { time.Sleep(time.Second); return false, false })
		alice.send(alice.request("PUBLISH", aor("alice"), busy, alice.authorization("PUBLISH", aor("alice"))))
		synctest.Wait()
		stopped := make(chan error)
		go func() { stopped <- o.server.Stop() }()
		synctest.Wait()
		o.expect(bob.exchange(bob.request("OPTIONS", "sip:example.test")), "503 ", `Retry-After: \d+`)
		o.expect(alice.response("the PUBLISH that was running"), "200 OK")
		if err := <-stopped; err != nil {
			o.Error(err)
		}
		o.start()
	})
}
