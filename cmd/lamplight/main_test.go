package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"lamplight/sip/resolve/resolvetest"
)

// TestMain lets the test binary be the program, so that the tests run what a
// user runs.
func TestMain(m *testing.M) {
	if os.Getenv("LAMPLIGHT_RUN") != "" {
		os.Exit(run(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// patience is how long a command may take on a busy machine.
const patience = 60 * time.Second

func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	c := exec.CommandContext(ctx, os.Args[0], args...)
	c.Env = append(os.Environ(), "LAMPLIGHT_RUN=1")
	return c
}

// result runs a command with an input to its end.
func result(t *testing.T, input string, args ...string) (status int, out, errs string) {
	t.Helper()
	c := command(t, args...)
	var stdout, stderr bytes.Buffer
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(input), &stdout, &stderr
	err := c.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
	case errors.As(err, &exit):
		status = exit.ExitCode()
	default:
		t.Fatal(err)
	}
	return status, stdout.String(), stderr.String()
}

// succeed runs a command that must.
func succeed(t *testing.T, input string, args ...string) string {
	t.Helper()
	status, out, errs := result(t, input, args...)
	if status != 0 {
		t.Fatalf("lamplight %s: exit %d\n%s%s", strings.Join(args, " "), status, out, errs)
	}
	return strings.TrimSpace(out)
}

// started is a command that runs on.
type started struct {
	*exec.Cmd
	lines chan string
}

// start runs a command and gives its lines: of standard error or output.
func start(t *testing.T, c *exec.Cmd, stderr bool) *started {
	t.Helper()
	pipe := c.StdoutPipe
	if stderr {
		pipe = c.StderrPipe
	}
	r, err := pipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	s := &started{c, make(chan string, 1000)}
	go s.read(r)
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	})
	return s
}

func (s *started) read(r io.Reader) {
	defer close(s.lines)
	for scan := bufio.NewScanner(r); scan.Scan(); {
		s.lines <- scan.Text()
	}
}

// line waits for a line for which ok is true.
func (s *started) line(t *testing.T, what string, ok func(string) bool) string {
	t.Helper()
	late := time.After(patience)
	var seen []string
	for {
		select {
		case l, open := <-s.lines:
			if !open {
				t.Fatalf("no %s; it ended after\n%s", what, strings.Join(seen, "\n"))
			}
			if ok(l) {
				return l
			}
			seen = append(seen, l)
		case <-late:
			t.Fatalf("no %s; lines\n%s", what, strings.Join(seen, "\n"))
		}
	}
}

// end sends a signal and wants exit status 0.
func (s *started) end(t *testing.T, signal os.Signal) {
	t.Helper()
	if err := s.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	for range s.lines {
	}
	if err := s.Wait(); err != nil {
		t.Errorf("after %v: %v", signal, err)
	}
}

// serve starts a server and returns its address.
func serve(t *testing.T, args ...string) (*started, string) {
	t.Helper()
	c := command(t, append([]string{"serve", "--domain", "example.test", "--listen", "udp:127.0.0.1:0",
		"--outbound", "127.0.0.0/8"}, args...)...)
	s := start(t, c, true)
	ready := s.line(t, "ready", func(l string) bool { return strings.HasPrefix(l, "ready ") })
	return s, strings.TrimPrefix(strings.Fields(ready)[1], "udp:")
}

// What users see, over each transport. Over TLS nobody between reads or changes it
// [3903-14.4-1] [3903-14.5-1] [6665-6.5-1] [6665-6.5-2] [6665-6.6-1] [3856-9.1-1].
func TestTheLampChanges(t *testing.T) {
	for transport, how := range map[string][]string{"udp": nil, "tcp": nil, "ws": nil, "tls": {"--insecure-tls"}, "wss": {"--insecure-tls"}} {
		t.Run(transport, func(t *testing.T) { theLampChanges(t, "memory", transport, how...) })
	}
	data := t.TempDir()
	t.Run("tls, verified", func(t *testing.T) { theLampChanges(t, data, "tls", "--tls-ca", filepath.Join(data, "tls-cert.pem")) })
	t.Run("wss, verified", func(t *testing.T) { theLampChanges(t, data, "wss", "--tls-ca", filepath.Join(data, "tls-cert.pem")) })
}

