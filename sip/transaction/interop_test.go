package transaction_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo"
	witness "github.com/emiago/sipgo/sip"

	"lamplight/sip"
	"lamplight/sip/transaction"
)

// real is a layer on a real socket of loopback.
func real(t *testing.T, h transaction.Handler) (*transaction.Layer, netip.AddrPort) {
	t.Helper()
	l := transaction.New(h, transaction.Options{})
	t.Cleanup(func() { l.Close() })
	addr, err := l.Listen("udp:127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l, addr
}

// Another stack is the client: it finds our responses to be its own.
func TestAnotherStackAsClient(t *testing.T) {
	_, addr := real(t, answers(func(r *transaction.Request) {
		h := []byte("Contact: <sip:server>\r\n")
		if r.Message.Method() == sip.PUBLISH {
			h = append(h, "SIP-ETag: abc\r\nExpires: 60\r\n"...)
		}
		r.Respond(&sip.Response{Status: 200, Header: h, ContentType: "text/plain", Body: r.Message.Body()})
	}))
	agent, err := sipgo.NewUA()
	if err != nil {
		t.Fatal(err)
	}
	defer agent.Close()
	client, err := sipgo.NewClient(agent, sipgo.WithClientHostname("127.0.0.1"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for i, method := range []witness.RequestMethod{witness.OPTIONS, witness.PUBLISH, witness.SUBSCRIBE, witness.PUBLISH} {
		req := witness.NewRequest(method, witness.Uri{Scheme: "sip", User: "alice", Host: "127.0.0.1", Port: int(addr.Port())})
		body := fmt.Sprintf("body %d", i)
		req.SetBody([]byte(body))
		resp, err := client.Do(ctx, req)
		if err != nil {
			t.Fatalf("%s: %v", method, err)
		}
		etag := resp.GetHeader("SIP-ETag")
		if resp.StatusCode != 200 || string(resp.Body()) != body || resp.CSeq().MethodName != method || (etag != nil) != (method == witness.PUBLISH) {
			t.Errorf("%s is answered by %s", method, resp)
		}
		if tag, ok := resp.To().Params.Get("tag"); !ok || tag == "" {
			t.Errorf("%s is answered without a To tag", method)
		}
	}
}

// Another stack is the server: it reads our NOTIFY, and we its response.
func TestAnotherStackAsServer(t *testing.T) {
	agent, err := sipgo.NewUA()
	if err != nil {
		t.Fatal(err)
	}
	defer agent.Close()
	server, err := sipgo.NewServer(agent)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	server.OnNotify(func(req *witness.Request, tx witness.ServerTransaction) {
		status := 200
		if req.GetHeader("Subscription-State").Value() != "active;expires=60" || string(req.Body()) != "body" || req.ContentType().Value() != "text/plain" {
			status = 400
		}
		_ = tx.Respond(witness.NewResponseFromRequest(req, status, "Said", nil))
	})
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go server.ServeUDP(conn)
	l, _ := real(t, answers(ok))
	flow, err := l.Flow(netip.MustParseAddrPort(conn.LocalAddr().String()))
	if err != nil {
		t.Fatal(err)
	}
	for i := range uint32(20) {
		e, r := newEnding(), notify(i+1)
		r.Header, r.ContentType, r.Body = []byte("Event: presence\r\nSubscription-State: active;expires=60\r\nContact: <sip:a>\r\n"), "text/plain", []byte("body")
		if err := l.Send(flow, r, e); err != nil {
			t.Fatal(err)
		}
		if got := <-e.got; got != "200" {
			t.Fatalf("NOTIFY %d ended by %s", i+1, got)
		}
	}
}

// A port where nobody listens answers by ICMP; that ends no socket.
func TestICMPEndsNoSocket(t *testing.T) {
	gone, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		t.Fatal(err)
	}
	nobody := netip.MustParseAddrPort(gone.LocalAddr().String())
	gone.Close()
	l, addr := real(t, answers(ok))
	flow, _ := l.Flow(nobody)
	for i := range uint32(50) {
		if err := l.Send(flow, notify(i+1), newEnding()); err != nil {
			t.Fatal(err)
		}
	}
	other, _ := real(t, answers(ok))
	back, _ := other.Flow(addr)
	e := newEnding()
	if err := other.Send(back, notify(1), e); err != nil {
		t.Fatal(err)
	}
	if got := <-e.got; got != "200" {
		t.Errorf("afterwards: %s", got)
	}
}

// failing gives an error of one packet each other time, and in the end many.
type failing struct {
	*net.UDPConn
	n int
}

func (c *failing) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	if c.n++; c.n%2 == 0 || c.n < 40 {
		return 0, netip.AddrPort{}, &net.OpError{Op: "read", Err: fmt.Errorf("connection refused")}
	}
	return c.UDPConn.ReadFromUDPAddrPort(b)
}

func TestErrorsOfOnePacketEndNoSocket(t *testing.T) {
	l := transaction.New(answers(ok), transaction.Options{Readers: 1, Listen: func(_, addr string) (transaction.PacketConn, error) {
		c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(addr)))
		return &failing{UDPConn: c}, err
	}})
	defer l.Close()
	addr, err := l.Listen("udp:127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	other, _ := real(t, answers(ok))
	flow, _ := other.Flow(addr)
	for i := range uint32(10) {
		e := newEnding()
		if err := other.Send(flow, notify(i+1), e); err != nil {
			t.Fatal(err)
		}
		if got := <-e.got; got != "200" {
			t.Errorf("NOTIFY %d ended by %s", i+1, got)
		}
	}
}

// Close leaves nothing running, and takes nothing more.
func TestCloseLeavesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 5 {
		l := transaction.New(answers(ok), transaction.Options{Readers: 3})
		addr, err := l.Listen("udp:127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		flow, _ := l.Flow(addr)
		e := newEnding()
		if err := l.Send(flow, notify(1), e); err != nil {
			t.Fatal(err)
		}
		<-e.got
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if err := l.Close(); err != nil {
			t.Errorf("a second time: %v", err)
		}
		if _, err := l.Listen("udp:127.0.0.1:0"); err == nil {
			t.Error("a closed layer listens")
		}
		if c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(addr)); err != nil {
			t.Errorf("the socket is open still: %v", err)
		} else {
			c.Close()
		}
	}
	for deadline := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(deadline) {
			var stacks [1 << 16]byte
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks[:], true)])
		}
	}
}

func TestWhereOneCannotListen(t *testing.T) {
	l := transaction.New(answers(ok), transaction.Options{})
	defer l.Close()
	for _, spec := range []string{"", "udp", "tls:127.0.0.1:0", "udp:127.0.0.1", "udp:127.0.0.1:99999", "udp:192.0.2.1:0"} {
		if addr, err := l.Listen(spec); err == nil || !strings.Contains(err.Error(), "listen on") {
			t.Errorf("%q: %v, %v", spec, addr, err)
		}
	}
}
