package app

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/big"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// The files of the certificate that the server makes for itself.
const (
	certificateFile = "tls-cert.pem"
	keyFile         = "tls-key.pem"
)

// How long a certificate of our own is good, and when it is made anew.
const (
	ownLife  = 825 * 24 * time.Hour // longer ones some clients refuse
	ownRenew = 30 * 24 * time.Hour
)

// certificate is what TLS listeners show: from two files, read again when they
// have changed.
type certificate struct {
	cert, key string // "": it is in memory only
	log       *slog.Logger

	mu      sync.Mutex
	current *tls.Certificate
	seen    [2]fileState
}

// fileState tells two contents of a file apart.
type fileState struct {
	size     int64
	modified time.Time
}

func stateOf(name string) (fileState, error) {
	i, err := os.Stat(name)
	if err != nil {
		return fileState{}, err
	}
	return fileState{i.Size(), i.ModTime()}, nil
}

// serverTLS is the configuration of TLS and WSS listeners; nil where there is none.
func (s *Server) serverTLS() (*tls.Config, error) {
	if !s.o.HasListener("tls") && !s.o.HasListener("wss") {
		return nil, nil
	}
	c := &certificate{cert: s.o.TLSCert, key: s.o.TLSKey, log: s.log}
	if c.cert == "" {
		if err := c.own(s.o.Data, s.o.Memory(), s.certifiedNames()); err != nil {
			return nil, fmt.Errorf("own certificate: %w", err)
		}
	}
	if c.cert != "" {
		if err := c.load(); err != nil {
			return nil, fmt.Errorf("certificate: %w", err)
		}
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get}, nil
}

// certifiedNames are the domains served, with what else they are called.
func (s *Server) certifiedNames() []string {
	return append(append([]string(nil), s.o.Domain...), s.ownNames()...)
}

// get is asked at each handshake. Files that are wrong, or half written, leave
// the certificate as it was.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cert == "" || !c.changed() {
		return c.current, nil
	}
	if err := c.load(); err != nil {
		c.log.Warn("the changed certificate cannot be used", "cert", c.cert, "error", err)
	} else {
		c.log.Info("the certificate has changed", "cert", c.cert)
	}
	return c.current, nil
}

func (c *certificate) changed() bool {
	cert, certErr := stateOf(c.cert)
	key, keyErr := stateOf(c.key)
	return certErr == nil && keyErr == nil && c.seen != [2]fileState{cert, key}
}

// load reads the files.
func (c *certificate) load() (err error) {
	for i, name := range []string{c.cert, c.key} {
		if c.seen[i], err = stateOf(name); err != nil {
			return err
		}
	}
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return err
	}
	c.current = &pair
	return nil
}

// own takes the certificate of the data directory, or makes one for the names.
func (c *certificate) own(data string, memory bool, names []string) error {
	cert, key := filepath.Join(data, certificateFile), filepath.Join(data, keyFile)
	if !memory {
		old, err := tls.LoadX509KeyPair(cert, key)
		switch {
		case err == nil && time.Until(old.Leaf.NotAfter) > ownRenew:
			c.cert, c.key = cert, key
			return nil
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return err
		}
	}
	certPEM, keyPEM, err := selfMade(names, time.Now())
	if err != nil {
		return err
	}
	if memory {
		pair, err := tls.X509KeyPair(certPEM, keyPEM)
		c.current = &pair
		return err
	}
	c.cert, c.key = cert, key
	// Without a certificate a key is made again: what is cut short does no harm.
	if err := os.Remove(cert); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return errors.Join(os.WriteFile(key, keyPEM, 0o600), os.WriteFile(cert, certPEM, 0o600))
}

// selfMade makes a certificate and its key, in PEM.
func selfMade(names []string, now time.Time) (cert, key []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, nil, err
	}
	t := x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: names[0]},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(ownLife),
		KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	for _, n := range names {
		if a, err := netip.ParseAddr(strings.Trim(n, "[]")); err == nil {
			t.IPAddresses = append(t.IPAddresses, a.AsSlice())
		} else {
			t.DNSNames = append(t.DNSNames, n)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, &t, &t, private.Public(), private)
	if err != nil {
		return nil, nil, err
	}
	der8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der8}), nil
}
