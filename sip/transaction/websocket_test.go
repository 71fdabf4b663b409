package transaction_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"lamplight/sip"
	"lamplight/sip/transaction"
)

// listenWS is a layer that listens for WebSockets, on real sockets.
func listenWS(t *testing.T, h transaction.Handler, o transaction.Options) (*transaction.Layer, string) {
	t.Helper()
	l := transaction.New(h, o)
	t.Cleanup(func() { l.Close() })
	addr, err := l.Listen("ws:127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l, addr.String()
}

// page is a browser's end of a WebSocket.
type page struct {
	t *testing.T
	*websocket.Conn
	ctx context.Context
}

func open(t *testing.T, url string, o *websocket.DialOptions) *page {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), late)
	t.Cleanup(cancel)
	if o == nil {
		o = &websocket.DialOptions{}
	}
	if o.Subprotocols == nil {
		o.Subprotocols = []string{"sip"}
	}
	c, _, err := websocket.Dial(ctx, url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.CloseNow() })
	c.SetReadLimit(1 << 20)
	return &page{t, c, ctx}
}

func (p *page) say(kind websocket.MessageType, s string) {
	p.t.Helper()
	if err := p.Write(p.ctx, kind, []byte(s)); err != nil {
		p.t.Fatal(err)
	}
}

func (p *page) hears(kind websocket.MessageType, parts ...string) string {
	p.t.Helper()
	got, b, err := p.Read(p.ctx)
	if err != nil {
		p.t.Fatal(err)
	}
	if got != kind {
		p.t.Errorf("%v, want %v", got, kind)
	}
	for _, part := range parts {
		if !strings.Contains(string(b), part) {
			p.t.Errorf("want %q in\n%s", part, b)
		}
	}
	return string(b)
}

// ends wants the other side to close the connection without another word.
func (p *page) ends(want websocket.StatusCode) {
	p.t.Helper()
	_, b, err := p.Read(p.ctx)
	if err == nil || p.ctx.Err() != nil {
		p.t.Errorf("%q, %v, want the end", b, err)
	}
	if got := websocket.CloseStatus(err); got != want {
		p.t.Errorf("closed by %v (%v), want %v", got, err, want)
	}
}

// overWS is a request as a browser sends it: it names no host that is one, and
// no length.
func overWS(method, branch string, more ...string) string {
	s := strings.Replace(overTCP(method, branch, more...), "TCP 127.0.0.1:9", "WS df7jal23ls0d.invalid", 1)
	return strings.Replace(s, "Content-Length: 0\r\n", "", 1)
}

