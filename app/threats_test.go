package app_test

import (
	"fmt"
	"net/netip"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lamplight/app"
	"lamplight/body/watcherinfo"
	"lamplight/event/presence"
	"lamplight/sip"
	"lamplight/sip/digest"
)

// What broke in servers of this kind, row by row: each test is named after what
// was done to them. Those of lists and pages come with what they attack.

// holdings is all that a server keeps, so that a refusal can be seen to leave no
// trace.
func (o *office) holdings() string {
	o.Helper()
	synctest.Wait()
	all := o.scrape()
	var b strings.Builder
	for _, name := range []string{"registrations", `subscriptions{event="presence"}`, `subscriptions{event="dialog"}`, `subscriptions{event="reg"}`,
		`subscriptions{event="presence.winfo"}`, `publications{event="presence"}`, `publications{event="dialog"}`} {
		fmt.Fprintf(&b, "%s %s, ", name, all["lamplight_"+name])
	}
	fmt.Fprintf(&b, "%d records", o.journal.Len())
	return b.String()
}

// leavesNothing checks that what is done changes nothing, and is told to nobody.
func (o *office) leavesNothing(f func()) {
	o.Helper()
	before := o.holdings()
	f()
	o.advance(5 * time.Second)
	if after := o.holdings(); after != before {
		o.Errorf("there was %s, there is %s", before, after)
	}
	for _, h := range o.phones {
		if len(h.requests) > 0 {
			o.Errorf("%s is told\n%s", h.user, (<-h.requests).Bytes())
		}
	}
}

// bystander is somebody whose lamp shines, and who would be told of changes.
func (o *office) bystander() *dialog {
	o.Helper()
	d := o.handset("bob").subscribe("alice")
	d.next()
	o.advance(time.Minute)
	return d
}

// Who has no credentials does nothing, whatever the method.
func TestThreatRequestsWithoutCredentials(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		o.bystander()
		eve := o.handset("alice")
		for method, want := range map[string]string{"SUBSCRIBE": "401 ", "PUBLISH": "401 ", "REGISTER": "401 ", "MESSAGE": "40[15] ", "REFER": "40[15] ", "INVITE": "40[157] ",
			"NOTIFY": "481 ", "INFO": "481 ", "UPDATE": "481 ", "PRACK": "481 ", "BYE": "481 ", "CANCEL": "481 "} {
			uri, lines := aor("alice"), []string{}
			switch method {
			case "REGISTER":
				uri, lines = "sip:example.test", []string{"To: <sip:alice@example.test>"}
			case "PUBLISH":
				lines = []string{busy}
			case "REFER":
				lines = []string{"Refer-To: <sip:+4990012345@example.test>"}
			}
			o.leavesNothing(func() { o.expect(eve.exchange(eve.request(method, uri, lines...)), want) })
		}
	})
}

// A refused SUBSCRIBE is told to none of those who watch.
func TestThreatRefusedSubscribesAreToldToNobody(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		for i := range 100 {
			o.handset("bob").subscribe("alice", fmt.Sprintf("Contact: <sip:bob%d@203.0.113.1>", i)).next()
		}
		o.advance(time.Minute)
		eve := o.handset("carol")
		o.leavesNothing(func() {
			for range 1000 {
				if s := eve.exchange(eve.request("SUBSCRIBE", aor("alice"))).Status(); s != 401 && s != 500 {
					t.Fatalf("%d", s)
				}
			}
		})
	})
}

// Credentials of one user are no other's.
func TestThreatForgedFrom(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		o.bystander()
		alice := o.handset("alice")
		forged := "From: <sip:bob@example.test>;tag=x"
		o.leavesNothing(func() {
			o.expect(alice.do("PUBLISH", aor("bob"), forged, state("bob", presence.Busy)), "403 ")
			o.expect(alice.do("SUBSCRIBE", aor("carol"), forged), "403 ")
			o.expect(alice.do("REGISTER", "sip:example.test", forged, "To: <sip:bob@example.test>"), "403 ")
			o.expect(alice.do("REGISTER", "sip:example.test", "To: <sip:bob@example.test>"), "403 ")
			o.expect(alice.do("MESSAGE", aor("carol"), forged), "40[35] ")
		})
	})
}

