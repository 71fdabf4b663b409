package main

import (
	"strings"
	"syscall"
	"testing"
)

// The link of the first administrator is printed whatever is logged, until there
// is one.
func TestTheSetupLinkIsPrinted(t *testing.T) {
	dir := t.TempDir()
	begin := func() (before string) {
		s := start(t, command(t, "serve", "--domain", "example.test", "--listen", "udp:127.0.0.1:0", "--web", "127.0.0.1:0", "--log-level", "error", "--data", dir), true)
		s.line(t, "ready", func(l string) bool {
			before += l + "\n"
			return strings.HasPrefix(l, "ready ")
		})
		s.end(t, syscall.SIGTERM)
		return before
	}
	if got := begin(); !strings.Contains(got, "once: http://127.0.0.1:") || !strings.Contains(got, "/setup?token=") {
		t.Errorf("it prints %q", got)
	}
	succeed(t, "secret\n", "user", "add", "alice@example.test", "--password-stdin", "--data", dir)
	succeed(t, "", "user", "role", "alice", "admin", "--data", dir)
	if got := begin(); strings.Contains(got, "/setup") {
		t.Errorf("with an administrator it prints %q", got)
	}
}
