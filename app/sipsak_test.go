package app_test

import (
	"context"
	"os/exec"
	"testing"
	"time"
)

// sipsak asks what the server can do, and registers with digest. Its Request-URI
// has a port that it cut short; the server does not mind. `make tools` installs it.
func TestSipsak(t *testing.T) {
	server := onLoopback(t)
	for name, args := range map[string][]string{
		"OPTIONS":          {"-s", "sip:alice@" + server},
		"REGISTER":         {"-U", "-u", "alice", "-C", "sip:alice@127.0.0.1:9", "-a", "secret", "-x", "600", "-s", "sip:alice@" + server},
		"a wrong password": {"-U", "-u", "alice", "-C", "sip:alice@127.0.0.1:9", "-a", "guess", "-x", "600", "-s", "sip:alice@" + server},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			out, err := exec.CommandContext(ctx, "sipsak", append([]string{"-vvv"}, args...)...).CombinedOutput()
			if (err == nil) != (name != "a wrong password") {
				t.Errorf("sipsak: %v\n%s", err, out)
			}
		})
	}
}
