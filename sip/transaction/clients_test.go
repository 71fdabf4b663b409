package transaction_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"lamplight/sip"
	"lamplight/sip/transaction"
)

// sink is a socket that keeps what it gets, and answers nothing by itself.
type sink struct {
	t    *testing.T
	p    *pair
	got  chan []byte
	send func(to netip.AddrPort, b []byte)
}

func (p *pair) sink(t *testing.T, addr string) *sink {
	t.Helper()
	c, err := p.net.Listen(addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	s := &sink{t: t, p: p, got: make(chan []byte, 64)}
	s.send = func(to netip.AddrPort, b []byte) {
		if _, err := c.WriteToUDPAddrPort(b, to); err != nil {
			t.Error(err)
		}
	}
	go func() {
		b := make([]byte, 65536)
		for {
			n, _, err := c.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			s.got <- append([]byte(nil), b[:n]...)
		}
	}()
	return s
}

// next is the next datagram, parsed.
func (s *sink) next() *sip.Message {
	s.t.Helper()
	var m sip.Message
	if err := m.Parse(<-s.got); err != nil {
		s.t.Fatal(err)
	}
	return &m
}

func (s *sink) answer(m *sip.Message, status int) {
	s.send(s.p.local(s.t), (&sip.Response{Status: status, ToTag: "x"}).Append(nil, m, netip.AddrPort{}))
	synctest.Wait()
}

// local is the client's socket.
func (p *pair) local(t *testing.T) netip.AddrPort { return p.to.Local() }

// toSink is a client whose requests arrive at a sink.
func toSink(t *testing.T, test func(p *pair, s *sink)) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, answers(ok))
		defer p.close()
		s := p.sink(t, "127.0.0.1:7000")
		var err error
		if p.to, err = p.client.Flow(netip.MustParseAddrPort("127.0.0.1:7000")); err != nil {
			t.Fatal(err)
		}
		test(p, s)
	})
}

func (p *pair) send(t *testing.T, n uint32) ending {
	t.Helper()
	e := newEnding()
	if err := p.client.Send(p.to, notify(n), e); err != nil {
		t.Fatal(err)
	}
	return e
}

// RFC 3261 §17.1.2.2: never sooner than Timer E says, and a tick later at most,
// wherever between two ticks a transaction begins.
func TestRetransmissionsAreNeverEarly(t *testing.T) {
	want := []time.Duration{0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500}
	for _, offset := range []time.Duration{0, 1, 37, 50, 99} {
		synctest.Test(t, func(t *testing.T) {
			p := newPair(t, answers(ok))
			defer p.close()
			p.net.SetLoss(1)
			p.send(t, 1000) // the clock goes by the first
			time.Sleep(offset * time.Millisecond)
			begun, n := time.Now(), 0
			p.net.Tap(func(_, _ netip.AddrPort, b []byte) {
				if strings.Contains(string(b), "CSeq: 1000 ") {
					return
				}
				if late := time.Since(begun) - want[n]*time.Millisecond; late < 0 || late > 100*time.Millisecond {
					t.Errorf("begun at %d ms: retransmission %d is %v late", offset, n, late)
				}
				n++
			})
			e := p.send(t, 1)
			<-e.got
			if late := time.Since(begun) - transaction.TimerF; n != len(want) || late < 0 || late > 100*time.Millisecond {
				t.Errorf("begun at %d ms: %d times sent, and given up %v late", offset, n, late)
			}
		})
	}
}

// RFC 3261 §17.1.2.2: after a provisional response each T2, still until Timer F.
func TestAProvisionalResponseSlowsDown(t *testing.T) {
	toSink(t, func(p *pair, s *sink) {
		begun := time.Now()
		e := p.send(s.t, 1)
		var at []time.Duration
		s.answer(s.next(), 100)
		for {
			select {
			case <-s.got:
				at = append(at, time.Since(begun).Round(100*time.Millisecond))
			case how := <-e.got:
				if how != transaction.ErrTimeout.Error() || time.Since(begun).Round(100*time.Millisecond) != transaction.TimerF {
					s.t.Errorf("ended by %s after %v", how, time.Since(begun))
				}
				if got := fmt.Sprint(at); got != "[500ms 4.5s 8.5s 12.5s 16.5s 20.5s 24.5s 28.5s]" {
					s.t.Errorf("sent again at %s", got)
				}
				return
			}
		}
	})
}

// RFC 3261 §17.1.3, §18.1.2: the branch and the method of CSeq decide.
func TestWhichResponsesAreTaken(t *testing.T) {
	toSink(t, func(p *pair, s *sink) {
		e := p.send(s.t, 1)
		m := s.next()
		sent := string(m.Bytes())
		via, _ := m.TopVia()
		branch := string(via.Branch())
		unmatched := func(what, old, new string) {
			s.t.Helper()
			var other sip.Message
			if err := other.Parse([]byte(strings.Replace(sent, old, new, 1))); err != nil {
				s.t.Fatal(err)
			}
			before := p.client.Unmatched.Load()
			s.answer(&other, 200)
			if n := p.client.Unmatched.Load() - before; n != 1 || len(e.got) != 0 {
				s.t.Errorf("%s was taken", what)
			}
		}
		last := branch[len(branch)-1]
		unmatched("another branch", branch, branch[:len(branch)-1]+string('a'+(last-'a'+1)%6))
		unmatched("a shorter branch", branch, branch[:20])
		unmatched("a longer branch", branch, branch+"00")
		unmatched("no branch", ";branch="+branch, "")
		unmatched("a branch of a slot that is not there", branch, "z9hG4bKffffffff"+branch[len(branch)-16:])
		unmatched("another method", "1 NOTIFY", "1 PUBLISH")
		unmatched("a CSeq that cannot be read", "1 NOTIFY", "99999999999 NOTIFY")
		elsewhere := p.sink(s.t, "127.0.0.1:7001")
		elsewhere.answer(m, 200) // as behind NAT
		if got := <-e.got; got != "200" {
			s.t.Errorf("from another address: %s", got)
		}
		before := p.client.Unmatched.Load()
		s.answer(m, 200) // late, or a retransmission
		if n := p.client.Unmatched.Load() - before; n != 1 || len(e.got) != 0 {
			s.t.Errorf("a second final response: %d unmatched, %d told", n, len(e.got))
		}
		if p.client.Resent.Load() != 0 || p.client.Sent.Load() != 1 {
			s.t.Errorf("%d sent, %d again", p.client.Sent.Load(), p.client.Resent.Load())
		}
	})
}

