package app_test

import (
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"lamplight/app"
	"lamplight/event/presence"
	"lamplight/sip"
	"lamplight/sip/torture"
)

// onlyTo has every datagram of the server's go to one of those who are there.
func (o *office) onlyTo() {
	o.net.Tap(func(from, to netip.AddrPort, b []byte) {
		if from == serverAt && !slices.ContainsFunc(o.phones, func(h *handset) bool { return h.addr.Addr() == to.Addr() }) {
			o.Errorf("the server sends to %s\n%s", to, b)
		}
	})
}

// Nobody else is sent anything, wherever a request points.
func TestThreatReflection(t *testing.T) {
	victims := []string{"198.51.100.7:53", "198.51.100.7:123", "255.255.255.255:5060", "224.0.1.75:5060", "127.0.0.1:5060", "169.254.169.254:80", "0.0.0.0:5060", "[ff02::1]:5060", "[fe80::1]:5060", "[::1]:5060", "192.0.2.1:5060"}
	for _, outbound := range [][]string{nil, {"203.0.113.0/24"}} {
		inOffice(t, func(o *app.Options) { o.Outbound = outbound }, func(o *office) {
			h := o.handset("alice")
			o.onlyTo()
			for _, v := range victims {
				for _, lines := range [][]string{
					{"Contact: <sip:victim@" + v + ">"}, {"Record-Route: <sip:" + v + ";lr>"}, {"Record-Route: <sip:" + v + ">"}, {"Route: <sip:" + v + ";lr>"},
					{"Contact: <sip:victim@" + v + ">", "Via: SIP/2.0/UDP " + v + ";branch=z9hG4bKa;rport, SIP/2.0/UDP 192.0.2.99;branch=z9hG4bKb"},
					{"Via: SIP/2.0/UDP " + v + ";branch=z9hG4bKc"}, {"Via: SIP/2.0/UDP 203.0.113.1;maddr=" + v + ";branch=z9hG4bKd"}, {"Via: SIP/2.0/UDP 203.0.113.1;received=" + v + ";branch=z9hG4bKe"},
					{"Path: <sip:" + v + ";lr>"}, {"Contact: <sip:" + v + ";maddr=" + v + ">"},
				} {
					h.send(h.request("SUBSCRIBE", aor("bob"), append(lines, h.authorization("SUBSCRIBE", aor("bob")))...))
					h.send(h.request("OPTIONS", aor("bob"), lines...))
					o.advance(time.Second)
					h.drain()
					for len(h.responses) > 0 {
						<-h.responses
					}
				}
			}
			o.handset("bob").publish("bob", state("bob", presence.Busy))
			o.advance(time.Minute)
		})
	}
}

// Before anybody has authenticated, an answer is hardly larger than what it
// answers, and there is one only.
func TestThreatAmplification(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		h := o.handset("alice")
		in, out, answers := 0, 0, 0
		o.net.Tap(func(from, _ netip.AddrPort, b []byte) {
			if from == serverAt {
				answers, out = answers+1, out+len(b)
			}
		})
		try := func(name string, text []byte) {
			in, out, answers = len(text), 0, 0
			h.send(string(text))
			o.advance(40 * time.Second) // longer than anything is sent again
			for len(h.responses) > 0 {
				<-h.responses
			}
			switch {
			case answers > 1:
				t.Errorf("%s has %d answers", name, answers)
			case out*2 > in*3 && (in > 256 || out > in+200):
				t.Errorf("%s: %d bytes are answered by %d", name, in, out)
			}
		}
		for _, method := range []string{"OPTIONS", "SUBSCRIBE", "PUBLISH", "REGISTER", "MESSAGE", "INVITE", "NOTIFY", "REFER", "INFO", "UPDATE", "PRACK", "BYE", "CANCEL", "ACK", "NONSENSE"} {
			uri := map[bool]string{true: "sip:example.test", false: aor("bob")}[method == "REGISTER"]
			try(method, []byte(h.request(method, uri)))
			try(method+" of a stranger", []byte(h.request(method, uri, "From: <sip:eve@elsewhere.test>;tag=1")))
			try("the least "+method, []byte(method+" "+uri+" SIP/2.0\r\nv:SIP/2.0/UDP a;branch=z9hG4bKl"+method+";rport\r\nf:<sip:b@example.test>;tag=1\r\nt:<sip:b@example.test>\r\ni:a"+method+"\r\nCSeq:1 "+method+"\r\no:presence\r\n\r\n"))
			try(method+" that wants", []byte(h.request(method, uri, "Require: "+strings.Repeat("a,", 200)+"a", "Proxy-Require: b")))
			try(method+" by many", []byte(h.request(method, uri, "+v:SIP/2.0/UDP a", "+v:SIP/2.0/UDP b", "+v:SIP/2.0/UDP c", "+v:SIP/2.0/UDP d", "+v:SIP/2.0/UDP e")))
		}
		for _, m := range torture.Messages {
			try(m.Section, m.Bytes())
		}
		files, _ := filepath.Glob("../../shared/corpus/rfc4475/*.dat")
		t.Logf("%d messages of the corpus beside ours", len(files))
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			try(filepath.Base(file), b)
		}
		t.Logf("%d messages of RFC 4475 were at hand", len(files))
	})
}

