package app_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emiago/sipgo"
	foreign "github.com/emiago/sipgo/sip"
)

// stranger is a user agent of another stack.
type stranger struct {
	t        *testing.T
	server   string
	local    string
	client   *sipgo.Client
	notifies chan *foreign.Request
}

// announced is a socket that tells when it is read from: only then the client
// finds it, and opens none of its own.
type announced struct {
	net.PacketConn
	once    sync.Once
	reading chan struct{}
}

func (a *announced) ReadFrom(b []byte) (int, net.Addr, error) {
	a.once.Do(func() { close(a.reading) })
	return a.PacketConn.ReadFrom(b)
}

func newStranger(t *testing.T, server string) *stranger {
	t.Helper()
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	foreign.SetDefaultLogger(quiet)
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &stranger{t: t, server: server, local: conn.LocalAddr().String(), notifies: make(chan *foreign.Request, 100)}
	agent, err := sipgo.NewUA(sipgo.WithUserAgent("stranger"))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := sipgo.NewServer(agent, sipgo.WithServerLogger(quiet))
	if err != nil {
		t.Fatal(err)
	}
	listener.OnNotify(func(r *foreign.Request, tx foreign.ServerTransaction) {
		_ = tx.Respond(foreign.NewResponseFromRequest(r, 200, "OK", nil))
		s.notifies <- r
	})
	serving, reads := make(chan struct{}), &announced{PacketConn: conn, reading: make(chan struct{})}
	go func() {
		defer close(serving)
		_ = listener.ServeUDP(reads)
	}()
	<-reads.reading
	if s.client, err = sipgo.NewClient(agent, sipgo.WithClientLogger(quiet), sipgo.WithClientConnectionAddr(s.local)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = agent.Close()
		_ = conn.Close()
		<-serving
	})
	return s
}

// do sends a request, answers its challenge, and checks the final response.
func (s *stranger) do(want int, method foreign.RequestMethod, uri string, body string, lines ...string) *foreign.Response {
	s.t.Helper()
	var to foreign.Uri
	if err := foreign.ParseUri(uri, &to); err != nil {
		s.t.Fatal(err)
	}
	req := foreign.NewRequest(method, to)
	req.SetDestination(s.server)
	for _, line := range append(lines, "From: <sip:alice@example.test>;tag="+foreign.GenerateTagN(8)) {
		name, value, _ := strings.Cut(line, ": ")
		if name == "From" && req.From() != nil {
			continue
		}
		req.AppendHeader(parsed(s.t, name, value))
	}
	if body != "" {
		req.SetBody([]byte(body))
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), 10*time.Second)
	defer cancel()
	resp, err := s.client.Do(ctx, req)
	if err == nil && resp.StatusCode == 401 {
		resp, err = s.client.DoDigestAuth(ctx, req, resp, sipgo.DigestAuth{Username: "alice", Password: "secret"})
	}
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, uri, err)
	}
	if resp.StatusCode != want {
		s.t.Fatalf("%s\n%s\nwant %d", req, resp, want)
	}
	return resp
}

// parsed is a header field as the foreign stack holds it.
func parsed(t *testing.T, name, value string) foreign.Header {
	t.Helper()
	list, err := foreign.HeadersParser(foreign.DefaultHeadersParser()).ParseHeader(nil, []byte(name+": "+value))
	if err != nil || len(list) != 1 {
		t.Fatalf("%s: %s: %v", name, value, err)
	}
	return list[0]
}

func (s *stranger) notified(want ...string) *foreign.Request {
	s.t.Helper()
	select {
	case r := <-s.notifies:
		for _, w := range want {
			if !strings.Contains(r.String(), w) {
				s.t.Errorf("want %q in\n%s", w, r)
			}
		}
		return r
	case <-time.After(10 * time.Second):
		s.t.Fatal("no NOTIFY")
		return nil
	}
}

// The agent of another stack registers, publishes and watches over real sockets.
func TestAnotherStack(t *testing.T) {
	s := newStranger(t, onLoopback(t))
	contact := "Contact: <sip:alice@" + s.local + ">"
	call := "Call-ID: " + foreign.GenerateTagN(16)
	from := "From: <sip:alice@example.test>;tag=" + foreign.GenerateTagN(8)

	resp := s.do(200, foreign.SUBSCRIBE, "sip:alice@example.test", "", contact, call, from, "Event: presence", "Expires: 300", "CSeq: 1 SUBSCRIBE")
	s.notified("Event: presence", "Subscription-State: active;expires=", "<basic>closed</basic>")

	s.do(200, foreign.REGISTER, "sip:example.test", "", contact, "To: <sip:alice@example.test>", "Expires: 300")
	s.notified("<basic>open</basic>")

	published := s.do(200, foreign.PUBLISH, "sip:alice@example.test", busy, "Event: presence", "Content-Type: application/pidf+xml", "Expires: 300")
	s.notified("busy")
	tag := published.GetHeader("SIP-ETag").Value()
	s.do(200, foreign.PUBLISH, "sip:alice@example.test", "", "Event: presence", "SIP-If-Match: "+tag, "Expires: 0")
	s.notified("<basic>open</basic>")
	s.do(412, foreign.PUBLISH, "sip:alice@example.test", "", "Event: presence", "SIP-If-Match: "+tag, "Expires: 300")

	to := fmt.Sprintf("To: <sip:alice@example.test>;tag=%s", param(resp, "tag"))
	s.do(200, foreign.SUBSCRIBE, "sip:"+s.server, "", contact, call, from, to, "Event: presence", "Expires: 0", "CSeq: 10 SUBSCRIBE")
	s.notified("Subscription-State: terminated;reason=timeout")
	s.do(489, foreign.SUBSCRIBE, "sip:alice@example.test", "", contact, "Event: nothing")
}

// param is a parameter of a response's To.
func param(r *foreign.Response, name string) string {
	v, _ := r.To().Params.Get(name)
	return v
}
