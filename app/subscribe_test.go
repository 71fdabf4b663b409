package app_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lamplight/event/presence"
	"lamplight/sip"
)

// [6665-4.2.1.1-6] [6665-4.2.1.2-1] [6665-4.2.2-1] [6665-3.1.1-2] [6665-3.1.1-3] [6665-3.2.1-1] [6665-4.2.2-5]
// [6665-4.2.2-6] [6665-4.4.4-2] [6665-8.3.1-1] [3856-6.1-1] [3856-6.5-1] [3856-6.5-2] [3856-6.6.2-2]
func TestSubscribeIsAnsweredAndThenNotified(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		h := o.handset("bob")
		var order []string
		h.authorization("SUBSCRIBE", aor("alice"))
		o.net.Tap(func(from, _ netip.AddrPort, b []byte) {
			if from == serverAt {
				line, _, _ := strings.Cut(string(b), "\r\n")
				order = append(order, line)
			}
		})
		d := h.subscribe("alice", "Expires: 3600", "From: Bob <sip:bob@example.test>;tag=bobs")
		n := d.next()
		if want := "[SIP/2.0 200 OK NOTIFY " + h.contact() + " SIP/2.0]"; fmt.Sprint(order) != want {
			t.Errorf("%v, want %s", order, want)
		}
		o.expect(d.first, "200 OK", "Contact: <sip:"+at+">", "Event: -", "Subscription-State: -", "Content-Length: 0",
			"Allow-Events: presence, dialog, reg, presence.winfo.*", "To: <sip:alice@example.test>;tag=.+", "Record-Route: -")
		o.between(d.first, "Expires", 2880, 3600)
		to, _ := d.first.To()
		o.expect(n, "NOTIFY "+h.contact(), "Event: presence", "Content-Type: application/pidf.xml", "Max-Forwards: 70",
			"Contact: <sip:"+at+">", `Via: SIP/2.0/UDP 192\.0\.2\.1:5060;branch=z9hG4bK.+`, "Call-ID: "+string(d.first.CallID()),
			"From: <sip:alice@example.test>;tag="+string(to.Tag()), "To: Bob <sip:bob@example.test>;tag=bobs",
			fmt.Sprintf("Subscription-State: active;expires=%d", o.number(d.first, "Expires")), `CSeq: \d+ NOTIFY`, "Route: -",
			fmt.Sprintf("Content-Length: %d", len(n.Body())))
		o.shows(n, presence.Offline)
	})
}

// [6665-3.1.1-1] [6665-4.2.1.1-4] [6665-4.2.1.1-5] [6665-3.1.1-4] [3856-6.4-1]
func TestSubscribeLifetimes(t *testing.T) {
	for _, c := range []struct {
		lines       []string
		least, most int
	}{
		{nil, 2880, 3600}, {[]string{"Expires: 60"}, 60, 60}, {[]string{"Expires: 300"}, 240, 300},
		{[]string{"Expires: 4294967295"}, 3600, 86400},
		{[]string{"Expires: 600", "Contact: <sip:bob@203.0.113.1:5060>;expires=70"}, 480, 600},
	} {
		inOffice(t, nil, func(o *office) {
			d := o.handset("bob").subscribe("alice", c.lines...)
			o.between(d.first, "Expires", c.least, c.most)
			o.expect(d.next(), "NOTIFY", "Subscription-State: active;expires="+values(d.first, "Expires")[0])
		})
	}
}

// A subscription from beginning to end: numbers rise by one, what is left is
// said, and the end is told.
// [6665-4.2.1.2-2] [6665-4.4.3-3] [6665-4.2.2-2] [6665-4.2.2-7] [6665-4.2.1.4-6] [6665-4.2.2-8] [6665-4.1.3-1]
// [6665-4.4.1-1] [6665-3.1.1-5] [6665-4.2.1.4-1] [3856-6.7-1] [3856-6.8-1] [6665-4.5.2-3]
func TestOneSubscriptionFromBeginningToEnd(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		alice := o.handset("alice")
		d := o.handset("bob").subscribe("alice", "Expires: 600", "Event: presence;id=7")
		granted := o.number(d.first, "Expires")
		n := d.next()
		cseq, _ := n.CSeq()
		rises := func(m *sip.Message) {
			t.Helper()
			next, _ := m.CSeq()
			if next.Number != cseq.Number+1 {
				t.Errorf("CSeq %d after %d", next.Number, cseq.Number)
			}
			cseq = next
			o.expect(m, "NOTIFY", "Event: presence;id=7")
		}
		o.advance(100 * time.Second)
		alice.publish("alice", busy)
		n = d.next()
		rises(n)
		o.shows(n, presence.Busy)
		o.expect(n, "NOTIFY", fmt.Sprintf("Subscription-State: active;expires=%d", granted-100))

		m := d.again("Expires: 600")
		o.expect(m, "200 OK", "Contact: <sip:"+at+">", "To: "+string(d.first.Value(sip.To)))
		o.between(m, "Expires", 480, 600)
		n = d.next()
		rises(n)
		o.shows(n, presence.Busy)
		o.expect(n, "NOTIFY", "Subscription-State: active;expires="+values(m, "Expires")[0])

		o.expect(d.again("Expires: 0"), "200 OK", "Expires: 0", "Contact: .+")
		n = d.next()
		rises(n)
		o.shows(n, presence.Busy)
		o.expect(n, "NOTIFY", "Subscription-State: terminated;reason=timeout")

		alice.publish("alice", state("alice", presence.Away))
		d.silent(time.Hour)
		o.expect(d.again("Expires: 600"), "481 ")
	})
}