func theLampChanges(t *testing.T, data, transport string, how ...string) {
	c := command(t, "serve", "--domain", "example.test", "--listen", transport+":127.0.0.1:0", "--outbound", "127.0.0.0/8",
		"--data", data, "--insecure-no-auth")
	server := start(t, c, true)
	ready := server.line(t, "ready", func(l string) bool { return strings.HasPrefix(l, "ready ") })
	addr := strings.TrimPrefix(strings.Fields(ready)[1], transport+":")
	how = append(how, "--server", addr, "--transport", transport)
	watch := start(t, command(t, append([]string{"watch", "alice@example.test", "--as", "bob@example.test", "--json"}, how...)...), false)
	lampIs := func(state, note string) func(string) bool {
		return func(l string) bool {
			var got lamp
			return json.Unmarshal([]byte(l), &got) == nil && got.AoR == "sip:alice@example.test" && got.State == state && got.Note == note && got.Subscription == "active"
		}
	}
	watch.line(t, "first lamp", lampIs("offline", ""))
	publish := func(args ...string) string {
		return succeed(t, "", append(append([]string{"publish", "alice@example.test"}, how...), args...)...)
	}
	tag := publish("--state", "busy", "--note", "back at four", "--expires", "600")
	watch.line(t, "busy", lampIs("busy", "back at four"))
	tag = publish("--if-match", tag)
	tag = publish("--if-match", tag, "--state", "dnd")
	watch.line(t, "do not disturb", lampIs("dnd", ""))
	publish("--if-match", tag, "--expires", "0")
	watch.line(t, "nothing published", lampIs("offline", ""))
	if status, _, errs := result(t, "", append([]string{"publish", "alice@example.test", "--if-match", tag}, how...)...); status != 1 || !strings.Contains(errs, "412") {
		t.Errorf("a tag that is over: exit %d, %s", status, errs)
	}
	watch.end(t, syscall.SIGINT)
	server.end(t, syscall.SIGTERM)
}

func TestExitStatuses(t *testing.T) {
	for _, c := range []struct {
		status int
		says   string
		args   []string
	}{
		{2, "unknown flag", []string{"serve", "--nonsense"}},
		{2, "expected one of", nil},
		{1, "no server runs here", []string{"call", "alice", "1002", "--data", "nowhere"}},
		{2, "--tls-key", []string{"serve", "--listen", "tls:127.0.0.1:0", "--tls-cert", "a.pem"}},
		{2, "--tls-ca", []string{"publish", "alice", "--state", "busy", "--transport", "tls", "--tls-ca", "nothing.pem"}},
		{2, "--listen", []string{"serve", "--listen", "udp:nowhere"}},
		{2, "--state", []string{"publish", "alice"}},
		{2, "--state", []string{"publish", "alice", "--state", "merry"}},
		{2, "no password", []string{"publish", "alice", "--state", "busy", "--password-stdin"}},
		{1, "", []string{"serve", "--data", "memory", "--listen", "udp:192.0.2.1:5060"}},
		{1, "no such file", []string{"user", "list", "--data", "nowhere"}},
		{2, "presence:read", []string{"token", "add", "alice"}},
		{2, "no scope", []string{"token", "add", "alice", "--scope", "everything"}},
		{2, "must be one of", []string{"user", "role", "alice", "king"}},
		{0, "", []string{"--help"}},
		{0, "", []string{"serve", "--help"}},
		{0, "", []string{"check"}},
	} {
		status, out, errs := result(t, "", c.args...)
		if status != c.status || !strings.Contains(errs, c.says) {
			t.Errorf("lamplight %s: exit %d, want %d with %q\n%s%s", strings.Join(c.args, " "), status, c.status, c.says, out, errs)
		}
	}
}

// What phones get otherwise than the standards have it can be read.
func TestCheckTellsWhatPhonesGet(t *testing.T) {
	status, out, errs := result(t, "", "check")
	if want := `"grandstream": an outgoing call as answered at once; who cannot be reached as "offline"; calls that the server makes for them as ones to answer at once, by call-info.`; status != 0 || !strings.Contains(out, want) {
		t.Errorf("exit %d, want %s in\n%s%s", status, want, out, errs)
	}
}

func TestAMistakeInTheSettingsFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lamplight.toml")
	if err := os.WriteFile(name, []byte("data = \"memory\"\nlisten-on = [\"x\"]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, cmd := range []string{"serve", "check"} {
		if status, _, errs := result(t, "", cmd, "--config", name); status != 2 || !strings.Contains(errs, `line 2: unknown key "listen-on"`) {
			t.Errorf("%s: exit %d, %s", cmd, status, errs)
		}
	}
}

