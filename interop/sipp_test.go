package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// sippPhone is a user's phone that SIPp plays by a scenario of testdata/sipp.
type sippPhone struct {
	*program
	port string
}

// sipp has a user's phone play a scenario once. What it
// leaves open, such as [to], has a value each.
func (s *server) sipp(t *testing.T, user, scenario string, keys ...string) *sippPhone {
	t.Helper()
	return s.sippAt(t, fmt.Sprint(portBelow(t)), user, scenario, keys...)
}

// registered is a phone that has registered before.
func (s *server) registered(t *testing.T, user, scenario string, keys ...string) *sippPhone {
	t.Helper()
	port := fmt.Sprint(portBelow(t))
	s.sippAt(t, port, user, "register").endsWell(t)
	return s.sippAt(t, port, user, scenario, keys...)
}

func (s *server) sippAt(t *testing.T, port, user, scenario string, keys ...string) *sippPhone {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "sipp", scenario+".xml"))
	home := t.TempDir()
	if err == nil { // it takes no keys in the first line of a response
		text = []byte(strings.NewReplacer(append(keys, "[user]", user)...).Replace(string(text)))
		err = os.WriteFile(filepath.Join(home, "scenario.xml"), text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return &sippPhone{start(t, home, "sipp", "-sf", "scenario.xml", "-m", "1", "-nostdin", "-i", "127.0.0.1", "-p", port,
		"-timeout", "120s", "-timeout_error", "-trace_err", "-error_file", "/dev/stderr", "-au", user, "-ap", password, s.at["udp"]), port}
}

// rings waits for a call, and returns its Call-ID.
func (p *sippPhone) rings(t *testing.T) string {
	t.Helper()
	return p.await(t, `(?m)^rings (\S+)$`)[1]
}

// talks waits until its own call is answered, and returns its Call-ID.
func (p *sippPhone) talks(t *testing.T) string {
	t.Helper()
	return p.await(t, `(?m)^talks (\S+)$`)[1]
}
