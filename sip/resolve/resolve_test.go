package resolve_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"lamplight/sip"
	"lamplight/sip/resolve"
	"lamplight/sip/resolve/resolvetest"
)

const zone = `
example.test.             SOA   ns. root. 1 3600 600 86400 60
example.test.             NAPTR 90 50 "s" "SIP+D2T" "" _sip._tcp.example.test.
example.test.             NAPTR 100 50 "s" "SIP+D2U" "" _sip._udp.example.test.
example.test.             NAPTR 10 50 "u" "E2U+sip" "!^.*$!sip:x@evil.test!" .
_sip._tcp.example.test.   SRV   20 0 5070 second.example.test.
_sip._tcp.example.test.   SRV   10 0 5060 first.example.test.
_sip._udp.example.test.   SRV   0 0 5060 first.example.test.
_sips._tcp.example.test.  SRV   0 0 5061 first.example.test.
first.example.test.       A     192.0.2.1
first.example.test.       A     192.0.2.2
first.example.test.       AAAA  2001:db8::1
second.example.test.      A     192.0.2.3

secure.test.              NAPTR 10 20 "S" "sip+d2t" "" _sip._tcp.secure.test.
secure.test.              NAPTR 10 10 "S" "SIPS+D2T" "" _sips._tcp.elsewhere.test.
_sips._tcp.elsewhere.test. SRV  0 0 5071 one.elsewhere.test.
one.elsewhere.test.       A     192.0.2.20

srv.test.                 A     192.0.2.30
_sip._tcp.srv.test.       SRV   0 0 5090 srv.test.
plain.test.               A     192.0.2.40
plain.test.               AAAA  2001:db8::40
order.test.               NAPTR 1 1 "s" "SIPS+D2T" "" _sips._tcp.nowhere.test.
order.test.               NAPTR 2 1 "s" "SIP+D2U" "" _sip._udp.example.test.
order.test.               A     192.0.2.51
naptr.test.               NAPTR 1 1 "s" "SIP+D2T" "" _sip._tcp.nowhere.test.
naptr.test.               A     192.0.2.50
closed.test.              A     192.0.2.60
_sip._udp.closed.test.    SRV   0 0 0 .
half.test.                A     192.0.2.61
_sip._udp.half.test.      SRV   0 0 0 .
_sip._tcp.half.test.      SRV   0 0 5060 half.test.
alias.test.               CNAME plain.test.
loop1.test.               CNAME loop2.test.
loop2.test.               CNAME loop1.test.
odd.test.                 A     0.0.0.0
odd.test.                 A     224.0.0.1
odd.test.                 A     192.0.2.70
flags.test.               NAPTR 1 1 "a" "SIP+D2T" "" plain.test.
flags.test.               NAPTR 1 2 "s" "SIP+D2X" "" _sip._tcp.example.test.
flags.test.               NAPTR 1 3 "s" "SIPS+D2U" "" _sips._udp.example.test.
flags.test.               NAPTR 1 4 "s" "SIP+D2T" "!.*!x!" _sip._tcp.example.test.
flags.test.               A     192.0.2.80
`

// dial reaches the name servers in memory, by their addresses.
func dial(servers map[string]*resolvetest.Server) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		if s := servers[addr]; s != nil {
			return s.Dial(ctx, network, addr)
		}
		return nil, errors.New("nobody there")
	}
}

var first, second = netip.MustParseAddrPort("192.0.2.53:53"), netip.MustParseAddrPort("192.0.2.54:53")

// inMemory runs a test in a bubble, with one name server.
func inMemory(t *testing.T, o resolve.Options, test func(t *testing.T, s *resolvetest.Server, r *resolve.Resolver)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := resolvetest.New(t, zone)
		if o.Dial == nil {
			o.Dial = dial(map[string]*resolvetest.Server{first.String(): s})
		}
		if o.Servers == nil {
			o.Servers = []netip.AddrPort{first}
		}
		if o.Hosts == "" {
			o.Hosts = "no-such-file"
		}
		r := resolve.New(o)
		defer r.Close()
		test(t, s, r)
	})
}