// One message is one SIP message, text or binary, in one frame or in many (RFC
// 7118 §4.2, §5).
func TestEachMessageOfAWebSocketIsOne(t *testing.T) {
	l, addr := listenWS(t, answers(func(r *transaction.Request) {
		r.Respond(&sip.Response{Status: 200, ToTag: "t", Header: []byte("X-Body: " + string(r.Message.Body()) + "\r\n")})
	}), transaction.Options{})
	p := open(t, "ws://"+addr+"/", nil)
	p.say(websocket.MessageText, overWS("PUBLISH", "z9hG4bKa"))
	p.hears(websocket.MessageText, "SIP/2.0 200", "Via: SIP/2.0/WS df7jal23ls0d.invalid;branch=z9hG4bKa;received=127.0.0.1\r\n")
	p.say(websocket.MessageBinary, overWS("PUBLISH", "z9hG4bKb")+"body")
	p.hears(websocket.MessageText, "SIP/2.0 200", "X-Body: body\r\n")
	p.say(websocket.MessageBinary, overWS("PUBLISH", "z9hG4bKc")+"\xff")
	p.hears(websocket.MessageBinary, "SIP/2.0 200", "X-Body: \xff\r\n")
	w, err := p.Writer(p.ctx, websocket.MessageText)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range strings.SplitAfter(overWS("PUBLISH", "z9hG4bKd"), "\n") { // a frame each
		if _, err := io.WriteString(w, part); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	p.hears(websocket.MessageText, "SIP/2.0 200", "z9hG4bKd")
	handled := l.Requests.Load()
	p.say(websocket.MessageText, overTCP("PUBLISH", "z9hG4bKe")+overTCP("PUBLISH", "z9hG4bKf"))
	p.hears(websocket.MessageText, "SIP/2.0 400 More Than One Message", "z9hG4bKe")
	p.say(websocket.MessageText, "\r\n"+overTCP("PUBLISH", "z9hG4bKg")+"\r\n") // no second message
	p.hears(websocket.MessageText, "SIP/2.0 200", "z9hG4bKg")
	if n := l.Requests.Load(); n != handled+1 {
		t.Errorf("%d requests were handled, want 1", n-handled)
	}
}

// RFC 7118 §6, RFC 5626 §3.5.1.
func TestAPingOverWebSocketIsAnswered(t *testing.T) {
	_, addr := listenWS(t, answers(ok), transaction.Options{})
	p := open(t, "ws://"+addr+"/sip", nil)
	p.say(websocket.MessageText, "\r\n\r\n")
	if got := p.hears(websocket.MessageText); got != "\r\n" {
		t.Errorf("got %q", got)
	}
	p.say(websocket.MessageText, "\r\n") // an answer to one of ours
	p.say(websocket.MessageText, overWS("PUBLISH", "z9hG4bKa"))
	p.hears(websocket.MessageText, "SIP/2.0 200")
	p.CloseRead(p.ctx)
	if err := p.Ping(p.ctx); err != nil {
		t.Error(err)
	}
}

func asked(t *testing.T, url string, header http.Header) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	if host := header.Get("Host"); host != "" {
		req.Host = host
		req.Header.Del("Host")
	}
	client := http.Client{Timeout: late, Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	return r
}

// upgrade is a request for a WebSocket, with what is to be changed in it; "-"
// takes a field away.
func upgrade(changes ...string) http.Header {
	h := http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"},
		"Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}, "Sec-Websocket-Protocol": {"sip"}}
	for i := 0; i < len(changes); i += 2 {
		if h.Set(changes[i], changes[i+1]); changes[i+1] == "-" {
			h.Del(changes[i])
		}
	}
	return h
}

// hardening: WebSocket cross-site hijack. Whose page may connect is compared as a
// whole; a program names no page, and cookies say nothing.
func TestWebSocketCrossSiteHijack(t *testing.T) {
	_, own := listenWS(t, answers(ok), transaction.Options{})
	_, listed := listenWS(t, answers(ok), transaction.Options{Streams: transaction.StreamOptions{
		Origins: []string{"https://phone.example.test", "http://office.example.test:8080"}}})
	for _, c := range []struct {
		name, addr string
		header     http.Header
		want       int
	}{
		{"a program", own, upgrade(), 101},
		{"the own host", own, upgrade("Origin", "http://"+own), 101},
		{"the own host by name", own, upgrade("Origin", "https://sip.example.test", "Host", "sip.example.test"), 101},
		{"evil", own, upgrade("Origin", "https://evil.test"), 403},
		{"evil with a cookie", own, upgrade("Origin", "https://evil.test", "Cookie", "session=alice"), 403},
		{"the own host at another port", own, upgrade("Origin", "http://127.0.0.1:1"), 403},
		{"a name that begins with ours", own, upgrade("Origin", "http://sip.example.test.evil.test", "Host", "sip.example.test"), 403},
		{"a name that ends with ours", own, upgrade("Origin", "http://evilsip.example.test", "Host", "sip.example.test"), 403},
		{"no origin that can be named", own, upgrade("Origin", "null"), 403},
		{"an empty one", own, upgrade("Origin", ""), 403},
		{"a user in front of it", own, upgrade("Origin", "http://"+own+"@evil.test"), 403},
		{"evil without the rest", own, http.Header{"Origin": {"https://evil.test"}}, 403},
		{"two", own, func() http.Header {
			h := upgrade()
			h["Origin"] = []string{"http://" + own, "https://evil.test"}
			return h
		}(), 403},
		{"one of the list", listed, upgrade("Origin", "https://phone.example.test"), 101},
		{"the other", listed, upgrade("Origin", "http://office.example.test:8080"), 101},
		{"a program, beside a list", listed, upgrade(), 101},
		{"the own host, beside a list", listed, upgrade("Origin", "http://"+listed), 403},
		{"one of the list by another scheme", listed, upgrade("Origin", "http://phone.example.test"), 403},
		{"one of the list at another port", listed, upgrade("Origin", "https://phone.example.test:444"), 403},
		{"one below one of the list", listed, upgrade("Origin", "https://evil.phone.example.test"), 403},
	} {
		if got := asked(t, "http://"+c.addr+"/", c.header).StatusCode; got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

// Who does not speak SIP over WebSocket is told so (RFC 7118 §4.1, RFC 6455 §4.2).
func TestWhatIsNoWebSocketOfSIP(t *testing.T) {
	_, addr := listenWS(t, answers(ok), transaction.Options{})
	for _, c := range []struct {
		name, path string
		header     http.Header
		want       int
	}{
		{"a browser's page", "/", http.Header{}, 426},
		{"without a subprotocol", "/", upgrade("Sec-WebSocket-Protocol", "-"), 400},
		{"another subprotocol", "/sip", upgrade("Sec-WebSocket-Protocol", "mqtt, sipx"), 400},
		{"one of several", "/sip", upgrade("Sec-WebSocket-Protocol", "mqtt, sip"), 101},
		{"another version", "/", upgrade("Sec-WebSocket-Version", "8"), 400},
		{"without a key", "/", upgrade("Sec-WebSocket-Key", "-"), 400},
		{"somewhere else", "/admin", upgrade(), 404},
	} {
		r := asked(t, "http://"+addr+c.path, c.header)
		if r.StatusCode != c.want {
			t.Errorf("%s: %d, want %d", c.name, r.StatusCode, c.want)
		}
		if got := r.Header.Get("Sec-WebSocket-Protocol"); c.want == 101 && got != "sip" {
			t.Errorf("%s: subprotocol %q", c.name, got)
		}
	}
	c := dial(t, addr)
	c.say(overTCP("PUBLISH", "z9hG4bKa")) // SIP without a WebSocket around it
	if got := c.message(); !strings.HasPrefix(got, "HTTP/1.1 ") {
		t.Errorf("got %q", got)
	}
}

// What is too large ends the connection, with the code that says so (RFC 6455
// §7.4.1), before it is all there.
func TestAWebSocketMessageThatIsTooLarge(t *testing.T) {
	l, addr := listenWS(t, answers(ok), transaction.Options{})
	p := open(t, "ws://"+addr+"/", nil)
	p.say(websocket.MessageText, overWS("PUBLISH", "z9hG4bKa")+strings.Repeat("x", sip.DefaultLimits.Body))
	p.hears(websocket.MessageText, "SIP/2.0 200")
	if err := p.Write(p.ctx, websocket.MessageText, bytes.Repeat([]byte("x"), sip.DefaultLimits.Head+sip.DefaultLimits.Body+1)); err != nil {
		t.Fatal(err)
	}
	p.ends(websocket.StatusMessageTooBig)
	if n := l.Requests.Load(); n != 1 {
		t.Errorf("%d requests were handled", n)
	}
}

// A slow connection costs little for a short time; one on which something lasts
// may be silent, and is pinged.
func TestSlowAndIdleWebSocketsAreClosed(t *testing.T) {
	_, addr := listenWS(t, answers(func(r *transaction.Request) {
		if r.Message.Method() == sip.SUBSCRIBE {
			r.Flow.Lasts(time.Hour)
		}
		ok(r)
	}), transaction.Options{Streams: transaction.StreamOptions{First: 200 * time.Millisecond, Idle: 50 * time.Millisecond, Ping: 20 * time.Millisecond}})
	pinged := make(chan bool, 1000)
	lasting := open(t, "ws://"+addr+"/", &websocket.DialOptions{OnPingReceived: func(context.Context, []byte) bool { pinged <- true; return true }})
	lasting.say(websocket.MessageText, overWS("SUBSCRIBE", "z9hG4bKa"))
	lasting.hears(websocket.MessageText, "SIP/2.0 200")
	for _, half := range []string{"", "GET / HTTP/1.1\r\nHost: a\r\n", "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: sip\r\n\r\n", "\x81"} {
		slow := dial(t, addr)
		slow.say(half)
		if _, err := io.ReadAll(slow); err != nil && !strings.Contains(err.Error(), "reset") {
			t.Errorf("%q: %v, want the end", half, err)
		}
	}
	idle := open(t, "ws://"+addr+"/", nil)
	idle.say(websocket.MessageText, overWS("PUBLISH", "z9hG4bKb"))
	idle.hears(websocket.MessageText, "SIP/2.0 200")
	idle.ends(-1)
	pinging := open(t, "ws://"+addr+"/", nil)
	for range 3 { // anybody can say it
		pinging.say(websocket.MessageText, "\r\n\r\n")
		pinging.hears(websocket.MessageText)
	}
	pinging.ends(-1)
	ended := make(chan error, 1)
	go func() { // a pong is sent by who reads
		_, _, err := lasting.Read(lasting.ctx)
		ended <- err
	}()
	for range 3 {
		select {
		case <-pinged:
		case <-time.After(late):
			t.Fatal("it was not pinged")
		}
	}
	w, err := lasting.Writer(lasting.ctx, websocket.MessageText)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, "PUBLISH sip:a"); err != nil { // a message that begins has to end
		t.Fatal(err)
	}
	if err := <-ended; lasting.ctx.Err() != nil {
		t.Errorf("half a message keeps the connection: %v", err)
	}
}

// Who does not answer a ping is not there.
func TestAWebSocketThatAnswersNoPingIsClosed(t *testing.T) {
	flows := make(chan transaction.Flow, 1)
	_, addr := listenWS(t, answers(func(r *transaction.Request) {
		r.Flow.Lasts(time.Hour)
		flows <- r.Flow
		ok(r)
	}), transaction.Options{Streams: transaction.StreamOptions{Ping: 10 * time.Millisecond, Pong: 50 * time.Millisecond}})
	p := open(t, "ws://"+addr+"/", &websocket.DialOptions{OnPingReceived: func(context.Context, []byte) bool { return false }})
	p.say(websocket.MessageText, overWS("SUBSCRIBE", "z9hG4bKa"))
	p.hears(websocket.MessageText, "SIP/2.0 200")
	p.ends(-1)
	if (<-flows).Alive() {
		t.Error("the flow is alive")
	}
}

// Half-open upgrades count as connections, and a good client does not feel them.
func TestManyHalfOpenUpgrades(t *testing.T) {
	l, addr := listenWS(t, answers(ok), transaction.Options{Streams: transaction.StreamOptions{PerAddr: 100, First: 2 * time.Second}})
	good := open(t, "ws://"+addr+"/", nil)
	good.say(websocket.MessageText, overWS("PUBLISH", "z9hG4bKa"))
	good.hears(websocket.MessageText, "SIP/2.0 200")
	var slow []net.Conn
	for i := range 300 {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\nX: "[:i%28]); err != nil && i < 50 {
			t.Fatal(err)
		}
		slow = append(slow, c)
	}
	began := time.Now()
	for range 20 {
		good.say(websocket.MessageText, overWS("PUBLISH", "z9hG4bKa"))
		good.hears(websocket.MessageText, "SIP/2.0 200")
	}
	if d := time.Since(began); d > 5*time.Second {
		t.Errorf("20 requests took %v", d)
	}
	for end := time.Now().Add(late); l.Refused.Load() < 100; {
		if time.Now().After(end) {
			t.Fatalf("%d connections were refused", l.Refused.Load())
		}
		runtime.Gosched()
	}
	for _, c := range slow {
		_ = c.SetReadDeadline(time.Now().Add(late))
		if _, err := io.ReadAll(c); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("a half-open upgrade goes on: %v", err)
		}
	}
	open(t, "ws://"+addr+"/", nil)
}

