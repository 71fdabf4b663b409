package app_test

import (
	"bytes"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"lamplight/app"
	"lamplight/body/pidf"
	"lamplight/config"
	"lamplight/event/presence"
	"lamplight/sip"
	"lamplight/sip/ua"
	"lamplight/store/fault"
)

// branch is a whole server on sockets of loopback, whose users are believed.
type branch struct {
	*testing.T
	options app.Options
	server  *app.Server
	addrs   []string
}

func openBranch(t *testing.T, change func(*app.Options)) *branch {
	t.Helper()
	b := &branch{T: t, options: app.Options{People: staff{}, Journal: &fault.Journal{}, Serve: config.Serve{Data: "memory", Domain: []string{"example.test"},
		Listen: []string{"tcp:127.0.0.1:0", "tls:127.0.0.1:0", "udp:127.0.0.1:0"}, Role: []string{"registrar", "presence"},
		Outbound: []string{"127.0.0.0/8", "::1"}, InsecureNoAuth: true, Limits: "on", NotifyRate: "off"}}}
	change(&b.options)
	b.start()
	t.Cleanup(func() {
		if err := b.server.Stop(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func (b *branch) start() {
	b.Helper()
	var err error
	if b.server, err = app.New(b.options); err == nil {
		err = b.server.Start()
	}
	if err != nil {
		b.Fatal(err)
	}
	b.addrs = nil
	for i, a := range b.server.Addrs() {
		b.addrs = append(b.addrs, a.String())
		transport, _, _ := strings.Cut(b.options.Serve.Listen[i], ":")
		b.options.Serve.Listen[i] = transport + ":" + a.String() // after a crash at the same place
	}
}

// grace is how long those who lost their connection are waited for.
func grace(d time.Duration) func(*app.Options) {
	return func(o *app.Options) { o.FlowGrace = config.Duration(d) }
}

// counts waits until a metric has a value.
func (b *branch) counts(metric, want string) {
	b.Helper()
	got := ""
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		w := httptest.NewRecorder()
		b.server.Metrics().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
		_, after, _ := strings.Cut(w.Body.String(), "\n"+metric+" ")
		if got, _, _ = strings.Cut(after, "\n"); got == want {
			return
		}
	}
	b.Fatalf("%s is %q, want %s", metric, got, want)
}

// line is a phone's connection to the server. It answers what it is asked.
type line struct {
	b         *branch
	transport string
	user      string
	conn      net.Conn
	in        []byte
	requests  []*sip.Message // that came before they were wanted
	sent      int
}

// line connects a user's phone over "TCP" or "TLS".
func (b *branch) line(transport, user string) *line {
	b.Helper()
	l := &line{b: b, transport: transport, user: user}
	var err error
	if transport == "TLS" {
		l.conn, err = tls.Dial("tcp", b.addrs[1], &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12})
	} else {
		l.conn, err = net.Dial("tcp", b.addrs[0])
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = l.conn.Close() })
	return l
}

// contact is the URI of the line itself.
func (l *line) contact() string {
	return fmt.Sprintf("sip:%s@%s;transport=%s", l.user, l.conn.LocalAddr(), strings.ToLower(l.transport))
}

// exchange sends a request, each line in the place of the header field of its
// name, and is its response. What begins with "<" is the body.
func (l *line) exchange(method, uri string, lines ...string) *sip.Message {
	l.b.Helper()
	l.sent++
	f := fields{
		fmt.Sprintf("Via: SIP/2.0/%s %s;branch=z9hG4bK%d-%s", l.transport, l.conn.LocalAddr(), l.sent, l.user), "Max-Forwards: 70",
		"From: <" + aor(l.user) + ">;tag=" + l.user, "To: <" + uri + ">",
		fmt.Sprintf("Call-ID: %s-%d-%s", l.user, l.sent, l.conn.LocalAddr()), fmt.Sprintf("CSeq: %d %s", l.sent, method),
		"Contact: <" + l.contact() + ">", "Event: presence", "Expires: 600",
	}
	body := ""
	for _, line := range lines {
		if strings.HasPrefix(line, "<") {
			body = line
			continue
		}
		f.set(line)
	}
	if body != "" {
		f.set("Content-Type: application/pidf+xml")
	}
	f.set(fmt.Sprintf("Content-Length: %d", len(body)))
	l.say(method + " " + uri + " SIP/2.0\r\n" + strings.Join(f, "\r\n") + "\r\n\r\n" + body)
	for {
		if m := l.read(10 * time.Second); m == nil {
			l.b.Fatalf("no response to %s", method)
		} else if !m.IsRequest() {
			return m
		} else {
			l.requests = append(l.requests, m)
		}
	}
}

func (l *line) say(text string) {
	l.b.Helper()
	if _, err := l.conn.Write([]byte(text)); err != nil {
		l.b.Fatal(err)
	}
}

// read is the next message within a time; nil: none came.
func (l *line) read(within time.Duration) *sip.Message {
	l.b.Helper()
	_ = l.conn.SetReadDeadline(time.Now().Add(within))
	for {
		if n, err := sip.Frame(l.in); err != nil {
			l.b.Fatal(err)
		} else if n > 0 {
			m := &sip.Message{}
			if err := m.Parse(bytes.Clone(l.in[:n])); err != nil {
				l.b.Fatal(err)
			}
			l.in = l.in[n:]
			if m.IsRequest() {
				l.say(string((&sip.Response{Status: 200}).Append(nil, m, l.b.server.Addrs()[0])))
			}
			return m
		}
		b := make([]byte, 4096)
		n, err := l.conn.Read(b)
		if err != nil {
			return nil
		}
		l.in = append(l.in, b[:n]...)
	}
}

// request is the next request within a time; nil: none came.
func (l *line) request(within time.Duration) *sip.Message {
	l.b.Helper()
	if len(l.requests) > 0 {
		m := l.requests[0]
		l.requests = l.requests[1:]
		return m
	}
	return l.read(within)
}

// shows checks that the next NOTIFY shows a state.
func (l *line) shows(want presence.State) *sip.Message {
	l.b.Helper()
	m := l.request(10 * time.Second)
	if m == nil {
		l.b.Fatalf("no NOTIFY, want %v", want)
	}
	if got := stateOf(l.b.T, m.Body()); got != want {
		l.b.Fatalf("shows %v, want %v\n%s", got, want, m.Bytes())
	}
	return m
}

// stateOf is what a document shows.
func stateOf(t *testing.T, body []byte) presence.State {
	t.Helper()
	doc, err := pidf.Parse(body)
	if err != nil {
		t.Fatalf("%v\n%s", err, body)
	}
	state, _, _ := presence.StateOf(doc)
	return state
}

// register binds the line, by flow where lines say so.
func (l *line) register(lines ...string) *sip.Message {
	l.b.Helper()
	m := l.exchange("REGISTER", "sip:example.test", append([]string{"To: <" + aor(l.user) + ">", "Event: -"}, lines...)...)
	if m.Status() != 200 {
		l.b.Fatalf("REGISTER is answered\n%s", m.Bytes())
	}
	return m
}

// subscribe begins a subscription; the header fields of its dialog are for a
// refresh.
func (l *line) subscribe(to string, lines ...string) (dialog []string) {
	l.b.Helper()
	m := l.exchange("SUBSCRIBE", aor(to), lines...)
	if m.Status() != 200 {
		l.b.Fatalf("SUBSCRIBE is answered\n%s", m.Bytes())
	}
	return []string{"To: " + string(m.Value(sip.To)), "Call-ID: " + string(m.CallID()), "CSeq: 99 SUBSCRIBE"}
}

// flow is the Contact of a flow of a device.
func (l *line) flow(id int) []string {
	return []string{"Supported: path, outbound", fmt.Sprintf(`Contact: <%s>;+sip.instance="<urn:uuid:1>";reg-id=%d`, l.contact(), id)}
}

// [5626-6-13] [5626-6-16] [5626-7-5] Who watches a phone whose connection is gone
// learns it when the time of grace is over, and not before.
func TestALostConnectionIsNoticed(t *testing.T) {
	for _, transport := range []string{"TCP", "TLS"} {
		for name, flow := range map[string]bool{"a contact": false, "a flow": true} {
			t.Run(transport+", "+name, func(t *testing.T) {
				const wait = 300 * time.Millisecond
				b := openBranch(t, grace(wait))
				alice, bob, own := b.line(transport, "alice"), b.line("TCP", "bob"), b.line("TCP", "alice")
				timer := ""
				if flow {
					timer = strings.Join(values(alice.register(alice.flow(1)...), "Flow-Timer"), " ")
				} else {
					alice.register()
				}
				if flow != (timer == "120") {
					t.Errorf("Flow-Timer %q", timer)
				}
				bob.subscribe("alice")
				bob.shows(presence.Available)
				own.subscribe("alice", "Event: reg")
				own.request(10 * time.Second)
				_ = alice.conn.Close()
				began := time.Now()
				bob.shows(presence.Offline)
				if took := time.Since(began); took < wait || took > wait+time.Second {
					t.Errorf("after %v, want %v", took, wait)
				}
				if m := own.request(10 * time.Second); m == nil || !strings.Contains(string(m.Body()), `event="deactivated"`) {
					t.Errorf("who watches the registration is told %v", m)
				}
				b.counts("lamplight_registrations_lost_total", "1")
				b.counts("lamplight_registrations", "0")
			})
		}
	}
}

// So does who watches a browser, whose Contact is a name that leads nowhere.
func TestALostWebSocketIsNoticed(t *testing.T) {
	b := openBranch(t, func(o *app.Options) {
		o.Serve.Listen = []string{"tcp:127.0.0.1:0", "ws:127.0.0.1:0", "wss:127.0.0.1:0"}
	})
	bob := b.line("TCP", "bob")
	bob.subscribe("alice")
	bob.shows(presence.Offline)
	for i, transport := range []string{"ws", "wss"} {
		alice, err := ua.New(ua.Options{User: aor("alice"), Server: b.addrs[i+1], Transport: transport, TLS: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}})
		if err != nil {
			t.Fatal(err)
		}
		defer alice.Close()
		if _, err := alice.Subscribe(soon(t), aor("bob"), "presence", ua.SubscribeOptions{Expires: time.Hour}); err != nil {
			t.Fatal(err)
		}
		if _, err := alice.Register(soon(t), time.Hour); err != nil {
			t.Fatal(err)
		}
		bob.shows(presence.Available)
		_ = alice.Close()
		bob.shows(presence.Offline)
	}
	b.counts(`lamplight_subscriptions_lost_total{event="presence"}`, "2")
}