func uri(t testing.TB, s string) sip.URI {
	t.Helper()
	u, err := sip.ParseURI([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// look is the list of targets, "UDP 192.0.2.1:5060 name" each, or the error.
func look(t testing.TB, r *resolve.Resolver, u string) string {
	t.Helper()
	list, err := r.Resolve(t.Context(), uri(t, u))
	if err != nil {
		for _, known := range []error{resolve.ErrTransport, resolve.ErrOwnDomain, resolve.ErrNoName, resolve.ErrNoService,
			resolve.ErrServer, resolve.ErrTimeout, resolve.ErrLaborious, resolve.ErrBusy, resolve.ErrClosed} {
			if errors.Is(err, known) {
				return strings.TrimPrefix(known.Error(), "resolve: ")
			}
		}
		return err.Error()
	}
	var s []string
	for _, t := range list {
		s = append(s, strings.TrimSpace(fmt.Sprintf("%s %s %s", t.Transport, t.Addr, t.Name)))
	}
	return strings.Join(s, ", ")
}

// [3263-4-1] [3263-4.1-1] [3263-4.1-2] [3263-4.1-3] [3263-4.1-4] [3263-4.1-5]
// [3263-4.1-6] [3263-4.1-7] [3263-4.1-9] [3263-4.1-10] [3263-4.2-1] [3263-4.2-2]
// [3263-4.2-4] [3263-4.2-5] [3263-4.2-7]
func TestLocate(t *testing.T) {
	const noName, noTransport = "no such name, or it has no address", "no transport that can be used"
	own := func(host string) bool { return host == "own.test" }
	inMemory(t, resolve.Options{Own: own}, func(t *testing.T, s *resolvetest.Server, r *resolve.Resolver) {
		for _, c := range []struct{ uri, want string }{
			// An address needs no look-up.
			{"sip:a@192.0.2.9", "UDP 192.0.2.9:5060"},
			{"sip:a@192.0.2.9:5080;transport=tcp", "TCP 192.0.2.9:5080"},
			{"sips:a@[2001:db8::9]", "TLS [2001:db8::9]:5061"},
			{"sips:a@192.0.2.9;transport=tcp", "TLS 192.0.2.9:5061"},
			{"sip:a@example.test;maddr=192.0.2.8", "UDP 192.0.2.8:5060"},
			{"sip:a@example.test;maddr=192.0.2.8;transport=tls", "TLS 192.0.2.8:5061 example.test"},
			// A port: its addresses alone.
			{"sip:plain.test:5099", "UDP [2001:db8::40]:5099, UDP 192.0.2.40:5099"},
			{"sips:plain.test:5099", "TLS [2001:db8::40]:5099 plain.test, TLS 192.0.2.40:5099 plain.test"},
			{"sip:example.test:5060", noName},
			// A transport: its SRV records.
			{"sip:a@example.test;transport=udp", "UDP [2001:db8::1]:5060, UDP 192.0.2.1:5060, UDP 192.0.2.2:5060"},
			{"sip:a@EXAMPLE.test;transport=TLS", "TLS [2001:db8::1]:5061 example.test, TLS 192.0.2.1:5061 example.test, TLS 192.0.2.2:5061 example.test"},
			{"sip:a@srv.test;transport=udp", "UDP 192.0.2.30:5060"},
			// Neither: NAPTR, and the least order that we can use.
			{"sip:a@example.test", "TCP [2001:db8::1]:5060, TCP 192.0.2.1:5060, TCP 192.0.2.2:5060, TCP 192.0.2.3:5070"},
			{"sip:secure.test", "TLS 192.0.2.20:5071 secure.test"},
			{"sips:secure.test", "TLS 192.0.2.20:5071 secure.test"},
			{"sips:a@example.test", "TLS [2001:db8::1]:5061 example.test, TLS 192.0.2.1:5061 example.test, TLS 192.0.2.2:5061 example.test"},
			{"sip:order.test", "TLS 192.0.2.51:5061 order.test"},
			{"sip:naptr.test", "TCP 192.0.2.50:5060"},
			{"sip:flags.test", "UDP 192.0.2.80:5060"},
			// No NAPTR: any transport with SRV records; no SRV: addresses.
			{"sip:srv.test", "TCP 192.0.2.30:5090"},
			{"sip:plain.test", "UDP [2001:db8::40]:5060, UDP 192.0.2.40:5060"},
			{"sips:plain.test", "TLS [2001:db8::40]:5061 plain.test, TLS 192.0.2.40:5061 plain.test"},
			// A service that is decidedly not there (RFC 2782).
			{"sip:closed.test", "the domain says that it has no such service"},
			{"sip:half.test", "TCP 192.0.2.61:5060"},
			// Aliases; what is no host's address.
			{"sip:alias.test", "UDP [2001:db8::40]:5060, UDP 192.0.2.40:5060"},
			{"sip:loop1.test", noName},
			{"sip:odd.test", "UDP 192.0.2.70:5060"},
			{"sip:nobody.test", noName},
			// What is never asked.
			{"sip:a@own.test", "an own domain is not looked up"},
			{"sip:a@df7jal23ls0d.invalid", noName},
			{"sip:localhost:5070", "UDP 127.0.0.1:5070, UDP [::1]:5070"},
			{"sip:a@example.test;transport=ws", noTransport},
			{"sips:a@192.0.2.9;transport=ws", noTransport},
			{"sips:a@example.test;transport=udp", noTransport},
			{"sip:a@example.test;transport=sctp", noTransport},
			{"tel:+491234", noTransport},
		} {
			s.Asked()
			if got := look(t, r, c.uri); got != c.want {
				t.Errorf("%s\n\tleads to %s\n\twant     %s", c.uri, got, c.want)
			}
			for _, q := range s.Asked() {
				if strings.Contains(q, "own.test") || strings.Contains(q, "invalid") || strings.Contains(q, "localhost") {
					t.Errorf("asked %s", q)
				}
			}
		}
	})
}

func TestHostsFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "hosts")
	if err := os.WriteFile(name, []byte("127.0.0.1 localhost\n192.0.2.90 Phone.test phone # a remark\n::ffff:192.0.2.91 phone\nnonsense phone\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	inMemory(t, resolve.Options{Hosts: name}, func(t *testing.T, s *resolvetest.Server, r *resolve.Resolver) {
		for u, want := range map[string]string{
			"sip:phone.test": "UDP 192.0.2.90:5060", "sips:phone": "TLS 192.0.2.90:5061 phone, TLS 192.0.2.91:5061 phone",
			"sip:localhost": "UDP 127.0.0.1:5060, UDP [::1]:5060",
		} {
			if got := look(t, r, u); got != want {
				t.Errorf("%s leads to %s, want %s", u, got, want)
			}
		}
		if asked := s.Asked(); len(asked) > 0 {
			t.Errorf("asked %s", asked)
		}
	})
}

// [3263-4.2-6] RFC 2782: how often each comes first is as its weight says, and one of weight
// 0 comes first at times.
func TestWeights(t *testing.T) {
	inMemory(t, resolve.Options{Random: rand.New(rand.NewPCG(1, 1))}, func(t *testing.T, s *resolvetest.Server, r *resolve.Resolver) {
		s.Set(`
_sip._udp.w.test. SRV 1 10 5060 small.test.
_sip._udp.w.test. SRV 1 90 5060 large.test.
_sip._udp.w.test. SRV 1 0  5060 zero.test.
_sip._udp.w.test. SRV 2 99 5060 last.test.
zero.test. A 192.0.2.1
small.test. A 192.0.2.2
large.test. A 192.0.2.3
last.test. A 192.0.2.4`)
		count := map[string]int{}
		const draws = 500
		for range draws {
			list, err := r.Resolve(t.Context(), uri(t, "sip:w.test;transport=udp"))
			if err != nil || len(list) != 4 {
				t.Fatalf("%v, %v", list, err)
			}
			if at := list[3].Addr.Addr().String(); at != "192.0.2.4" {
				t.Fatalf("last is %s", at)
			}
			count[list[0].Addr.Addr().String()]++
		}
		if n := count["192.0.2.3"]; n < draws*85/100 || n > draws*95/100 {
			t.Errorf("the weight 90 of 100 came first %d times of %d", n, draws)
		}
		if n := count["192.0.2.2"]; n < draws*6/100 || n > draws*14/100 {
			t.Errorf("the weight 10 of 100 came first %d times of %d", n, draws)
		}
		if n := count["192.0.2.1"]; n == 0 || n > draws*4/100 {
			t.Errorf("the weight 0 of 100 came first %d times of %d", n, draws)
		}
	})
}

// What was said is not asked again before its TTL is over, nor what is not there
// (RFC 2308).
func TestCache(t *testing.T) {
	inMemory(t, resolve.Options{}, func(t *testing.T, s *resolvetest.Server, r *resolve.Resolver) {
		expect := func(after time.Duration, u, want string, asked ...string) {
			t.Helper()
			time.Sleep(after)
			if got := look(t, r, u); got != want {
				t.Errorf("%s leads to %s, want %s", u, got, want)
			}
			got := s.Asked()
			if slices.Sort(got); !slices.Equal(got, asked) {
				t.Errorf("asked %q, want %q", got, asked)
			}
		}
		const none = "no such name, or it has no address"
		expect(0, "sip:plain.test:5060", "UDP [2001:db8::40]:5060, UDP 192.0.2.40:5060", "plain.test. A", "plain.test. AAAA")
		s.Set("plain.test. 5 A 192.0.2.41\n. 300 SOA ns. root. 1 1 1 1 20\nzero.test. 0 A 192.0.2.42")
		expect(59*time.Second, "sip:plain.test:5061", "UDP [2001:db8::40]:5061, UDP 192.0.2.40:5061")
		expect(time.Second, "sip:plain.test:5060", "UDP 192.0.2.41:5060", "plain.test. A", "plain.test. AAAA")
		expect(5*time.Second, "sip:plain.test:5060", "UDP 192.0.2.41:5060", "plain.test. A")
		expect(0, "sip:new.test:5060", none, "new.test. A", "new.test. AAAA")
		s.Set("new.test. 90000 A 192.0.2.43")
		expect(19*time.Second, "sip:new.test:5060", none)
		expect(time.Second, "sip:new.test:5060", "UDP 192.0.2.43:5060", "new.test. A", "new.test. AAAA")
		// No SOA record: nothing is known of how long that holds (RFC 2308).
		expect(0, "sip:new.test:5060", "UDP 192.0.2.43:5060", "new.test. AAAA")
		s.Set("new.test. A 192.0.2.44\nzero.test. 0 A 192.0.2.42\n. 300 SOA ns. root. 1 1 1 1 20")
		expect(time.Hour, "sip:new.test:5060", "UDP 192.0.2.44:5060", "new.test. A", "new.test. AAAA") // a day is cut short
		expect(0, "sip:zero.test:5060", "UDP 192.0.2.42:5060", "zero.test. A", "zero.test. AAAA")
		expect(0, "sip:zero.test:5060", "UDP 192.0.2.42:5060", "zero.test. A")
	})
}

// Who asks for what is being looked up waits for the same answer.
func TestOneFlight(t *testing.T) {
	inMemory(t, resolve.Options{}, func(t *testing.T, s *resolvetest.Server, r *resolve.Resolver) {
		s.Reply(func(_ string, _, honest *dns.Msg) []*dns.Msg {
			time.Sleep(time.Second)
			return []*dns.Msg{honest}
		})
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				if got := look(t, r, "sip:plain.test:5060"); got != "UDP [2001:db8::40]:5060, UDP 192.0.2.40:5060" {
					t.Error(got)
				}
			})
		}
		all.Wait()
		if asked := s.Asked(); len(asked) != 2 {
			t.Errorf("asked %q", asked)
		}
	})
}