// Our requests go back on the WebSocket that the browser made, whose name for
// itself is none (RFC 7118 §5); when it ends, who waits on it is told at once.
func TestOurRequestsOnAWebSocket(t *testing.T) {
	flows := make(chan transaction.Flow, 1)
	l, addr := listenWS(t, answers(func(r *transaction.Request) {
		flows <- r.Flow
		ok(r)
	}), transaction.Options{})
	p := open(t, "ws://"+addr+"/", nil)
	p.say(websocket.MessageText, overWS("SUBSCRIBE", "z9hG4bKa"))
	p.hears(websocket.MessageText)
	flow := <-flows
	first, second := newEnding(), newEnding()
	for i, e := range []ending{first, second} { // each is a message, though they go together
		if err := l.Send(flow, notify(uint32(i)+1), e); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		var m sip.Message
		got := p.hears(websocket.MessageText, "Via: SIP/2.0/WS "+addr+";")
		if err := m.Parse([]byte(got)); err != nil || !strings.HasPrefix(got, "NOTIFY ") {
			t.Fatalf("%v in\n%s", err, got)
		}
		if strings.Contains(got, "CSeq: 1 ") {
			p.say(websocket.MessageText, string((&sip.Response{Status: 200}).Append(nil, &m, netip.AddrPort{})))
		}
	}
	if got := <-first.got; got != "200" {
		t.Errorf("ended by %s", got)
	}
	if err := p.Close(websocket.StatusGoingAway, ""); err != nil {
		t.Error(err)
	}
	if got := <-second.got; got != transaction.ErrFlowLost.Error() {
		t.Errorf("ended by %q, want the loss of the connection", got)
	}
	if flow.Alive() {
		t.Error("the flow is alive")
	}
	if _, err := l.FlowFrom("WS", flow.Local(), flow.Remote()); !errors.Is(err, transaction.ErrFlowLost) {
		t.Errorf("a way to a browser: %v", err)
	}
}

