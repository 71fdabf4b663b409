package transaction_test

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"lamplight/sip"
	"lamplight/sip/transaction"
)

// memory is a socket without a network: what is to be read is handed in, what is
// written is counted.
type memory struct {
	in      chan []byte
	written atomic.Int64
	last    func([]byte)
}

var afar = netip.MustParseAddrPort("192.0.2.1:5060")

func (c *memory) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	d, ok := <-c.in
	if !ok {
		return 0, netip.AddrPort{}, net.ErrClosed
	}
	return copy(b, d), afar, nil
}

func (c *memory) WriteToUDPAddrPort(b []byte, _ netip.AddrPort) (int, error) {
	c.written.Add(1)
	if c.last != nil {
		c.last(b)
	}
	return len(b), nil
}

func (c *memory) LocalAddr() net.Addr {
	return net.UDPAddrFromAddrPort(netip.MustParseAddrPort("192.0.2.9:5060"))
}
func (c *memory) Close() error { close(c.in); return nil }

// publication is a PUBLISH whose branch and CSeq are numbered in place.
type publication struct {
	b            []byte
	branch, cseq int
}

func newPublication() publication {
	b := fmt.Appendf(nil, "PUBLISH sip:alice@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-000000000;rport\r\nMax-Forwards: 70\r\n"+
		"From: \"Alice\" <sip:alice@example.com>;tag=f1\r\nTo: <sip:alice@example.com>\r\nCall-ID: one@192.0.2.1\r\nCSeq: 000000000 PUBLISH\r\nEvent: presence\r\n"+
		"Expires: 3600\r\nContent-Type: application/pidf+xml\r\nContent-Length: 500\r\n\r\n%s", bytes.Repeat([]byte("x"), 500))
	return publication{b, bytes.Index(b, []byte("bK-")) + 3, bytes.Index(b, []byte("CSeq: ")) + 6}
}

func (p publication) number(n int) []byte {
	for i := 8; i >= 0; i-- {
		c := byte('0' + n%10)
		p.b[p.branch+i], p.b[p.cseq+i] = c, c
		n /= 10
	}
	return p.b
}

var accepted = &sip.Response{Status: 200, ToTag: "abc", Header: []byte("SIP-ETag: 0123456789abcdef\r\nExpires: 3600\r\n")}

func accept(r *transaction.Request) { r.Respond(accepted) }

// BenchmarkServer is one PUBLISH answered, without a socket: what the layer
// itself costs.
func BenchmarkServer(b *testing.B) {
	c := &memory{in: make(chan []byte, 1024)}
	l := transaction.New(answers(accept), transaction.Options{Readers: 1, MaxOpen: 1 << 30,
		Listen: func(string, string) (transaction.PacketConn, error) { return c, nil }})
	defer l.Close()
	if _, err := l.Listen("udp:192.0.2.9:5060"); err != nil {
		b.Fatal(err)
	}
	var ring [2048]publication // more than the channel holds
	for i := range ring {
		ring[i] = newPublication()
	}
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		n++
		c.in <- ring[n%len(ring)].number(n)
	}
	for c.written.Load() == 0 {
	}
	if n := l.Malformed.Load() + l.Absorbed.Load() + l.Overloaded.Load(); n > 0 {
		b.Errorf("%d were not answered anew", n)
	}
}

// BenchmarkClient is one NOTIFY sent and its response taken, without a socket.
func BenchmarkClient(b *testing.B) {
	c := &memory{in: make(chan []byte, 1)}
	resp := &sip.Response{Status: 200}
	var m sip.Message
	var scratch, out []byte
	c.last = func(sent []byte) {
		scratch = append(scratch[:0], sent...)
		if err := m.Parse(scratch); err != nil {
			panic(err)
		}
		out = resp.Append(out[:0], &m, afar)
		c.in <- out
	}
	l := transaction.New(answers(ok), transaction.Options{Readers: 1, Listen: func(string, string) (transaction.PacketConn, error) { return c, nil }})
	defer l.Close()
	if _, err := l.Listen("udp:192.0.2.9:5060"); err != nil {
		b.Fatal(err)
	}
	flow, err := l.Flow(afar)
	if err != nil {
		b.Fatal(err)
	}
	r := notify(1)
	r.Header, r.Body = []byte("Event: presence\r\nSubscription-State: active;expires=3600\r\nContact: <sip:192.0.2.9:5060>\r\n"), make([]byte, 500)
	e := make(tokens, 1)
	b.ReportAllocs()
	for b.Loop() {
		if err := l.Send(flow, r, e); err != nil {
			b.Fatal(err)
		}
		<-e
	}
}