func TestDemoShowsPublishToNotify(t *testing.T) {
	demo := start(t, command(t, "demo", "--pace", "200ms"), false)
	demo.line(t, "a REGISTER", func(l string) bool { return strings.Contains(l, "REGISTER") && strings.Contains(l, "→ NOTIFY") })
	demo.line(t, "a PUBLISH", func(l string) bool {
		return strings.Contains(l, "PUBLISH presence") && strings.Contains(l, "→ NOTIFY reception")
	})
	demo.line(t, "a call", func(l string) bool {
		return strings.Contains(l, "200 to INVITE") && strings.Contains(l, "on-the-phone")
	})
	demo.end(t, syscall.SIGINT)
}

// What people see on a terminal: everybody by name, with a lamp.
func TestThePictureOfTheOffice(t *testing.T) {
	v := newView()
	v.screen = true
	v.lamps[demoAoR("alice")] = lamp{State: "busy", Note: "back at four"}
	v.tell("a line")
	picture := v.picture()
	for _, s := range staff {
		if !strings.Contains(picture, s.name) {
			t.Errorf("%s is missing", s.name)
		}
	}
	for _, want := range []string{"● Alice Kim", "back at four", "a line", "? Bob Lee"} {
		if !strings.Contains(picture, want) {
			t.Errorf("%q is not in\n%s", want, picture)
		}
	}
	if got, want := fmt.Sprint(len(pad("홍길동", 14))), fmt.Sprint(9+8); got != want {
		t.Errorf("a Hangul name is padded to %s bytes, want %s", got, want)
	}
}

func TestUsersBesideAndWithoutAServer(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	user := func(input string, args ...string) string {
		return succeed(t, input, append(append([]string{"user"}, args...), "--data", dir)...)
	}
	user("secret\n", "add", "alice@example.test", "--password-stdin", "--name", "Alice Kim", "--alias", "1002")
	server, addr := serve(t, "--data", dir)
	user("bob\tbobs\ncarol@example.test\tcarols\n", "add", "--stdin")
	if got, want := user("", "list"), "alice@example.test\tAlice Kim\t1002\nbob@example.test\t\ncarol@example.test"; got != want {
		t.Errorf("the users are %q, want %q", got, want)
	}
	publish := func(who, password string) int {
		status, _, _ := result(t, password+"\n", "publish", who+"@example.test", "--state", "busy", "--server", addr, "--password-stdin")
		return status
	}
	if publish("alice", "secret") != 0 || publish("bob", "bobs") != 0 || publish("alice", "guess") != 1 {
		t.Error("who may publish does not follow the passwords")
	}
	user("new\n", "passwd", "bob", "--password-stdin")
	user("", "remove", "carol")
	if publish("bob", "bobs") != 1 || publish("bob", "new") != 0 || publish("carol", "carols") != 1 {
		t.Error("a changed user is not changed in the running server")
	}
	if status, _, errs := result(t, "", "user", "remove", "carol", "--data", dir); status != 1 || !strings.Contains(errs, "no such user") {
		t.Errorf("removed twice: exit %d, %s", status, errs)
	}
	if status, _, errs := result(t, "", "serve", "--data", dir, "--listen", "udp:127.0.0.1:0"); status != 1 || !strings.Contains(errs, "in use") {
		t.Errorf("a second server: exit %d, %s", status, errs)
	}
	server.end(t, syscall.SIGTERM)
	_, addr = serve(t, "--data", dir)
	if publish("bob", "new") != 0 {
		t.Error("the password is forgotten")
	}
}