// Our own client over WebSocket, also where TLS is around it.
func TestAWebSocketOfOurs(t *testing.T) {
	server, client := certified(t, "one.test")
	l := transaction.New(answers(ok), transaction.Options{ServerTLS: server})
	defer l.Close()
	for transport, listen := range map[string]string{"WS": "ws:127.0.0.1:0", "WSS": "wss:127.0.0.1:0"} {
		addr, err := l.Listen(listen)
		if err != nil {
			t.Fatal(err)
		}
		ours := transaction.New(answers(ok), transaction.Options{ClientTLS: client})
		defer ours.Close()
		flow, err := ours.FlowTo(transport, "one.test", netip.AddrPort{}, addr)
		if err != nil {
			t.Fatalf("%s: %v", transport, err)
		}
		for i := range 3 {
			e := newEnding()
			if err := ours.Send(flow, notify(uint32(i)+1), e); err != nil {
				t.Fatal(err)
			}
			if got := <-e.got; got != "200" {
				t.Errorf("%s: ended by %s", transport, got)
			}
		}
		if flow.Transport() != transport || !flow.Reliable() {
			t.Errorf("%s: %s", transport, flow.Transport())
		}
	}
	_, other := listenTCP(t, answers(ok), transaction.Options{})
	ours := transaction.New(answers(ok), transaction.Options{})
	defer ours.Close()
	if _, err := ours.FlowFrom("WS", netip.AddrPort{}, netip.MustParseAddrPort(other)); err == nil {
		t.Error("what is no WebSocket was taken for one")
	}
}

