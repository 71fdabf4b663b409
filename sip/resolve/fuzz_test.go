package resolve

import (
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"

	"lamplight/sip"
)

// FuzzAnswer reads replies as a name server, or who forges one, may send them.
func FuzzAnswer(f *testing.F) {
	for _, answer := range [][]string{
		{"a.test. 60 A 192.0.2.1"},
		{"a.test. CNAME b.test.", "b.test. 5 A 192.0.2.1"},
		{"a.test. CNAME a.test."},
		{`a.test. NAPTR 1 1 "s" "SIPS+D2T" "" _sips._tcp.a.test.`, `a.test. NAPTR 1 0 "S" "sip+d2u" "" .`},
		{"a.test. SRV 1 0 5060 b.test.", "a.test. SRV 1 65535 0 .", "a.test. SRV 0 1 1 c.test."},
	} {
		m := new(dns.Msg).SetQuestion("a.test.", dns.TypeA)
		m.Response = true
		for _, s := range answer {
			rr, err := dns.NewRR(s)
			if err != nil {
				f.Fatal(err)
			}
			m.Answer = append(m.Answer, rr)
		}
		b, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, uint16(1))
	}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	r := New(Options{Hosts: "no-such-file"})
	f.Fuzz(func(t *testing.T, b []byte, kind uint16) {
		m := new(dns.Msg)
		if m.Unpack(b) != nil {
			return
		}
		answers(m, new(dns.Msg).SetQuestion("a.test.", kind))
		a := understood(question{"a.test.", kind}, m, now)
		if len(a.records) > maxRecords || a.until.After(now.Add(maxTTL)) || len(a.records) > 0 && a.alias != "" {
			t.Errorf("%d records, alias %q, until %v", len(a.records), a.alias, a.until)
		}
		for _, s := range chosen(a.records, true) {
			if s.transport != "TLS" {
				t.Errorf("%s for sips", s.transport)
			}
		}
		if list := r.ordered(a.records); len(list) > 1 && list[0].Priority > list[len(list)-1].Priority {
			t.Errorf("priorities %d to %d", list[0].Priority, list[len(list)-1].Priority)
		}
		for _, rr := range a.records {
			if at := address(rr); at.IsValid() && (at.IsUnspecified() || at.IsMulticast() || at.Is4In6()) {
				t.Errorf("%v is no host's", at)
			}
		}
	})
}

// FuzzURI reads URIs as far as they say where they lead.
func FuzzURI(f *testing.F) {
	for _, s := range []string{"sip:a.test", "sips:a.test:5061;transport=tcp", "sip:[::1];maddr=[::ffff:192.0.2.1];transport=TLS", "sip:a@192.0.2.1:0;transport=ws", "tel:+1"} {
		f.Add(s)
	}
	r := New(Options{Hosts: "no-such-file", WebSocket: true})
	f.Fuzz(func(t *testing.T, s string) {
		u, err := sip.ParseURI([]byte(s))
		if err != nil {
			return
		}
		if at, err := r.Direct(u); err == nil && (!at.Addr.IsValid() || at.Addr.Port() == 0 || at.Transport == "") {
			t.Errorf("%s leads to %+v", s, at)
		}
	})
}

// FuzzHosts reads a file of names.
func FuzzHosts(f *testing.F) {
	f.Add([]byte("127.0.0.1 localhost # one\n::1\tLocalhost ip6\nx y\n\n192.0.2.1"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for name, list := range parseHosts(b) {
			for _, a := range list {
				if !a.IsValid() || a.Is4In6() {
					t.Errorf("%s at %v", name, a)
				}
			}
		}
	})
}

// A full cache forgets one to remember another, what is over first.
func TestCacheIsBounded(t *testing.T) {
	c := cache{entries: map[question]answer{}}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	name := func(i int) question { return question{string(rune('a'+i%26)) + string(rune(i)), dns.TypeA} }
	for i := range 3 * maxEntries {
		c.put(name(i), answer{until: now.Add(time.Hour)}, now)
	}
	if n := len(c.entries); n != maxEntries {
		t.Errorf("%d entries", n)
	}
	c.put(question{"last", dns.TypeA}, answer{until: now.Add(time.Hour)}, now)
	if _, ok := c.get(question{"last", dns.TypeA}, now); !ok {
		t.Error("the last one is not there")
	}
	if _, ok := c.get(question{"last", dns.TypeA}, now.Add(time.Hour)); ok {
		t.Error("the last one is there still")
	}
}

// The machine's own name servers are asked where none is named.
func TestSystemServers(t *testing.T) {
	r := New(Options{})
	list := r.servers()
	if len(list) == 0 || len(list) > maxServers || !list[0].IsValid() {
		t.Errorf("name servers %v", list)
	}
	r.o.Servers = []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:53")}
	if list := r.servers(); len(list) != 1 || list[0] != r.o.Servers[0] {
		t.Errorf("name servers %v", list)
	}
}
