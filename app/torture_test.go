package app_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"lamplight/app"
	"lamplight/config"
	"lamplight/directory"
	"lamplight/event"
	"lamplight/sip"
	"lamplight/sip/digest"
	"lamplight/sip/torture"
	"lamplight/sip/transaction"
	"lamplight/sip/wire"
)

// examples is the people of the domain that the RFCs' messages are about.
type examples struct{}

func (examples) Load() ([]directory.Domain, []directory.User, error) {
	user := func(name string) directory.User {
		return directory.User{AoR: event.AoR("sip:" + name + "@example.com"), HA1: map[string]digest.HA1s{name: digest.Hash(name, "example.com", "secret")}}
	}
	return []directory.Domain{{Name: "example.com", Realm: "example.com"}}, []directory.User{user("alice"), user("user")}, nil
}

// rack is a whole server on loopback, over UDP and TCP, which may send nowhere
// else, and a client's place. UDP is in memory: the messages have answers go to
// port 5060, which anybody on the machine may have.
type rack struct {
	*testing.T
	udp     netip.AddrPort
	tcp     string
	net     *wire.Network
	host    netip.Addr        // the client's
	sockets map[uint16]*inbox // by port
	probes  int
}

// inbox is a socket, and what came to it.
type inbox struct {
	*wire.Socket
	came chan []byte
}

