package interop

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	_ "lamplight/app" // what is built from other source is tested anew
)

const (
	domain   = "example.test"
	password = "secret"
)

// lamplight is the program as it is built for users.
var lamplight string

func TestMain(m *testing.M) { os.Exit(build(m)) }

func build(m *testing.M) int {
	dir, err := os.MkdirTemp("", "interop")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	lamplight = filepath.Join(dir, "lamplight")
	if out, err := exec.Command("go", "build", "-o", lamplight, "lamplight/cmd/lamplight").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// server is a running one with users alice, bob, carol and dave, whose passwords are
// password, and where it listens for each transport.
type server struct {
	*program
	at map[string]string // transport, or "admin", to address
}

func serve(t *testing.T, args ...string) *server {
	t.Helper()
	p := start(t, t.TempDir(), lamplight, append([]string{"serve", "--data", "memory", "--domain", domain, "--outbound", "127.0.0.0/8", "--notify-rate", "off",
		"--listen", "udp:127.0.0.1:0", "--listen", "tcp:127.0.0.1:0", "--listen", "tls:127.0.0.1:0", "--admin", "127.0.0.1:0"}, args...)...)
	s := &server{program: p, at: map[string]string{}}
	for _, a := range strings.Fields(p.await(t, `(?m)^ready (.*)$`)[1]) {
		transport, addr, _ := strings.Cut(a, ":")
		s.at[transport] = addr
	}
	var users string
	for _, user := range []string{"alice", "bob", "carol", "dave"} {
		users += user + "@" + domain + "\t" + password + "\n"
	}
	run(t, users, lamplight, "user", "add", "--stdin", "--data", "memory", "--admin", s.at["admin"])
	return s
}

// publisher is a user who publishes one document, and changes it.
type publisher struct {
	server *server
	user   string
	etag   string
}

// is publishes a state. It counts for ten minutes.
func (p *publisher) is(t *testing.T, state string) {
	t.Helper()
	p.etag = strings.TrimSpace(run(t, password+"\n", lamplight, "publish", p.user+"@"+domain, "--state", state, "--expires", "600",
		"--if-match", p.etag, "--server", p.server.at["udp"], "--password-stdin"))
}

// watch is a watcher of a user, which has been told its first state.
func (s *server) watch(t *testing.T, watcher, user, event string) *program {
	t.Helper()
	w := start(t, t.TempDir(), lamplight, "watch", user+"@"+domain, "--as", watcher+"@"+domain, "--event", event,
		"--server", s.at["udp"], "--json", "--password-stdin")
	w.types(t, password+"\n")
	w.await(t, `"subscription":"active"`)
	return w
}

// heard waits until the server's trace of a user, what it heard and said last of
// him, has what a pattern describes.
func (s *server) heard(t *testing.T, user, pattern string) {
	t.Helper()
	trace := start(t, t.TempDir(), lamplight, "trace", user+"@"+domain, "--full", "--follow", "--admin", s.at["admin"])
	trace.await(t, pattern)
	trace.kill()
}