// A name server that is down or refuses is followed by the next; one that is not
// there at all costs its time, and not again at once.
func TestNameServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		silent, good := resolvetest.New(t, zone), resolvetest.New(t, zone)
		silent.Reply(func(string, *dns.Msg, *dns.Msg) []*dns.Msg { return nil })
		r := resolve.New(resolve.Options{Hosts: "no-such-file", Servers: []netip.AddrPort{first, second},
			Dial: dial(map[string]*resolvetest.Server{first.String(): silent, second.String(): good})})
		defer r.Close()
		began := time.Now()
		if got := look(t, r, "sip:srv.test:5060"); got != "UDP 192.0.2.30:5060" {
			t.Error(got)
		}
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("took %v", took)
		}
		refuses := func(_ string, _, honest *dns.Msg) []*dns.Msg {
			honest.Rcode, honest.Answer = dns.RcodeServerFailure, nil
			return []*dns.Msg{honest}
		}
		silent.Reply(refuses)
		if got := look(t, r, "sip:second.example.test:5060"); got != "UDP 192.0.2.3:5060" {
			t.Error(got)
		}
		good.Reply(refuses)
		if got := look(t, r, "sip:plain.test:5060"); got != "no name server knows" {
			t.Error(got)
		}
		good.Reply(nil)
		if got := look(t, r, "sip:plain.test:5060"); got != "no name server knows" {
			t.Error("the failure was forgotten at once:", got)
		}
		time.Sleep(10 * time.Second)
		if got := look(t, r, "sip:plain.test:5060"); got != "UDP [2001:db8::40]:5060, UDP 192.0.2.40:5060" {
			t.Error(got)
		}
	})
}

