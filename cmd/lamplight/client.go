package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"lamplight/config"
	"lamplight/directory"
	"lamplight/sip/ua"
)

// client is what the commands share that are SIP clients of a server.
type client struct {
	Server        string   `default:"127.0.0.1:5060" placeholder:"HOST[:PORT]" help:"The server: its address, or a name, such as the domain, whose servers DNS tells."`
	Transport     string   `default:"" enum:",udp,tcp,tls,ws,wss" help:"How it is reached: udp, tcp, tls, ws or wss; what its domain prefers where left out."`
	DNS           []string `placeholder:"ADDR:PORT" help:"Name server that is asked, the first one first; those of the system where none is named."`
	TLSCA         string   `name:"tls-ca" placeholder:"FILE" help:"Whom to believe over TLS and WSS (PEM); the system's authorities where left out."`
	InsecureTLS   bool     `name:"insecure-tls" help:"Believe any certificate: for trying things out."`
	As            string   `placeholder:"USER" help:"Who asks; the first user named where left out."`
	Domain        string   `default:"localhost" help:"Domain of users written without one."`
	PasswordStdin bool     `help:"Read the password from standard input."`
	JSON          bool     `help:"Print JSON."`
}

// aor is a user's address-of-record, as a URI.
func (c *client) aor(user string) string { return string(directory.UserAoR(user, c.Domain)) }

// agent makes the user agent; dflt is who asks where --as is left out.
func (c *client) agent(dflt string) (*ua.Agent, error) {
	as := c.As
	if as == "" {
		as = dflt
	}
	o := ua.Options{User: c.aor(as), Server: c.Server, Transport: c.Transport, UserAgent: "Lamplight"}
	if c.PasswordStdin {
		password, err := readPassword(os.Stdin)
		if err != nil {
			return nil, usage(err)
		}
		o.Password = password
	}
	var err error
	if o.Names.Servers, err = config.NameServers(c.DNS); err != nil {
		return nil, usage(err)
	}
	if o.TLS, err = c.tls(); err != nil {
		return nil, usage(err)
	}
	return ua.New(o)
}

// tls is whom to believe.
func (c *client) tls() (*tls.Config, error) {
	t := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: c.InsecureTLS}
	if c.TLSCA == "" {
		return t, nil
	}
	pem, err := os.ReadFile(c.TLSCA)
	if err != nil {
		return nil, fmt.Errorf("--tls-ca: %w", err)
	}
	if t.RootCAs = x509.NewCertPool(); !t.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("--tls-ca %s: no certificate in it", c.TLSCA)
	}
	return t, nil
}

var errNoPassword = errors.New("no password on standard input")

// readPassword reads one line.
func readPassword(r io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(r, 4096)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("password: %w", err)
	}
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return "", errNoPassword
	}
	return line, nil
}