// A phone that comes back in time was never away; its flow is the new one.
func TestWhoComesBackInTimeLosesNothing(t *testing.T) {
	b := openBranch(t, grace(400*time.Millisecond))
	alice, bob := b.line("TLS", "alice"), b.line("TCP", "bob")
	alice.register(alice.flow(1)...)
	bob.subscribe("alice")
	bob.shows(presence.Available)
	_ = alice.conn.Close()
	again := b.line("TLS", "alice")
	if m := again.register(again.flow(1)...); m.Count(sip.Contact) != 1 {
		t.Errorf("bound are\n%s", m.Bytes())
	}
	if m := bob.request(700 * time.Millisecond); m != nil {
		t.Errorf("bob is told\n%s", m.Bytes())
	}
	b.counts("lamplight_registrations", "1")
}

// Two flows of a phone: it is there for as long as one is.
func TestASecondFlowKeepsAPhoneReachable(t *testing.T) {
	b := openBranch(t, grace(0))
	one, two, bob := b.line("TCP", "alice"), b.line("TLS", "alice"), b.line("TCP", "bob")
	one.register(one.flow(1)...)
	if m := two.register(two.flow(2)...); m.Count(sip.Contact) != 2 {
		t.Errorf("bound are\n%s", m.Bytes())
	}
	bob.subscribe("alice")
	bob.shows(presence.Available)
	_ = one.conn.Close()
	b.counts("lamplight_registrations", "1")
	if m := bob.request(200 * time.Millisecond); m != nil {
		t.Errorf("bob is told\n%s", m.Bytes())
	}
	_ = two.conn.Close()
	bob.shows(presence.Offline)
}

