package sip_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"lamplight/sip"
)

var source = netip.MustParseAddrPort("192.0.2.1:5070")

// RFC 3261 §8.2.6.2: what a response repeats, as it came; its order in To.
func TestAResponseRepeatsWhatItMust(t *testing.T) {
	req := parse(t, `SUBSCRIBE sip:bob@example.com SIP/2.0
v: SIP/2.0/UDP a.example.com;branch=z9hG4bK1;rport;x="1, 2" , SIP/2.0/TCP b.example.com;branch=2
Via:SIP/2.0/TLS c.example.com
Record-Route: <sip:p1;lr>, <sip:p2;lr>
Record-Route: <sip:p3;lr>
f : "A, B" <sip:alice@example.com>;tag=f1;x="y;z"
t: Bob <sip:bob@example.com>;y
i: one
CSeq: 7
 SUBSCRIBE
Timestamp: 54.2
l: 0

`)
	r := sip.Response{Status: 200, ToTag: "t1", Header: []byte("Expires: 5\r\nContact: <sip:s>\r\n"), ContentType: "a/b", Body: []byte("xyz")}
	want := string(crlf(`SIP/2.0 200 OK
Via: SIP/2.0/UDP a.example.com;branch=z9hG4bK1;x="1, 2";rport=5070;received=192.0.2.1, SIP/2.0/TCP b.example.com;branch=2
Via: SIP/2.0/TLS c.example.com
From: "A, B" <sip:alice@example.com>;tag=f1;x="y;z"
To: Bob <sip:bob@example.com>;y;tag=t1
Call-ID: one
CSeq: 7   SUBSCRIBE
Record-Route: <sip:p1;lr>, <sip:p2;lr>
Record-Route: <sip:p3;lr>
Expires: 5
Contact: <sip:s>
Content-Type: a/b
Content-Length: 3

xyz`))
	if got := string(r.Append(nil, req, source)); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	r = sip.Response{Status: 481, Reason: "Gone"}
	if got := string(r.Append(nil, req, source)); !strings.HasPrefix(got, "SIP/2.0 481 Gone\r\n") || strings.Contains(got, "Record-Route") ||
		strings.Contains(got, "Timestamp") || !strings.Contains(got, "To: Bob <sip:bob@example.com>;y\r\n") {
		t.Error(got)
	}
	r = sip.Response{Status: 100} // RFC 3261 §8.2.6.1
	if got := string(r.Append(nil, req, source)); !strings.Contains(got, "\r\nTimestamp: 54.2\r\n") {
		t.Error(got)
	}
}

func TestATagThatIsThereStays(t *testing.T) {
	for to, want := range map[string]string{
		"<sip:b@a>;tag=mine":       "<sip:b@a>;tag=mine",
		"sip:b@a;TAG=mine":         "sip:b@a;TAG=mine",
		"<sip:b@a;tag=uri>":        "<sip:b@a;tag=uri>;tag=new",
		`"x;tag=y" <sip:b@a>`:      `"x;tag=y" <sip:b@a>;tag=new`,
		"sip:b@a":                  "sip:b@a;tag=new",
		"<sip:b@a> broken":         "<sip:b@a> broken",
		"<sip:b@a>;tag=\"quoted\"": "<sip:b@a>;tag=\"quoted\"",
	} {
		r := sip.Response{Status: 200, ToTag: "new"}
		if got := string(r.Append(nil, field(t, "To: "+to), source)); !strings.Contains(got, "\r\nTo: "+want+"\r\n") {
			t.Errorf("%s: %s", to, got)
		}
	}
}

