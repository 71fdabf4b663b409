package transaction_test

import (
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"lamplight/sip"
	"lamplight/sip/transaction"
	"lamplight/sip/wire"
)

// answers responds to each request as its function says.
type answers func(*transaction.Request)

func (f answers) Request(r *transaction.Request) { f(r) }

func ok(r *transaction.Request) { r.Respond(&sip.Response{Status: 200, ToTag: "t"}) }

// ending records how an exchange ended.
type ending struct{ got chan string }

func newEnding() ending { return ending{make(chan string, 8)} }

func (e ending) Response(m *sip.Message) { e.got <- fmt.Sprint(m.Status()) }
func (e ending) Failed(err error)        { e.got <- err.Error() }

func notify(n uint32) *sip.Request {
	return &sip.Request{Method: sip.NOTIFY, URI: "sip:bob@127.0.0.1", From: "<sip:a@example.com>;tag=1",
		To: "<sip:b@example.com>;tag=2", CallID: "c", CSeq: n}
}

// pair is two layers on one network; the first is the server.
type pair struct {
	net            *wire.Network
	server, client *transaction.Layer
	to             transaction.Flow
}

func newPair(t *testing.T, h transaction.Handler) *pair {
	t.Helper()
	n := wire.New(1)
	listen := func(_, addr string) (transaction.PacketConn, error) { return n.Listen(addr) }
	p := &pair{net: n, server: transaction.New(h, transaction.Options{Listen: listen})}
	p.client = transaction.New(answers(ok), transaction.Options{Listen: listen})
	addr, err := p.server.Listen("udp:127.0.0.1:5060")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.client.Listen("udp:127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	if p.to, err = p.client.Flow(addr); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *pair) close() { p.client.Close(); p.server.Close() }

func TestAnExchangeEndsByItsResponse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, answers(ok))
		defer p.close()
		e := newEnding()
		if err := p.client.Send(p.to, notify(1), e); err != nil {
			t.Fatal(err)
		}
		if got := <-e.got; got != "200" {
			t.Errorf("the exchange ended by %s, want 200", got)
		}
	})
}

func TestARequestIsRepeatedUntilTimerF(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, answers(ok))
		defer p.close()
		var sent []time.Duration
		begun := time.Now()
		p.net.Tap(func(_, _ netip.AddrPort, _ []byte) { sent = append(sent, time.Since(begun).Round(T100)) })
		p.net.SetLoss(1)
		e := newEnding()
		if err := p.client.Send(p.to, notify(1), e); err != nil {
			t.Fatal(err)
		}
		got := <-e.got
		if got != transaction.ErrTimeout.Error() {
			t.Errorf("ended by %q", got)
		}
		if d := time.Since(begun).Round(T100); d != transaction.TimerF {
			t.Errorf("given up after %v, want %v", d, transaction.TimerF)
		}
		want := "[0s 500ms 1.5s 3.5s 7.5s 11.5s 15.5s 19.5s 23.5s 27.5s 31.5s]" // RFC 3261 §17.1.2.2
		if fmt.Sprint(sent) != want {
			t.Errorf("sent at %v, want %v", sent, want)
		}
	})
}

const T100 = 100 * time.Millisecond

// responses are what the server sends, in order. They are read when the bubble
// is at rest.
func (p *pair) responses() *[]string {
	var list []string
	p.net.Tap(func(from, _ netip.AddrPort, b []byte) {
		if from.Port() == 5060 {
			list = append(list, string(b))
		}
	})
	return &list
}

func TestARepeatedRequestIsHandledOnceAndAnsweredAlike(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var handled atomic.Int32
		p := newPair(t, answers(func(r *transaction.Request) { handled.Add(1); ok(r) }))
		defer p.close()
		responses := p.responses()
		for range 3 { // each after the answer to the one before
			exchange(t, p, request("PUBLISH", "z9hG4bKsame", "1 PUBLISH"))
		}
		if r := *responses; handled.Load() != 1 || len(r) != 3 || r[0] != r[1] || r[0] != r[2] {
			t.Errorf("handled %d times, responses %q", handled.Load(), r)
		}
	})
}

// While a request is in its turn, its retransmissions find no response to
// repeat: they are absorbed, and the one answer is for all (RFC 3261 §17.2.2).
func TestARequestRepeatedDuringItsTurnIsAnsweredOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turn := make(chan *transaction.Request, 8)
		p := newPair(t, answers(func(r *transaction.Request) { turn <- r }))
		defer p.close()
		responses := p.responses()
		for range 3 {
			if got := exchange(t, p, request("PUBLISH", "z9hG4bKsame", "1 PUBLISH")); got != "" {
				t.Errorf("answered in its turn: %q", got)
			}
		}
		ok(<-turn)
		synctest.Wait()
		if r := *responses; len(turn) != 0 || len(r) != 1 || !strings.HasPrefix(r[0], "SIP/2.0 200 ") {
			t.Errorf("handled %d more times, responses %q", len(turn), r)
		}
		if n := p.server.Absorbed.Load(); n != 2 {
			t.Errorf("%d absorbed, want 2", n)
		}
	})
}