func newRack(t *testing.T, change func(*config.Serve)) *rack {
	t.Helper()
	n := wire.New(1)
	listen := func(_, addr string) (transaction.PacketConn, error) { return n.Listen(addr) }
	o := app.Options{People: examples{}, Listen: listen, Serve: config.Serve{Data: "memory", Domain: []string{"example.com"}, Listen: []string{"udp:127.0.0.1:5060", "tcp:127.0.0.1:0"},
		Outbound: []string{"127.0.0.0/8"}, Role: []string{"registrar", "presence"}, Limits: "on", NotifyRate: "on",
		Limit: config.Limit{ConnectionFirst: config.Duration(time.Second), SourceBurst: 1 << 20}}}
	if change != nil {
		change(&o.Serve)
	}
	s, err := app.New(o)
	if err == nil {
		err = s.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	r := &rack{T: t, udp: s.Addrs()[0], tcp: s.Addrs()[1].String(), net: n, sockets: map[uint16]*inbox{},
		host: netip.AddrFrom4([4]byte{127, byte(1 + rand.IntN(250)), byte(rand.IntN(250)), byte(2 + rand.IntN(250))})}
	t.Cleanup(func() {
		for _, c := range r.sockets {
			_ = c.Close()
		}
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// socket is the client's at a port.
func (r *rack) socket(port uint16) *inbox {
	r.Helper()
	if c := r.sockets[port]; c != nil {
		return c
	}
	s, err := r.net.Listen(netip.AddrPortFrom(r.host, port).String())
	if err != nil {
		r.Fatal(err)
	}
	c := &inbox{s, make(chan []byte, 100)}
	r.sockets[port] = c
	go func() {
		for b := make([]byte, 1<<16); ; {
			n, _, err := s.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			c.came <- bytes.Clone(b[:n])
		}
	}()
	return c
}

// probe is a request whose answer comes to a port, after that to what was sent
// before it.
func (r *rack) probe(port uint16) (text []byte, id string) {
	r.probes++
	id = fmt.Sprintf("probe-%d", r.probes)
	return fmt.Appendf(nil, "OPTIONS sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP %s:%d;branch=z9hG4bK%s\r\nFrom: <sip:p@example.com>;tag=p\r\n"+
		"To: <sip:example.com>\r\nCall-ID: %s\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n", r.host, port, id, id), id
}

// answers words the responses in what came, "200" or "400 Reason" for each, and
// tells whether that to the probe is among them.
func answers(t *testing.T, came []byte, probe string) (words []string, probed bool) {
	t.Helper()
	for len(came) > 0 {
		if came[0] < 4 {
			return append(words, "STUN"), probed
		}
		if pong, ok := bytes.CutPrefix(came, []byte("\r\n")); ok {
			words, came = append(words, "pong"), pong
			continue
		}
		n, err := sip.Frame(came)
		if n == 0 || err != nil {
			t.Fatalf("what is answered is no message: %v\n%s", err, came)
		}
		var m sip.Message
		if err := m.Parse(came[:n]); err != nil {
			t.Fatalf("what is answered is no message: %v\n%s", err, came)
		}
		if came = came[n:]; string(m.CallID()) == probe {
			probed = true
			continue
		}
		words = append(words, fmt.Sprint(m.Status()))
	}
	return words, probed
}

// overUDP is what a message is answered by: "401", or "nothing". What is awaited
// is waited for before the probe is sent, which could overtake it.
func (r *rack) overUDP(text []byte, awaited bool) string {
	r.Helper()
	at, port := r.socket(5060), uint16(5060)
	var m sip.Message
	_ = m.Parse(bytes.Clone(text))
	if v, err := m.TopVia(); err == nil {
		if p, _ := fmt.Sscanf(string(v.Port), "%d", &port); p == 1 {
			r.socket(port)
		}
	}
	if _, err := at.WriteToUDPAddrPort(text, r.udp); err != nil {
		r.Fatal(err)
	}
	var words []string
	for until := time.Now().Add(20 * time.Second); awaited && len(words) == 0 && time.Now().Before(until); {
		words = r.came()
	}
	for p, c := range r.sockets {
		probe, id := r.probe(p)
		if _, err := at.WriteToUDPAddrPort(probe, r.udp); err != nil {
			r.Fatal(err)
		}
		words = append(words, r.until(c, id)...)
	}
	if len(words) == 0 {
		return "nothing"
	}
	return strings.Join(words, " ")
}

// came is what lies at any of the sockets, or comes at once.
func (r *rack) came() (words []string) {
	for _, c := range r.sockets {
		select {
		case b := <-c.came:
			more, _ := answers(r.T, b, "no probe")
			words = append(words, more...)
		case <-time.After(5 * time.Millisecond):
		}
	}
	return words
}

// until is what comes to a socket before the answer to a probe.
func (r *rack) until(c *inbox, id string) (words []string) {
	r.Helper()
	for late := time.After(20 * time.Second); ; {
		select {
		case b := <-c.came:
			more, probed := answers(r.T, b, id)
			if words = append(words, more...); probed {
				return words
			}
		case <-late:
			r.Fatal("the server answers no more")
		}
	}
}

// overTCP is what a message is answered by on a connection of its own; "closed"
// where it ends then.
func (r *rack) overTCP(text []byte) string {
	r.Helper()
	c, err := (&net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(r.host, 0))}).Dial("tcp", r.tcp)
	if err != nil {
		r.Fatal(err)
	}
	defer c.Close()
	probe, id := r.probe(5060)
	first, frameErr := sip.Frame(text)
	if frameErr == nil && first != len(text) { // what comes behind it would be a part of it, or it of that
		probe = nil
	}
	if _, err := c.Write(append(bytes.Clone(text), probe...)); err != nil {
		r.Fatal(err)
	}
	if probe == nil && first > 0 {
		_ = c.(*net.TCPConn).CloseWrite()
	}
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
	var came []byte
	var words []string
	for b, probed := make([]byte, 1<<16), false; !probed; {
		n, err := c.Read(b)
		came = append(came, b[:n]...)
		if whole, _ := sip.Frame(came); whole > 0 || err != nil {
			words, probed = answers(r.T, came, id)
		}
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			r.Fatalf("the connection neither answers nor ends after\n%s", text)
		case err != nil && probe == nil && first > 0: // we ended it
			return strings.Join(words, " ")
		case err != nil:
			return strings.Join(append(words, "closed"), " ")
		}
	}
	if len(words) == 0 {
		return "nothing"
	}
	return strings.Join(words, " ")
}

// answer is what the server says to a message over UDP and over TCP.
type answer struct {
	name     string // of the section or the file
	udp, tcp string
	why      string // where the RFC lets choose, or expects something else
}

// A server that asks everybody for credentials answers 401 to what it accepts.
const challenged = "accepted: credentials are asked for before anything else"

// ofOurs are the answers to the messages of package torture.
var ofOurs = []answer{
	{"RFC 4475 §3.1.1.1: odd folding, case, compact forms, empty parts", "400", "400", "its last name is folded, which the RFC's is not"},
	{"RFC 4475 §3.1.1.1, so that it is well-formed", "401", "401", challenged},
	{"RFC 4475 §3.1.1.2: all characters that may be", "501", "501", ""},
	{"RFC 4475 §3.1.1.3: escapes", "401", "401", challenged},
	{"RFC 4475 §3.1.1.4: an escaped NUL", "401", "401", challenged},
	{"RFC 4475 §3.1.1.5: % that escapes nothing", "501", "501", ""},
	{"RFC 4475 §3.1.1.6: no space before <", "401", "401", challenged},
	{"RFC 4475 §3.1.1.7: long values", "401", "401", challenged},
	{"RFC 4475 §3.1.1.8: more behind the body", "401", "401 401", challenged},
	{"RFC 4475 §3.1.1.9: a semicolon in the user part", "401", "401", challenged},
	{"RFC 4475 §3.1.1.10: transports", "401", "401", challenged},
	{"RFC 4475 §3.1.1.11: a body of several parts", "401", "401", challenged},
	{"RFC 4475 §3.1.1.12: a reason phrase in UTF-8", "nothing", "nothing", "a response to nothing"},
	{"RFC 4475 §3.1.1.13: no reason phrase", "nothing", "nothing", "a response to nothing"},
	{"RFC 4475 §3.1.2.1: separators too many", "400", "400", ""},
	{"RFC 4475 §3.1.2.1: separators too many in Contact", "400", "400", ""},
	{"RFC 4475 §3.1.2.2: Content-Length beyond the body", "400", "closed", "over TCP the rest is waited for, not for ever"},
	{"RFC 4475 §3.1.2.3: a negative Content-Length", "400", "400 closed", "over TCP nobody knows where it ends"},
	{"RFC 4475 §3.1.2.4: a CSeq too large", "400", "400", ""},
	{"RFC 4475 §3.1.2.4: a Max-Forwards too large", "400", "400", ""},
	{"RFC 4475 §3.1.2.4: an Expires too large is as large as can be", "401", "401", challenged},
	{"RFC 4475 §3.1.2.5: in a response", "nothing", "nothing", "a response to nothing"},
	{"RFC 4475 §3.1.2.6: a quote without end", "400", "400", ""},
	{"RFC 4475 §3.1.2.7: <> round the Request-URI", "400", "400", ""},
	{"RFC 4475 §3.1.2.8: white space in the Request-URI", "400", "400", ""},
	{"RFC 4475 §3.1.2.9: spaces in the start line", "400", "400", ""},
	{"RFC 4475 §3.1.2.10: a space at its end", "400", "400", ""},
	{"RFC 4475 §3.1.2.11: headers in the Request-URI", "400", "400", ""},
	{"RFC 4475 §3.1.2.12: a Date that is not GMT is ignored", "401", "401", challenged},
	{"RFC 4475 §3.1.2.13: ? in a Contact without <>", "400", "400", ""},
	{"RFC 4475 §3.1.2.14: spaces in an addr-spec", "400", "400", ""},
	{"RFC 4475 §3.1.2.15: a display name that wants quotes", "400", "400", ""},
	{"RFC 4475 §3.1.2.16: another version", "505", "505", ""},
	{"RFC 4475 §3.1.2.17: methods that differ", "400", "400", ""},
	{"RFC 4475 §3.1.2.18: methods that differ, unknown", "400", "400", "400 goes before 501, which the RFC would like better"},
	{"RFC 4475 §3.1.2.19: a status too large", "nothing", "nothing", "a response to nothing"},
	{"RFC 4475 §3.2.1: a branch of the cookie alone", "401", "401", challenged},
	{"RFC 4475 §3.3.1: what is mandatory is not there", "400", "400", ""},
	{"RFC 4475 §3.3.2: a scheme nobody knows", "416", "416", ""},
	{"RFC 4475 §3.3.3: a scheme others know", "416", "416", ""},
	{"RFC 4475 §3.3.4: schemes in addresses", "401", "401", challenged},
	{"RFC 4475 §3.3.5: extensions", "420", "420", ""},
	{"RFC 4475 §3.3.6: a type nobody knows", "401", "401", challenged},
	{"RFC 4475 §3.3.7: an authorization nobody knows", "401", "401", challenged},
	{"RFC 4475 §3.3.8: two of what there is one", "400", "400", ""},
	{"RFC 4475 §3.3.9: two Content-Length", "400", "400 closed", "over TCP nobody knows where it ends"},
	{"RFC 4475 §3.3.10: a response for somebody else", "nothing", "nothing", "a response to nothing"},
	{"RFC 4475 §3.3.11: Max-Forwards 0", "401", "401", challenged},
	{"RFC 4475 §3.3.12: a parameter of Contact", "401", "401", challenged},
	{"RFC 4475 §3.3.13: a parameter of the URI in Contact", "401", "401", challenged},
	{"RFC 4475 §3.3.14: headers of the URI in Contact", "401", "401", challenged},
	{"RFC 4475 §3.3.15: Accept without a type that fits", "401", "401", challenged},
	{"RFC 4475 §3.4.1: a client of RFC 2543", "403", "400 closed", "a user of another domain; over TCP nobody knows where it ends"},
	{"RFC 5118 §4.1: an IPv6 reference", "401", "401", challenged},
	{"RFC 5118 §4.2: an IPv6 address without brackets", "400", "400", ""},
	{"RFC 5118 §4.3: a port that is part of the address", "401", "401", challenged},
	{"RFC 5118 §4.4: a port behind the brackets", "401", "401", challenged},
	{"RFC 5118 §4.5: received with brackets", "401", "401", challenged},
	{"RFC 5118 §4.5: received without", "401", "401", challenged},
	{"RFC 5118 §4.6: IPv6 in the body", "401", "401", challenged},
	{"RFC 5118 §4.7: several families in Via", "401", "401", challenged},
	{"RFC 5118 §4.8: several families in the body", "401", "401", challenged},
	{"RFC 5118 §4.9: IPv4 in IPv6", "401", "401", challenged},
	{"RFC 5118 §4.10: three colons", "403", "403", "From is of no domain served"},
	{"RFC 5118 §4.10: two colons", "403", "403", "From is of no domain served"},
}

// ofRFC4475 and ofRFC5118 are those to the RFCs' own messages, by their files.
var ofRFC4475 = []answer{
	{"badaspec.dat", "400", "400", ""},
	{"badbranch.dat", "200", "200", "matched as of old: RFC 4475 §3.2.1 allows both"},
	{"baddate.dat", "405", "405", "no calls here"},
	{"baddn.dat", "400", "closed", "over TCP it is also one with two Content-Lengths"},
	{"badinv01.dat", "400", "400", ""},
	{"badvers.dat", "505", "505", ""},
	{"bcast.dat", "nothing", "nothing", "a response to nothing"},
	{"bext01.dat", "420", "420", ""},
	{"bigcode.dat", "nothing", "nothing", "a response to nothing"},
	{"clerr.dat", "400", "closed", "over TCP the rest is waited for, not for ever"},
	{"cparam01.dat", "401", "401", challenged},
	{"cparam02.dat", "401", "401", challenged},
	{"dblreq.dat", "401", "401 405", "over TCP both are requests"},
	{"esc01.dat", "405", "405", "no calls here"},
	{"esc02.dat", "501", "501", ""},
	{"escnull.dat", "401", "401", challenged},
	{"escruri.dat", "400", "400", ""},
	{"insuf.dat", "400", "400", ""},
	{"intmeth.dat", "501", "501", ""},
	{"inv2543.dat", "405", "400 closed", "no calls here; over TCP nobody knows where it ends"},
	{"invut.dat", "405", "405", "no calls here"},
	{"longreq.dat", "405", "405", "no calls here"},
	{"ltgtruri.dat", "400", "400", ""},
	{"lwsdisp.dat", "200", "200", ""},
	{"lwsruri.dat", "400", "400", ""},
	{"lwsstart.dat", "400", "400", ""},
	{"mcl01.dat", "400", "400 closed", "over TCP nobody knows where it ends"},
	{"mismatch01.dat", "400", "400", ""},
	{"mismatch02.dat", "400", "400", "400 goes before 501, which the RFC would like better"},
	{"mpart01.dat", "405", "405", "no MESSAGE here"},
	{"multi01.dat", "400", "400", ""},
	{"ncl.dat", "400", "400 closed", "over TCP nobody knows where it ends"},
	{"noreason.dat", "nothing", "nothing", "a response to nothing"},
	{"novelsc.dat", "416", "416", ""},
	{"quotbal.dat", "400", "400", ""},
	{"regaut01.dat", "401", "401", challenged},
	{"regbadct.dat", "400", "400", ""},
	{"regescrt.dat", "401", "401", challenged},
	{"scalar02.dat", "400", "400", ""},
	{"scalarlg.dat", "nothing", "nothing", "a response to nothing"},
	{"sdp01.dat", "405", "405", "no calls here"},
	{"semiuri.dat", "200", "200", ""},
	{"test.dat", "nothing", "nothing", "no version, and too little to be answered"},
	{"transports.dat", "200", "200", ""},
	{"trws.dat", "400", "400", ""},
	{"unkscm.dat", "416", "416", ""},
	{"unksm2.dat", "400", "400", ""},
	{"unreason.dat", "nothing", "nothing", "a response to nothing"},
	{"wsinv.dat", "405", "405", "no calls here"},
	{"zeromf.dat", "200", "200", ""},
}

var ofRFC5118 = []answer{
	{"ipv4-mapped-ipv6.dat", "405", "405", "no calls here"},
	{"ipv6-bad.dat", "400", "400", ""},
	{"ipv6-bug-abnf-3-colons.dat", "200", "200", ""},
	{"ipv6-correct-abnf-2-colons.dat", "200", "200", ""},
	{"ipv6-good.dat", "404", "404", "no domain served"},
	{"ipv6-in-sdp.dat", "400", "closed", "the copy lost 17 bytes of its body"},
	{"mult-ip-in-header.dat", "481", "481", "no dialog"},
	{"mult-ip-in-sdp.dat", "405", "405", "no calls here"},
	{"port-ambiguous.dat", "404", "404", "no domain served"},
	{"port-unambiguous.dat", "404", "404", "no domain served"},
	{"via-received-param-no-delim.dat", "200", "200", ""},
	{"via-received-param-with-delim.dat", "481", "481", "no dialog"},
}

// ofHostile are those to what attackers sent elsewhere.
var ofHostile = []answer{
	{"sip-65507-bytes-one-header.dat", "400", "400 closed", "over TCP nobody knows where it ends"},
	{"sip-authorization-200-headers.dat", "400", "400 closed", "over TCP nobody knows where it ends"},
	{"sip-authorization-bearer-sql.dat", "401", "401", challenged},
	{"sip-authorization-empty-params.dat", "401", "401", challenged},
	{"sip-crlf-only-keepalive.dat", "nothing", "pong", "a keep-alive"},
	{"sip-cseq-2pow32.dat", "400", "400", ""},
	{"sip-gzip-bomb-content-encoding.dat", "415", "415", ""},
	{"sip-header-bare-cr-injection.dat", "400", "400", ""},
	{"sip-header-ctl-before-colon.dat", "400", "400", ""},
	{"sip-header-space-before-colon.dat", "401", "401", challenged},
	{"sip-maxforwards-0.dat", "401", "401", challenged},
	{"sip-message-command-uri.dat", "405", "405", "no MESSAGE here"},
	{"sip-notify-reginfo-long-port.dat", "481", "481", "no dialog, before the body is looked at"},
	{"sip-notify-unsolicited-mwi-long-account.dat", "481", "481", "no dialog, before the body is looked at"},
	{"sip-publish-empty-content-type.dat", "401", "401", challenged},
	{"sip-publish-etag-sql.dat", "401", "401", challenged},
	{"sip-publish-two-etags.dat", "400", "400", "one entity-tag at most"},
	{"sip-publish-unknown-etag.dat", "401", "401", challenged},
	{"sip-register-contact-javascript.dat", "401", "401", challenged},
	{"sip-register-contact-star-nonzero.dat", "401", "401", challenged},
	{"sip-response-stray-200.dat", "nothing", "nothing", "a response to nothing"},
	{"sip-stun-binding-on-sip-port.dat", "STUN", "closed", "over TCP it begins no message"},
	{"sip-subscribe-contact-500.dat", "400", "400", ""},
	{"sip-subscribe-contact-reflection.dat", "401", "401", challenged},
	{"sip-subscribe-expires-2pow32.dat", "401", "401", challenged},
	{"sip-subscribe-expires0-no-subscription.dat", "401", "401", challenged},
	{"sip-subscribe-no-event.dat", "401", "401", challenged},
	{"sip-subscribe-no-from-tag.dat", "400", "400", ""},
	{"sip-subscribe-record-route-reflection.dat", "401", "401", challenged},
	{"sip-subscribe-unknown-event.dat", "401", "401", challenged},
	{"sip-tcp-content-length-negative.dat", "400", "400 closed", "over TCP nobody knows where it ends"},
	{"sip-tcp-no-content-length-then-second.dat", "401", "400 closed", "over TCP nobody knows where it ends"},
	{"sip-utf8-overlong.dat", "401", "401", challenged},
	{"sip-via-300.dat", "400", "400", ""},
}

func (r *rack) expects(a answer, text []byte) {
	r.Helper()
	if got := r.overUDP(text, a.udp != "nothing"); got != a.udp {
		r.Errorf("%s: over UDP %s, want %s", a.name, got, a.udp)
	}
	if got := r.overTCP(text); got != a.tcp {
		r.Errorf("%s: over TCP %s, want %s", a.name, got, a.tcp)
	}
}

// A whole server says what it should to every message, over UDP and over TCP.
func TestTorture(t *testing.T) {
	r := newRack(t, nil)
	if len(ofOurs) != len(torture.Messages) {
		t.Errorf("%d answers to %d messages", len(ofOurs), len(torture.Messages))
	}
	for i, m := range torture.Messages {
		if ofOurs[i].name != m.Section {
			t.Fatalf("the answer to %s is missing", m.Section)
		}
		r.expects(ofOurs[i], m.Bytes())
	}
}

// The RFCs' own messages lie in ../shared/corpus where they are at hand, and others
// that broke something.
func TestTortureOfTheRFCs(t *testing.T) {
	for folder, table := range map[string][]answer{"rfc4475": ofRFC4475, "rfc5118": ofRFC5118, "hostile": ofHostile} {
		files, err := filepath.Glob(filepath.Join("..", "..", "shared", "corpus", folder, "*.dat"))
		if err != nil || len(files) == 0 {
			t.Logf("%s is not at hand: only our own messages were tried", folder)
			continue
		}
		r := newRack(t, nil)
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(table, func(a answer) bool { return a.name == filepath.Base(file) })
			if i < 0 {
				t.Errorf("%s has no answer", file)
				continue
			}
			r.expects(table[i], text)
		}
		t.Logf("%s: %d messages, over UDP and over TCP", folder, len(files))
	}
}