// An identity that is asserted by who is not trusted counts for nothing.
func TestThreatAssertedIdentity(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		alice := o.handset("alice")
		for _, line := range []string{"P-Asserted-Identity: <sip:bob@example.test>", "Remote-Party-ID: <sip:bob@example.test>"} {
			o.expect(alice.exchange(alice.request("PUBLISH", aor("bob"), line, state("bob", presence.Busy))), "401 ")
			o.expect(alice.do("PUBLISH", aor("bob"), line, state("bob", presence.Busy)), "403 ")
		}
	})
}

// No command can be reached by a message.
func TestThreatCommandsByMessage(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		h := o.handset("alice")
		for _, user := range []string{"api", "api+status", "system", "admin", "example.test/api"} {
			o.leavesNothing(func() {
				o.expect(h.do("MESSAGE", aor(user), "To: <sip:api+status@example.test>", "Content-Type: text/plain", "<status"), "40[145] ")
			})
		}
	})
}

// A body whose type is missing, empty or broken is refused, and nothing breaks.
func TestThreatContentTypeOfPublish(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		h := o.handset("alice")
		for line, want := range map[string]string{"Content-Type: -": "415 ", "Content-Type: ": "4(00|15) ", "Content-Type: /": "4(00|15) ", "Content-Type: application": "4(00|15) ",
			"Content-Type: multipart/mixed;boundary=": "415 ", `Content-Type: multipart/related;boundary="a`: "4(00|15) ", "Content-Type: multipart/mixed;boundary=" + strings.Repeat("x", 5000): "415 "} {
			o.leavesNothing(func() {
				text := h.request("PUBLISH", aor("alice"), h.authorization("PUBLISH", aor("alice")), busy)
				text = strings.Replace(text, "Content-Type: application/pidf+xml\r\n", map[bool]string{true: "", false: line + "\r\n"}[line == "Content-Type: -"], 1)
				m := h.exchange(text)
				o.expect(m, want)
				if m.Status() == 415 {
					o.expect(m, want, "Accept: .*application/pidf.xml.*")
				}
			})
		}
		h.publish("alice", busy)
	})
}

// A watcher with a URI as long as it can be, and with all that XML knows, is
// listed in a document that can be read.
func TestThreatWatcherURIs(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		alice, bob := o.handset("alice"), o.handset("bob")
		o.expect(bob.do("SUBSCRIBE", aor("alice"), "From: <sip:"+strings.Repeat("b", 8<<10)+"@example.test>;tag=x"), "400 ")
		o.expect(bob.do("SUBSCRIBE", aor("alice"), "Contact: <sip:"+strings.Repeat("b", 513)+"@203.0.113.9>"), "400 ")
		bob.subscribe("alice", `From: "<&'\"]]>`+strings.Repeat("b", 200)+`" <sip:bob@example.test>;tag=x`).next()
		n := alice.subscribe("alice", "Event: presence.winfo").next()
		doc, err := watcherinfo.Parse(n.Body(), time.Now())
		if err != nil || !strings.Contains(fmt.Sprintf("%+v", doc), "sip:bob@example.test") {
			t.Errorf("%v in\n%s", err, n.Body())
		}
	})
}

