package ua_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"lamplight/sip"
	"lamplight/sip/resolve"
	"lamplight/sip/resolve/resolvetest"
	"lamplight/sip/transaction"
	"lamplight/sip/ua"
	"lamplight/sip/wire"
)

// named is a way to look names up at a name server in memory.
func named(s *resolvetest.Server) resolve.Options {
	return resolve.Options{Dial: s.Dial, Servers: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.53:53")}, Hosts: "no-such-file"}
}

// Without a server the user's domain is located; who answered is asked again, and
// the next of its servers where that one fails.
func TestTheDomainsServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := wire.New(1)
		status := make(chan int, 1)
		one := newPeer(t, n, func(_ *peer, r *transaction.Request) {
			s := <-status
			if status <- s; s == 0 {
				r.Drop()
				return
			}
			answer(r, s)
		})
		two := newPeer(t, n, func(_ *peer, r *transaction.Request) { answer(r, 200) })
		defer one.layer.Close()
		defer two.layer.Close()
		names := resolvetest.New(t, fmt.Sprintf(`
_sip._udp.example.test. SRV 1 0 %d host.example.test.
_sip._udp.example.test. SRV 2 0 %d host.example.test.
host.example.test. A 127.0.0.1`, one.addr.Port(), two.addr.Port()))
		a, err := ua.New(ua.Options{User: "sip:bob@example.test", Names: named(names), Listen: one.listen()})
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		ask := func(toOne, toTwo int) {
			t.Helper()
			m, err := a.Do(soon(t), sip.Request{Method: sip.OPTIONS})
			if err != nil || m.Status() != 200 {
				t.Fatalf("%v %v", m, err)
			}
			expect(t, "requests to the first", one.count(), toOne)
			expect(t, "requests to the second", two.count(), toTwo)
		}
		status <- 200
		ask(1, 0)
		<-status
		status <- 503
		ask(2, 1)
		<-status
		status <- 200
		ask(2, 2) // it stays where it is
		time.Sleep(time.Minute)
		_ = two.layer.Close()
		ask(3, 2)
		<-status
		status <- 0
		if m, err := a.Do(t.Context(), sip.Request{Method: sip.OPTIONS}); err == nil {
			t.Errorf("%d, and nobody was there", m.Status())
		}
	})
}

// certified is a certificate for a name, and who believes it.
func certified(t *testing.T, name string) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{name}}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	if c, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(c)
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}},
		&tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}
}

// What a certificate has to prove is the domain that was asked for, not the name
// that DNS made of it (RFC 5922 §7.3).
func TestTheCertificateIsTheDomains(t *testing.T) {
	for name, good := range map[string]bool{"example.test": true, "host.provider.test": false} {
		t.Run(name, func(t *testing.T) {
			server, client := certified(t, name)
			p := &peer{t: t, script: func(_ *peer, r *transaction.Request) { answer(r, 200) }}
			p.layer = transaction.New(p, transaction.Options{ServerTLS: server})
			defer p.layer.Close()
			at, err := p.layer.Listen("tls:127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			names := resolvetest.New(t, fmt.Sprintf(`
example.test. NAPTR 1 1 "s" "SIPS+D2T" "" _sips._tcp.provider.test.
_sips._tcp.provider.test. SRV 1 1 %d host.provider.test.
host.provider.test. A 127.0.0.1`, at.Port()))
			a, err := ua.New(ua.Options{User: "sips:bob@example.test", TLS: client,
				Names: resolve.Options{Servers: []netip.AddrPort{names.Listen()}, Hosts: "no-such-file", Try: 20 * time.Second, All: time.Minute}})
			if !good {
				if err == nil {
					t.Error("it was believed")
					_ = a.Close()
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer a.Close()
			if _, err := a.Register(soon(t), time.Hour); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestANameThatLeadsNowhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		names := resolvetest.New(t, "example.test. A 192.0.2.1")
		if a, err := ua.New(ua.Options{User: "bob@nowhere.test", Names: named(names)}); err == nil {
			t.Error("nowhere.test was found")
			_ = a.Close()
		}
	})
}