func TestAServerThatKeepsNothingIsManagedOverItsAdminListener(t *testing.T) {
	c := command(t, "serve", "--data", "memory", "--domain", "example.test", "--listen", "udp:127.0.0.1:0", "--admin", "127.0.0.1:0")
	s := start(t, c, true)
	ready := strings.Fields(s.line(t, "ready", func(l string) bool { return strings.HasPrefix(l, "ready ") }))
	sip, admin := strings.TrimPrefix(ready[1], "udp:"), strings.TrimPrefix(ready[2], "admin:")
	succeed(t, "secret\n", "user", "add", "alice", "--password-stdin", "--admin", admin, "--data", "memory")
	succeed(t, "secret\n", "publish", "alice@example.test", "--state", "busy", "--server", sip, "--password-stdin")
	ladder := succeed(t, "", "trace", "alice@example.test", "--full", "--admin", admin)
	if !strings.Contains(ladder, "PUBLISH sip:alice@example.test SIP/2.0") || !strings.Contains(ladder, "SIP/2.0 200 OK") ||
		!strings.Contains(ladder, "Authorization: masked") || strings.Contains(ladder, "response=") {
		t.Errorf("the ladder:\n%s", ladder)
	}
	file := filepath.Join(t.TempDir(), "alice.pcapng")
	succeed(t, "", "trace", "alice@example.test", "--pcapng", file, "--admin", admin)
	if b, err := os.ReadFile(file); err != nil || !bytes.HasPrefix(b, []byte{0x0a, 0x0d, 0x0d, 0x0a}) || !bytes.Contains(b, []byte("PUBLISH sip:alice")) {
		t.Errorf("the capture: %v, %d bytes", err, len(b))
	}
	following := start(t, command(t, "trace", "alice@example.test", "--follow", "--admin", admin), false)
	following.line(t, "message of the past", func(l string) bool { return strings.Contains(l, "PUBLISH") })
	following.line(t, "its answer", func(l string) bool { return strings.Contains(l, "200 OK") })
	succeed(t, "secret\n", "publish", "alice@example.test", "--state", "away", "--server", sip, "--password-stdin")
	following.line(t, "message of now", func(l string) bool { return strings.Contains(l, "PUBLISH") })
	following.end(t, syscall.SIGTERM)
	succeed(t, "", "log-level", "debug", "--admin", admin)
	succeed(t, "secret\n", "publish", "alice@example.test", "--state", "busy", "--server", sip, "--password-stdin")
	s.line(t, "line of the challenge", func(l string) bool { return strings.Contains(l, "level=DEBUG") && strings.Contains(l, "status=401") })
	if status, _, _ := result(t, "", "log-level", "loud", "--admin", admin); status != 2 {
		t.Errorf("log-level loud: exit %d", status)
	}
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		r, err := http.Get("http://" + admin + path)
		if err != nil {
			t.Fatal(err)
		}
		if r.Body.Close(); r.StatusCode != 200 {
			t.Errorf("%s: %s", path, r.Status)
		}
	}
	s.end(t, syscall.SIGTERM)
}

// A server that is told to end says so, and serves on for a while: who spreads
// requests over several has time to see it.
func TestAServerThatLeavesSaysSo(t *testing.T) {
	s, ready := serves(t, "--admin", "127.0.0.1:0", "--drain", "60s")
	get := func(path string) int {
		r, err := http.Get("http://" + ready["admin"] + path)
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		return r.StatusCode
	}
	if get("/readyz") != 200 {
		t.Error("not ready")
	}
	if err := s.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for late := time.After(patience); get("/readyz") != 503; {
		select {
		case <-late:
			t.Fatal("it stays ready")
		default:
		}
	}
	if got := get("/healthz"); got != 200 {
		t.Errorf("healthz: %d", got)
	}
	conn, err := net.Dial("udp", ready["udp"])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "OPTIONS sip:example.test SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK1\r\nFrom: <sip:a@example.test>;tag=1\r\n"+
		"To: <sip:example.test>\r\nCall-ID: ping\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n", conn.LocalAddr())
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	b := make([]byte, 4096)
	if n, err := conn.Read(b); err != nil || !bytes.HasPrefix(b[:n], []byte("SIP/2.0 503 ")) || !bytes.Contains(b[:n], []byte("Retry-After: ")) {
		t.Errorf("OPTIONS: %v, %s", err, b[:n])
	}
	succeed(t, "", "publish", "alice@example.test", "--state", "busy", "--server", ready["udp"])
	if err := s.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = s.Wait() // the second signal waits for nothing
}

// serves starts a server that keeps nothing and believes everybody; it returns
// its addresses by transport.
func serves(t *testing.T, args ...string) (*started, map[string]string) {
	t.Helper()
	s := start(t, command(t, append([]string{"serve", "--data", "memory", "--domain", "example.test", "--listen", "udp:127.0.0.1:0", "--insecure-no-auth"}, args...)...), true)
	at := map[string]string{}
	for _, word := range strings.Fields(s.line(t, "ready", func(l string) bool { return strings.HasPrefix(l, "ready ") }))[1:] {
		transport, addr, _ := strings.Cut(word, ":")
		at[transport] = addr
	}
	return s, at
}