// unsubscribes sends SUBSCRIBEs with Expires 0 for which there is nothing to end.
func unsubscribes(t *testing.T, n int) {
	inOffice(t, func(o *app.Options) { o.Limits, o.Journal = "off", nil }, func(o *office) {
		h := o.handset("alice")
		heap := func() uint64 {
			o.advance(2 * time.Minute) // transactions are forgotten
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			return m.HeapAlloc
		}
		round := func(n int) {
			for range n {
				o.expect(h.do("SUBSCRIBE", aor("bob"), "Expires: 0"), "200 OK", "Expires: 0")
				if s := string(h.next().Value(sip.SubscriptionState)); s != "terminated;reason=timeout" {
					t.Fatal(s)
				}
			}
		}
		round(1000)
		before := heap()
		for range n / 1000 {
			round(1000)
			h.nonce = nil
		}
		if after := heap(); after > before+8<<20 {
			t.Errorf("the heap grows from %d to %d bytes", before, after)
		}
		o.expectMetrics(map[string]string{`lamplight_subscriptions{event="presence"}`: "0"})
	})
}

// [3856-6.5-1] To end what was never begun is a fetch, and leaves nothing.
func TestThreatUnsubscribeWithoutSubscription(t *testing.T) { unsubscribes(t, 5000) }

func TestSoakUnsubscribeWithoutSubscription(t *testing.T) {
	if soak() > 0 {
		unsubscribes(t, 100_000)
	}
}

// What may be repeated may not be repeated for ever.
func TestThreatHeaderFieldsInHundreds(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		h := o.handset("alice")
		many := func(line string, n int) []string {
			return strings.Split(strings.Repeat("+"+line+"\n", n-1)+"+"+line, "\n")
		}
		o.expect(h.do("SUBSCRIBE", aor("bob"), many("Accept: application/pidf+xml", 50)...), "200 ")
		h.next()
		o.leavesNothing(func() {
			for _, line := range []string{"Accept: a/b", "Via: SIP/2.0/UDP a", "Authorization: Digest username=a", "Contact: <sip:a@b>", "Record-Route: <sip:a@b;lr>", "Require: x", "Supported: x"} {
				o.expect(h.exchange(h.request("SUBSCRIBE", aor("bob"), many(line, 65)...)), "400 ")
			}
			o.expect(h.exchange(h.request("SUBSCRIBE", aor("bob"), many("X: y", 257)...)), "400 ")
			o.expect(h.exchange(h.request("SUBSCRIBE", aor("bob"), "Via: SIP/2.0/UDP a;branch=z9hG4bKa;rport"+strings.Repeat(", SIP/2.0/UDP a", 300))), "400 ")
		})
	})
}

// A NOTIFY that nobody asked for is refused before its body is looked at.
func TestThreatUnsolicitedNotify(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		h := o.handset("alice")
		for _, body := range []string{"<Message-Account: sip:" + strings.Repeat("a", 2000) + "@x", `<reginfo><contact><uri>sip:a@b:99999999999999999999</uri></contact>`} {
			o.leavesNothing(func() {
				o.expect(h.exchange(h.request("NOTIFY", aor("alice"), "Event: message-summary", "Subscription-State: active", "Content-Type: application/simple-message-summary", body)), "481 ")
			})
		}
	})
}

// Numbers that no variable holds are refused or as large as can be, in every
// field that has one.
func TestThreatNumbersOutOfRange(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		h := o.handset("alice")
		big := "18446744073709551617"
		for line, want := range map[string]string{"CSeq: 4294967296 SUBSCRIBE": "400 ", "CSeq: " + big + " SUBSCRIBE": "400 ", "Max-Forwards: " + big: "400 ", "Expires: -1": "400 ", "Expires: " + big: "200 ", "Expires: 4294967296": "200 ",
			"Contact: <sip:alice@203.0.113.1:" + big + ">": "400 ", "Contact: <sip:alice@203.0.113.1:65536>": "400 ", "Content-Length: " + big: "400 ", "Via: SIP/2.0/UDP a:" + big + ";branch=z9hG4bKx;rport": "400 "} {
			m := h.do("SUBSCRIBE", aor("bob"), line)
			if o.expect(m, want); m.Status() == 200 {
				left, err := strconv.Atoi(string(m.Value(sip.Expires)))
				if err != nil || left < 60 || left > 86400 {
					t.Errorf("%s is granted %s", line, m.Value(sip.Expires))
				}
			}
		}
	})
}