// Whoever gets one of our requests learns nothing of the branches of others.
func TestBranchesCannotBeGuessed(t *testing.T) {
	toSink(t, func(p *pair, s *sink) {
		seen := map[string]bool{}
		for i := range uint32(200) {
			e := p.send(s.t, i+1)
			m := s.next()
			via, _ := m.TopVia()
			b := string(via.Branch())
			if !strings.HasPrefix(b, "z9hG4bK") || len(b) != 31 || seen[b[len(b)-16:]] {
				s.t.Errorf("branch %q", b)
			}
			seen[b[len(b)-16:]] = true
			s.answer(m, 200)
			<-e.got
		}
	})
}

// Slots and buffers are used again while their old responses are still on the
// way: no exchange is told of another's.
func TestExchangesAreNotMixedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, answers(func(r *transaction.Request) {
			c, _ := r.Message.CSeq()
			r.Respond(&sip.Response{Status: 200 + int(c.Number%100)})
		}))
		defer p.close()
		p.net.SetDuplicate(0.3)
		p.net.SetLoss(0.2)
		p.net.SetDelay(0, 2*time.Second)
		const n = 500
		all := make([]ending, n)
		for i := range uint32(n) {
			all[i] = p.send(t, i+1)
			time.Sleep(10 * time.Millisecond)
		}
		timeouts := 0
		for i, e := range all {
			switch got := <-e.got; got {
			case fmt.Sprint(200 + (i+1)%100):
			case transaction.ErrTimeout.Error():
				timeouts++
			default:
				t.Errorf("exchange %d ended by %s", i+1, got)
			}
		}
		time.Sleep(time.Minute)
		for i, e := range all {
			if len(e.got) > 0 {
				t.Errorf("exchange %d ended again, by %s", i+1, <-e.got)
			}
		}
		if timeouts > n/100 {
			t.Errorf("%d of %d lost everything", timeouts, n)
		}
	})
}

// With a fifth lost and more doubled, each request is handled once.
func TestNothingIsHandledTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var handled atomic.Int32
		p := newPair(t, answers(func(r *transaction.Request) { handled.Add(1); ok(r) }))
		defer p.close()
		p.net.SetDuplicate(0.5)
		p.net.SetLoss(0.2)
		p.net.SetDelay(0, 300*time.Millisecond)
		const n = 300
		var all []ending
		for i := range uint32(n) {
			all = append(all, p.send(t, i+1))
		}
		for i, e := range all {
			if got := <-e.got; got != "200" {
				t.Errorf("exchange %d ended by %s", i+1, got)
			}
		}
		if handled.Load() != n {
			t.Errorf("%d requests were handled %d times", n, handled.Load())
		}
		if p.server.Absorbed.Load() == 0 || p.client.Resent.Load() == 0 {
			t.Error("the network lost nothing")
		}
	})
}

// What cannot be sent fails at once, and is told by the error alone.
func TestWhatCannotBeSent(t *testing.T) {
	c := &broken{memory: memory{in: make(chan []byte)}}
	l := transaction.New(answers(ok), transaction.Options{Listen: func(string, string) (transaction.PacketConn, error) { return c, nil },
		Allow: func(to netip.AddrPort) bool { return to.Port() != 25 }})
	defer l.Close()
	if _, err := l.Listen("udp:192.0.2.9:5060"); err != nil {
		t.Fatal(err)
	}
	flow, err := l.Flow(afar)
	if err != nil {
		t.Fatal(err)
	}
	e := newEnding()
	for range 3 {
		if err := l.Send(flow, notify(1), e); !errors.Is(err, transaction.ErrTransport) {
			t.Errorf("%v, want ErrTransport", err)
		}
	}
	if err := l.Send(transaction.Flow{}, notify(1), e); !errors.Is(err, transaction.ErrTransport) {
		t.Errorf("%v, want ErrTransport", err)
	}
	mail, _ := l.Flow(netip.MustParseAddrPort("192.0.2.1:25"))
	if err := l.Send(mail, notify(1), e); !errors.Is(err, transaction.ErrNotAllowed) || l.NotAllowed.Load() != 1 {
		t.Errorf("%v, want ErrNotAllowed", err)
	}
	if len(e.got) != 0 {
		t.Errorf("the exchange was told %s", <-e.got)
	}
}

type broken struct{ memory }

func (*broken) WriteToUDPAddrPort([]byte, netip.AddrPort) (int, error) {
	return 0, errors.New("network is unreachable")
}
