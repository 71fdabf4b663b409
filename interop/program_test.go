package interop

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long anything may take on a busy machine.
const patience = time.Minute

// program is one that runs, and all that it printed.
type program struct {
	name  string
	cmd   *exec.Cmd
	in    io.WriteCloser
	ended chan struct{}

	mu    sync.Mutex
	out   bytes.Buffer
	seen  int           // what await has matched
	fresh chan struct{} // closed when there is more
}

// start runs a program in a home of its own until the test ends. What it printed
// is shown when the test fails.
func start(t *testing.T, home, name string, args ...string) *program {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = home
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME="+home, "XDG_DATA_HOME="+home, "LC_ALL=C.UTF-8", "RES_OPTIONS=attempts:1 timeout:1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = time.Second
	p := &program{name: filepath.Base(name), cmd: cmd, ended: make(chan struct{}), fresh: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = p, p
	var err error
	if p.in, err = cmd.StdinPipe(); err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("%s printed\n%s", name, p.printed())
		}
	})
	return p
}

// kill ends a program and the processes it started.
func (p *program) kill() {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.ended
}

var noise = regexp.MustCompile("\x1b\\[[0-9;]*m|\r")

// Write takes what the program prints, without colours and carriage returns.
func (p *program) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.out.Write(noise.ReplaceAll(b, nil))
	close(p.fresh)
	p.fresh = make(chan struct{})
	return len(b), nil
}

func (p *program) printed() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String()
}

// next is the next match of a pattern after what was matched before; where there
// is none yet, fresh tells when there is more to look at.
func (p *program) next(pattern *regexp.Regexp) (match []string, fresh <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	rest := p.out.Bytes()[p.seen:]
	at := pattern.FindSubmatchIndex(rest)
	if at == nil {
		return nil, p.fresh
	}
	for i := 0; i < len(at); i += 2 {
		match = append(match, string(rest[max(at[i], 0):max(at[i+1], 0)]))
	}
	p.seen += at[1]
	return match, nil
}

// await waits until the program prints what a pattern describes, after what was
// awaited before, and returns the match and its groups.
func (p *program) await(t *testing.T, pattern string) []string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	late := time.After(patience)
	for ended := p.ended; ; {
		match, fresh := p.next(re)
		if match != nil {
			return match
		}
		select {
		case <-fresh:
		case <-ended:
			if ended = nil; match == nil {
				if match, _ = p.next(re); match != nil {
					return match
				}
			}
			t.Fatalf("%s ended without %s", p.name, pattern)
		case <-late:
			t.Fatalf("%s did not print %s", p.name, pattern)
		}
	}
}

// says tells whether the program has printed, at any time, what a pattern
// describes.
func (p *program) says(t *testing.T, pattern string) {
	t.Helper()
	if !regexp.MustCompile(pattern).MatchString(p.printed()) {
		t.Errorf("%s never printed %s", p.name, pattern)
	}
}

// types writes to the program's standard input.
func (p *program) types(t *testing.T, text string) {
	t.Helper()
	if _, err := io.WriteString(p.in, text); err != nil {
		t.Fatalf("%s takes no input: %v", p.name, err)
	}
}

// quits waits for the program to end by itself.
func (p *program) quits(t *testing.T) {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		t.Fatalf("%s does not end", p.name)
	}
}

// endsWell waits for the program to end by itself, and with status 0.
func (p *program) endsWell(t *testing.T) {
	t.Helper()
	p.quits(t)
	if status := p.cmd.ProcessState.ExitCode(); status != 0 {
		t.Fatalf("%s ended with status %d", p.name, status)
	}
}

// run runs a program to its end, which must be a good one.
func run(t *testing.T, input, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c := exec.CommandContext(ctx, name, args...)
	c.Stdin = bytes.NewReader([]byte(input))
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}