// What is said over each transport is shown to Homer and by trace, in clear text
// but for credentials.
func TestWhatIsSaidIsShown(t *testing.T) {
	homer, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer homer.Close()
	_ = homer.SetReadDeadline(time.Now().Add(patience))
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte("hush\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, ready := serves(t, "--listen", "tcp:127.0.0.1:0", "--listen", "tls:127.0.0.1:0", "--listen", "ws:127.0.0.1:0", "--listen", "wss:127.0.0.1:0", "--admin", "127.0.0.1:0", "--drain", "0s",
		"--hep", "udp:"+homer.LocalAddr().String(), "--hep-id", "7", "--hep-password-file", key)
	for _, transport := range []string{"udp", "tcp", "tls", "ws", "wss"} {
		succeed(t, "", "publish", transport+"@example.test", "--state", "busy", "--server", ready[transport], "--transport", transport, "--insecure-tls")
		for seen := 0; seen < 2; seen++ { // the request and its answer
			b := make([]byte, 1<<16)
			n, _, err := homer.ReadFrom(b)
			if err != nil {
				t.Fatal(err)
			}
			want := []string{"PUBLISH sip:" + transport + "@example.test SIP/2.0\r\n", "SIP/2.0 200 OK\r\n"}[seen]
			if !bytes.HasPrefix(b[:n], []byte("HEP3")) || !bytes.Contains(b[:n], []byte("\x00\x0e\x00\x0ahush")) || !bytes.Contains(b[:n], []byte(want)) {
				t.Errorf("%s: Homer gets %q, want %q", transport, b[:n], want)
			}
		}
		ladder := succeed(t, "", "trace", transport+"@example.test", "--admin", ready["admin"])
		if !strings.Contains(ladder, fmt.Sprintf("  %-3s  PUBLISH sip:%s", transport, transport)) || strings.Count(ladder, "\n") != 1 {
			t.Errorf("the ladder over %s:\n%s", transport, ladder)
		}
	}
	s.end(t, syscall.SIGTERM)
}

// Without a trace the command says so.
func TestNoTrace(t *testing.T) {
	s, ready := serves(t, "--admin", "127.0.0.1:0", "--trace-messages", "0", "--drain", "0s")
	if status, _, errs := result(t, "", "trace", "alice", "--admin", ready["admin"]); status != 1 || !strings.Contains(errs, "--trace-messages is 0") {
		t.Errorf("exit %d, %s", status, errs)
	}
	s.end(t, syscall.SIGTERM)
}

// A domain lists another one, whose users may watch then, and no longer when it
// is taken off the list; and its people dial numbers their own way.
func TestADomainListsAnother(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	user := func(input string, args ...string) {
		succeed(t, input, append(append([]string{"user", "add"}, args...), "--password-stdin", "--data", dir)...)
	}
	user("a\n", "alice@example.test", "--alias", "+4989123")
	user("x\n", "xavier@other.test")
	server, addr := serve(t, "--data", dir, "--domain", "other.test")
	watch := func(whom string) *started {
		c := command(t, "watch", whom, "--as", "xavier@other.test", "--server", addr, "--password-stdin", "--json")
		c.Stdin = strings.NewReader("x\n")
		return start(t, c, false)
	}
	stranger := watch("alice@example.test")
	for l := range stranger.lines {
		t.Errorf("a stranger is told %s", l)
	}
	set := func(args ...string) {
		succeed(t, "", append(append([]string{"domain", "set", "example.test"}, args...), "--data", dir)...)
	}
	set("--watchers", "other.test", "--country", "49", "--area", "89", "--prefix", "0")
	listed := watch("089123@example.test")
	listed.line(t, "the lamp", func(l string) bool { return strings.Contains(l, `"state":"offline"`) })
	if got := succeed(t, "", "domain", "list", "--data", dir); !strings.Contains(got, "watched by other.test\tcountry 49\tarea 89\tprefix 0") {
		t.Errorf("the domains are %s", got)
	}
	set("--watchers", "")
	listed.line(t, "the end", func(l string) bool { return strings.Contains(l, `"reason":"rejected"`) })
	server.end(t, syscall.SIGTERM)
}

