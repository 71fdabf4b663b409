package transaction_test

import (
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"lamplight/sip"
	"lamplight/sip/transaction"
)

// handling counts how often requests are handled.
func handling(t *testing.T, test func(p *pair, handled *atomic.Int32)) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int32
		p := newPair(t, answers(func(r *transaction.Request) { n.Add(1); ok(r) }))
		defer p.close()
		test(p, &n)
	})
}

// RFC 3261 §17.2.3: what makes a request the same as one before, and what does
// not.
func TestWhichRequestsAreRepeated(t *testing.T) {
	const cookie, old = "z9hG4bKx", "x"
	for name, c := range map[string]struct {
		branch, from, to string
		same             bool
	}{
		"all the same":                         {cookie, "", "", true},
		"sent-by in another case":              {cookie, "127.0.0.1:7000", "LOCALHOST:7000", false},
		"another port in sent-by":              {cookie, "127.0.0.1:7000", "127.0.0.1:7001", false},
		"another host in sent-by":              {cookie, "127.0.0.1:7000", "127.0.0.2:7000", false},
		"another branch":                       {cookie, "z9hG4bKx", "z9hG4bKy", false},
		"another method":                       {cookie, "PUBLISH", "OPTIONS", false},
		"another Max-Forwards":                 {cookie, "Max-Forwards: 70", "Max-Forwards: 69", true},
		"another To":                           {cookie, "To: <sip:alice", "To: <sip:bob", true}, // the branch decides
		"another Call-ID":                      {cookie, "Call-ID: one", "Call-ID: two", true},
		"no cookie, all the same":              {old, "", "", true},
		"no cookie, another Request-URI":       {old, "sip:alice@example.com SIP", "sip:bob@example.com SIP", false},
		"no cookie, another From tag":          {old, "tag=f", "tag=g", false},
		"no cookie, another To":                {old, "To: <sip:alice", "To: <sip:bob", false},
		"no cookie, another Call-ID":           {old, "Call-ID: one", "Call-ID: two", false},
		"no cookie, another CSeq":              {old, "CSeq: 1", "CSeq: 2", false},
		"no cookie, another Via":               {old, "branch=x", "branch=y", false},
		"no cookie, another Max-Forwards":      {old, "Max-Forwards: 70", "Max-Forwards: 69", true},
		"the cookie alone":                     {"z9hG4bK", "", "", true},
		"the cookie alone, of another Call-ID": {"z9hG4bK", "Call-ID: one", "Call-ID: two", false},
	} {
		t.Run(name, func(t *testing.T) {
			handling(t, func(p *pair, handled *atomic.Int32) {
				first := request("PUBLISH", c.branch, "1 PUBLISH")
				second := strings.ReplaceAll(first, c.from, c.to)
				if c.from == "" {
					second = first
				}
				one, two := exchange(t, p, first), exchange(t, p, second)
				if same := p.server.Absorbed.Load() == 1; same != c.same || one == "" || two == "" {
					t.Errorf("the same: %v, want %v; answered %q, %q", same, c.same, one, two)
				}
				if n := handled.Load() + int32(p.server.Absorbed.Load()); n > 2 {
					t.Errorf("%d for 2 requests", n)
				}
			})
		})
	}
	handling(t, func(p *pair, handled *atomic.Int32) {
		m := strings.Replace(request("PUBLISH", cookie, "1 PUBLISH"), "127.0.0.1:7000", "Host.Example:7000", 1)
		exchange(t, p, m)
		exchange(t, p, strings.Replace(m, "Host.Example", "hOST.example", 1))
		if handled.Load() != 1 || p.server.Absorbed.Load() != 1 {
			t.Error("a host's case makes another request")
		}
	})
}

// RFC 3261 §8.2.2.2, but for a retry that answers a challenge: some clients keep
// CSeq, Call-ID and From tag for it.
func TestARetryWithCredentialsIsNotMerged(t *testing.T) {
	handling(t, func(p *pair, handled *atomic.Int32) {
		first := request("PUBLISH", "z9hG4bKa", "1 PUBLISH")
		with := strings.Replace(request("PUBLISH", "z9hG4bKb", "1 PUBLISH"), "CSeq", "Authorization: Digest x=y\r\nCSeq", 1)
		for i, m := range []string{first, with, with} {
			if got := exchange(t, p, m); !strings.Contains(got, "200") {
				t.Errorf("request %d: %q", i+1, got)
			}
		}
		if handled.Load() != 2 || p.server.Absorbed.Load() != 1 {
			t.Errorf("%d handled, %d absorbed; want 2 and 1", handled.Load(), p.server.Absorbed.Load())
		}
		if got := exchange(t, p, request("PUBLISH", "z9hG4bKc", "1 PUBLISH")); !strings.Contains(got, "482") {
			t.Errorf("without credentials by another way: %q, want 482", got)
		}
		inside := strings.Replace(request("SUBSCRIBE", "z9hG4bKd", "9 SUBSCRIBE"), "To: <sip:alice@example.com>", "To: <sip:alice@example.com>;tag=t", 1)
		for _, branch := range []string{"z9hG4bKd", "z9hG4bKe"} {
			if got := exchange(t, p, strings.Replace(inside, "z9hG4bKd", branch, 1)); !strings.Contains(got, "200") {
				t.Errorf("inside a dialog: %q", got)
			}
		}
	})
}

