package proxy

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"lamplight/sip"
)

func parsed(t testing.TB, text string) *sip.Message {
	t.Helper()
	m := new(sip.Message)
	if err := m.Parse([]byte(strings.ReplaceAll(text, "\n", "\r\n"))); err != nil {
		t.Fatal(err)
	}
	return m
}

var bothEnds = ends{
	caller: end{"WSS", netip.MustParseAddrPort("[2001:db8::1]:443"), netip.MustParseAddrPort("[2001:db8::2]:50000"), 1<<63 + 1},
	callee: end{"UDP", netip.MustParseAddrPort("192.0.2.1:5060"), netip.MustParseAddrPort("198.51.100.7:1024"), 0},
}

// A token is of one dialog, and whoever changes a bit of it has none.
func TestTokens(t *testing.T) {
	k := key{1, 2, 3}
	token := k.token(&bothEnds, "call", "tag")
	if e, ok := k.open(token, "call", "tag"); !ok || e != bothEnds {
		t.Errorf("opened: %+v %v", e, ok)
	}
	other := key{1, 2, 4}
	for what, ok := range map[string]bool{
		"another call":    opens(&k, token, "call2", "tag"),
		"another tag":     opens(&k, token, "call", "tag2"),
		"split elsewhere": opens(&k, token, "cal", "l\x00tag"),
		"another secret":  opens(&other, token, "call", "tag"),
		"nothing":         opens(&k, "", "call", "tag"),
		"less":            opens(&k, token[:len(token)-1], "call", "tag"),
		"more":            opens(&k, token+"A", "call", "tag"),
	} {
		if ok {
			t.Errorf("%s opens it", what)
		}
	}
	for i := range token {
		changed := []byte(token)
		if changed[i]++; opens(&k, string(changed), "call", "tag") {
			t.Errorf("changed at %d it opens", i)
		}
	}
}

func opens(k *key, token, callID, tag string) bool {
	_, ok := k.open(token, callID, tag)
	return ok
}

// No token makes trouble, whoever made it.
func FuzzToken(f *testing.F) {
	k := key{1}
	f.Add([]byte{}, "call", "tag")
	f.Add([]byte{0, 4, 1, 2, 3, 4, 0, 1, 0, 0, 0, 0}, "call", "tag")
	b := appendEnd(nil, &bothEnds.caller)
	f.Add(appendEnd(b, &bothEnds.callee), "call", "tag")
	f.Fuzz(func(t *testing.T, b []byte, callID, tag string) {
		e, ok := k.open(encoding.EncodeToString(append(slices.Clone(b), k.code(b, callID, tag)...)), callID, tag)
		if !ok {
			return
		}
		if again, ok := k.open(k.token(&e, callID, tag), callID, tag); !ok || again != e {
			t.Errorf("%+v became %+v %v", e, again, ok)
		}
	})
}

// RFC 3264 §8.4, and what phones wrote before it.
func TestHolds(t *testing.T) {
	for sdp, want := range map[string]Hold{
		"":                                              HoldUnsaid,
		"m=audio 9 RTP/AVP 0\n":                         NotHeld,
		"m=audio 9 RTP/AVP 0\na=sendrecv\n":             NotHeld,
		"m=audio 9 RTP/AVP 0\na=recvonly\n":             NotHeld,
		"m=audio 9 RTP/AVP 0\na=sendonly\n":             Held,
		"m=audio 9 RTP/AVP 0\na=inactive\n":             Held,
		"a=sendonly\nm=audio 9 RTP/AVP 0\n":             Held,
		"c=IN IP4 0.0.0.0\nm=audio 9 RTP/AVP 0\n":       Held,
		"a=sendonly\nm=audio 9 RTP/AVP 0\na=sendrecv\n": NotHeld,
		"m=audio 9 RTP/AVP 0\na=sendonly\nm=video 9 RTP/AVP 99\na=sendrecv\n": NotHeld,
		"m=audio 9 RTP/AVP 0\na=sendonly\nm=video 9 RTP/AVP 99\na=inactive\n": Held,
		"m=audio 9 RTP/AVP 0\na=sendonlyx\n":                                  NotHeld,
	} {
		kind := "Content-Type: application/sdp\n"
		if sdp == "" {
			kind = ""
		}
		body := strings.ReplaceAll(sdp, "\n", "\r\n")
		m := parsed(t, fmt.Sprintf("INVITE sip:b@e.test SIP/2.0\n%sContent-Length: %d\n\n", kind, len(body))+sdp)
		if got := holds(m); got != want {
			t.Errorf("%q: %d, want %d", sdp, got, want)
		}
	}
}