// A server of HTTP has the same beside its own pages, and the same limits.
func TestWebSocketBesideOtherPages(t *testing.T) {
	flows := make(chan transaction.Flow, 1)
	l := transaction.New(answers(func(r *transaction.Request) {
		flows <- r.Flow
		ok(r)
	}), transaction.Options{Streams: transaction.StreamOptions{PerAddr: 1}})
	mux := http.NewServeMux()
	mux.Handle("/sip", l.WebSocket())
	plain, secure := httptest.NewServer(mux), httptest.NewTLSServer(mux)
	defer plain.Close()
	defer secure.Close()
	for transport, server := range map[string]*httptest.Server{"WS": plain, "WSS": secure} {
		p := open(t, server.URL+"/sip", &websocket.DialOptions{HTTPClient: server.Client()})
		p.say(websocket.MessageText, overWS("SUBSCRIBE", "z9hG4bKa"))
		p.hears(websocket.MessageText, "SIP/2.0 200")
		flow := <-flows
		if flow.Transport() != transport || flow.Local().String() != server.Listener.Addr().String() {
			t.Errorf("%s to %s", flow.Transport(), flow.Local())
		}
		if transport == "WS" {
			if got := asked(t, server.URL+"/sip", upgrade()).StatusCode; got != 503 {
				t.Errorf("one more: %d", got)
			}
		}
		p.CloseNow()
		for end := time.Now().Add(late); flow.Alive(); {
			if time.Now().After(end) {
				t.Fatal("the flow is alive")
			}
			runtime.Gosched()
		}
	}
	if got := asked(t, plain.URL+"/sip", http.Header{"Origin": {"https://evil.test"}}); got.StatusCode != 403 {
		t.Errorf("evil: %d", got.StatusCode)
	}
	l.Close()
	if got := asked(t, plain.URL+"/sip", upgrade()); got.StatusCode != 503 {
		t.Errorf("after the end: %d", got.StatusCode)
	}
}