// A challenged request is forgotten, so that the same may come again.
func TestWhatWasChallengedMayComeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, answers(func(r *transaction.Request) {
			if r.Message.Has(sip.Authorization) {
				ok(r)
			} else {
				r.RespondStateless(&sip.Response{Status: 401})
			}
		}))
		defer p.close()
		m := request("PUBLISH", "z9hG4bKa", "1 PUBLISH")
		for _, c := range [][2]string{{m, "401"}, {m, "401"}, {strings.Replace(m, "bKa", "bKb", 1), "401"},
			{strings.Replace(m, "CSeq", "Authorization: x\r\nCSeq", 1), "200"}} { // even with the same branch
			if got := exchange(t, p, c[0]); !strings.Contains(got, c[1]) {
				t.Errorf("%q, want %s", got, c[1])
			}
		}
	})
}

// RFC 3261 §8.2.7, §17.1.1.3: an INVITE is refused, each time with the same To
// tag; its ACK is handed on, and never answered; nothing is kept.
func TestAnINVITEIsRefusedStatelessly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		handled := 0
		p := newPair(t, answers(func(r *transaction.Request) { handled++; r.RespondStateless(&sip.Response{Status: 405}) }))
		defer p.close()
		responses := p.responses()
		for range 3 {
			if got := exchange(t, p, request("INVITE", "z9hG4bKi", "1 INVITE")); !strings.Contains(got, "405") {
				t.Errorf("%q, want 405", got)
			}
		}
		if r := *responses; len(r) != 3 || r[0] != r[1] || r[1] != r[2] || !strings.Contains(r[0], "To: <sip:alice@example.com>;tag=") {
			t.Errorf("%q", *responses)
		}
		if got := exchange(t, p, request("ACK", "z9hG4bKi", "1 ACK")); got != "" || handled != 4 {
			t.Errorf("ACK is answered by %q; %d handled", got, handled)
		}
		if p.server.Absorbed.Load() != 0 || p.server.Malformed.Load() != 0 {
			t.Errorf("%d absorbed, %d malformed", p.server.Absorbed.Load(), p.server.Malformed.Load())
		}
	})
}

// RFC 3261 §9.2: a CANCEL is a request of its own, that has no effect on what it
// names.
func TestWhatACANCELCancels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turn := make(chan *transaction.Request, 8)
		p := newPair(t, answers(func(r *transaction.Request) {
			switch {
			case r.Message.Method() != sip.CANCEL:
				turn <- r
			case r.CancelsAnother():
				ok(r)
			default:
				r.Respond(&sip.Response{Status: 481})
			}
		}))
		defer p.close()
		if got := exchange(t, p, request("CANCEL", "z9hG4bKa", "1 CANCEL")); !strings.Contains(got, "481") {
			t.Errorf("of nothing: %q", got)
		}
		exchange(t, p, request("PUBLISH", "z9hG4bKb", "1 PUBLISH"))
		if got := exchange(t, p, request("CANCEL", "z9hG4bKb", "2 CANCEL")); !strings.Contains(got, "200") {
			t.Errorf("of a PUBLISH: %q", got)
		}
		if len(turn) != 1 {
			t.Fatalf("%d PUBLISH in their turn", len(turn))
		}
		(<-turn).Drop()
		if got := exchange(t, p, request("CANCEL", "z9hG4bKb", "2 CANCEL")); !strings.Contains(got, "200") {
			t.Errorf("again: %q, want the answer that was kept", got)
		}
	})
}

// RFC 4320 §4.1, §4.2.
func TestWhatIsNeverAnswered(t *testing.T) {
	for _, status := range []int{100, 180, 183, 199, 408} {
		synctest.Test(t, func(t *testing.T) {
			p := newPair(t, answers(func(r *transaction.Request) { r.Respond(&sip.Response{Status: status}) }))
			defer p.close()
			for range 2 {
				if got := exchange(t, p, request("PUBLISH", "z9hG4bKa", "1 PUBLISH")); got != "" {
					t.Errorf("answered %q", got)
				}
			}
			if p.server.Requests.Load() != 1 {
				t.Errorf("%d handled", p.server.Requests.Load())
			}
		})
	}
}