// Entity-tags cannot be guessed, and are of no use to others.
func TestThreatForeignEntityTags(t *testing.T) {
	inOffice(t, func(o *app.Options) { o.Limits = "off" }, func(o *office) {
		alice, bob := o.handset("alice"), o.handset("bob")
		seen := map[string]bool{}
		tag := alice.publish("alice", busy)
		for range 2000 {
			if seen[tag] || len(tag) < 16 {
				t.Fatalf("tag %q", tag)
			}
			seen[tag] = true
			tag = alice.publish("alice", "SIP-If-Match: "+tag)
		}
		o.leavesNothing(func() {
			o.expect(bob.do("PUBLISH", aor("alice"), "SIP-If-Match: "+tag, "Expires: 0"), "403 ")
			o.expect(bob.do("PUBLISH", aor("bob"), "SIP-If-Match: "+tag, "Expires: 0"), "412 ")
			o.expect(alice.do("PUBLISH", aor("alice"), "SIP-If-Match: '; DROP TABLE users; --", "Expires: 0"), "4(00|12) ")
		})
		o.shows(bob.subscribe("alice").next(), presence.Busy)
	})
}

// A dialog is of who began it, though another knows all its names.
func TestThreatDialogHijack(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		alice, eve := o.handset("alice"), o.handset("carol")
		d := alice.subscribe("bob")
		d.next()
		stolen := *d
		stolen.handset = eve
		for _, lines := range [][]string{{"Contact: <" + eve.contact() + ">"}, {"Expires: 0"}, {"From: <sip:carol@example.test>;tag=" + tagOf(d.first, sip.From)}} {
			stolen.cseq++
			o.expect(stolen.again(lines...), "403 ")
		}
		o.advance(time.Minute)
		o.handset("bob").publish("bob", state("bob", presence.Busy))
		o.shows(d.next(), presence.Busy)
		eve.silent(time.Minute)
	})
}

func tagOf(m *sip.Message, h sip.Header) string {
	n, err := sip.ParseNameAddr(m.Value(h))
	if err != nil {
		return ""
	}
	return string(n.Tag())
}

// A flood of one user's publications reaches watchers as a trickle, and others
// not at all.
func TestThreatPublishFlood(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		watcher := o.handset("bob").subscribe("alice")
		watcher.next()
		alice, tag, refused := o.handset("alice"), "", 0
		for i := range 400 {
			lines := []string{state("alice", []presence.State{presence.Busy, presence.Away}[i%2])}
			if tag != "" {
				lines = append(lines, "SIP-If-Match: "+tag)
			}
			m := alice.do("PUBLISH", aor("alice"), lines...)
			if m.Status() != 200 {
				o.expect(m, "500 ", soonAgain...)
				refused++
				continue
			}
			tag = string(m.Value(sip.SIPETag))
		}
		if refused < 150 {
			t.Errorf("%d of 400 at once are refused", refused)
		}
		o.advance(time.Second)
		if n := len(watcher.requests); n > 6 {
			t.Errorf("the watcher is told %d times", n)
		}
		o.handset("carol").publish("carol", state("carol", presence.Busy))
	})
}