// [6665-4.2.1.4-4] [6665-4.2.1.4-5] [6665-4.1.3-2] What is not refreshed ends with a word.
func TestSubscriptionExpires(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		d := o.handset("bob").subscribe("alice", "Expires: 60")
		d.next()
		began := time.Now()
		n := d.next()
		o.expect(n, "NOTIFY", "Subscription-State: terminated;reason=timeout", "Event: presence")
		if lasted := time.Since(began); lasted < 59*time.Second || lasted > 61*time.Second {
			t.Errorf("it lasted %v", lasted)
		}
		d.silent(time.Hour)
		o.expect(d.again(), "481 ")
	})
}

// [6665-4.4.3-1] [6665-4.4.3-2] A fetch leaves nothing behind.
func TestFetch(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		alice, bob := o.handset("alice"), o.handset("bob")
		alice.publish("alice", busy)
		before := o.journal.Len()
		d := bob.subscribe("alice", "Expires: 0")
		o.expect(d.first, "200 OK", "Expires: 0", "Contact: .+")
		n := bob.next()
		o.expect(n, "NOTIFY", "Subscription-State: terminated;reason=timeout", "Content-Type: application/pidf.xml")
		o.shows(n, presence.Busy)
		if o.journal.Len() != before {
			t.Errorf("%d records, %d before", o.journal.Len(), before)
		}
		alice.publish("alice", state("alice", presence.Away))
		bob.silent(time.Hour)
		o.expect(d.again(), "481 ")
	})
}

// [6665-3.1.3-1] [6665-3.1.3-2] [6665-3.2.1-2] [3856-6.5-3] [3856-6.7-6]
func TestAccept(t *testing.T) {
	for accept, want := range map[string]string{
		"Accept: -":                    "application/pidf.xml",
		"Accept: application/pidf+xml": "application/pidf.xml",
		"Accept: application/rlmi+xml, application/pidf+xml, multipart/related": "application/pidf.xml",
		"Accept: */*": "application/pidf.xml",
		"Accept: application/*;q=0.5, text/plain": "application/pidf.xml",
		"Accept: APPLICATION/Pidf+XML ; q=0.3":    "application/pidf.xml",
		"Accept: application/cpim-pidf+xml":       "application/cpim-pidf.xml",
	} {
		t.Run(accept, func(t *testing.T) {
			inOffice(t, nil, func(o *office) {
				d := o.handset("bob").subscribe("alice", accept)
				o.expect(d.next(), "NOTIFY", "Content-Type: "+want)
				o.expect(d.again(), "200 OK") // without Accept the choice stays
				o.expect(d.next(), "NOTIFY", "Content-Type: application/(cpim-)?pidf.xml")
			})
		})
	}
}

// [6665-3.1-1] A refresh from elsewhere moves the notifications there.
func TestTargetRefresh(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		d := o.handset("bob").subscribe("alice")
		d.next()
		moved := o.handset("bob")
		d.handset = moved
		o.expect(d.again("Contact: <"+moved.contact()+">"), "200 OK")
		o.expect(moved.next(), "NOTIFY "+moved.contact())
		o.phones[0].silent(time.Minute)
	})
}

// A route set is that of the SUBSCRIBE's Record-Route, in its order (RFC 3261
// §12.1.1), and the NOTIFY goes to the first of it.
func TestRouteSet(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		proxy := o.handset("proxy")
		phone := o.handset("bob")
		routes := []string{"<sip:" + proxy.addr.String() + ";lr>", "<sip:198.51.100.77;lr;x=1>"}
		d := phone.subscribe("alice", "Record-Route: "+routes[0], "+Record-Route: "+routes[1])
		o.expect(d.first, "200 OK", "Record-Route: "+strings.Join(routes, ", "))
		n := proxy.next()
		o.expect(n, "NOTIFY "+phone.contact(), "Route: "+strings.Join(routes, ", "), "Record-Route: -")
		o.expect(d.again(), "200 OK", "Record-Route: -")
		o.expect(proxy.next(), "NOTIFY "+phone.contact(), "Route: "+strings.Join(routes, ", "))
		phone.silent(time.Minute)
	})
}