// The number of a NOTIFY rises over restarts, and whatever the clock says.
func TestThreatNumbersOverARestart(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		d := o.handset("bob").subscribe("alice")
		last := uint32(0)
		for range 4 {
			o.crash()
			o.advance(2 * time.Minute)
			for len(d.requests) > 0 {
				c, err := d.next().CSeq()
				if err != nil || c.Number <= last {
					t.Errorf("%d comes after %d, %v", c.Number, last, err)
				}
				last = c.Number
			}
			o.handset("alice").publish("alice", busy)
		}
		if last < 4 {
			t.Errorf("the last is %d", last)
		}
	})
}

// One normal form: white space before the colon changes nothing, and no other
// byte may stand there.
func TestThreatHeaderNames(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		h := o.handset("alice")
		change := func(old, new string) *sip.Message {
			text := h.request("SUBSCRIBE", aor("bob"), h.authorization("SUBSCRIBE", aor("bob")), "Expires: 0", "Contact: <sip:evil@203.0.113.66>")
			if !strings.Contains(text, old) {
				t.Fatal(old)
			}
			return h.exchange(strings.Replace(text, old, new, 1))
		}
		o.expect(change("Contact:", "Contact \t :"), "200 ")
		h.next()
		o.expect(change("Authorization:", "Authorization :"), "200 ")
		h.next()
		o.leavesNothing(func() {
			for _, c := range [][2]string{{"Contact:", "Contact\x01:"}, {"Contact:", "Contact\x00:"}, {"Contact:", "Contact\x0b:"}, {"Contact:", "Contact\u00a0:"}, {"Contact:", "Contact\x7f:"},
				{"Expires: 0\r\n", "Expires: 0\n"}, {"Expires: 0\r\n", "Expires: 0\r"}, {"Event: presence", "Event: presence\rX: y"}, {"Event: presence", "Event: presence\nX: y"}, {"Event: presence", "Event: pres\x00ence"}, {"Contact:", "Contact"}} {
				o.expect(change(c[0], c[1]), "400 ")
			}
		})
	})
}

// What comes in a header field stays in it, wherever it goes: nothing that is
// sent has a line that was hidden in what was received.
func TestThreatHeaderInjection(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		o.net.Tap(func(from, _ netip.AddrPort, b []byte) {
			if from == serverAt && strings.Contains(strings.ToLower(string(b)), "\nevil:") {
				t.Errorf("the server says\n%s", b)
			}
		})
		h := o.handset("alice")
		for _, evil := range []string{"%0d%0aEvil: y", "\\\r\n\\Evil: y", "\r\n Evil: y", "\u2028Evil: y", "\u0085Evil: y", "\"\\\nEvil: y\""} {
			for _, line := range []string{"Event: presence;id=1" + evil, "Call-ID: a" + evil, "From: \"" + evil + "\" <sip:alice@example.test>;tag=1", "To: <sip:bob@example.test>;x=\"" + evil + "\"", "Contact: <sip:a@203.0.113.1;x=" + evil + ">",
				"Record-Route: <sip:203.0.113.1;lr;x=" + evil + ">", "CSeq: 1" + evil + " SUBSCRIBE", "Via: SIP/2.0/UDP a;branch=z9hG4bK" + evil + ";rport", "Require: " + evil, "Accept: " + evil} {
				h.send(h.request("SUBSCRIBE", aor("bob"), h.authorization("SUBSCRIBE", aor("bob")), "Expires: 0", line))
				o.advance(time.Second)
			}
			h.send(h.request("SUBSCRIBE", aor("bob")+evil, "To: <sip:bob@example.test>"))
			o.advance(time.Second)
		}
	})
}