// A phone that listens at its Contact is there for as long as it answers.
func TestAPhoneIsAskedAtItsContact(t *testing.T) {
	const wait = 500 * time.Millisecond
	b := openBranch(t, grace(wait))
	listens, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listens.Close()
	alice, bob := b.line("TCP", "alice"), b.line("TCP", "bob")
	at := fmt.Sprintf("Contact: <sip:alice@%s;transport=tcp>", listens.Addr())
	alice.register(at)
	bob.subscribe("alice")
	bob.shows(presence.Available)
	_ = alice.conn.Close()
	other := &line{b: b, transport: "TCP", user: "alice"}
	if other.conn, err = listens.Accept(); err != nil {
		t.Fatal(err)
	}
	defer other.conn.Close()
	if m := other.request(10 * time.Second); m == nil || m.Method() != sip.OPTIONS {
		t.Fatalf("asked %v", m)
	}
	if m := bob.request(2 * wait); m != nil {
		t.Errorf("bob is told\n%s", m.Bytes())
	}
	again := b.line("TCP", "alice")
	again.register(at)
	_, _ = listens.Close(), other.conn.Close()
	_ = again.conn.Close()
	bob.shows(presence.Offline)
}

// A device that a push wakes sleeps without its connection until it expires, and
// is shown so, over a restart too; one that is awake is seen before it.
func TestRule07Sleeping(t *testing.T) {
	b := openBranch(t, grace(0))
	alice, bob := b.line("TCP", "alice"), b.line("TCP", "bob")
	pushed := "Contact: <sip:alice@127.0.0.1:9;transport=tcp;pn-provider=acme;pn-prid=1>"
	alice.register(pushed)
	bob.subscribe("alice")
	bob.shows(presence.Available)
	_ = alice.conn.Close()
	if m := bob.shows(presence.Away); !strings.Contains(string(m.Body()), "sleeping/>") {
		t.Errorf("shown as\n%s", m.Body())
	}
	desk := b.line("TCP", "alice")
	desk.register()
	bob.shows(presence.Available)
	_ = desk.conn.Close()
	bob.shows(presence.Away)
	b.server.Kill()
	b.start()
	carol := b.line("TCP", "carol")
	carol.subscribe("alice")
	carol.shows(presence.Away)
	again := b.line("TCP", "alice")
	again.register(pushed)
	carol.shows(presence.Available)
}