// RFC 3261 §18.2.1, RFC 3581 §4.
func TestReceivedAndRport(t *testing.T) {
	for _, c := range [][3]string{
		{"SIP/2.0/UDP 192.0.2.1:5070;branch=b", "192.0.2.1:5070", "SIP/2.0/UDP 192.0.2.1:5070;branch=b"},
		{"SIP/2.0/UDP 192.0.2.1;branch=b", "192.0.2.1:9", "SIP/2.0/UDP 192.0.2.1;branch=b"},
		{"SIP/2.0/UDP 10.0.0.1:5070;branch=b", "192.0.2.1:9", "SIP/2.0/UDP 10.0.0.1:5070;branch=b;received=192.0.2.1"},
		{"SIP/2.0/UDP a.example.com;branch=b", "192.0.2.1:9", "SIP/2.0/UDP a.example.com;branch=b;received=192.0.2.1"},
		{"SIP/2.0/UDP 192.0.2.1;rport;branch=b", "192.0.2.1:9", "SIP/2.0/UDP 192.0.2.1;branch=b;rport=9;received=192.0.2.1"},
		{"SIP/2.0/UDP 10.0.0.1 ; rport = 7 ; branch=b", "192.0.2.1:9", "SIP/2.0/UDP 10.0.0.1;branch=b;rport=9;received=192.0.2.1"},
		{"SIP/2.0/UDP 10.0.0.1;received=203.0.113.9;rport=1;RPORT=2", "192.0.2.1:9", "SIP/2.0/UDP 10.0.0.1;rport=9;received=192.0.2.1"},
		{"SIP/2.0/UDP 192.0.2.1;received=203.0.113.9", "192.0.2.1:9", "SIP/2.0/UDP 192.0.2.1"},
		{"SIP/2.0/UDP [2001:db8::1]:5070", "[2001:db8::1]:9", "SIP/2.0/UDP [2001:db8::1]:5070"},
		{"SIP/2.0/UDP [2001:DB8:0::1]", "[2001:db8::1]:9", "SIP/2.0/UDP [2001:DB8:0::1]"},
		{"SIP/2.0/UDP [2001:db8::2]", "[2001:db8::1]:9", "SIP/2.0/UDP [2001:db8::2];received=2001:db8::1"},
		{"SIP/2.0/UDP 192.0.2.1", "[::ffff:192.0.2.1]:9", "SIP/2.0/UDP 192.0.2.1"},
		{"SIP/2.0/UDP [fe80::1]", "[fe80::1%eth0]:9", "SIP/2.0/UDP [fe80::1]"},
		{"SIP/2.0/UDP h;branch=z9hG4bK[x]:y", "192.0.2.1:9", "SIP/2.0/UDP h;branch=z9hG4bK[x]:y;received=192.0.2.1"}, // a branch is repeated as it came
		{"broken", "192.0.2.1:9", "broken"},
	} {
		r := sip.Response{Status: 200}
		if got := string(r.Append(nil, field(t, "Via: "+c[0]), netip.MustParseAddrPort(c[1]))); !strings.Contains(got, "\r\nVia: "+c[2]+"\r\n") {
			t.Errorf("%s from %s: %s", c[0], c[1], got)
		}
	}
}

// A response is not much larger than the request, however Via is written.
func TestViaDoesNotAmplify(t *testing.T) {
	req := field(t, "v:SIP/2.0/UDP a"+strings.Repeat(",SIP/2.0/UDP a", 1000))
	r := sip.Response{Status: 400}
	if n := len(r.Append(nil, req, source)); n > len(req.Bytes())+200 {
		t.Errorf("%d bytes answer %d", n, len(req.Bytes()))
	}
}

// Whatever stands in a field stays in its line.
func TestNoFieldMakesALine(t *testing.T) {
	const evil = "x\r\nEvil: y\r\n\r\nz\nEvil: y\rEvil: y\x00"
	req := parse(t, publish)
	one := sip.Response{Status: 200, Reason: evil, ToTag: evil, ContentType: evil, Header: []byte("Server: a\nEvil: b\r\n\r\n\r\nX: b\r\rEvil: c")}
	two := sip.Request{Method: evil, URI: evil, Routes: []string{evil}, From: evil, To: evil, CallID: evil, ContentType: evil,
		Header: []byte("\r\n\nEvil: y\r\nX: y")}
	for what, sent := range map[string]string{"a response": string(one.Append(nil, req, source)), "a request": string(two.Append(nil, []byte(evil)))} {
		head, _, _ := strings.Cut(sent, "\r\n\r\n")
		for line := range strings.SplitSeq(head, "\r\n") {
			if strings.HasPrefix(line, "Evil:") || strings.ContainsAny(line, "\r\n\x00") || line == "" {
				t.Errorf("%s has the line %q in\n%q", what, line, sent)
			}
		}
		if !strings.HasSuffix(head, "Content-Length: 0") {
			t.Errorf("%s ends early: %q", what, sent)
		}
	}
}

