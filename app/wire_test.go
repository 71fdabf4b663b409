package app_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"lamplight/event/presence"
)

// One lamp, from PUBLISH to NOTIFY, over a crash.
func TestOneLamp(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		o.watch("bob", "alice", "presence")
		o.expectNotify("bob", "alice", presence.Offline)
		o.publish("alice", presence.Busy)
		o.expectNotify("bob", "alice", presence.Busy)
		o.crash()
		o.expectNotify("bob", "alice", presence.Busy)
		o.publish("alice", presence.Available)
		o.expectNotify("bob", "alice", presence.Available)
		o.unpublish("alice", "presence")
		o.expectNotify("bob", "alice", presence.Offline)
		o.expectSilence("bob", "alice", "presence", time.Hour/2)
	})
}

// Where a response goes, and what its Via says of it (RFC 3261 §18.2, RFC 3581).
func TestTheWayBack(t *testing.T) {
	for _, c := range []struct{ name, via, want string }{
		{"as it says", "SIP/2.0/UDP 203.0.113.1:5060;branch=z9hG4bKa", "SIP/2.0/UDP 203.0.113.1:5060;branch=z9hG4bKa"},
		{"without a port", "SIP/2.0/UDP 203.0.113.1;branch=z9hG4bKa", "SIP/2.0/UDP 203.0.113.1;branch=z9hG4bKa"},
		{"from another host", "SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKa", "SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKa;received=203.0.113.1"},
		{"by a name", "SIP/2.0/UDP phone.example.test;branch=z9hG4bKa", "SIP/2.0/UDP phone.example.test;branch=z9hG4bKa;received=203.0.113.1"},
		{"with rport", "SIP/2.0/UDP 10.0.0.1:9;rport;branch=z9hG4bKa", "SIP/2.0/UDP 10.0.0.1:9;branch=z9hG4bKa;rport=5060;received=203.0.113.1"},
		{"with received", "SIP/2.0/UDP 203.0.113.1;received=192.0.2.66;branch=z9hG4bKa", "SIP/2.0/UDP 203.0.113.1;branch=z9hG4bKa"},
		{"without a branch of today", "SIP/2.0/UDP 203.0.113.1:5060", "SIP/2.0/UDP 203.0.113.1:5060"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inOffice(t, nil, func(o *office) {
				h := o.handset("alice")
				m := h.exchange(h.request("OPTIONS", aor("bob"), "Via: "+c.via, "+Via: SIP/2.0/UDP 10.9.9.9;branch=z9hG4bKb", "Max-Forwards: 0"))
				o.expect(m, "200 OK", "Via: "+c.want+", SIP/2.0/UDP 10.9.9.9;branch=z9hG4bKb")
			})
		})
	}
}

// Another port in Via than the one it came from: the response goes there.
func TestTheWayBackToAnotherPort(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		h := o.handset("alice")
		other := o.handsetAt("alice", "example.test", netip.AddrPortFrom(h.addr.Addr(), 5999))
		h.send(h.request("OPTIONS", aor("bob"), "Via: SIP/2.0/UDP 203.0.113.1:5999;branch=z9hG4bKa"))
		o.expect(other.response("OPTIONS"), "200 OK")
	})
}

// The same request by two ways is one request (RFC 3261 §8.2.2.2).
func TestMergedRequests(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		h := o.handset("alice")
		text := h.request("SUBSCRIBE", aor("alice"), "Event: nothing", "From: <sip:eve@elsewhere.test>;tag=e")
		other := strings.Replace(text, "branch=z9hG4bK", "branch=z9hG4bKother", 1)
		o.expect(h.exchange(text), "403 ")
		o.expect(h.exchange(other), "482 ")
	})
}

// What cannot be read is answered where it can be, and nothing comes of it.
func TestWhatCannotBeRead(t *testing.T) {
	for _, c := range []struct {
		name, want string
		change     func(string) string
	}{
		{"another version", "505 ", func(s string) string { return strings.Replace(s, " SIP/2.0\r\nVia", " SIP/7.0\r\nVia", 1) }},
		{"a long Request-URI", "414 ", func(s string) string {
			return strings.Replace(s, "PUBLISH sip:alice", "PUBLISH sip:alice"+strings.Repeat("a", 600), 1)
		}},
		{"two Call-IDs", "400 ", func(s string) string { return strings.Replace(s, "\r\nCSeq", "\r\nCall-ID: x\r\nCSeq", 1) }},
		{"a header field without a colon", "400 ", func(s string) string { return strings.Replace(s, "\r\nCSeq", "\r\nnonsense\r\nCSeq", 1) }},
		{"a negative length", "400 ", func(s string) string { return strings.Replace(s, "Content-Length: ", "Content-Length: -", 1) }},
		{"a large CSeq", "400 ", func(s string) string { return strings.Replace(s, " PUBLISH\r\n", "99999999999 PUBLISH\r\n", 1) }},
		{"a Request-URI in brackets", "400 ", func(s string) string {
			return strings.Replace(s, "sip:alice@example.test SIP", "<sip:alice@example.test> SIP", 1)
		}},
		{"hops gone mad", "400 ", func(s string) string { return strings.Replace(s, "Max-Forwards: 70", "Max-Forwards: many", 1) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			inOffice(t, nil, func(o *office) {
				h := o.handset("alice")
				line := h.authorization("PUBLISH", aor("alice"))
				o.expect(h.exchange(c.change(h.request("PUBLISH", aor("alice"), line, busy))), c.want)
				for _, nothing := range []string{"", "\r\n\r\n", "\x00\x00", "SIP/2.0 200 OK\r\n\r\n", strings.Repeat("x", 60000)} {
					h.send(nothing)
				}
				h.publish("alice", busy)
			})
		})
	}
}
