package transaction_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"lamplight/sip"
	"lamplight/sip/transaction"
)

// late is when a test gives up.
const late = 20 * time.Second

// listenTCP is a layer that listens for connections, on real sockets.
func listenTCP(t *testing.T, h transaction.Handler, o transaction.Options) (*transaction.Layer, string) {
	t.Helper()
	l := transaction.New(h, o)
	t.Cleanup(func() { l.Close() })
	addr, err := l.Listen("tcp:127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l, addr.String()
}

// line is a client's end of a connection.
type line struct {
	t *testing.T
	net.Conn
	in *bufio.Reader
}

func dial(t *testing.T, addr string) *line {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(late))
	return &line{t, c, bufio.NewReader(c)}
}

func (l *line) say(s string) {
	l.t.Helper()
	if _, err := io.WriteString(l, s); err != nil {
		l.t.Fatal(err)
	}
}

// message reads one message without a body.
func (l *line) message() string {
	l.t.Helper()
	var b strings.Builder
	for !strings.HasSuffix(b.String(), "\r\n\r\n") {
		s, err := l.in.ReadString('\n')
		if b.WriteString(s); err != nil {
			l.t.Fatalf("%v after %q", err, b.String())
		}
	}
	return b.String()
}

// ends wants the other side to close the connection without another word.
func (l *line) ends() {
	l.t.Helper()
	if b, err := io.ReadAll(l.in); err != nil || len(b) > 0 {
		l.t.Errorf("%q, %v, want the end", b, err)
	}
}

func overTCP(method, branch string, more ...string) string {
	return fmt.Sprintf("%s sip:a@example.com SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:9;branch=%s\r\nFrom: <sip:b@example.com>;tag=1\r\nTo: <sip:a@example.com>\r\nCall-ID: %s\r\nCSeq: 1 %s\r\n%sContent-Length: 0\r\n\r\n",
		method, branch, branch, method, strings.Join(more, ""))
}

func TestMessagesOfAConnectionAreToldApart(t *testing.T) {
	_, addr := listenTCP(t, answers(ok), transaction.Options{})
	c := dial(t, addr)
	for i := range 3 {
		whole := overTCP("PUBLISH", fmt.Sprintf("z9hG4bKa%d", i))
		for _, part := range strings.SplitAfter(whole, ":") { // in pieces
			c.say(part)
		}
		if got := c.message(); !strings.HasPrefix(got, "SIP/2.0 200") || !strings.Contains(got, fmt.Sprintf("z9hG4bKa%d", i)) {
			t.Fatalf("got %q", got)
		}
	}
	c.say("\r\n" + overTCP("PUBLISH", "z9hG4bKb") + overTCP("PUBLISH", "z9hG4bKc")) // two at once
	for _, branch := range []string{"z9hG4bKb", "z9hG4bKc"} {
		if got := c.message(); !strings.Contains(got, branch) {
			t.Errorf("got %q, want the answer to %s", got, branch)
		}
	}
}

// [5626-5.4-1] RFC 5626 §3.5.1.
func TestAPingIsAnswered(t *testing.T) {
	_, addr := listenTCP(t, answers(ok), transaction.Options{})
	c := dial(t, addr)
	c.say("\r\n\r\n")
	if b, err := c.in.ReadString('\n'); b != "\r\n" || err != nil {
		t.Errorf("%q, %v", b, err)
	}
	c.say(overTCP("PUBLISH", "z9hG4bKa"))
	if got := c.message(); !strings.HasPrefix(got, "SIP/2.0 200") {
		t.Errorf("after a ping: %q", got)
	}
}

// Over a reliable transport nothing is kept for retransmissions (RFC 3261
// §17.2.2), and the response needs no rport to come back.
// Who says all it has to say and ends its side is still answered.
func TestAnAnswerBehindTheEnd(t *testing.T) {
	_, addr := listenTCP(t, answers(ok), transaction.Options{})
	for range 50 {
		c := dial(t, addr)
		c.say(overTCP("PUBLISH", "z9hG4bKa") + overTCP("PUBLISH", "z9hG4bKb"))
		if err := c.Conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		c.message()
		c.message()
		c.ends()
	}
}