// No answer at all ends in a bounded time, and holds up nobody else.
func TestSilence(t *testing.T) {
	inMemory(t, resolve.Options{Most: 3}, func(t *testing.T, s *resolvetest.Server, r *resolve.Resolver) {
		s.Reply(func(_ string, q, honest *dns.Msg) []*dns.Msg {
			if strings.Contains(q.Question[0].Name, "silent") {
				return nil
			}
			return []*dns.Msg{honest}
		})
		began := time.Now()
		results := make(chan string, 3)
		for i := range 3 {
			go func() { results <- look(t, r, fmt.Sprintf("sip:silent%d.test", i%2)) }()
		}
		synctest.Wait()
		if got := look(t, r, "sip:second.example.test:5060"); got != "UDP 192.0.2.3:5060" || time.Since(began) > 0 {
			t.Errorf("%s after %v", got, time.Since(began))
		}
		go r.Lookup(uri(t, "sip:silent3.test"), func([]resolve.Target, error) {})
		synctest.Wait()
		if got := look(t, r, "sip:plain.test"); got != "too many names are being looked up" {
			t.Error(got)
		}
		for range 3 {
			if got := <-results; got != "no name server answered in time" {
				t.Error(got)
			}
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("took %v", took)
		}
		if r.Failures.Load() == 0 || r.Queries.Load() < 4 {
			t.Errorf("%d failures of %d", r.Failures.Load(), r.Queries.Load())
		}
	})
}

