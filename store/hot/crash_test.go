package hot

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"lamplight/owner"
)

// child is this test binary as another process that has a store of its own.
func child(t *testing.T, does, dir string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	must(t, err)
	c := exec.Command(self)
	c.Env = append(os.Environ(), "HOT_TEST_DOES="+does, "HOT_TEST_DIR="+dir)
	return c
}

func TestMain(m *testing.M) {
	dir := os.Getenv("HOT_TEST_DIR")
	switch os.Getenv("HOT_TEST_DOES") {
	case "open":
		s, err := Open(dir)
		exit(err)
		exit(s.Close())
	case "write":
		exit(writeForEver(dir))
	default:
		os.Exit(m.Run())
	}
	os.Exit(0)
}

func exit(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// writeForEver commits batches of three records and acknowledges each by a line.
func writeForEver(dir string) error {
	s, err := Open(dir)
	if err != nil {
		return err
	}
	first := 0
	err = s.Load(nil, func(owner.Record) error { first++; return nil })
	for n := first; err == nil; n += 3 {
		if err = s.Commit([]owner.Record{numbered(n), numbered(n + 1), numbered(n + 2)}); err == nil {
			_, err = fmt.Println("committed", n+3)
		}
	}
	return err
}

func numbered(n int) owner.Record {
	return record(fmt.Sprintf("%08d", n), strings.Repeat(strconv.Itoa(n), 100))
}

// whole fails unless the store holds the records from 0 on without a gap, whole
// commits only, and tells how many.
func whole(t *testing.T, s owner.Journal) int {
	t.Helper()
	n := 0
	must(t, s.Load(nil, func(r owner.Record) error {
		if want := numbered(n); string(r.Key) != string(want.Key) || string(r.Value) != string(want.Value) {
			return fmt.Errorf("record %d is %q", n, r.Key)
		}
		n++
		return nil
	}))
	if n%3 != 0 {
		t.Fatalf("%d records: half a commit", n)
	}
	return n
}

// Promise 1: what was acknowledged is there after kill -9.
func TestWhatWasCommittedSurvivesAKill(t *testing.T) {
	dir := t.TempDir()
	for kill := range 5 {
		c := child(t, "write", dir)
		out, err := c.StdoutPipe()
		must(t, err)
		must(t, c.Start())
		acknowledged, lines := 0, 0
		for in := bufio.NewScanner(out); in.Scan(); lines++ {
			if _, err := fmt.Sscanf(in.Text(), "committed %d", &acknowledged); err != nil {
				t.Fatalf("the child says %q", in.Text())
			}
			if lines == 20+17*kill {
				must(t, c.Process.Kill())
			}
		}
		_ = c.Wait()
		s := opened(t, dir)
		if n := whole(t, s); acknowledged == 0 || n < acknowledged {
			t.Fatalf("kill %d: %d records, %d were acknowledged", kill, n, acknowledged)
		}
		must(t, s.Close())
	}
}

// A log that was cut anywhere in its last commit, or damaged there, gives all
// commits before it.
func TestATornLogGivesAllWholeCommits(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, dir)
	must(t, s.Commit([]owner.Record{numbered(0), numbered(1), numbered(2)}))
	before := logSize(t, dir)
	must(t, s.Commit([]owner.Record{numbered(3), numbered(4), numbered(5)}))
	after := logSize(t, dir)
	files := readAll(t, filepath.Join(dir, "hot")) // as a kill leaves them
	must(t, s.Close())
	if before == 0 || after <= before {
		t.Fatalf("the log had %d bytes, then %d", before, after)
	}
	for at := before; at < after; at += 29 {
		for what, damage := range map[string]func([]byte) []byte{
			"cut":     func(b []byte) []byte { return b[:at] },
			"flipped": func(b []byte) []byte { b[at] ^= 0x40; return b },
			"zeroed":  func(b []byte) []byte { clear(b[at:]); return b },
		} {
			torn := t.TempDir()
			must(t, os.Mkdir(filepath.Join(torn, "hot"), 0o700))
			for name, b := range files {
				if filepath.Ext(name) == ".log" {
					b = damage(append([]byte(nil), b[:after]...))
				}
				must(t, os.WriteFile(filepath.Join(torn, "hot", name), b, 0o600))
			}
			s, err := Open(torn)
			if err != nil {
				t.Fatalf("%s at %d of %d: %v", what, at, after, err)
			}
			if n := whole(t, s); n != 3 {
				t.Errorf("%s at %d of %d: %d records", what, at, after, n)
			}
			must(t, s.Commit([]owner.Record{numbered(3), numbered(4), numbered(5)}))
			must(t, s.Close())
			if n := whole(t, opened(t, torn)); n != 6 {
				t.Errorf("%s at %d: %d records after the next commit", what, at, n)
			}
		}
	}
}

// logSize is where the newest log's last byte that isn't zero ends.
func logSize(t *testing.T, dir string) int {
	t.Helper()
	var size int
	for name, b := range readAll(t, filepath.Join(dir, "hot")) {
		if filepath.Ext(name) == ".log" {
			size = len(strings.TrimRight(string(b), "\x00"))
		}
	}
	return size
}

func readAll(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	list, err := os.ReadDir(dir)
	must(t, err)
	for _, f := range list {
		if files[f.Name()], err = os.ReadFile(filepath.Join(dir, f.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return files
}