// What a push wakes, and what a proxy leads to, outlives the connection.
func TestWhatOutlivesItsConnection(t *testing.T) {
	b := openBranch(t, grace(0))
	for _, lines := range [][]string{
		{"Contact: <sip:alice@127.0.0.1:9;transport=tcp;pn-provider=acme;pn-prid=1>"},
		{"Path: <sip:edge.example.test;lr>"},
	} {
		alice := b.line("TCP", "alice")
		alice.register(lines...)
		_ = alice.conn.Close()
	}
	gone := b.line("TCP", "alice")
	gone.register()
	_ = gone.conn.Close()
	b.counts("lamplight_registrations_lost_total", "1")
	b.counts("lamplight_registrations", "2")
}

// A watcher whose connection is gone is told the newest state on the one that it
// comes back by; who doesn't is forgotten.
func TestAWatcherComesBack(t *testing.T) {
	b := openBranch(t, grace(20*time.Second))
	bob, alice := b.line("TLS", "bob"), b.line("TCP", "alice")
	alice.register()
	dialog := bob.subscribe("alice")
	bob.shows(presence.Available)
	_ = bob.conn.Close()
	for _, s := range []presence.State{presence.Away, presence.Busy} {
		if m := alice.exchange("PUBLISH", aor("alice"), state("alice", s)); m.Status() != 200 {
			t.Fatalf("PUBLISH is answered\n%s", m.Bytes())
		}
	}
	again := b.line("TLS", "bob")
	if m := again.exchange("SUBSCRIBE", aor("alice"), dialog...); m.Status() != 200 {
		t.Fatalf("the refresh is answered\n%s", m.Bytes())
	}
	again.shows(presence.Busy)
	alice.exchange("PUBLISH", aor("alice"), state("alice", presence.Meeting))
	again.request(10 * time.Second)
	b.counts(`lamplight_subscriptions{event="presence"}`, "1")
}

