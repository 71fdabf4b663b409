package resolve_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"lamplight/sip"
	"lamplight/sip/resolve"
	"lamplight/sip/resolve/resolvetest"
	"lamplight/sip/transaction"
	"lamplight/sip/wire"
)

const farm = `
_sip._udp.farm.test. SRV 1 0 5060 one.farm.test.
_sip._udp.farm.test. SRV 2 0 5060 two.farm.test.
_sip._udp.farm.test. SRV 3 0 5060 three.farm.test.
one.farm.test.   A 192.0.2.1
two.farm.test.   A 192.0.2.2
three.farm.test. A 192.0.2.3
`

// servers are what answers at 192.0.2.1 to 3, and who sends to them.
type servers struct {
	t      *testing.T
	names  *resolvetest.Server
	sender *resolve.Sender
	layer  *transaction.Layer

	mu       sync.Mutex
	answers  map[string]string // of a server, "503 Retry-After: 10"; "": none
	received []string          // "192.0.2.1 branch", without retransmissions
}

func (s *servers) answer(server, how string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[server] = how
}

// server takes requests at one address.
type server struct {
	*servers
	at string
}

func (s server) Request(r *transaction.Request) {
	via, _ := r.Message.TopVia()
	s.mu.Lock()
	if r.Message.Method() == sip.CANCEL || r.Message.Method() == sip.ACK {
		s.mu.Unlock()
		r.Drop()
		return
	}
	if one := s.at + " " + string(via.Branch()); !slices.Contains(s.received, one) {
		s.received = append(s.received, one)
	}
	how := s.answers[s.at]
	s.mu.Unlock()
	status, line, _ := strings.Cut(how, " ")
	var code int
	if _, err := fmt.Sscan(status, &code); err != nil {
		r.Drop()
		return
	}
	resp := sip.Response{Status: code, ToTag: "t"}
	if line != "" {
		resp.Header = []byte(line + "\r\n")
	}
	r.Respond(&resp)
}

func withServers(t *testing.T, allow func(netip.AddrPort) bool, test func(t *testing.T, s *servers)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		network := wire.New(1)
		listen := func(_, addr string) (transaction.PacketConn, error) { return network.Listen(addr) }
		s := &servers{t: t, names: resolvetest.New(t, farm), answers: map[string]string{}}
		open := func(at string, o transaction.Options) *transaction.Layer {
			o.Listen = listen
			l := transaction.New(server{s, at}, o)
			if _, err := l.Listen("udp:" + at + ":5060"); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = l.Close() })
			return l
		}
		for _, at := range []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"} {
			s.answers[at] = "200"
			open(at, transaction.Options{})
		}
		s.layer = open("192.0.2.100", transaction.Options{Allow: allow})
		r := resolve.New(resolve.Options{Hosts: "no-such-file", Dial: s.names.Dial, Servers: []netip.AddrPort{first}})
		s.sender = resolve.NewSender(r, s.layer)
		test(t, s)
		_ = s.layer.Close()
		r.Close()
	})
}

// outcome is how a request ended, told once.
type outcome struct {
	t    *testing.T
	said chan string
}

func (o outcome) Response(m *sip.Message) { o.say(fmt.Sprint(m.Status())) }
func (o outcome) Failed(err error)        { o.say(err.Error()) }
func (o outcome) say(s string) {
	if len(o.said) > 0 {
		o.t.Errorf("it ended twice: %s", s)
		return
	}
	o.said <- s
}

