package interop

import (
	"regexp"
	"testing"
	"time"
)

// entry waits until the newest of a user's calls is as a pattern describes.
func (s *server) entry(t *testing.T, user, pattern string) {
	t.Helper()
	re := regexp.MustCompile(pattern)
	out := ""
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if out = s.does(t, "", "history", user+"@"+domain, "--limit", "1", "--json"); re.MatchString(out) {
			return
		}
	}
	t.Fatalf("the newest call of %s is %s, not %s", user, out, pattern)
}