func TestClose(t *testing.T) {
	inMemory(t, resolve.Options{}, func(t *testing.T, s *resolvetest.Server, r *resolve.Resolver) {
		s.Reply(func(string, *dns.Msg, *dns.Msg) []*dns.Msg { return nil })
		got := make(chan string, 1)
		go func() { got <- look(t, r, "sip:plain.test") }()
		synctest.Wait()
		began := time.Now()
		r.Close()
		if said := <-got; said != "the resolver is closed" || time.Since(began) > 0 {
			t.Errorf("%q after %v", said, time.Since(began))
		}
		if said := look(t, r, "sip:plain.test"); said != "the resolver is closed" {
			t.Error(said)
		}
	})
}

// Forged answers and strange ones.
func TestHostileReplies(t *testing.T) {
	record := func(s string) dns.RR {
		rr, err := dns.NewRR(s)
		if err != nil {
			t.Fatal(err)
		}
		return rr
	}
	evil := record("victim.test. 3600 A 203.0.113.66")
	const good = "UDP 192.0.2.3:5060"
	for name, reply := range map[string]func(network string, q, honest *dns.Msg) []*dns.Msg{
		"another id first": func(_ string, _, honest *dns.Msg) []*dns.Msg {
			m := honest.Copy()
			m.Id, m.Answer = m.Id+1, []dns.RR{record("victim.test. A 203.0.113.66")}
			return []*dns.Msg{m, honest}
		},
		"another question first": func(_ string, _, honest *dns.Msg) []*dns.Msg {
			m := honest.Copy()
			m.Question[0].Name, m.Answer = "other.test.", []dns.RR{evil}
			return []*dns.Msg{m, honest}
		},
		"a question as an answer": func(_ string, q, honest *dns.Msg) []*dns.Msg { return []*dns.Msg{q, honest} },
		"other names' records": func(_ string, _, honest *dns.Msg) []*dns.Msg {
			m := honest.Copy()
			m.Answer = append([]dns.RR{record("other.test. A 203.0.113.66"), record("x.test. CNAME victim.test.")}, m.Answer...)
			m.Extra, m.Ns = []dns.RR{evil}, append(m.Ns, record("victim.test. NS evil.test."))
			return []*dns.Msg{m}
		},
		"truncated": func(network string, _, honest *dns.Msg) []*dns.Msg {
			if network == "tcp" {
				return []*dns.Msg{honest}
			}
			m := honest.Copy()
			m.Truncated, m.Answer = true, nil
			return []*dns.Msg{m}
		},
		"an alias whose records are not there": func(_ string, q, honest *dns.Msg) []*dns.Msg {
			if m := honest.Copy(); q.Question[0].Name == "victim.test." {
				m.Answer, m.Ns, m.Rcode = []dns.RR{record("victim.test. CNAME second.example.test.")}, nil, dns.RcodeSuccess
				return []*dns.Msg{m}
			}
			return []*dns.Msg{honest}
		},
	} {
		t.Run(name, func(t *testing.T) {
			inMemory(t, resolve.Options{}, func(t *testing.T, s *resolvetest.Server, r *resolve.Resolver) {
				s.Set(zone + "victim.test. A 192.0.2.3\n")
				s.Reply(reply)
				if got := look(t, r, "sip:victim.test:5060"); got != good {
					t.Error(got)
				}
				s.Reply(nil)
				if got := look(t, r, "sip:other.test:5060"); got != "no such name, or it has no address" {
					t.Error("a forged record was kept:", got)
				}
			})
		})
	}
}