// send sends a request, and is how it ended and which servers saw it.
func (s *servers) send(u string) (how, saw string) {
	s.t.Helper()
	s.mu.Lock()
	s.received = nil
	s.mu.Unlock()
	o := outcome{s.t, make(chan string, 1)}
	s.sender.Send(resolve.Way{URI: uri(s.t, u)}, s.try, o)
	how = <-o.said
	synctest.Wait()
	if len(o.said) > 0 {
		s.t.Errorf("it ended twice: %s", <-o.said)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	branches := map[string]bool{}
	var list []string
	for _, r := range s.received {
		at, branch, _ := strings.Cut(r, " ")
		if list = append(list, strings.TrimPrefix(at, "192.0.2.")); branches[branch] {
			s.t.Errorf("two servers saw the branch %s", branch)
		}
		branches[branch] = true
	}
	return how, strings.Join(list, " ")
}

// try sends a NOTIFY.
func (s *servers) try(f transaction.Flow, x transaction.Exchange) error {
	return s.layer.Send(f, &sip.Request{Method: sip.NOTIFY, URI: "sip:b@b", From: "<sip:a@a>;tag=1", To: "<sip:b@b>;tag=2", CallID: "c", CSeq: 1}, x)
}

func (s *servers) expect(u, how, saw string) {
	s.t.Helper()
	if gotHow, gotSaw := s.send(u); gotHow != how || gotSaw != saw {
		s.t.Errorf("%s at %q, want %s at %q", gotHow, gotSaw, how, saw)
	}
}

// [3263-4-2] [3263-4.2-3] [3263-4.3-1] [3263-4.3-2] [3263-4.3-3]
func TestFailover(t *testing.T) {
	withServers(t, nil, func(t *testing.T, s *servers) {
		const u = "sip:farm.test;transport=udp"
		s.expect(u, "200", "1")
		s.answer("192.0.2.1", "503")
		s.expect(u, "200", "1 2")
		s.answer("192.0.2.2", "") // silent
		began := time.Now()
		s.expect(u, "200", "1 2 3")
		if took := time.Since(began); took < transaction.TimerF || took > transaction.TimerF+time.Second {
			t.Errorf("took %v", took)
		}
		// What was silent is tried last for a minute, and then in its turn.
		s.expect(u, "200", "1 3")
		time.Sleep(time.Minute)
		s.answer("192.0.2.1", "503 Retry-After: 120 (busy);duration=5")
		s.expect(u, "200", "1 2 3")
		s.expect(u, "200", "3") // it wants to be left alone
		s.answer("192.0.2.3", "503")
		s.answer("192.0.2.1", "486") // any other answer is one
		s.expect(u, "486", "3 1")
		s.answer("192.0.2.1", "503")
		s.expect(u, "transaction: no final response in time", "3 1 2")
		s.answer("192.0.2.2", "503")
		s.expect(u, "503", "3 1 2")
		s.expect("sip:192.0.2.1", "503", "1")
		if n := s.sender.Failovers.Load(); n != 11 {
			t.Errorf("%d fail-overs", n)
		}
	})
}

// Each address is looked up in the outbound list; the server itself is no target.
func TestTargetsRefused(t *testing.T) {
	allow := func(to netip.AddrPort) bool { return to.Addr().String() != "192.0.2.1" }
	withServers(t, allow, func(t *testing.T, s *servers) {
		s.expect("sip:farm.test;transport=udp", "200", "2")
		s.expect("sip:192.0.2.1", transaction.ErrNotAllowed.Error(), "")
		s.names.Set("self.test. A 192.0.2.100\nself6.test. AAAA 2001:db8::1\nmixed.test. AAAA 2001:db8::1\nmixed.test. A 192.0.2.2")
		s.expect("sip:self.test:5060", "resolve: the target is ourselves", "")
		s.expect("sip:mixed.test:5060", "200", "2")
		if how, _ := s.send("sip:self6.test:5060"); !strings.Contains(how, transaction.ErrNoListener.Error()) {
			t.Error(how)
		}
		if how, _ := s.send("sip:nobody.test:5060"); !strings.Contains(how, resolve.ErrNoName.Error()) {
			t.Error(how)
		}
	})
}

// A name server that says nothing delays nobody who needs none, nor who needs
// another name.
func TestSilentNameServerHoldsUpNobody(t *testing.T) {
	withServers(t, nil, func(t *testing.T, s *servers) {
		s.names.Reply(func(_ string, q, honest *dns.Msg) []*dns.Msg {
			if strings.Contains(q.Question[0].Name, "silent") {
				return nil
			}
			return []*dns.Msg{honest}
		})
		o := outcome{t, make(chan string, 1)}
		s.sender.Send(resolve.Way{URI: uri(t, "sip:silent.test")}, s.try, o)
		began := time.Now()
		s.expect("sip:192.0.2.3", "200", "3")
		s.expect("sip:farm.test;transport=udp", "200", "1")
		if took := time.Since(began); took > 0 {
			t.Errorf("took %v", took)
		}
		if how := <-o.said; !strings.Contains(how, resolve.ErrTimeout.Error()) {
			t.Error(how)
		}
	})
}

// Closing ends it, without one more target.
func TestCloseEndsAttempts(t *testing.T) {
	withServers(t, nil, func(t *testing.T, s *servers) {
		s.answer("192.0.2.1", "")
		o := outcome{t, make(chan string, 1)}
		s.sender.Send(resolve.Way{URI: uri(t, "sip:farm.test;transport=udp")}, s.try, o)
		time.Sleep(time.Second)
		if err := s.layer.Close(); err != nil {
			t.Error(err)
		}
		if how := <-o.said; how != transaction.ErrClosed.Error() {
			t.Error(how)
		}
	})
}

// ring is the exchange of an INVITE.
type ring struct {
	outcome
	rang chan struct{}
}

func (r ring) Provisional(*sip.Message) { r.rang <- struct{}{} }

// An INVITE that rings has found its server, even if that falls silent then; one
// that is given up goes nowhere else. [3263-4.3-1]
func TestInvite(t *testing.T) {
	withServers(t, nil, func(t *testing.T, s *servers) {
		sent := make(chan transaction.Sent, 10)
		var given atomic.Bool
		invite := func(f transaction.Flow, x transaction.Exchange) error {
			if given.Load() {
				return resolve.ErrStop
			}
			one, err := s.layer.Invite(f, &sip.Request{Method: sip.INVITE, URI: "sip:b@b", From: "<sip:a@a>;tag=1", To: "<sip:b@b>", CallID: "c", CSeq: 1}, x)
			sent <- one
			return err
		}
		call := func() ring {
			r := ring{outcome{t, make(chan string, 1)}, make(chan struct{}, 10)}
			s.sender.Send(resolve.Way{URI: uri(t, "sip:farm.test;transport=udp")}, invite, r)
			return r
		}
		s.answer("192.0.2.1", "503")
		s.answer("192.0.2.2", "180")
		r := call()
		<-r.rang
		time.Sleep(5 * time.Minute)
		<-sent
		(<-sent).Cancel(nil) // it is never answered
		if how := <-r.said; how != transaction.ErrTimeout.Error() {
			t.Error(how)
		}
		s.answer("192.0.2.1", "")
		r = call()
		time.Sleep(time.Second)
		given.Store(true)
		if how := <-r.said; how != resolve.ErrStop.Error() {
			t.Error(how)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, at := range s.received {
			if strings.HasPrefix(at, "192.0.2.3") {
				t.Error("the third server was asked")
			}
		}
	})
}