func TestARequestAgainOverTCPIsANewOne(t *testing.T) {
	l, addr := listenTCP(t, answers(ok), transaction.Options{})
	c := dial(t, addr)
	for range 2 {
		c.say(overTCP("PUBLISH", "z9hG4bKa"))
		c.message()
	}
	if n := l.Requests.Load(); n != 2 {
		t.Errorf("handled %d times", n)
	}
}

// What breaks the framing is answered once, and ends the connection: what
// follows might be somebody else's message.
func TestABrokenFrameEndsTheConnection(t *testing.T) {
	smuggled := overTCP("PUBLISH", "z9hG4bKsmuggled")
	head := strings.TrimSuffix(overTCP("PUBLISH", "z9hG4bKa"), "Content-Length: 0\r\n\r\n")
	for name, length := range map[string]string{
		"none": "", "two": "Content-Length: 0\r\nl: 5\r\n", "negative": "Content-Length: -5\r\n", "2^32": "Content-Length: 4294967296\r\n",
	} {
		l, addr := listenTCP(t, answers(ok), transaction.Options{})
		c := dial(t, addr)
		c.say(head + length + "\r\n" + smuggled)
		if got := c.message(); !strings.HasPrefix(got, "SIP/2.0 4") || !strings.Contains(got, "branch=z9hG4bKa") {
			t.Errorf("%s: %q", name, got)
		}
		c.ends()
		if n := l.Requests.Load(); n != 0 {
			t.Errorf("%s: %d requests were handled", name, n)
		}
	}
}

func TestConnectionsOfOneAddressAreLimited(t *testing.T) {
	l, addr := listenTCP(t, answers(func(r *transaction.Request) {
		if r.Message.Method() == sip.SUBSCRIBE {
			r.Flow.Lasts(time.Hour)
		}
		ok(r)
	}), transaction.Options{Streams: transaction.StreamOptions{PerAddr: 2}})
	first := dial(t, addr)
	first.say(overTCP("SUBSCRIBE", "z9hG4bKa"))
	first.message() // something lasts on it: it is not counted
	silent := dial(t, addr)
	silent.say("\r\n\r\n")
	if _, err := silent.in.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	for range 2 { // who says something takes the place of who does not
		c := dial(t, addr)
		c.say(overTCP("OPTIONS", "z9hG4bKb"))
		c.message()
	}
	silent.ends()
	dial(t, addr).ends()
	if n := l.Refused.Load(); n != 2 {
		t.Errorf("%d connections were refused, want 2", n)
	}
}