// Credentials of any form are refused, and nothing breaks.
func TestThreatCredentialsOfAnyForm(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		h := o.handset("alice")
		o.leavesNothing(func() {
			for _, value := range []string{"", "Digest", "Digest ,,,,", "Digest =", `Digest username="alice`, `Digest username="", realm="", nonce="", uri="", response=""`, `Digest realm="example.test"`,
				"Bearer ' OR 1=1; --", `Digest username="alice' OR '1'='1", realm="example.test", nonce="a", uri="sip:x", response="` + strings.Repeat("0", 32) + `"`,
				`Digest username="alice", realm="example.test", algorithm=SHA-512-256, nonce="a", uri="sip:x", response="0", qop=auth, nc=00000001, cnonce="a"`,
				`Digest username="alice", realm="example.test", algorithm=MD5-sess, nonce="a", uri="sip:x", response="0"`, `Digest username="alice", realm="example.test", nonce="a", uri="sip:x", response="", nc=ffffffffff, qop=auth-int`,
				"Basic YWxpY2U6c2VjcmV0", "Digest " + strings.Repeat("a=b,", 3000), `Digest username="` + strings.Repeat(`\"`, 5000) + `"`} {
				o.expect(h.exchange(h.request("PUBLISH", aor("alice"), "Authorization: "+value, busy)), "40[01] ")
			}
		})
		h.publish("alice", busy)
	})
}

// A request that was seen on the wire is of no use to who saw it.
func TestThreatReplay(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		alice, eve := o.handset("alice"), o.handset("alice")
		authorization := alice.authorization("PUBLISH", aor("alice"))
		captured := alice.request("PUBLISH", aor("alice"), authorization, busy)
		o.expect(alice.exchange(captured), "200 ")
		o.advance(time.Minute) // no retransmission any more
		o.leavesNothing(func() {
			o.expect(eve.exchange(captured), "401 ")
			o.expect(eve.exchange(eve.request("PUBLISH", aor("alice"), authorization, state("alice", presence.Away))), "401 ", "WWW-Authenticate: .*stale=true.*") // nc again
			o.expect(eve.exchange(eve.request("PUBLISH", aor("alice"), strings.Replace(authorization, "nc=00000001", "nc=00000002", 1), busy)), "401 ")
		})
		bob := o.handset("dave@other.test") // a nonce of another realm
		o.expect(alice.exchange(alice.request("PUBLISH", aor("alice"), foreignNonce(t, bob, alice))), "401 ", "WWW-Authenticate: .*stale=true.*")
		before := alice.authorization("PUBLISH", aor("alice"))
		o.crash()
		o.expect(alice.exchange(alice.request("PUBLISH", aor("alice"), before, busy)), "401 ", "WWW-Authenticate: .*stale=true.*")
	})
}

// foreignNonce is right credentials for a nonce of another realm.
func foreignNonce(t *testing.T, from, who *handset) string {
	t.Helper()
	challenge := string(from.exchange(from.request("SUBSCRIBE", "sip:dave@other.test", "Event: none")).Bytes())
	var m sip.Message
	if err := m.Parse([]byte(strings.ReplaceAll(challenge, `realm="other.test"`, `realm="example.test"`))); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(digest.Challenges(&m)[0].Answer("PUBLISH", aor("alice"), who.user, "secret"))
}

// Whoever challenges our NOTIFY gets no credentials: the server has none to give.
func TestThreatChallengedNotify(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		o.net.Tap(func(from, _ netip.AddrPort, b []byte) {
			if from == serverAt && strings.Contains(string(b), "Authorization:") {
				t.Errorf("the server says\n%s", b)
			}
		})
		for _, status := range []int64{401, 407} {
			h := o.handset("bob")
			d := h.subscribe("alice")
			d.next()
			h.status.Store(status)
			o.handset("alice").publish("alice", busy)
			d.next()
			o.advance(10 * time.Minute)
		}
	})
}