// A domain with very many names costs no more than a bounded number of questions,
// and gives a bounded list.
func TestBounds(t *testing.T) {
	inMemory(t, resolve.Options{}, func(t *testing.T, s *resolvetest.Server, r *resolve.Resolver) {
		var b strings.Builder
		for i := range 200 {
			fmt.Fprintf(&b, "_sip._udp.many.test. SRV 1 1 5060 h%d.many.test.\n", i)
			for j := range 20 {
				fmt.Fprintf(&b, "h%d.many.test. A 192.0.%d.%d\n", i, i, j)
			}
		}
		s.Set(b.String())
		list, err := r.Resolve(t.Context(), uri(t, "sip:many.test"))
		if asked := s.Asked(); err != nil || len(list) != 16 || len(asked) > 32 {
			t.Errorf("%d targets by %d questions: %v", len(list), len(asked), err)
		}
		s.Set(strings.ReplaceAll(b.String(), " A ", " TXT "))
		time.Sleep(time.Hour)
		s.Asked()
		_, err = r.Resolve(t.Context(), uri(t, "sip:many.test"))
		if asked := s.Asked(); err == nil || len(asked) > 32 {
			t.Errorf("%d questions: %v", len(asked), err)
		}
		n := 0
		s.Reply(func(_ string, q, honest *dns.Msg) []*dns.Msg { // an alias without end
			n++
			honest.Rcode, honest.Answer = dns.RcodeSuccess, []dns.RR{&dns.CNAME{Target: fmt.Sprintf("a%d.test.", n),
				Hdr: dns.RR_Header{Name: q.Question[0].Name, Class: dns.ClassINET, Rrtype: dns.TypeCNAME, Ttl: 60}}}
			return []*dns.Msg{honest}
		})
		if got := look(t, r, "sip:endless.test;transport=udp"); got != "too many questions for one name" || n > 32 {
			t.Errorf("%s by %d questions", got, n)
		}
	})
}

// On real sockets, as a user runs it: what does not fit comes over TCP.
func TestRealNameServer(t *testing.T) {
	s := resolvetest.New(t, zone)
	s.Reply(func(network string, _, honest *dns.Msg) []*dns.Msg {
		if honest.Truncated = network == "udp"; honest.Truncated {
			honest.Answer = nil
		}
		return []*dns.Msg{honest}
	})
	r := resolve.New(resolve.Options{Servers: []netip.AddrPort{s.Listen()}, Hosts: "no-such-file", Try: 20 * time.Second, All: time.Minute})
	defer r.Close()
	if got, want := look(t, r, "sip:example.test"), "TCP [2001:db8::1]:5060, TCP 192.0.2.1:5060, TCP 192.0.2.2:5060, TCP 192.0.2.3:5070"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