// tokens are how many exchanges may be open at once.
type tokens chan error

func (t tokens) Response(m *sip.Message) { t <- nil }
func (t tokens) Failed(err error)        { t <- err }

// used is the CPU time of this process.
func used() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkServerOverUDP is PUBLISH over loopback from a generator without a SIP
// stack, 32 in flight. cpu/op is this process: the server's half and the
// generator's, two system calls each.
func BenchmarkServerOverUDP(b *testing.B) {
	l := transaction.New(answers(accept), transaction.Options{MaxOpen: 1 << 30})
	defer l.Close()
	addr, err := l.Listen("udp:127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	raw, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		b.Fatal(err)
	}
	defer raw.Close()
	_ = raw.SetReadBuffer(4 << 20)
	buf := make([]byte, 4096)
	p, n := newPublication(), 0
	send := func() {
		n++
		if _, err := raw.WriteToUDPAddrPort(p.number(n), addr); err != nil {
			b.Fatal(err)
		}
	}
	for range 32 {
		send()
	}
	begun := used()
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := raw.ReadFromUDPAddrPort(buf); err != nil {
			b.Fatal(err)
		}
		send()
	}
	b.ReportMetric(float64(used()-begun)/float64(b.N), "cpu-ns/op")
}

// BenchmarkClientOverUDP is NOTIFY over loopback to a sink that answers at once,
// 32 in flight.
func BenchmarkClientOverUDP(b *testing.B) {
	sink, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		b.Fatal(err)
	}
	defer sink.Close()
	go answerAll(sink)
	l := transaction.New(answers(ok), transaction.Options{})
	defer l.Close()
	if _, err := l.Listen("udp:127.0.0.1:0"); err != nil {
		b.Fatal(err)
	}
	flow, err := l.Flow(netip.MustParseAddrPort(sink.LocalAddr().String()))
	if err != nil {
		b.Fatal(err)
	}
	r := notify(1)
	r.Header, r.Body = []byte("Event: presence\r\nSubscription-State: active;expires=3600\r\nContact: <sip:192.0.2.9:5060>\r\n"), make([]byte, 500)
	e := make(tokens, 64)
	for range 32 {
		if err := l.Send(flow, r, e); err != nil {
			b.Fatal(err)
		}
	}
	begun := used()
	b.ReportAllocs()
	for b.Loop() {
		if err := <-e; err != nil {
			b.Fatal(err)
		}
		if err := l.Send(flow, r, e); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(used()-begun)/float64(b.N), "cpu-ns/op")
}

// answerAll answers whatever it gets with 200.
func answerAll(c *net.UDPConn) {
	var m sip.Message
	var out []byte
	b := make([]byte, 65536)
	resp := &sip.Response{Status: 200}
	for {
		n, from, err := c.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		if m.Parse(b[:n]) == nil {
			out = resp.Append(out[:0], &m, from)
			_, _ = c.WriteToUDPAddrPort(out, from)
		}
	}
}

// BenchmarkEchoOverUDP is the same traffic without SIP: what the system calls
// cost here and now, to hold the two above against.
func BenchmarkEchoOverUDP(b *testing.B) {
	local := net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0"))
	server, err := net.ListenUDP("udp", local)
	if err != nil {
		b.Fatal(err)
	}
	defer server.Close()
	go func() {
		buf := make([]byte, 65536)
		for {
			_, from, err := server.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			_, _ = server.WriteToUDPAddrPort(buf[:350], from)
		}
	}()
	raw, err := net.ListenUDP("udp", local)
	if err != nil {
		b.Fatal(err)
	}
	defer raw.Close()
	addr := netip.MustParseAddrPort(server.LocalAddr().String())
	sent, buf := newPublication().b, make([]byte, 4096)
	for range 32 {
		if _, err := raw.WriteToUDPAddrPort(sent, addr); err != nil {
			b.Fatal(err)
		}
	}
	begun := used()
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := raw.ReadFromUDPAddrPort(buf); err != nil {
			b.Fatal(err)
		}
		if _, err := raw.WriteToUDPAddrPort(sent, addr); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(used()-begun)/float64(b.N), "cpu-ns/op")
}
