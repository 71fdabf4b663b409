package app_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"lamplight/app"
	"lamplight/config"
)

func secureServer(t *testing.T, data, cert, key string) *app.Process {
	t.Helper()
	p, err := app.Open(config.Serve{Data: data, Domain: []string{"example.test"}, AliasDomain: []string{"sip.example.test"},
		Listen: []string{"tls:127.0.0.1:0"}, Role: []string{"registrar", "presence"}, Limits: "on", NotifyRate: "on", LogLevel: "info",
		TLSCert: cert, TLSKey: key}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func stop(t *testing.T, p *app.Process) {
	t.Helper()
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if err := p.Run(ended); err != nil {
		t.Error(err)
	}
}

// shown is the certificate that a server shows.
func shown(t *testing.T, p *app.Process) *x509.Certificate {
	t.Helper()
	c, err := tls.Dial("tcp", p.Addrs()[0].String(), &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0]
}

// Without a certificate the server makes one for its names, which nobody else may
// read the key of, and keeps it.
func TestAServerMakesItsOwnCertificate(t *testing.T) {
	p := secureServer(t, "memory", "", "")
	c := shown(t, p)
	stop(t, p)
	for _, name := range []string{"example.test", "sip.example.test", "127.0.0.1"} {
		if err := c.VerifyHostname(name); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat("memory"); err == nil {
		t.Error("something was written")
	}
}

func TestTheOwnCertificateIsKept(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	p := secureServer(t, data, "", "")
	first := shown(t, p)
	stop(t, p)
	for _, name := range []string{"tls-key.pem", "tls-cert.pem"} {
		i, err := os.Stat(filepath.Join(data, name))
		if err != nil {
			t.Fatal(err)
		}
		if i.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v", name, i.Mode())
		}
	}
	p = secureServer(t, data, "", "")
	if second := shown(t, p); !second.Equal(first) {
		t.Error("another certificate after the restart")
	}
	stop(t, p)
}

// Files that have changed are shown without a restart; what is broken leaves the
// certificate as it was.
func TestAChangedCertificateIsShown(t *testing.T) {
	files := t.TempDir()
	cert, key := filepath.Join(files, "cert.pem"), filepath.Join(files, "key.pem")
	copyOwn := func() { // those of another server
		data := filepath.Join(t.TempDir(), "data")
		stop(t, secureServer(t, data, "", ""))
		for from, to := range map[string]string{"tls-cert.pem": cert, "tls-key.pem": key} {
			b, err := os.ReadFile(filepath.Join(data, from))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(to, b, 0o600); err != nil {
				t.Fatal(err)
			}
			later := time.Now().Add(time.Second) // a clock of the file system may be coarse
			if err := os.Chtimes(to, later, later); err != nil {
				t.Fatal(err)
			}
		}
	}
	copyOwn()
	p := secureServer(t, "memory", cert, key)
	defer stop(t, p)
	first := shown(t, p)
	if err := os.WriteFile(cert, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	if c := shown(t, p); !c.Equal(first) {
		t.Error("another certificate while the file is broken")
	}
	copyOwn()
	if c := shown(t, p); c.Equal(first) {
		t.Error("the old certificate is shown after the change")
	}
}