// A strict router takes the place of the Request-URI (RFC 3261 §12.2.1.1).
func TestStrictRoute(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		proxy, phone := o.handset("proxy"), o.handset("bob")
		strict := "sip:" + proxy.addr.String()
		phone.subscribe("alice", "Record-Route: <"+strict+">, <sip:198.51.100.77;lr>")
		o.expect(proxy.next(), "NOTIFY "+strict, "Route: <sip:198.51.100.77;lr>, <"+phone.contact()+">")
	})
}

// A repeated SUBSCRIBE is one subscription, answered alike.
func TestSubscribeTwice(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		bob := o.handset("bob")
		text := bob.request("SUBSCRIBE", aor("alice"), bob.authorization("SUBSCRIBE", aor("alice")))
		first := bob.exchange(text)
		o.expect(first, "200 OK")
		bob.next()
		if again := bob.exchange(text); string(again.Bytes()) != string(first.Bytes()) {
			t.Errorf("%s\nwas\n%s", again.Bytes(), first.Bytes())
		}
		bob.silent(time.Minute)
	})
}

// A NOTIFY that is not answered is repeated, the same, and no other is sent
// beside it; what is new by then is told after it.
func TestNotifyIsRepeatedUntilAnswered(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		alice := o.handset("alice")
		d := o.handset("bob").subscribe("alice")
		d.next()
		d.status.Store(0)
		tag := alice.publish("alice", busy)
		first := d.next()
		tag = alice.publish("alice", "SIP-If-Match: "+tag, state("alice", presence.Away))
		alice.publish("alice", "SIP-If-Match: "+tag, state("alice", presence.Available))
		for range 3 {
			if again := d.next(); string(again.Bytes()) != string(first.Bytes()) {
				t.Errorf("%s\nwas\n%s", again.Bytes(), first.Bytes())
			}
		}
		d.status.Store(200)
		d.next()
		synctest.Wait()
		n := d.next()
		o.shows(n, presence.Available)
		one, _ := first.CSeq()
		if two, _ := n.CSeq(); two.Number != one.Number+1 {
			t.Errorf("CSeq %d after %d", two.Number, one.Number)
		}
		d.silent(time.Minute)
	})
}

// [6665-4.2.1-1] Nobody is told who did not ask, nor who was refused.
func TestNobodyIsToldUnasked(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		alice, bob, dave := o.handset("alice"), o.handset("bob"), o.handset("dave@other.test")
		o.expect(bob.do("REGISTER", "sip:example.test", "To: <sip:bob@example.test>"), "200 OK")
		o.expect(dave.do("SUBSCRIBE", aor("alice")), "403 ")
		o.expect(bob.do("SUBSCRIBE", aor("alice"), "Event: conference"), "489 ")
		alice.publish("alice", busy)
		for _, h := range o.phones {
			h.silent(time.Minute)
		}
	})
}

// [6665-8.2.1-1] [6665-4.5.2-3] Two subscriptions of one device, told apart by their ids.
func TestEventIDs(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		alice, bob := o.handset("alice"), o.handset("bob")
		a := bob.subscribe("alice", "Event: presence;id=a")
		o.expect(a.next(), "NOTIFY", "Event: presence;id=a")
		b := bob.subscribe("alice", "Event: presence;id=A")
		o.expect(b.next(), "NOTIFY", "Event: presence;id=A")
		alice.publish("alice", busy)
		got := map[string]bool{}
		for range 2 {
			got[values(bob.next(), "Event")[0]] = true
		}
		if len(got) != 2 {
			t.Errorf("NOTIFYs of %v, want both", got)
		}
		o.expect(a.again("Event: presence;id=A"), "403 Dialogs Are Not Shared") // [6665-4.5.2-1] [6665-4.5.2-2]
		o.expect(a.again("Event: presence"), "403 ")
		o.expect(a.again("Expires: 0"), "200 OK")
		o.expect(bob.next(), "NOTIFY", "Event: presence;id=a", "Subscription-State: terminated;reason=timeout")
	})
}

// [6665-4.6-1] [6665-4.6-2] A CANCEL is answered and changes nothing.
func TestCancelOfSubscribe(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		bob := o.handset("bob")
		text := bob.request("SUBSCRIBE", aor("alice"), bob.authorization("SUBSCRIBE", aor("alice")))
		bob.send(text)
		cancel := strings.Replace(text, "SUBSCRIBE sip", "CANCEL sip", 1)
		cancel = strings.Replace(cancel, " SUBSCRIBE\r\n", " CANCEL\r\n", 1)
		bob.send(cancel)
		for range 2 {
			m := bob.response(text)
			switch c, _ := m.CSeq(); c.Method {
			case "CANCEL":
				o.expect(m, "200 OK")
			default:
				o.expect(m, "200 OK", "Expires: .+")
			}
		}
		o.expect(bob.next(), "NOTIFY", "Subscription-State: active.*")
		unknown := strings.Replace(cancel, "branch=z9hG4bK", "branch=z9hG4bKx", 1)
		o.expect(bob.exchange(unknown), "481 ")
	})
}