func TestAWatcherDoesNotComeBack(t *testing.T) {
	b := openBranch(t, grace(50*time.Millisecond))
	bob := b.line("TCP", "bob")
	dialog := bob.subscribe("alice")
	bob.shows(presence.Offline)
	_ = bob.conn.Close()
	b.counts(`lamplight_subscriptions_lost_total{event="presence"}`, "1")
	b.counts(`lamplight_subscriptions{event="presence"}`, "0")
	again := b.line("TCP", "bob")
	if m := again.exchange("SUBSCRIBE", aor("alice"), dialog...); m.Status() != 481 {
		t.Errorf("the refresh is answered\n%s", m.Bytes())
	}
}

// What is no way to a watcher: an address behind a NAT, one that is off the
// outbound list, and the open one of who was told in secret.
func TestWhereAWatcherIsNotReached(t *testing.T) {
	listens, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listens.Close()
	_, port, _ := net.SplitHostPort(listens.Addr().String())
	for name, c := range map[string]struct{ transport, contact, outbound string }{
		"another host":     {"TCP", "sip:bob@127.0.0.2:" + port + ";transport=tcp", "127.0.0.0/8"},
		"off the list":     {"TCP", "sip:bob@127.0.0.1:" + port + ";transport=tcp", "127.0.0.2/32"},
		"in the open":      {"TLS", "sip:bob@127.0.0.1:" + port + ";transport=tcp", "127.0.0.0/8"},
		"the server":       {"TCP", "sip:bob@SERVER;transport=tcp", "127.0.0.0/8"},
		"a name of no use": {"TCP", "sip:bob@phone.invalid;transport=tcp", "127.0.0.0/8"},
	} {
		t.Run(name, func(t *testing.T) {
			b := openBranch(t, func(o *app.Options) { o.Outbound = []string{c.outbound} })
			bob := b.line(c.transport, "bob")
			bob.subscribe("alice", "Contact: <"+strings.Replace(c.contact, "SERVER", b.addrs[0], 1)+">")
			_ = bob.conn.Close()
			b.counts(`lamplight_subscriptions_lost_total{event="presence"}`, "1")
		})
	}
	_ = listens.(*net.TCPListener).SetDeadline(time.Now().Add(10 * time.Millisecond))
	if c, err := listens.Accept(); err == nil {
		t.Errorf("%v is called", c.LocalAddr())
	}
}