// A slow connection costs little for a short time; one on which something lasts
// may be silent.
func TestSlowAndIdleConnectionsAreClosed(t *testing.T) {
	_, addr := listenTCP(t, answers(func(r *transaction.Request) {
		if r.Message.Method() == sip.SUBSCRIBE {
			r.Flow.Lasts(time.Hour)
		}
		ok(r)
	}), transaction.Options{Streams: transaction.StreamOptions{First: 50 * time.Millisecond, Idle: 50 * time.Millisecond}})
	lasting := dial(t, addr)
	lasting.say(overTCP("SUBSCRIBE", "z9hG4bKa"))
	lasting.message()
	slow := dial(t, addr)
	slow.say("PUBLISH sip:a")
	slow.ends()
	idle := dial(t, addr)
	idle.say(overTCP("PUBLISH", "z9hG4bKb"))
	idle.message()
	idle.ends()
	pinging := dial(t, addr)
	for range 3 { // anybody can say it
		pinging.say("\r\n\r\n")
		if _, err := pinging.in.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	pinging.ends()
	lasting.say(overTCP("PUBLISH", "z9hG4bKc"))
	lasting.message()
	lasting.say("\r\n") // part of no message
	lasting.say(overTCP("PUBLISH", "z9hG4bKd"))
	lasting.message()
	lasting.say("PUBLISH sip:a") // a message that begins has to end
	lasting.ends()
}

// What lasted is over: the connection is closed then.
func TestAConnectionLastsAsLongAsWhatIsOnIt(t *testing.T) {
	_, addr := listenTCP(t, answers(func(r *transaction.Request) {
		r.Flow.Lasts(300 * time.Millisecond)
		ok(r)
	}), transaction.Options{Streams: transaction.StreamOptions{First: 50 * time.Millisecond, Idle: 50 * time.Millisecond}})
	c := dial(t, addr)
	began := time.Now()
	c.say(overTCP("SUBSCRIBE", "z9hG4bKa"))
	c.message()
	c.ends()
	if d := time.Since(began); d < 300*time.Millisecond {
		t.Errorf("closed after %v", d)
	}
}

// Those that are open are counted, by transport.
func TestConnectionsAreCounted(t *testing.T) {
	l, addr := listenTCP(t, answers(ok), transaction.Options{})
	open := func() (n int) {
		l.EachConnection(func(transport string, of int) {
			if n = of; transport != "TCP" {
				t.Errorf("a connection over %s", transport)
			}
		})
		return n
	}
	var first *line
	for range 2 {
		c := dial(t, addr)
		c.say(overTCP("OPTIONS", "z9hG4bKa"))
		c.message()
		first = c
	}
	if n := open(); n != 2 {
		t.Errorf("%d connections, want 2", n)
	}
	_ = first.Close()
	for late := time.After(time.Minute); open() > 1; {
		select {
		case <-late:
			t.Fatalf("%d connections are left", open())
		default:
			runtime.Gosched()
		}
	}
}

// Who asks and does not listen is not read any more, and costs no memory.
func TestWhoDoesNotListenIsNotRead(t *testing.T) {
	l, addr := listenTCP(t, answers(ok), transaction.Options{})
	c := dial(t, addr)
	c.SetDeadline(time.Now().Add(time.Second))
	one := overTCP("OPTIONS", "z9hG4bKa")
	sent := 0
	for many := strings.Repeat(one, 100); ; sent += 100 {
		if _, err := io.WriteString(c, many); err != nil {
			break
		}
		if sent > 1_000_000 {
			t.Fatal("a million requests were taken without one answer heard")
		}
	}
	c.SetDeadline(time.Now().Add(late))
	c.message() // it was not given up
	if n := l.Requests.Load(); n == 0 || n > uint64(sent)+100 {
		t.Errorf("%d of %d were handled", n, sent)
	}
}

// A connection that we made and that was closed is made again; of theirs only
// they know how.
func TestAConnectionOfOursIsMadeAgain(t *testing.T) {
	server, _ := listenTCP(t, answers(ok), transaction.Options{Streams: transaction.StreamOptions{Idle: 50 * time.Millisecond}})
	peer, addr := listenTCP(t, answers(ok), transaction.Options{})
	flow, err := server.FlowFrom("TCP", netip.AddrPort{}, netip.MustParseAddrPort(addr))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		e := newEnding()
		if err := server.Send(flow, notify(uint32(i)+1), e); err != nil {
			t.Fatal(err)
		}
		if got := <-e.got; got != "200" {
			t.Fatalf("request %d ended by %s", i, got)
		}
		for end := time.Now().Add(late); flow.Alive(); {
			if time.Now().After(end) {
				t.Fatal("the idle connection was not closed")
			}
			runtime.Gosched()
		}
	}
	if n := peer.Requests.Load(); n != 2 {
		t.Errorf("%d requests came", n)
	}
}

