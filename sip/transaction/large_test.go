package transaction_test

import (
	"bytes"
	"net"
	"net/netip"
	"testing"

	"lamplight/sip"
	"lamplight/sip/transaction"
)

func large(uri string) *sip.Request {
	r := notify(1)
	r.URI, r.ContentType, r.Body = uri, "text/plain", bytes.Repeat([]byte("lamp "), 300)
	return r
}

// A request that is too large for UDP goes over TCP where the target can take it
// (RFC 3261 §18.1.1); where not it goes as it is, and is counted.
func TestALargeRequestGoesOverTCP(t *testing.T) {
	came := make(chan string, 10)
	h := answers(func(r *transaction.Request) {
		if len(r.Message.Body()) < 1500 {
			t.Errorf("a body of %d bytes", len(r.Message.Body()))
		}
		came <- r.Flow.Transport()
		ok(r)
	})
	peer := transaction.New(h, transaction.Options{})
	defer peer.Close()
	udp, err := peer.Listen("udp:127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tcp, err := peer.Listen("tcp:127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody.Close()
	for name, c := range map[string]struct {
		uri, want string
		large     uint64
		allow     func(netip.AddrPort) bool
		listen    []string
	}{
		"it can take it": {"sip:bob@" + tcp.String() + ";transport=tcp", "TCP", 0, nil, []string{"udp", "tcp"}},
		"it cannot":      {"sip:bob@" + udp.String(), "UDP", 1, nil, []string{"udp", "tcp"}},
		"nobody there":   {"sip:bob@" + nobody.Addr().String() + ";transport=tcp", "UDP", 1, nil, []string{"udp", "tcp"}},
		"not allowed": {"sip:bob@" + tcp.String() + ";transport=tcp", "UDP", 1,
			func(a netip.AddrPort) bool { return a == udp }, []string{"udp", "tcp"}},
		"no listener of ours": {"sip:bob@" + tcp.String() + ";transport=tcp", "UDP", 1, nil, []string{"udp"}},
	} {
		t.Run(name, func(t *testing.T) {
			l := transaction.New(answers(ok), transaction.Options{Allow: c.allow})
			defer l.Close()
			for _, network := range c.listen {
				if _, err := l.Listen(network + ":127.0.0.1:0"); err != nil {
					t.Fatal(err)
				}
			}
			flow, err := l.Flow(udp)
			if err != nil {
				t.Fatal(err)
			}
			e := newEnding()
			if err := l.Send(flow, large(c.uri), e); err != nil {
				t.Fatal(err)
			}
			if got := <-e.got; got != "200" {
				t.Errorf("ended by %s", got)
			}
			if got := <-came; got != c.want || l.Large.Load() != c.large {
				t.Errorf("it came over %s and %d were counted, want %s and %d", got, l.Large.Load(), c.want, c.large)
			}
		})
	}
}

// The connection from the address to which a datagram would go is a way.
func TestALargeRequestTakesTheConnectionFromThere(t *testing.T) {
	flows := make(chan transaction.Flow, 1)
	l, addr := listenTCP(t, answers(func(r *transaction.Request) {
		flows <- r.Flow
		ok(r)
	}), transaction.Options{})
	if _, err := l.Listen("udp:127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	c := dial(t, addr)
	c.say(overTCP("SUBSCRIBE", "z9hG4bKa"))
	c.message()
	udp, err := l.Flow((<-flows).Remote())
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Send(udp, large("sip:bob@127.0.0.1"), newEnding()); err != nil {
		t.Fatal(err)
	}
	if got := c.message(); !bytes.HasPrefix([]byte(got), []byte("NOTIFY ")) || !bytes.Contains([]byte(got), []byte("Via: SIP/2.0/TCP")) {
		t.Errorf("got %q", got)
	}
}
