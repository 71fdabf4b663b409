package app_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"lamplight/app"
	"lamplight/config"
	"lamplight/directory"
	"lamplight/event"
	"lamplight/sip/digest"
)

// numbers are users by numbers, of which two exist.
type numbers struct{}

func (numbers) Load() ([]directory.Domain, []directory.User, error) {
	user := func(name, password string) directory.User {
		return directory.User{AoR: event.AoR("sip:" + name + "@example.com"), HA1: map[string]digest.HA1s{name: digest.Hash(name, "example.com", password)}}
	}
	return []directory.Domain{{Name: "example.com", Realm: "example.com"}}, []directory.User{user("103", "1017"), user("107", "secret"), user("alice", "secret")}, nil
}

// sipvicious runs one of its tools for a time at most, and is what it says.
func sipvicious(t *testing.T, most time.Duration, tool string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), most)
	defer cancel()
	c := exec.CommandContext(ctx, tool, append([]string{"-P", fmt.Sprint(freePort(t)), "-x", "127.0.0.1"}, args...)...)
	c.Dir = t.TempDir()
	c.Env = append(c.Environ(), "HOME="+c.Dir)
	out, err := c.CombinedOutput()
	if err != nil && ctx.Err() == nil && len(out) == 0 {
		t.Fatalf("%s: %v", tool, err)
	}
	return string(out)
}

// sipvicious, which those use who look for servers to abuse, finds the server and
// then nothing more: no extension, no password. `make tools` installs it.
func TestSIPVicious(t *testing.T) {
	s, err := app.New(app.Options{People: numbers{}, Serve: config.Serve{Data: "memory", Domain: []string{"example.com"}, Listen: []string{"udp:127.0.0.1:0"},
		Outbound: []string{"127.0.0.0/8"}, Role: []string{"registrar", "presence"}, Limits: "on", NotifyRate: "on"}})
	if err == nil {
		err = s.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	port := fmt.Sprint(s.Addrs()[0].Port())

	if out := sipvicious(t, time.Minute, "svmap", "-p", port, "127.0.0.1"); !strings.Contains(out, "127.0.0.1:"+port) {
		t.Errorf("svmap does not find the server:\n%s", out)
	}
	for _, method := range []string{"REGISTER", "OPTIONS", "INVITE"} {
		out := sipvicious(t, time.Minute, "svwar", "-p", port, "-m", method, "--force", "-e", "100-110", "127.0.0.1")
		found := regexp.MustCompile(`(?m)^\| (1\d\d) +\| (\w+)`).FindAllStringSubmatch(out, -1)
		of := map[string]int{}
		for _, f := range found {
			of[f[2]]++
		}
		if len(found) != 0 && (len(of) != 1 || len(found) != 11) {
			t.Errorf("svwar %s tells some from others:\n%s", method, out)
		}
	}
	if out := sipvicious(t, 10*time.Second, "svcrack", "-p", port, "-u", "103", "-r", "1005-1025", "--maximumtime", "2", "127.0.0.1"); strings.Contains(out, "| 1017") || strings.Contains(out, "The password for") {
		t.Errorf("svcrack finds the password:\n%s", out)
	}
	w := httptest.NewRecorder()
	s.Metrics().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if m := regexp.MustCompile(`lamplight_limit_total\{limit="guesses"\} (\d+)`).FindStringSubmatch(w.Body.String()); m == nil || m[1] == "0" {
		t.Errorf("nothing was held back: %v", m)
	}
	g := newGood(t, "udp", s.Addrs()[0])
	if _, err := g.agent.Register(t.Context(), time.Hour); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