// Many that want a connection to the same address at once share one.
func TestOneConnectionToAnAddress(t *testing.T) {
	_, addr := listenTCP(t, answers(ok), transaction.Options{})
	client := transaction.New(answers(ok), transaction.Options{})
	defer client.Close()
	flows := make(chan transaction.Flow, 20)
	for range cap(flows) {
		go func() {
			f, err := client.FlowFrom("TCP", netip.AddrPort{}, netip.MustParseAddrPort(addr))
			if err != nil {
				t.Error(err)
			}
			flows <- f
		}()
	}
	first := <-flows
	for range cap(flows) - 1 {
		if f := <-flows; f != first {
			t.Errorf("%v and %v", first, f)
		}
	}
	if first.Local().Port() == 0 {
		t.Error("the connection has no address")
	}
}

// One address can be connected to two of our listeners: both end with the layer.
func TestCloseEndsEveryConnection(t *testing.T) {
	l, first := listenTCP(t, answers(ok), transaction.Options{})
	second, err := l.Listen("tcp:127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	shared := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}, Control: func(_, _ string, c syscall.RawConn) (err error) {
		c.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1) })
		return err
	}}
	var lines []*line
	for _, addr := range []string{first, second.String()} {
		conn, err := shared.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		shared.LocalAddr = conn.LocalAddr()
		conn.SetDeadline(time.Now().Add(late))
		c := &line{t, conn, bufio.NewReader(conn)}
		c.say("\r\n\r\n")
		c.in.ReadString('\n')
		lines = append(lines, c)
	}
	l.Close()
	for _, c := range lines {
		c.ends()
	}
}

// Our requests go back on the connection that the other side made; when it
// ends, who waits on it is told at once.
func TestOurRequestsOnAConnectionOfTheirs(t *testing.T) {
	flows := make(chan transaction.Flow, 1)
	l, addr := listenTCP(t, answers(func(r *transaction.Request) {
		flows <- r.Flow
		ok(r)
	}), transaction.Options{})
	c := dial(t, addr)
	c.say(overTCP("SUBSCRIBE", "z9hG4bKa"))
	c.message()
	flow := <-flows
	first := newEnding()
	if err := l.Send(flow, notify(1), first); err != nil {
		t.Fatal(err)
	}
	got := c.message()
	if !strings.HasPrefix(got, "NOTIFY ") || !strings.Contains(got, "Via: SIP/2.0/TCP "+addr) {
		t.Errorf("got %q", got)
	}
	var m sip.Message
	if err := m.Parse([]byte(got)); err != nil {
		t.Fatal(err)
	}
	c.say(string((&sip.Response{Status: 200}).Append(nil, &m, netip.AddrPort{})))
	if got := <-first.got; got != "200" {
		t.Errorf("ended by %s", got)
	}
	second := newEnding()
	if err := l.Send(flow, notify(2), second); err != nil {
		t.Fatal(err)
	}
	c.message()
	c.Close()
	if got := <-second.got; got != transaction.ErrFlowLost.Error() {
		t.Errorf("ended by %q, want the loss of the connection", got)
	}
	if flow.Alive() {
		t.Error("the flow is alive")
	}
	if err := l.Send(flow, notify(3), newEnding()); err == nil {
		t.Error("something was sent on a connection that is no more")
	}
}

// A server makes a connection where there is none; nobody there is told soon.
func TestAConnectionIsMadeWhenSomethingIsSent(t *testing.T) {
	server, _ := listenTCP(t, answers(ok), transaction.Options{})
	_, addr := listenTCP(t, answers(ok), transaction.Options{})
	send := func(addr string) string {
		flow, err := server.FlowFrom("TCP", netip.AddrPort{}, netip.MustParseAddrPort(addr))
		if err != nil {
			t.Fatal(err)
		}
		e := newEnding()
		if err := server.Send(flow, notify(1), e); err != nil {
			t.Fatal(err)
		}
		select {
		case got := <-e.got:
			return got
		case <-time.After(late):
			return "nothing"
		}
	}
	if got := send(addr); got != "200" {
		t.Errorf("ended by %s", got)
	}
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody.Close()
	if got := send(nobody.Addr().String()); got != transaction.ErrFlowLost.Error() {
		t.Errorf("to nobody: ended by %q", got)
	}
}
