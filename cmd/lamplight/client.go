package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"lamplight/directory"
	"lamplight/sip/ua"
)

// client is what the commands share that are SIP clients of a server.
type client struct {
	Server        string `default:"127.0.0.1:5060" placeholder:"HOST:PORT" help:"The server."`
	Transport     string `default:"udp" enum:"udp,tcp" help:"How it is reached: udp or tcp."`
	As            string `placeholder:"USER" help:"Who asks; the first user named where left out."`
	Domain        string `default:"localhost" help:"Domain of users written without one."`
	PasswordStdin bool   `help:"Read the password from standard input."`
	JSON          bool   `help:"Print JSON."`
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
	return ua.New(o)
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