func TestWhatIsBuiltCanBeRead(t *testing.T) {
	r := sip.Request{Method: sip.SUBSCRIBE, URI: "sip:bob@example.com", Routes: []string{"<sip:p1;lr>", "<sip:p2;lr>"}, From: "<sip:a@b>;tag=1", To: "<sip:b@b>",
		CallID: "c", CSeq: 2147483647, Header: []byte("Event: presence\r\n"), ContentType: "a/b", Body: []byte("xyz")}
	m := new(sip.Message)
	if err := m.Parse(r.Append(nil, []byte("SIP/2.0/UDP h;branch=z9hG4bK1"))); err != nil {
		t.Fatal(err)
	}
	hops, _, _ := m.MaxForwards()
	if got := fmt.Sprint(m.Validate(), hops, join(m.Fields(sip.Route)), string(m.Value(sip.Event)), string(m.Body())); got != "<nil> 70<sip:p1;lr>|<sip:p2;lr>presencexyz" {
		t.Error(got)
	}
	r.MaxForwards = 3
	if got := string(r.Append(nil, nil)); !strings.Contains(got, "\r\nMax-Forwards: 3\r\n") {
		t.Error(got)
	}
}

func TestBuildingAllocatesNothing(t *testing.T) {
	req, b := parse(t, publish), make([]byte, 0, 4096)
	resp := &sip.Response{Status: 200, ToTag: "abc", Header: []byte("SIP-ETag: 1234\r\nExpires: 3600\r\n")}
	if n := testing.AllocsPerRun(100, func() { b = resp.Append(b[:0], req, source) }); n != 0 {
		t.Errorf("a response: %v allocations", n)
	}
	r := &sip.Request{Method: sip.NOTIFY, URI: "sip:a@b", From: "<sip:a@b>;tag=1", To: "<sip:b@b>", CallID: "c", CSeq: 1, Routes: []string{"<sip:p;lr>"}, Body: []byte("x")}
	via := []byte("SIP/2.0/UDP h;branch=z9hG4bK1")
	if n := testing.AllocsPerRun(100, func() { b = r.Append(b[:0], via) }); n != 0 {
		t.Errorf("a request: %v allocations", n)
	}
}

func BenchmarkResponse(b *testing.B) {
	req, out := parse(b, publish), make([]byte, 0, 4096)
	resp := &sip.Response{Status: 200, ToTag: "abc", Header: []byte("SIP-ETag: 1234\r\nExpires: 3600\r\n")}
	b.ReportAllocs()
	for b.Loop() {
		out = resp.Append(out[:0], req, source)
	}
}

func BenchmarkRequest(b *testing.B) {
	out := make([]byte, 0, 4096)
	r := &sip.Request{Method: sip.NOTIFY, URI: "sip:alice@192.0.2.1:5060", From: "<sip:alice@example.com>;tag=1", To: "<sip:bob@example.com>;tag=2", CallID: "c", CSeq: 1,
		Header: []byte("Event: presence\r\nSubscription-State: active;expires=3600\r\nContact: <sip:192.0.2.9:5060>\r\n"), ContentType: "application/pidf+xml", Body: make([]byte, 400)}
	via := []byte("SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK1")
	b.ReportAllocs()
	for b.Loop() {
		out = r.Append(out[:0], via)
	}
}