// A document that is too large is refused, and the connection goes on.
func TestADocumentTooLarge(t *testing.T) {
	c := command(t, "serve", "--domain", "example.test", "--listen", "tcp:127.0.0.1:0", "--data", "memory", "--insecure-no-auth")
	s := start(t, c, true)
	ready := strings.Fields(s.line(t, "ready", func(l string) bool { return strings.HasPrefix(l, "ready ") }))
	conn, err := net.Dial("tcp", strings.TrimPrefix(ready[1], "tcp:"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	in := bufio.NewReader(conn)
	for i, want := range []string{"SIP/2.0 413 ", "SIP/2.0 400 "} {
		body := strings.Repeat("x", []int{70_000, 10}[i])
		fmt.Fprintf(conn, "PUBLISH sip:alice@example.test SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bK%d\r\n"+
			"From: <sip:alice@example.test>;tag=1\r\nTo: <sip:alice@example.test>\r\nCall-ID: large\r\nCSeq: %d PUBLISH\r\n"+
			"Event: presence\r\nContent-Type: application/pidf+xml\r\nContent-Length: %d\r\n\r\n%s", i, i+1, len(body), body)
		line, err := in.ReadString('\n')
		if err != nil || !strings.HasPrefix(line, want) {
			t.Fatalf("answer %q, %v, want %s", line, err, want)
		}
		for line != "\r\n" {
			if line, err = in.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.end(t, syscall.SIGTERM)
}

// A domain's server is found by its name, over whatever transport it prefers.
func TestTheDomainIsFoundByName(t *testing.T) {
	_, ready := serves(t, "--listen", "tcp:127.0.0.1:0")
	port := func(transport string) string { _, p, _ := net.SplitHostPort(ready[transport]); return p }
	names := resolvetest.New(t, `
example.test. NAPTR 10 0 "s" "SIP+D2T" "" _sip._tcp.example.test.
example.test. NAPTR 20 0 "s" "SIP+D2U" "" _sip._udp.example.test.
_sip._tcp.example.test. SRV 0 0 `+port("tcp")+` sip.example.test.
_sip._udp.example.test. SRV 0 0 `+port("udp")+` sip.example.test.
sip.example.test. A 127.0.0.1`).Listen().String()
	succeed(t, "", "publish", "alice@example.test", "--state", "busy", "--dns", names, "--server", "example.test")
	succeed(t, "", "publish", "bob@example.test", "--state", "busy", "--dns", names, "--server", "Example.test", "--transport", "udp")
	succeed(t, "", "publish", "carol@example.test", "--state", "busy", "--dns", names, "--server", "sip.example.test:"+port("udp"))
	if status, _, said := result(t, "", "publish", "alice@example.test", "--state", "busy", "--dns", names, "--server", "other.test"); status == 0 || !strings.Contains(said, "no such name") {
		t.Errorf("other.test: status %d, %s", status, said)
	}
}

// People are read beside a server and into one that runs, all of a file or none.
func TestPeopleAreRead(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	succeed(t, "secret\n", "user", "add", "alice@example.test", "--password-stdin", "--data", dir)
	people := func(input string, args ...string) string {
		return succeed(t, input, append(append([]string{"people"}, args...), "--data", dir)...)
	}
	const file = "이름,전화번호,부서\n홍길동,02-123-4567,영업팀\n"
	if got := people(file, "import", "-", "--dry-run"); !strings.Contains(got, "홍길동\t02-123-4567\t영업팀") {
		t.Error(got)
	}
	if got := people("", "list"); got != "" {
		t.Errorf("%q", got)
	}
	people(file, "import", "-")
	serve(t, "--data", dir)
	if got := people(file+"고길동,1,총무팀\n", "import", "-"); got != "2 people, 1 of them new" {
		t.Error(got)
	}
	if status, _, errs := result(t, "name\nAnn\n\x01\n", "people", "import", "-", "--data", dir); status != 1 || !strings.Contains(errs, "line 3: ") {
		t.Errorf("exit %d, %s", status, errs)
	}
	if got := people("", "list"); strings.Count(got, "\n") != 1 || !strings.HasPrefix(got, "2\t고길동\t1\t총무팀\n1\t홍길동") {
		t.Errorf("%q", got)
	}
	people("", "remove", "1")
	if got := people("", "export"); !strings.HasSuffix(got, ",고길동,1,,총무팀,,,") {
		t.Errorf("%q", got)
	}
	if got := succeed(t, "", "calendar", "alice", "--data", dir); got != "alice@example.test has no calendar" {
		t.Error(got)
	}
}