func TestWhatIsKeptEndsWithTimerJ(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		handled := 0
		p := newPair(t, answers(func(r *transaction.Request) { handled++; ok(r) }))
		defer p.close()
		raw, _ := p.net.Listen("127.0.0.1:7000")
		defer raw.Close()
		request := request("PUBLISH", "z9hG4bKsame", "1 PUBLISH")
		send := func() {
			raw.WriteToUDPAddrPort([]byte(request), netip.MustParseAddrPort("127.0.0.1:5060"))
			synctest.Wait()
		}
		send()
		time.Sleep(transaction.TimerJ - 2*time.Second)
		send()
		if handled != 1 {
			t.Fatalf("handled %d times within Timer J", handled)
		}
		time.Sleep(5 * time.Second)
		send()
		if handled != 2 {
			t.Errorf("handled %d times; after Timer J the branch is new", handled)
		}
	})
}

func request(method, branch, cseq string) string {
	return strings.ReplaceAll(method+` sip:alice@example.com SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:7000;branch=`+branch+`;rport
Max-Forwards: 70
From: <sip:alice@example.com>;tag=f
To: <sip:alice@example.com>
Call-ID: one
CSeq: `+cseq+`
Content-Length: 0

`, "\n", "\r\n")
}

// exchange sends one raw datagram to the server and returns the answer's status.
func exchange(t *testing.T, p *pair, message string) string {
	t.Helper()
	raw, err := p.net.Listen("127.0.0.1:7000")
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	got := make(chan string, 1)
	go func() {
		b := make([]byte, 4096)
		if n, _, err := raw.ReadFromUDPAddrPort(b); err == nil {
			line, _, _ := strings.Cut(string(b[:n]), "\r\n")
			got <- line
		}
	}()
	raw.WriteToUDPAddrPort([]byte(message), netip.MustParseAddrPort("127.0.0.1:5060"))
	synctest.Wait()
	select {
	case line := <-got:
		return line
	default:
		return ""
	}
}

func TestWhatCannotBeReadIsAnsweredWhereItCanBe(t *testing.T) {
	good := request("PUBLISH", "z9hG4bK1", "1 PUBLISH")
	for name, c := range map[string]struct{ message, want string }{
		"good":                 {good, "SIP/2.0 200 OK"},
		"version":              {strings.Replace(good, "SIP/2.0\r", "SIP/7.0\r", 1), "SIP/2.0 505 Version Not Supported"},
		"two lengths":          {strings.Replace(good, "CSeq", "Content-Length: 3\r\nCSeq", 1), "SIP/2.0 400 More Than One Content-Length"},
		"short body":           {strings.Replace(good, "Length: 0", "Length: 9", 1), "SIP/2.0 400 Content-Length Beyond The Message"},
		"a broken Via":         {strings.Replace(good, ";rport", ";;", 1), "SIP/2.0 400 Malformed Via"},
		"a control character":  {strings.Replace(good, "Max-Forwards", "X: \x01\r\nMax-Forwards", 1), "SIP/2.0 400 Control Character"},
		"a line feed alone":    {strings.Replace(good, "70\r\n", "70\n", 1), "SIP/2.0 400 Line Feed Without Carriage Return"},
		"a long URI":           {strings.Replace(good, "alice@example.com SIP", strings.Repeat("a", 513)+" SIP", 1), "SIP/2.0 414 Request-URI Too Long"},
		"a head too large":     {strings.Replace(good, "Content-Length: 0", "X: "+strings.Repeat("x", 20000), 1), "SIP/2.0 400 Header Fields Too Large"},
		"no Via":               {strings.Replace(good, "Via:", "X:", 1), ""},
		"ACK":                  {request("ACK", "z9hG4bK2", "1 ACK"), ""},
		"a response":           {"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKx\r\n\r\n", ""},
		"no magic cookie":      {request("PUBLISH", "old", "1 PUBLISH"), "SIP/2.0 200 OK"},
		"keep-alive":           {"\r\n\r\n", ""},
		"something else":       {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", ""},
		"control before colon": {strings.Replace(good, "CSeq:", "CSeq\x01:", 1), ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPair(t, answers(ok))
				defer p.close()
				if got := exchange(t, p, c.message); got != c.want {
					t.Errorf("got %q, want %q", got, c.want)
				}
			})
		})
	}
}

func TestAMergedRequestIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, answers(ok))
		defer p.close()
		exchange(t, p, request("SUBSCRIBE", "z9hG4bKway1", "1 SUBSCRIBE"))
		if got := exchange(t, p, request("SUBSCRIBE", "z9hG4bKway2", "1 SUBSCRIBE")); !strings.Contains(got, "482") {
			t.Errorf("by another way: %q, want 482", got)
		}
		if got := exchange(t, p, request("SUBSCRIBE", "z9hG4bKway3", "2 SUBSCRIBE")); !strings.Contains(got, "200") {
			t.Errorf("the next number: %q, want 200", got)
		}
	})
}

func TestNothingIsKeptOfAStatelessRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, answers(func(r *transaction.Request) { r.RespondStateless(&sip.Response{Status: 401}) }))
		defer p.close()
		for range 3 {
			for _, branch := range []string{"z9hG4bKa", "z9hG4bKb"} {
				if got := exchange(t, p, request("PUBLISH", branch, "1 PUBLISH")); !strings.Contains(got, "401") {
					t.Errorf("got %q, want 401 each time", got)
				}
			}
		}
	})
}

func TestAFullTableAnswers503(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := wire.New(1)
		p := &pair{net: n}
		p.server = transaction.New(answers(ok), transaction.Options{MaxOpen: 1,
			Listen: func(_, addr string) (transaction.PacketConn, error) { return n.Listen(addr) }})
		defer p.server.Close()
		if _, err := p.server.Listen("udp:127.0.0.1:5060"); err != nil {
			t.Fatal(err)
		}
		exchange(t, p, request("PUBLISH", "z9hG4bKa", "1 PUBLISH"))
		if got := exchange(t, p, request("PUBLISH", "z9hG4bKb", "2 PUBLISH")); !strings.Contains(got, "503") {
			t.Errorf("got %q, want 503", got)
		}
		time.Sleep(transaction.TimerJ + 3*time.Second)
		if got := exchange(t, p, request("PUBLISH", "z9hG4bKc", "3 PUBLISH")); !strings.Contains(got, "200") {
			t.Errorf("when there is room again: %q, want 200", got)
		}
	})
}

func TestRealSocketsAndTheOutboundList(t *testing.T) {
	server := transaction.New(answers(ok), transaction.Options{})
	defer server.Close()
	addr, err := server.Listen("udp:127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	client := transaction.New(answers(ok), transaction.Options{
		Allow: func(a netip.AddrPort) bool { return a.Addr().IsLoopback() }})
	defer client.Close()
	if _, err := client.Listen("udp:127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	flow, err := client.Flow(addr)
	if err != nil {
		t.Fatal(err)
	}
	var ended sync.WaitGroup
	for i := range uint32(200) {
		e := newEnding()
		if err := client.Send(flow, notify(i+1), e); err != nil {
			t.Fatal(err)
		}
		ended.Go(func() {
			if got := <-e.got; got != "200" {
				t.Errorf("ended by %s", got)
			}
		})
	}
	ended.Wait()
	elsewhere, err := client.Flow(netip.MustParseAddrPort("127.0.0.2:5060"))
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Send(elsewhere, notify(1), newEnding()); err != nil {
		t.Errorf("loopback is on the list: %v", err)
	}
	if _, err := client.Flow(netip.MustParseAddrPort("192.0.2.1:5060")); !errors.Is(err, transaction.ErrNoListener) {
		t.Errorf("from loopback to the world: %v, want ErrNoListener", err)
	}
}

func TestCloseFailsWhatIsOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, answers(func(r *transaction.Request) { r.Drop() }))
		e := newEnding()
		if err := p.client.Send(p.to, notify(1), e); err != nil {
			t.Fatal(err)
		}
		p.close()
		if got := <-e.got; got != transaction.ErrClosed.Error() {
			t.Errorf("ended by %q, want %q", got, transaction.ErrClosed)
		}
		if err := p.client.Send(p.to, notify(2), e); !errors.Is(err, transaction.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	})
}

// A finished transaction keeps 600 bytes at most, of a response of usual size.
func TestAFinishedTransactionIsSmall(t *testing.T) {
	const n = 20_000
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, answers(ok))
		defer p.close()
		raw, _ := p.net.Listen("127.0.0.1:7000")
		defer raw.Close()
		go func() {
			b := make([]byte, 4096)
			for {
				if _, _, err := raw.ReadFromUDPAddrPort(b); err != nil {
					return
				}
			}
		}()
		before := heap()
		for i := range n {
			message := request("PUBLISH", fmt.Sprintf("z9hG4bK%d", i), fmt.Sprintf("%d PUBLISH", i+1))
			raw.WriteToUDPAddrPort([]byte(message), netip.MustParseAddrPort("127.0.0.1:5060"))
			if i%1000 == 0 {
				synctest.Wait()
			}
		}
		synctest.Wait()
		each := (heap() - before) / n
		t.Logf("%d bytes for each of %d", each, p.server.Counters.Requests.Load())
		if each > 600 {
			t.Errorf("%d bytes for each finished transaction, want at most 600", each)
		}
	})
}

func heap() int {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}