// RFC 3261 §16.7 item 6.
func TestBestResponse(t *testing.T) {
	for said, want := range map[string]int{
		"486": 486, "480 486": 486, "486 603": 603, "404 302": 302, "500 404": 404, "408 480": 480, "503 500": 500, "486 401": 401,
		"407 420": 407, "487 486": 486, "604 603": 604,
	} {
		var b best
		for s := range strings.FieldsSeq(said) {
			b.add(parsed(t, "SIP/2.0 "+s+" x\nCSeq: 1 INVITE\nContent-Length: 0\n\n"))
		}
		if m := b.choose(); m.Status() != want {
			t.Errorf("of %s: %d, want %d", said, m.Status(), want)
		}
	}
	var b best
	b.fail(503)
	b.fail(408)
	b.add(parsed(t, "SIP/2.0 503 x\nCSeq: 1 INVITE\nContent-Length: 0\n\n"))
	if m := b.choose(); m != nil || b.status != 408 {
		t.Errorf("of failures: %v, %d", m, b.status)
	}
}

// Ways to one device are tried one after the other, devices of one q together.
func TestGroups(t *testing.T) {
	sets := groups([]Target{{URI: "sip:a", Q: 500}, {URI: "sip:b", Q: 1000, Instance: "i"}, {URI: "sip:c", Q: 1000}, {URI: "sip:d", Q: 700, Instance: "i"}, {URI: "sips:e", Q: 500}}, false)
	var got []string
	for _, set := range sets {
		for _, s := range set {
			got = append(got, fmt.Sprint(s.URI, len(s.others)))
		}
		got = append(got, "|")
	}
	if s := strings.Join(got, " "); s != "sip:b1 sip:c0 | sip:a0 sips:e0 |" {
		t.Errorf("groups: %s", s)
	}
	if sets := groups([]Target{{URI: "sip:a", Q: 1}, {URI: "sips:e", Q: 2}}, true); len(sets) != 1 || sets[0][0].URI != "sips:e" {
		t.Errorf("secure: %v", sets)
	}
}

func TestRouteTable(t *testing.T) {
	p := New(Options{Routes: []Route{{Pattern: "110", Target: "sip:10.0.0.1"}, {Pattern: "00*", Target: "sip:10.0.0.2;transport=tcp", Strip: 2, Prepend: "+"},
		{Pattern: "partner.test", Target: "sip:10.0.0.3"}, {Pattern: "0*", Target: "sip:10.0.0.4"}}})
	for _, c := range []struct {
		uri  string
		ours bool
		want string
	}{
		{"sip:110@e.test", true, "sip:110@10.0.0.1"}, {"sip:1101@e.test", true, ""}, {"tel:+49-89-1", false, ""}, {"tel:0049(89)1;phone-context=e.test", false, "sip:+49891@10.0.0.2;transport=tcp"},
		{"sip:0891;x=y@e.test;user=phone", true, "sip:0891@10.0.0.4"}, {"sip:0891@other.test", false, ""}, {"sip:0x@e.test", true, ""},
		{"sip:bob@PARTNER.test?a=b", false, "sip:bob@PARTNER.test"},
	} {
		u, err := sip.ParseURI([]byte(c.uri))
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := p.routeOf(u, c.ours); got.URI != c.want {
			t.Errorf("%s goes to %q, want %q", c.uri, got.URI, c.want)
		}
	}
}

func TestStrictRouters(t *testing.T) {
	uri, routes, strict := strictly("sip:t@e.test", []string{"<sip:old.test>", "<sip:new.test;lr>"})
	if uri != "sip:old.test" || !strict || strings.Join(routes, ",") != "<sip:new.test;lr>,<sip:t@e.test>" {
		t.Errorf("%s by %v, %v", uri, routes, strict)
	}
	if uri, _, strict := strictly("sip:t@e.test", []string{"<sip:new.test;lr>"}); uri != "sip:t@e.test" || strict {
		t.Errorf("to a loose router: %s %v", uri, strict)
	}
}
