package app_test

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"lamplight/app"
	"lamplight/config"
	"lamplight/directory"
	"lamplight/event"
	"lamplight/sip"
	"lamplight/sip/digest"
	"lamplight/store/hot"
)

// burstOf is how many numbers a phone's list of calls shows.
const burstOf = 50

// colleagues are those in the list, and alice, whose phone shows it.
type colleagues struct{}

func (colleagues) Load() ([]directory.Domain, []directory.User, error) {
	users := []directory.User{{AoR: "sip:alice@example.test", HA1: map[string]digest.HA1s{"alice": digest.Hash("alice", "example.test", "secret")}}}
	for i := range burstOf {
		users = append(users, directory.User{AoR: event.AoR(fmt.Sprintf("sip:%d@example.test", 1000+i))})
	}
	return []directory.Domain{{Name: "example.test", Realm: "example.test"}}, users, nil
}

// TestSoakBurst opens a phone's list of calls: it subscribes to each number in it,
// or fetches their state, over UDP, and is challenged for each or uses one nonce for
// all. No limit refuses it, and on an idle machine all is told within 100 ms, which
// LAMPLIGHT_BURST asks for.
func TestSoakBurst(t *testing.T) {
	within := 10 * time.Second
	if d, err := time.ParseDuration(os.Getenv("LAMPLIGHT_BURST")); err == nil {
		within = d
	}
	for _, c := range []struct {
		name    string
		expires int
		reuse   bool
	}{{"subscribe", 600, false}, {"subscribe, one nonce", 600, true}, {"fetch", 0, false}, {"fetch, one nonce", 0, true}} {
		t.Run(c.name, func(t *testing.T) {
			p := newListPhone(t)
			best := within + 1
			for round := 0; round < 2 || round < 10 && best > within; round++ { // others may have had the machine
				best = min(best, p.opens(round, c.expires, c.reuse))
			}
			t.Logf("%v at best", best)
			if best > within {
				t.Errorf("%v, want %v", best, within)
			}
		})
	}
}

// listPhone is a phone with a list of calls.
type listPhone struct {
	*testing.T
	conn  *net.UDPConn
	nonce *digest.Challenge
	uri   func(int) string
}

func newListPhone(t *testing.T) *listPhone {
	journal, err := hot.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s, err := app.New(app.Options{Journal: journal, People: colleagues{}, Serve: config.Serve{Data: "memory", Domain: []string{"example.test"},
		Listen: []string{"udp:127.0.0.1:0"}, Role: []string{"registrar", "presence"}, Limits: "on", NotifyRate: "on"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
		if err := journal.Close(); err != nil {
			t.Error(err)
		}
	})
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(s.Addrs()[0]))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &listPhone{T: t, conn: conn, uri: func(i int) string { return fmt.Sprintf("sip:%d@example.test", 1000+i) }}
}

// opens subscribes to all, and tells how long it takes until all is told.
func (p *listPhone) opens(round, expires int, reuse bool) time.Duration {
	p.Helper()
	began := time.Now()
	for i := range burstOf {
		p.subscribe(round, i, 1, expires, p.answer(i, reuse))
	}
	granted, told := map[string]bool{}, map[string]bool{}
	b := make([]byte, 1<<16)
	for len(granted) < burstOf || len(told) < burstOf {
		_ = p.conn.SetReadDeadline(began.Add(time.Minute))
		n, err := p.conn.Read(b)
		if err != nil {
			p.Fatalf("%d granted, %d told: %v", len(granted), len(told), err)
		}
		m := &sip.Message{}
		if err := m.Parse(b[:n]); err != nil {
			p.Fatalf("%v in\n%s", err, b[:n])
		}
		id := string(m.CallID())
		switch {
		case m.IsRequest():
			told[id] = true
			resp := sip.Response{Status: 200}
			_, _ = p.conn.Write(resp.Append(nil, m, netip.AddrPort{}))
		case m.Status() == 401:
			list := digest.Challenges(m)
			if p.nonce = list[0]; granted[id] {
				continue
			}
			var of, i int
			_, _ = fmt.Sscanf(id, "burst-%d-%d", &of, &i)
			p.subscribe(of, i, 2, expires, p.nonce.Answer(sip.SUBSCRIBE, p.uri(i), "alice", "secret"))
		case m.Status() == 200:
			granted[id] = true
		default:
			p.Fatalf("refused:\n%s", b[:n])
		}
	}
	return time.Since(began)
}

// answer is what a phone that knows a nonce sends at once.
func (p *listPhone) answer(i int, reuse bool) string {
	if !reuse || p.nonce == nil {
		return ""
	}
	return p.nonce.Answer(sip.SUBSCRIBE, p.uri(i), "alice", "secret")
}

func (p *listPhone) subscribe(round, i, cseq, expires int, authorization string) {
	at := p.conn.LocalAddr().String()
	text := fmt.Sprintf("SUBSCRIBE %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK-%d-%d-%d;rport\r\nMax-Forwards: 70\r\nFrom: <sip:alice@example.test>;tag=%[4]d-%[3]d\r\n"+
		"To: <%[1]s>\r\nCall-ID: burst-%[3]d-%[4]d\r\nCSeq: %[5]d SUBSCRIBE\r\nContact: <sip:alice@%[2]s>\r\nEvent: presence\r\nExpires: %[6]d\r\n%[7]sContent-Length: 0\r\n\r\n",
		p.uri(i), at, round, i, cseq, expires, strings.TrimLeft(authorization, " "))
	if _, err := p.conn.Write([]byte(text)); err != nil {
		p.Fatal(err)
	}
}