// There is no way out to other domains, or to the telephone network, also where
// calls are passed on.
func TestThreatTollFraud(t *testing.T) {
	for _, roles := range [][]string{{"registrar", "presence"}, {"registrar", "presence", "proxy"}} {
		inOffice(t, func(o *app.Options) { o.Role = roles }, func(o *office) {
			o.onlyTo() // what alice tried may be in her history
			h := o.handset("alice")
			for _, uri := range []string{"sip:+4990012345@example.test", "tel:+4990012345", "sip:victim@198.51.100.7", "sip:a@elsewhere.test", "sip:bob@198.51.100.7;maddr=198.51.100.8"} {
				for _, method := range []string{"INVITE", "REFER", "MESSAGE"} {
					credentials := "Proxy-" + h.authorization(method, uri)
					o.expect(h.do(method, uri, credentials, "Refer-To: <sip:+4990012345@elsewhere.test>", "Route: <sip:198.51.100.7;lr>"), "40[345] ")
					o.expect(h.do(method, aor("bob"), "Proxy-"+h.authorization(method, aor("bob")), "Refer-To: <"+uri+">", "Route: <sip:198.51.100.7;lr>"), "4[08][0345] ")
				}
				o.expect(h.do("SUBSCRIBE", uri), "40[34] ")
			}
		})
	}
}

// Names cannot be found out: who is known and who is not get the same answer, of
// the same size, and after the same work.
func TestThreatUserEnumeration(t *testing.T) {
	inOffice(t, func(o *app.Options) { o.Limits = "off" }, func(o *office) {
		h := o.handset("carol")
		blank := func(m *sip.Message) string {
			lines := strings.Split(string(m.Bytes()), "\r\n")
			for i, l := range lines {
				if n := strings.Index(l, "nonce=\""); n >= 0 {
					lines[i] = l[:n] + l[n+7+strings.Index(l[n+7:], "\""):]
				}
			}
			return strings.Join(slices.DeleteFunc(lines, func(l string) bool { return strings.HasPrefix(l, "To:") }), "\n")
		}
		for _, method := range []string{"SUBSCRIBE", "PUBLISH", "REGISTER"} {
			for _, credentials := range []bool{false, true} {
				var said [2]string
				for i, user := range []string{"alice", "nobod"} {
					h.sent = 1000
					uri := map[bool]string{true: "sip:example.test", false: "sip:" + user + "@example.test"}[method == "REGISTER"]
					lines := []string{"From: <sip:" + user + "@example.test>;tag=x", "To: <sip:" + user + "@example.test>", "Call-ID: " + method + user, "Via: SIP/2.0/UDP a;branch=z9hG4bK" + user + ";rport"}
					if credentials {
						line := h.challenge().Answer(sip.Method(method), uri, user, "guess")
						lines = append(lines, strings.TrimSpace(line))
					}
					h.sent = 2000
					m := h.exchange(h.request(method, uri, lines...))
					o.expect(m, "401 ")
					said[i] = strings.NewReplacer("alice", "nobod").Replace(blank(m))
				}
				if said[0] != said[1] {
					t.Errorf("who is known is told\n%s\nwho is not\n%s", said[0], said[1])
				}
			}
		}
	})
}

// The XML that other parsers die of is refused in a moment, and asks for nothing.
func TestThreatDocuments(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	asked := make(chan struct{}, 1)
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			_ = c.Close()
			asked <- struct{}{}
		}
	}()
	const root = `<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:alice@example.test">`
	entities := `<!ENTITY a "aaaaaaaaaa">`
	for c := 'b'; c < 'k'; c++ {
		entities += fmt.Sprintf(`<!ENTITY %c "%s">`, c, strings.Repeat(fmt.Sprintf("&%c;", c-1), 10))
	}
	inOffice(t, nil, func(o *office) {
		h := o.handset("alice")
		h.authorization("PUBLISH", aor("alice"))
		for name, body := range map[string]string{
			"billion laughs":     "<!DOCTYPE p [" + entities + "]>" + root + "<note>&j;</note></presence>",
			"quadratic blow-up":  `<!DOCTYPE p [<!ENTITY a "` + strings.Repeat("a", 20000) + `">]>` + root + "<note>" + strings.Repeat("&a;", 5000) + "</note></presence>",
			"a file":             `<!DOCTYPE p [<!ENTITY x SYSTEM "file:///etc/passwd">]>` + root + "<note>&x;</note></presence>",
			"a page":             `<!DOCTYPE p SYSTEM "http://` + listener.Addr().String() + `/x">` + root + "</presence>",
			"a parameter entity": `<!DOCTYPE p [<!ENTITY % x SYSTEM "http://` + listener.Addr().String() + `/x"> %x;]>` + root + "</presence>",
			"depth":              strings.Repeat("<a>", 15000),
			"depth that ends":    root + strings.Repeat("<a>", 40) + strings.Repeat("</a>", 40) + "</presence>",
			"attributes": root + "<tuple" + func() (s string) {
				for i := range 300 {
					s += fmt.Sprintf(` a%d=""`, i)
				}
				return s
			}() + "/></presence>",
			"an attribute twice":       root + `<tuple id="a" id="b"/></presence>`,
			"a prefix of nothing":      root + "<x:y/></presence>",
			"two roots":                root + "</presence>" + root + "</presence>",
			"NUL":                      root + "<note>\x00</note></presence>",
			"no UTF-8":                 root + "<note>\xff\xfe</note></presence>",
			"another encoding":         `<?xml version="1.0" encoding="UTF-7"?>` + root + "</presence>",
			"an entity nobody defined": root + "<note>&x;</note></presence>",
			"no end":                   root + "<note>",
		} {
			began := time.Now()
			o.leavesNothing(func() {
				text := h.request("PUBLISH", aor("alice"), h.authorization("PUBLISH", aor("alice")), "Content-Type: application/pidf+xml", body)
				if len(text) > 65000 {
					t.Fatal(name, len(text))
				}
				o.expect(h.exchange(text), "400 ")
			})
			_ = began
		}
	})
	select {
	case <-asked:
		t.Error("a document had the server ask for something")
	default:
	}
}

