package transaction_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"lamplight/sip/transaction"
)

// certified makes a certificate for names and who believes it.
func certified(t *testing.T, names ...string) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: names}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	pair := tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	if c, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(c)
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}, &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}
}

// listenTLS is a layer that listens for TLS.
func listenTLS(t *testing.T, h transaction.Handler, o transaction.Options) (*transaction.Layer, netip.AddrPort) {
	t.Helper()
	l := transaction.New(h, o)
	t.Cleanup(func() { l.Close() })
	addr, err := l.Listen("tls:127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l, addr
}

// The other side's name is verified, and a connection to one name is none to
// another at the same address.
func TestTheNameOfTheServerIsVerified(t *testing.T) {
	server, client := certified(t, "one.test", "two.test")
	_, addr := listenTLS(t, answers(ok), transaction.Options{ServerTLS: server})
	l := transaction.New(answers(ok), transaction.Options{ClientTLS: client})
	defer l.Close()
	flows := map[string]transaction.Flow{}
	for _, name := range []string{"one.test", "two.test", "One.test"} {
		f, err := l.FlowTo("TLS", name, netip.AddrPort{}, addr)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		flows[name] = f
	}
	if flows["one.test"] == flows["two.test"] {
		t.Error("the connection to one name is used for another")
	}
	if flows["one.test"] != flows["One.test"] {
		t.Error("the same name has two connections")
	}
	e := newEnding()
	if err := l.Send(flows["two.test"], notify(1), e); err != nil {
		t.Fatal(err)
	}
	if got := <-e.got; got != "200" {
		t.Errorf("ended by %s", got)
	}
	if _, err := l.FlowTo("TLS", "three.test", netip.AddrPort{}, addr); err == nil {
		t.Error("a name that is not in the certificate was believed")
	}
	if _, err := l.FlowFrom("TLS", netip.AddrPort{}, addr); err == nil {
		t.Error("an address that is not in the certificate was believed")
	}
	strict := transaction.New(answers(ok), transaction.Options{})
	defer strict.Close()
	if _, err := strict.FlowTo("TLS", "one.test", netip.AddrPort{}, addr); err == nil {
		t.Error("an unknown authority was believed")
	}
}

func TestRequestsOverTLS(t *testing.T) {
	server, client := certified(t, "one.test")
	flows := make(chan transaction.Flow, 1)
	l, addr := listenTLS(t, answers(func(r *transaction.Request) {
		flows <- r.Flow
		ok(r)
	}), transaction.Options{ServerTLS: server})
	client.ServerName = "one.test"
	conn, err := tls.Dial("tcp", addr.String(), client)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(late))
	c := &line{t, conn, bufio.NewReader(conn)}
	c.say(strings.Replace(overTCP("SUBSCRIBE", "z9hG4bKa"), "TCP", "TLS", 1))
	if got := c.message(); !strings.HasPrefix(got, "SIP/2.0 200") {
		t.Errorf("got %q", got)
	}
	if err := l.Send(<-flows, notify(1), newEnding()); err != nil {
		t.Fatal(err)
	}
	if got := c.message(); !strings.Contains(got, "Via: SIP/2.0/TLS "+addr.String()) {
		t.Errorf("got %q", got)
	}
}

// Who does not finish the handshake, or offers what is too old, is gone soon.
func TestHandshakesThatDoNotEnd(t *testing.T) {
	server, client := certified(t, "one.test")
	_, addr := listenTLS(t, answers(ok), transaction.Options{ServerTLS: server, Streams: transaction.StreamOptions{First: 100 * time.Millisecond}})
	for name, begins := range map[string]string{"silent": "", "half": "\x16\x03\x01\x02\x00\x01", "no TLS": overTCP("PUBLISH", "z9hG4bKa")} {
		conn, err := net.Dial("tcp", addr.String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(late))
		if _, err := conn.Write([]byte(begins)); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 1000)
		for {
			n, err := conn.Read(b)
			if strings.Contains(string(b[:n]), "SIP/2.0") {
				t.Errorf("%s: %q", name, b[:n])
			}
			if ne, timeout := err.(net.Error); timeout && ne.Timeout() {
				t.Errorf("%s: not closed", name)
			}
			if err != nil {
				break
			}
		}
	}
	client.ServerName, client.MinVersion, client.MaxVersion = "one.test", tls.VersionTLS10, tls.VersionTLS11
	if conn, err := tls.Dial("tcp", addr.String(), client); err == nil {
		conn.Close()
		t.Error("TLS 1.1 was taken")
	}
}

// Somebody who makes no connection of theirs has no listener without a certificate.
func TestTLSNeedsACertificate(t *testing.T) {
	l := transaction.New(answers(ok), transaction.Options{})
	defer l.Close()
	if _, err := l.Listen("tls:127.0.0.1:0"); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("%v", err)
	}
}
