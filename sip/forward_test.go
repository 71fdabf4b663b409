package sip_test

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"lamplight/sip"
	"lamplight/sip/torture"
)

const invite = `INVITE sip:bob@example.test SIP/2.0
v: SIP/2.0/UDP 10.0.0.1:5062;branch=z9hG4bK1;rport
Via: SIP/2.0/TCP 10.0.0.2;branch=z9hG4bK0, SIP/2.0/UDP 10.0.0.3
Route: <sip:192.0.2.9;lr>, <sip:192.0.2.10;lr>
record-route: <sip:192.0.2.8;lr>
X-Folded: one,
  two
f: "Alice" <sip:alice@example.test>;tag=a
t: sip:bob@example.test
CALL-ID: one
x-LOWER	 : kept as it is
CSeq: 3 INVITE
Max-Forwards: 12
m: <sip:alice@10.0.0.1:5062>
P-Asserted-Identity: <sip:boss@example.test>
Proxy-Authorization: Digest username="alice"
k: 100rel
j: *
x: 1800
X-Folded: three
c: application/sdp
l: 11

v=0
` + "\x00" + `
end!`

// RFC 3261 §16.6: what a proxy changes is changed, all else goes as it came, in
// its order, on one line and under its full name.
func TestAForwardedRequest(t *testing.T) {
	m := parse(t, invite)
	body := string(m.Body())
	e := sip.Edit{URI: "sip:bob@192.0.2.20:5070;transport=tcp", Routes: []string{"<sip:192.0.2.10;lr>"}, RecordRoute: []string{"<sip:192.0.2.1;lr;transport=tcp>", "<sip:192.0.2.1;lr>"},
		MaxForwards: 11, Drop: []sip.Header{sip.ProxyAuthorization, sip.PAssertedIdentity}, Header: []byte("P-Asserted-Identity: <sip:alice@example.test>\r\n")}
	got := string(e.AppendRequest(nil, m, netip.MustParseAddrPort("192.0.2.5:7777"), []byte("SIP/2.0/TCP 192.0.2.1;branch=z9hG4bKx")))
	want := strings.ReplaceAll(`INVITE sip:bob@192.0.2.20:5070;transport=tcp SIP/2.0
Via: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bKx
Via: SIP/2.0/UDP 10.0.0.1:5062;branch=z9hG4bK1;rport=7777;received=192.0.2.5
Via: SIP/2.0/TCP 10.0.0.2;branch=z9hG4bK0, SIP/2.0/UDP 10.0.0.3
Route: <sip:192.0.2.10;lr>
Record-Route: <sip:192.0.2.1;lr;transport=tcp>
Record-Route: <sip:192.0.2.1;lr>
Max-Forwards: 11
Record-Route: <sip:192.0.2.8;lr>
X-Folded: one,    two
From: "Alice" <sip:alice@example.test>;tag=a
To: sip:bob@example.test
Call-ID: one
x-LOWER: kept as it is
CSeq: 3 INVITE
Contact: <sip:alice@10.0.0.1:5062>
Supported: 100rel
j: *
Session-Expires: 1800
X-Folded: three
Content-Type: application/sdp
P-Asserted-Identity: <sip:alice@example.test>
Content-Length: 11

`, "\n", "\r\n") + body
	if got != want {
		t.Errorf("%q\nwant\n%q", got, want)
	}
	if e = (sip.Edit{}); !strings.HasPrefix(string(e.AppendRequest(nil, m, netip.AddrPort{}, nil)), "INVITE sip:bob@example.test SIP/2.0\r\n") {
		t.Error("without another URI it does not go to its own")
	}
}

// RFC 3261 §16.7 item 3: the top Via goes, in whichever way it was written.
func TestAForwardedResponse(t *testing.T) {
	text := "SIP/2.0 183 Session \u043d\u043e\r\nv: SIP/2.0/UDP a;branch=1, SIP/2.0/UDP b;branch=\"2,\"\r\nVia: SIP/2.0/UDP c\r\nf: <sip:a@b>;tag=1\r\nt: <sip:c@d>;tag=2\r\ni: 1\r\n" +
		"CSeq: 1 INVITE\r\nRecord-Route: <sip:p;lr>\r\nServer: x\r\nX-Other: y\r\nl: 4\r\n\r\nbodymore"
	e := sip.Edit{Drop: []sip.Header{sip.Server}, Header: []byte("Reason: SIP;cause=200\r\n")}
	want := "SIP/2.0 183 Session \u043d\u043e\r\nVia: SIP/2.0/UDP b;branch=\"2,\"\r\nVia: SIP/2.0/UDP c\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\nCall-ID: 1\r\n" +
		"CSeq: 1 INVITE\r\nRecord-Route: <sip:p;lr>\r\nX-Other: y\r\nReason: SIP;cause=200\r\nContent-Length: 4\r\n\r\nbody"
	if got := string(e.AppendResponse(nil, parse(t, strings.ReplaceAll(text, "\r\n", "\n")))); got != want {
		t.Errorf("%q\nwant\n%q", got, want)
	}
}

// fieldsOf are the header fields of some names, as those behind the proxy read them.
func fieldsOf(m *sip.Message, list ...sip.Header) (values []string) {
	for _, h := range list {
		for v := range m.Fields(h) {
			values = append(values, h.String()+": "+string(v))
		}
	}
	return values
}

// FuzzForward: whatever is passed on is read behind as it was read here, and has
// neither a field nor a byte of a body more.
func FuzzForward(f *testing.F) {
	f.Add(crlf(invite))
	f.Add(crlf(publish))
	f.Add([]byte("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a, SIP/2.0/UDP b\r\nf: <sip:a@b>\r\n\r\n"))
	for _, c := range torture.Messages {
		f.Add(c.Bytes())
	}
	kept := []sip.Header{sip.From, sip.To, sip.CallID, sip.CSeq, sip.Contact, sip.RecordRoute, sip.ContentType, sip.Supported, sip.Require}
	f.Fuzz(func(t *testing.T, text []byte) {
		var m, again sip.Message
		if m.Parse(text) != nil {
			return
		}
		var e sip.Edit
		var out []byte
		if m.IsRequest() {
			out = e.AppendRequest(nil, &m, netip.MustParseAddrPort("192.0.2.1:5060"), []byte("SIP/2.0/UDP p;branch=z9hG4bKp"))
		} else {
			out = e.AppendResponse(nil, &m)
		}
		if err := again.Parse(bytes.Clone(out)); err != nil && len(out) < sip.DefaultLimits.Head && m.Count(sip.Via) < sip.DefaultLimits.SameField {
			t.Fatalf("%q becomes %q: %v", text, out, err)
		} else if err != nil {
			return
		}
		if !bytes.Equal(again.Body(), m.Body()) || !bytes.Equal(again.RequestURI(), m.RequestURI()) || again.Status() != m.Status() || again.Method() != m.Method() {
			t.Errorf("%q becomes %q", text, out)
		}
		if got, want := fieldsOf(&again, kept...), fieldsOf(&m, kept...); !slices.Equal(got, want) {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
		if again.Has(sip.Route) || again.Count(sip.ContentLength) != 1 {
			t.Errorf("%q becomes %q", text, out)
		}
	})
}
