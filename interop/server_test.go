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
	at   map[string]string // transport, or "admin", to address
	data string
}

func serve(t *testing.T, args ...string) *server {
	t.Helper()
	s := serveFrom(t, "memory", append(args, "--admin", "127.0.0.1:0", "--listen", "udp:127.0.0.1:0", "--listen", "tcp:127.0.0.1:0", "--listen", "tls:127.0.0.1:0")...)
	var users string
	for _, user := range []string{"alice", "bob", "carol", "dave"} {
		users += user + "@" + domain + "\t" + password + "\n"
	}
	s.does(t, users, "user", "add", "--stdin")
	return s
}

// serveFrom runs a server on what a directory has.
func serveFrom(t *testing.T, data string, args ...string) *server {
	t.Helper()
	p := start(t, t.TempDir(), lamplight, append([]string{"serve", "--data", data, "--domain", domain, "--outbound", "127.0.0.0/8", "--notify-rate", "off",
		"--profile", "agent=SIPp;md5"}, args...)...)
	s := &server{program: p, at: map[string]string{}, data: data}
	for _, a := range strings.Fields(p.await(t, `(?m)^ready (.*)$`)[1]) {
		transport, addr, _ := strings.Cut(a, ":")
		s.at[transport] = addr
	}
	return s
}

// asks is a command's words and where its server is.
func (s *server) asks(command ...string) []string {
	command = append(command, "--data", s.data)
	if s.data == "memory" {
		command = append(command, "--admin", s.at["admin"])
	}
	return command
}

// does runs a command beside the server, and returns what it printed.
func (s *server) does(t *testing.T, input string, command ...string) string {
	t.Helper()
	return run(t, input, lamplight, s.asks(command...)...)
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
// him, has what a pattern describes, and returns the match and its groups.
func (s *server) heard(t *testing.T, user, pattern string) []string {
	t.Helper()
	trace := start(t, t.TempDir(), lamplight, s.asks("trace", user+"@"+domain, "--full", "--follow")...)
	defer trace.kill()
	return trace.await(t, pattern)
}