// A watcher that listens at its Contact is reached there.
func TestAWatcherIsReachedAtItsContact(t *testing.T) {
	b := openBranch(t, grace(0))
	listens, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listens.Close()
	bob, alice := b.line("TCP", "bob"), b.line("TCP", "alice")
	bob.subscribe("alice", fmt.Sprintf("Contact: <sip:bob@%s;transport=tcp>", listens.Addr()))
	bob.shows(presence.Offline)
	_ = bob.conn.Close()
	other := &line{b: b, transport: "TCP", user: "bob"}
	taken := make(chan error, 1)
	go func() {
		var err error
		other.conn, err = listens.Accept()
		taken <- err
	}()
	for { // until the server has noticed
		alice.exchange("PUBLISH", aor("alice"), state("alice", presence.Busy))
		select {
		case err := <-taken:
			if err != nil {
				t.Fatal(err)
			}
			defer other.conn.Close()
			other.shows(presence.Busy)
			return
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// No connection outlives a restart. Whose it was is waited for, and nobody else
// who has its old port by then is told anything.
func TestConnectionsAndARestart(t *testing.T) {
	b := openBranch(t, grace(0))
	alice, bob := b.line("TCP", "alice"), b.line("TCP", "bob")
	alice.register()
	dialog := bob.subscribe("alice")
	first, _ := bob.shows(presence.Available).CSeq()
	b.server.Kill()
	at := bob.conn.LocalAddr().String()
	_ = bob.conn.Close()
	stranger, err := net.Listen("tcp", at)
	for late := time.Now().Add(10 * time.Second); err != nil && time.Now().Before(late); { // the connection is not quite gone
		<-time.After(10 * time.Millisecond)
		stranger, err = net.Listen("tcp", at)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	b.start()
	b.counts(`lamplight_notify_total{event="presence",result="lost"}`, "1")
	_ = stranger.(*net.TCPListener).SetDeadline(time.Now().Add(100 * time.Millisecond))
	if c, err := stranger.Accept(); err == nil {
		t.Errorf("%v is called", c.LocalAddr())
	}
	b.counts("lamplight_registrations", "1")
	again := b.line("TCP", "bob")
	if m := again.exchange("SUBSCRIBE", aor("alice"), dialog...); m.Status() != 200 {
		t.Fatalf("the refresh is answered\n%s", m.Bytes())
	}
	if c, err := again.shows(presence.Available).CSeq(); err != nil || c.Number <= first.Number {
		t.Errorf("CSeq %d after %d", c.Number, first.Number)
	}
}

// [5626-5.4-2] [5626-6-15] A connection by which somebody is reached is not closed
// for its silence; what is said on it is answered.
func TestRule14AConnectionIsKeptForWhatLastsOnIt(t *testing.T) {
	b := openBranch(t, func(o *app.Options) {
		o.Limit.ConnectionIdle = config.Duration(time.Second)
	})
	registered, subscribed, idle := b.line("TCP", "alice"), b.line("TLS", "bob"), b.line("TCP", "carol")
	registered.register()
	subscribed.subscribe("carol")
	subscribed.shows(presence.Offline)
	idle.exchange("OPTIONS", aor("alice"))
	if m := idle.read(10 * time.Second); m != nil {
		t.Fatalf("came %s", m.Bytes())
	}
	if _, err := idle.conn.Read(make([]byte, 1)); err == nil || strings.Contains(err.Error(), "timeout") {
		t.Fatalf("an idle connection is not closed: %v", err)
	}
	registered.say("\r\n\r\n")
	_ = registered.conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	pong := make([]byte, 2)
	if _, err := registered.conn.Read(pong); err != nil || string(pong) != "\r\n" {
		t.Errorf("a ping is answered by %q, %v", pong, err)
	}
	if m := subscribed.exchange("OPTIONS", aor("alice")); m.Status() != 200 {
		t.Errorf("OPTIONS is answered\n%s", m.Bytes())
	}
}

// [5626-8-1] [5626-8-2] Who asks for its own address over UDP is told.
func TestRule28STUN(t *testing.T) {
	b := openBranch(t, func(o *app.Options) { o.Serve.Listen = []string{"udp:127.0.0.1:0", "udp:[::1]:0"} })
	for i, mapped := range []string{"0020000800017f7f", "0020001400027f7f"} {
		c, err := net.Dial("udp", b.addrs[i])
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		ask, _ := hex.DecodeString("000100002112a442b7e7a701bc34d686fa87dfae")
		_, _ = c.Write(ask)
		answer := make([]byte, 100)
		n, err := c.Read(answer)
		if err != nil {
			t.Fatal(err)
		}
		port := c.LocalAddr().(*net.UDPAddr).Port ^ 0x2112
		want, _ := hex.DecodeString(mapped[:12])
		if want = append(want, byte(port>>8), byte(port)); !bytes.Equal(answer[20:28], want) || n != 32+12*i {
			t.Errorf("answered with %x", answer[:n])
		}
	}
	b.counts("lamplight_stun_requests_total", "2")
}

// Lamps over IPv6, by each transport.
func TestIPv6(t *testing.T) {
	b := openBranch(t, func(o *app.Options) {
		o.Serve.Listen = []string{"tcp:[::1]:0", "tls:[::1]:0", "udp:[::1]:0"}
		o.Serve.Advertise = []string{"udp:[::1]:5099"}
	})
	for i, transport := range []string{"tcp", "tls", "udp"} {
		t.Run(transport, func(t *testing.T) {
			agent := func(user string) *ua.Agent {
				a, err := ua.New(ua.Options{User: aor(user), Server: b.addrs[i], Transport: transport, TLS: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = a.Close() })
				return a
			}
			alice, bob := agent("alice"), agent("bob")
			s, err := bob.Subscribe(soon(t), aor("alice"), "presence", ua.SubscribeOptions{Expires: time.Hour})
			if err != nil {
				t.Fatal(err)
			}
			shows := func(want presence.State) *sip.Message {
				n, err := s.Next(soon(t))
				if err != nil {
					t.Fatal(err)
				}
				if got := stateOf(t, n.Body); got != want {
					t.Fatalf("shows %v, want %v", got, want)
				}
				return n.Message
			}
			shows(presence.Offline)
			if _, err := alice.Register(soon(t), time.Hour); err != nil {
				t.Fatal(err)
			}
			m := shows(presence.Available)
			at := b.addrs[i]
			if transport == "udp" {
				at = "[::1]:5099"
			}
			if via, contact := string(m.Value(sip.Via)), string(m.Value(sip.Contact)); !strings.Contains(via, " "+at+";") || !strings.Contains(contact, "<sip:"+at) {
				t.Errorf("Via %s, Contact %s, want %s", via, contact, at)
			}
			if _, err := alice.Register(soon(t), 0); err != nil {
				t.Fatal(err)
			}
			shows(presence.Offline)
		})
	}
}

// Who is behind a NAT is pinged, for as long as it is bound.
func TestRule28WhoIsBehindANATIsPinged(t *testing.T) {
	inOffice(t, func(o *app.Options) { o.NATPing = config.Duration(25 * time.Second) }, func(o *office) {
		behind, open, proxied := o.handset("alice"), o.handset("bob"), o.handset("carol")
		o.expect(behind.do("REGISTER", "sip:example.test", "To: <"+aor("alice")+">", "Contact: <sip:alice@10.0.0.7:5060>", "Expires: 600"), "200 OK")
		o.expect(open.do("REGISTER", "sip:example.test", "To: <"+aor("bob")+">", "Expires: 600"), "200 OK")
		o.expect(proxied.do("REGISTER", "sip:example.test", "To: <"+aor("carol")+">", "Path: <sip:edge.test;lr>", "Contact: <sip:carol@10.0.0.7:5060>", "Expires: 600"), "200 OK")
		o.advance(250 * time.Second)
		if n := behind.pings.Load(); n < 9 || n > 11 {
			t.Errorf("%d pings in 250 s", n)
		}
		if open.pings.Load() != 0 || proxied.pings.Load() != 0 {
			t.Errorf("%d and %d pings to who needs none", open.pings.Load(), proxied.pings.Load())
		}
		o.crash()
		before := behind.pings.Load()
		o.advance(50 * time.Second)
		if n := behind.pings.Load() - before; n < 1 || n > 3 {
			t.Errorf("%d pings in 50 s after a crash", n)
		}
		o.advance(10 * time.Minute)
		before = behind.pings.Load()
		o.advance(10 * time.Minute)
		if n := behind.pings.Load(); n != before {
			t.Errorf("%d pings to what is bound no more", n-before)
		}
	})
}
