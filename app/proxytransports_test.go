package app_test

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lamplight/app"
	"lamplight/config"
	"lamplight/sip"
	"lamplight/sip/digest"
	"lamplight/sip/torture"
	"lamplight/sip/ua"
)

// exchange is a whole server on real sockets that passes calls on, over every
// transport.
type exchange struct {
	*testing.T
	server *app.Server
	addrs  map[string]string
}

func newExchange(t *testing.T, change func(*config.Serve)) *exchange {
	t.Helper()
	transports := []string{"udp", "tcp", "tls", "ws"}
	o := config.Serve{Data: "memory", Domain: []string{"example.test"}, Outbound: []string{"127.0.0.0/8"},
		Role: []string{"registrar", "proxy", "presence"}, Limits: "on", NotifyRate: "on", FlowGrace: config.Duration(time.Minute)}
	for _, transport := range transports {
		o.Listen = append(o.Listen, transport+":127.0.0.1:0")
	}
	if change != nil {
		change(&o)
	}
	s, err := app.New(app.Options{People: staff{}, Serve: o})
	if err == nil {
		err = s.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop() })
	e := &exchange{T: t, server: s, addrs: map[string]string{}}
	for i, transport := range transports {
		e.addrs[transport] = s.Addrs()[i].String()
	}
	return e
}

// phone is a registered user's, on a transport.
func (e *exchange) phone(user, transport string) (*ua.Agent, chan *ua.Call) {
	e.Helper()
	calls := make(chan *ua.Call, 4)
	a, err := ua.New(ua.Options{User: aor(user), Server: e.addrs[transport], Transport: transport, Password: "secret",
		TLS: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}, OnCall: func(c *ua.Call) { calls <- c }})
	if err != nil {
		e.Fatal(err)
	}
	e.Cleanup(func() { _ = a.Close() })
	if _, err := a.Register(soon(e), time.Hour); err != nil {
		e.Fatalf("%s over %s: %v", user, transport, err)
	}
	return a, calls
}

// Whatever the two ends speak, a call between them works, and each can do what it
// likes inside of it: by two values of Record-Route where they differ (RFC 5658).
// [5626-5.3-1]
func TestCallsBetweenTransports(t *testing.T) {
	e := newExchange(t, nil)
	for _, pair := range [][2]string{{"udp", "tcp"}, {"tcp", "udp"}, {"udp", "ws"}, {"ws", "tls"}, {"tls", "tcp"}} {
		alice, _ := e.phone("alice", pair[0])
		bob, calls := e.phone("bob", pair[1])
		must := func(what string, err error) {
			t.Helper()
			if err != nil {
				t.Fatalf("from %s to %s: %s: %v", pair[0], pair[1], what, err)
			}
		}
		c, err := alice.Invite(aor("bob"), ua.InviteOptions{Body: ua.SDP("sendrecv"), Reliable: true})
		must("INVITE", err)
		in := <-calls
		if n := len(in.Dialog().Routes); n != 2 {
			t.Errorf("from %s to %s: %d routes", pair[0], pair[1], n)
		}
		must("183", in.Progress(183, nil, true))
		must("183", c.Wait(soon(t), ua.Ringing))
		must("200", in.Answer(ua.SDP("sendrecv")))
		must("200", c.Wait(soon(t), ua.Confirmed))
		for _, call := range []*ua.Call{c, in} {
			m, err := call.Do(soon(t), sip.Request{Method: sip.INFO})
			must("INFO", err)
			if m.Status() != 200 {
				t.Errorf("from %s to %s: INFO is answered %d", pair[0], pair[1], m.Status())
			}
		}
		_, err = in.Reinvite(soon(t), ua.SDP("sendonly"))
		must("hold", err)
		must("BYE", in.Hangup(soon(t)))
		must("BYE", c.Wait(soon(t), ua.Ended))
		for _, a := range []*ua.Agent{alice, bob} {
			_, err = a.Register(soon(t), 0)
			must("REGISTER", err)
			_ = a.Close()
		}
	}
}

// SIPp calls SIPp through the server: a stack that is not ours at either end.
func TestSIPpCallsSIPp(t *testing.T) {
	e := newExchange(t, func(o *config.Serve) { o.InsecureNoAuth = true })
	server := e.addrs["udp"]
	run := func(scenario string, port int, more ...string) *exec.Cmd {
		args := append([]string{"-sf", filepath.Join("testdata", "proxy", scenario), "-i", "127.0.0.1", "-p", fmt.Sprint(port), "-nostdin",
			"-timeout", "40s", "-timeout_error"}, more...)
		return exec.CommandContext(t.Context(), "sipp", append(args, server)...)
	}
	port := freePort(t)
	if out, err := run("register.xml", port, "-m", "1").CombinedOutput(); err != nil {
		t.Fatalf("REGISTER: %v\n%s", err, out)
	}
	callee := run("callee.xml", port, "-m", "20")
	if err := callee.Start(); err != nil {
		t.Fatal(err)
	}
	out, err := run("caller.xml", freePort(t), "-m", "20", "-r", "20").CombinedOutput()
	if err != nil {
		t.Errorf("the caller: %v\n%s", err, out)
	}
	if err := callee.Wait(); err != nil {
		t.Errorf("the called: %v", err)
	}
}