// Where everybody is believed the registrar shows what it made of odd Contacts
// (RFC 4475 §3.1.1.4, §3.3.12, §3.3.13, §3.3.14).
func TestTortureOfTheRegistrar(t *testing.T) {
	for contact, want := range map[string][]string{
		"sip:+19725552222@gw1.example.net;unknownparam":               {"<sip:+19725552222@gw1.example.net>;", ";unknownparam"},
		"<sip:+19725552222@gw1.example.net;unknownparam>":             {"<sip:+19725552222@gw1.example.net;unknownparam>;"},
		"<sip:user@gw1.example.net?Route=%3Csip:sip.example.com%3E>":  {"<sip:user@gw1.example.net?Route=%3Csip:sip.example.com%3E>;"},
		"<sip:%00@host5.example.com>, <sip:%00%00@host5.example.com>": {"<sip:%00@host5.example.com>;", "<sip:%00%00@host5.example.com>;"},
	} {
		r := newRack(t, func(c *config.Serve) { c.InsecureNoAuth = true })
		c, err := net.Dial("tcp", r.tcp)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, _ = fmt.Fprintf(c, "REGISTER sip:example.com SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bKr\r\nFrom: <sip:user@example.com>;tag=f\r\nTo: <sip:user@example.com>\r\n"+
			"Call-ID: r\r\nCSeq: 1 REGISTER\r\nContact: %s\r\nContent-Length: 0\r\n\r\n", contact)
		_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
		came := make([]byte, 0, 4096)
		for n := 0; n == 0; n, _ = sip.Frame(came) {
			size, err := c.Read(came[len(came):cap(came)])
			if err != nil {
				t.Fatal(err)
			}
			came = came[:len(came)+size]
		}
		if text := string(came); !strings.HasPrefix(text, "SIP/2.0 200 ") || strings.Count(text, "\r\nContact: ") != strings.Count(contact, ", ")+1 {
			t.Errorf("%s is answered by\n%s", contact, text)
		}
		for _, w := range want {
			if !strings.Contains(string(came), w) {
				t.Errorf("%s: %q is not in\n%s", contact, w, came)
			}
		}
	}
}