// RFC 3261 §18.2.2, RFC 3581 §4: where responses go.
func TestWhereResponsesGo(t *testing.T) {
	for name, c := range map[string]struct{ via, to string }{
		"rport":             {"10.0.0.1:9999;rport", "127.0.0.1:7000"},
		"a port":            {"10.0.0.1:7001", "127.0.0.1:7001"},
		"no port":           {"10.0.0.1", "127.0.0.1:5060"},
		"maddr is no place": {"10.0.0.1:7001;maddr=192.0.2.7", "127.0.0.1:7001"},
		"received neither":  {"10.0.0.1:7001;received=192.0.2.7", "127.0.0.1:7001"},
		"a port of no use":  {"10.0.0.1:0", "127.0.0.1:5060"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPair(t, answers(ok))
				defer p.close()
				var to []string
				p.net.Tap(func(from, at netip.AddrPort, _ []byte) {
					if from.Port() == 5060 {
						to = append(to, at.String())
					}
				})
				exchange(t, p, strings.Replace(request("PUBLISH", "z9hG4bKa", "1 PUBLISH"), "127.0.0.1:7000;branch=z9hG4bKa;rport", c.via+";branch=z9hG4bKa", 1))
				if strings.Join(to, " ") != c.to {
					t.Errorf("to %v, want %s", to, c.to)
				}
			})
		})
	}
}

// What nobody has proved to have sent is answered by little more than it was.
func TestRefusalsDoNotAmplify(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, answers(func(r *transaction.Request) { r.RespondStateless(&sip.Response{Status: 403}) }))
		defer p.close()
		sent, got := 0, 0
		p.net.Tap(func(from, _ netip.AddrPort, b []byte) {
			if from.Port() == 5060 {
				got += len(b)
			} else {
				sent += len(b)
			}
		})
		good := request("PUBLISH", "z9hG4bKa", "1 PUBLISH")
		for name, m := range map[string]string{
			"good":         good,
			"version":      strings.Replace(good, "SIP/2.0\r", "SIP/7.0\r", 1),
			"many Via":     strings.Replace(good, ";rport", ";rport"+strings.Repeat(",SIP/2.0/UDP a", 900), 1),
			"many lines":   strings.Replace(good, "Max", strings.Repeat("v:SIP/2.0/UDP a\r\n", 60)+"Max", 1),
			"compact":      strings.NewReplacer("Via", "v", "From", "f", "To", "t", "Call-ID", "i", "Content-Length: 0", "l:1").Replace(good),
			"a long URI":   strings.Replace(good, "alice@example.com SIP", strings.Repeat("a", 600)+" SIP", 1),
			"Record-Route": strings.Replace(good, "Max", strings.Repeat("Record-Route: <sip:a;lr>\r\n", 60)+"Max", 1),
		} {
			sent, got = 0, 0
			exchange(t, p, m)
			if got == 0 || got > sent+200+4*61 {
				t.Errorf("%s: %d bytes answer %d", name, got, sent)
			}
		}
	})
}

func TestWhatIsCounted(t *testing.T) {
	handling(t, func(p *pair, handled *atomic.Int32) {
		good := request("PUBLISH", "z9hG4bKa", "1 PUBLISH")
		for _, m := range []string{good, good, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", strings.Repeat("\x00", 2000), "\r\n\r\n", "\x00\x01\x00\x00!\x12\xa4Babcdefghijkl",
			strings.Replace(good, "Via:", "X:", 1), strings.Replace(good, "CSeq:", "CSeq\x01:", 1), "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKx\r\n\r\n",
			"SIP/2.0 700 OK\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKx\r\n\r\n", request("ACK", "z9hG4bKb", "1 ACK")} {
			exchange(t, p, m)
		}
		c := &p.server.Counters
		if c.Requests.Load() != 2 || c.Absorbed.Load() != 1 || c.Malformed.Load() != 5 || c.STUN.Load() != 1 || c.Responses.Load() != 1 || c.Unmatched.Load() != 1 || handled.Load() != 2 {
			t.Errorf("requests %d, absorbed %d, malformed %d, responses %d, unmatched %d", c.Requests.Load(), c.Absorbed.Load(), c.Malformed.Load(), c.Responses.Load(), c.Unmatched.Load())
		}
	})
}

// What was never answered is forgotten as well, and its late answer still goes.
func TestALateAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turn := make(chan *transaction.Request, 8)
		p := newPair(t, answers(func(r *transaction.Request) { turn <- r }))
		defer p.close()
		responses := p.responses()
		m := request("PUBLISH", "z9hG4bKa", "1 PUBLISH")
		exchange(t, p, m)
		time.Sleep(transaction.TimerJ + 3*time.Second)
		ok(<-turn)
		synctest.Wait()
		if len(*responses) != 1 {
			t.Errorf("%q", *responses)
		}
		exchange(t, p, m)
		if len(turn) != 1 {
			t.Error("after Timer J the request is not handled anew")
		}
		(<-turn).Drop()
		exchange(t, p, m)
		if len(turn) != 1 {
			t.Error("what was dropped is not handled anew")
		}
		(<-turn).Drop()
	})
}