// No message of the torture collection takes the proxy down.
func TestTortureOfTheProxy(t *testing.T) {
	addrs := besieged(t, func(c *config.Serve) {
		c.Role, c.InsecureNoAuth, c.AllowStrangers = []string{"registrar", "proxy", "presence"}, true, true
	})
	c, err := net.Dial("udp", addrs[0].String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	b := make([]byte, 1<<16)
	asks := func() {
		t.Helper()
		_, _ = fmt.Fprintf(c, "OPTIONS sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%d;rport\r\nFrom: <sip:user@example.com>;tag=f\r\nTo: <sip:user@example.com>\r\n"+
			"Call-ID: probe%d\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n", c.LocalAddr(), time.Now().UnixNano(), time.Now().UnixNano())
		_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
		for {
			n, err := c.Read(b)
			if err != nil {
				t.Fatal(err)
			}
			if text := string(b[:n]); strings.HasPrefix(text, "SIP/2.0 200 ") && strings.Contains(text, "Call-ID: probe") {
				return
			}
		}
	}
	_, _ = fmt.Fprintf(c, "REGISTER sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKr;rport\r\nFrom: <sip:user@example.com>;tag=f\r\nTo: <sip:user@example.com>\r\n"+
		"Call-ID: r\r\nCSeq: 1 REGISTER\r\nContact: <sip:user@%s>\r\nContent-Length: 0\r\n\r\n", c.LocalAddr(), c.LocalAddr())
	for _, m := range torture.Messages {
		_, _ = c.Write(m.Bytes())
		_, _ = c.Write([]byte(strings.Replace(string(m.Bytes()), "sip:vivekg@chair-dnrc.example.com", "sip:user@example.com", 1)))
		asks()
	}
}

// A phone whose connection is gone cannot be told of anything in its call, until it
// has registered again: then the call goes on by the new one. [5626-5.3-2] [3261-16.9-1]
func TestACallFollowsAPhoneToItsNewConnection(t *testing.T) {
	e := newExchange(t, nil)
	alice, _ := e.phone("alice", "udp")
	p := dialPlain(t, e.addrs["tcp"])
	p.register(t)
	c, err := alice.Invite(aor("bob"), ua.InviteOptions{Body: ua.SDP("sendrecv")})
	if err != nil {
		t.Fatal(err)
	}
	invite := p.next(t, "INVITE ")
	p.say(t, (&sip.Response{Status: 200, ToTag: "b", Header: []byte("Contact: <sip:bob@127.0.0.1:9;transport=tcp>\r\n")}).Append(nil, invite, netip.AddrPort{}))
	if err := c.Wait(soon(t), ua.Confirmed); err != nil {
		t.Fatal(err)
	}
	p.next(t, "ACK ")
	_ = p.conn.Close()
	status := func() int {
		m, err := c.Do(soon(t), sip.Request{Method: sip.INFO})
		if err != nil {
			t.Fatal(err)
		}
		return m.Status()
	}
	late := time.Now().Add(20 * time.Second)
	got := 0
	for got = status(); got != 430 && time.Now().Before(late); {
		got = status()
	}
	if got != 430 {
		t.Errorf("without a connection: %d", got)
	}
	p = dialPlain(t, e.addrs["tcp"])
	defer p.conn.Close()
	p.register(t)
	done := make(chan int, 1)
	go func() {
		m, err := c.Do(soon(t), sip.Request{Method: sip.INFO})
		if err != nil {
			done <- 0
			return
		}
		done <- m.Status()
	}()
	info := p.next(t, "INFO ")
	p.say(t, (&sip.Response{Status: 200}).Append(nil, info, netip.AddrPort{}))
	if got := <-done; got != 200 {
		t.Errorf("by the new connection: %d", got)
	}
}

// plain is Bob's phone on a connection, written by hand.
type plain struct {
	conn net.Conn
	came []byte
	sent int
}

func dialPlain(t *testing.T, addr string) *plain {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	return &plain{conn: c}
}

func (p *plain) say(t *testing.T, b []byte) {
	t.Helper()
	if _, err := p.conn.Write(b); err != nil {
		t.Fatal(err)
	}
}

// next is the next message that begins so; others are passed over.
func (p *plain) next(t *testing.T, start string) *sip.Message {
	t.Helper()
	for {
		for n, err := sip.Frame(p.came); n > 0 && err == nil; n, err = sip.Frame(p.came) {
			b := []byte(string(p.came[:n]))
			p.came = p.came[n:]
			m := new(sip.Message)
			if strings.HasPrefix(string(b), start) && m.Parse(b) == nil {
				return m
			}
		}
		b := make([]byte, 1<<16)
		n, err := p.conn.Read(b)
		if err != nil {
			t.Fatalf("waiting for %s: %v", start, err)
		}
		p.came = append(p.came, b[:n]...)
	}
}

func (p *plain) register(t *testing.T) {
	t.Helper()
	authorization := ""
	for range 2 {
		p.sent++
		p.say(t, fmt.Appendf(nil, "REGISTER sip:example.test SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bK%d\r\nFrom: <sip:bob@example.test>;tag=1\r\nTo: <sip:bob@example.test>\r\n"+
			"Call-ID: %p\r\nCSeq: %d REGISTER\r\nContact: <sip:bob@127.0.0.1:9;transport=tcp>\r\n%sContent-Length: 0\r\n\r\n", p.sent, p, p.sent, authorization))
		m := p.next(t, "SIP/2.0 ")
		if m.Status() == 200 {
			return
		}
		authorization = digest.Challenges(m)[0].Answer(sip.REGISTER, "sip:example.test", "bob", "secret")
	}
	t.Fatal("the phone cannot register")
}