// smuggler is what a second message would have to say to be handled.
const smuggler = "PUBLISH sip:alice@example.com SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.9;branch=z9hG4bKs\r\nFrom: <sip:alice@example.com>;tag=s\r\nTo: <sip:alice@example.com>\r\nCall-ID: smuggled\r\nCSeq: 1 PUBLISH\r\nEvent: presence\r\nContent-Length: 0\r\n\r\n"

// Where nobody knows for sure how long a message is, it ends the connection, and
// what comes behind it is not looked at.
func TestThreatSmuggling(t *testing.T) {
	r := newRack(t, nil)
	head := strings.Replace(smuggler, "Content-Length: 0\r\n\r\n", "", 1)
	for _, c := range []struct{ name, length, want string }{
		{"2^32+n", fmt.Sprintf("Content-Length: %d\r\n", 1<<32+10), "400"}, {"2^64+n", "Content-Length: 18446744073709551626\r\n", "400"}, {"negative", "Content-Length: -5\r\n", "400"}, {"twice", "Content-Length: 0\r\nContent-Length: 500\r\n", "400"},
		{"twice the same", "Content-Length: 0\r\nl: 0\r\n", "400"}, {"none", "", "400"}, {"hexadecimal", "Content-Length: 0x10\r\n", "400"}, {"with a sign", "Content-Length: +5\r\n", "400"}, {"a list", "Content-Length: 0, 500\r\n", "400"},
		{"empty", "Content-Length: \r\n", "400"}, {"too large", fmt.Sprintf("Content-Length: %d\r\n", 256<<10+1), "513"}, {"folded", "Content-Length:\r\n 0\r\nContent-Length: 5\r\n", "400"}, {"chunked", "Transfer-Encoding: chunked\r\n", "400"},
	} {
		if got := r.overTCP([]byte(head + c.length + "\r\n" + smuggler)); got != c.want+" closed" {
			t.Errorf("%s: %s, want %s, and the end", c.name, got, c.want)
		}
	}
	if got := r.overTCP([]byte(smuggler + smuggler)); got != "401 401" {
		t.Errorf("two messages are answered by %s", got)
	}
}

// What is not SIP at all ends a connection soon, and says nothing over UDP.
func TestThreatOtherProtocols(t *testing.T) {
	r := newRack(t, nil)
	tls, _ := hex.DecodeString("16030100c8010000c40303")
	for name, b := range map[string][]byte{"HTTP": []byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), "TLS": tls, "nothing but zeros": make([]byte, 2000), "SSH": []byte("SSH-2.0-OpenSSH_9.2\r\n"), "half": []byte("PUBLISH sip:alice@example.com SIP/2.0\r\nVia: ")} {
		if got := r.overUDP(b, false); got != "nothing" && got != "400" {
			t.Errorf("%s over UDP: %s", name, got)
		}
		c, err := net.Dial("tcp", r.tcp)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = c.Write(b)
		_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
		if came, err := io.ReadAll(c); err != nil || len(came) > 0 && !strings.HasPrefix(string(came), "SIP/2.0 400 ") {
			t.Errorf("%s over TCP: %q, %v", name, came, err)
		}
		_ = c.Close()
	}
}
