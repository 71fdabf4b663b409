package app_test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"lamplight/config"
	"lamplight/sip/ua"
)

// A call too large for UDP goes over TCP to a phone that has registered so, and
// over UDP all the same where nobody takes it there (RFC 3261 §18.1.1).
func TestLargeCalls(t *testing.T) {
	e := newExchange(t, func(c *config.Serve) { c.Trust = []string{"127.0.0.1"} })
	udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	tcp, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	e.registers(udp, "bob", "sip:bob@"+tcp.Addr().String()+";transport=tcp")
	alice, _ := e.phone("alice", "tcp")

	began := time.Now()
	call := func(size int) {
		t.Helper()
		_, err := alice.Invite(aor("bob"), ua.InviteOptions{Body: append(ua.SDP("sendrecv"), strings.Repeat("a=x\r\n", size/5)...)})
		if err != nil {
			t.Fatal(err)
		}
	}
	over := func(name string, r io.Reader, deadline func(time.Time) error, least int) {
		t.Helper()
		_ = deadline(began.Add(time.Minute))
		for b := make([]byte, 1<<16); ; {
			n, err := r.Read(b)
			if err != nil || !strings.HasPrefix(string(b[:n]), "INVITE ") {
				t.Fatalf("over %s: %v\n%s", name, err, b[:n])
			}
			if n >= least {
				return
			}
		}
	}
	call(100)
	over("UDP", udp, udp.SetReadDeadline, 0)
	call(2000)
	conn, err := tcp.Accept()
	if err != nil {
		t.Fatal(err)
	}
	over("TCP", conn, conn.SetReadDeadline, 2000)
	_ = conn.Close()
	over("UDP", udp, udp.SetReadDeadline, 2000)
}

// registers binds a contact of a user by hand, from an address that is trusted.
func (e *exchange) registers(from *net.UDPConn, user, contact string) {
	e.Helper()
	server := net.UDPAddrFromAddrPort(e.server.Addrs()[0])
	text := fmt.Sprintf("REGISTER sip:example.test SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK1;rport\r\nMax-Forwards: 70\r\nFrom: <%s>;tag=1\r\nTo: <%[2]s>\r\n"+
		"Call-ID: hand\r\nCSeq: 1 REGISTER\r\nContact: <%s>\r\nExpires: 600\r\nContent-Length: 0\r\n\r\n", from.LocalAddr(), aor(user), contact)
	if _, err := from.WriteTo([]byte(text), server); err != nil {
		e.Fatal(err)
	}
	b := make([]byte, 1<<12)
	_ = from.SetReadDeadline(time.Now().Add(time.Minute))
	if n, err := from.Read(b); err != nil || !strings.HasPrefix(string(b[:n]), "SIP/2.0 200") {
		e.Fatalf("%v\n%s", err, b[:n])
	}
}
