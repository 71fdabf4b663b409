package hot

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"lamplight/owner"
)

// disk is a file system that breaks as it is told to.
type disk struct {
	broken atomic.Pointer[func(errorfs.Op) error]
}

func (d *disk) breaks(f func(errorfs.Op) error) { d.broken.Store(&f) }

func (d *disk) heal() { d.broken.Store(nil) }

func (d *disk) try(dir string) (*Store, error) {
	return openIn(filepath.Join(dir, "hot"), errorfs.Wrap(vfs.Default, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if f := d.broken.Load(); f != nil {
			return (*f)(op)
		}
		return nil
	})), 1<<20)
}

func (d *disk) open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := d.try(dir)
	must(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func isLog(op errorfs.Op) bool { return filepath.Ext(op.Path) == ".log" }

// isSync takes also what Pebble writes by sync_file_range.
func isSync(op errorfs.Op) bool {
	return op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData || op.Kind == errorfs.OpFileSyncTo
}

func full(op errorfs.Op) error {
	if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && op.Kind != errorfs.OpRemove && op.Kind != errorfs.OpLock && op.Kind != errorfs.OpFileClose && op.Kind != errorfs.OpMkdirAll {
		return syscall.ENOSPC
	}
	return nil
}

func TestACommitThatFailsIsNotAcknowledgedAndTheStoreGoesOn(t *testing.T) {
	for what, breaks := range map[string]func(errorfs.Op) bool{
		"sync of the log":  func(op errorfs.Op) bool { return isLog(op) && isSync(op) },
		"write to the log": func(op errorfs.Op) bool { return isLog(op) && op.Kind == errorfs.OpFileWrite },
	} {
		t.Run(what, func(t *testing.T) {
			var d disk
			dir := t.TempDir()
			s := d.open(t, dir)
			must(t, s.Commit([]owner.Record{record("one", "1")}))
			var once atomic.Bool
			d.breaks(func(op errorfs.Op) error {
				if breaks(op) && once.CompareAndSwap(false, true) {
					return syscall.EIO
				}
				return nil
			})
			if err := s.Commit([]owner.Record{record("one", "2"), record("two", "2")}); !errors.Is(err, syscall.EIO) {
				t.Fatalf("the commit gave %v", err)
			}
			// All of the commit was written or nothing; what the store says now
			// stays true over a restart.
			read := stored(t, s)
			if !maps.Equal(read, map[string]string{"one": "1"}) && !maps.Equal(read, map[string]string{"one": "2", "two": "2"}) {
				t.Errorf("read again: %v", read)
			}
			must(t, s.Commit([]owner.Record{record("three", "3")}))
			read["three"] = "3"
			expect(t, s, read)
			must(t, s.Close())
			expect(t, opened(t, dir), read)
		})
	}
}

func TestAFullDiskIsReadUntilThereIsRoom(t *testing.T) {
	var d disk
	dir := t.TempDir()
	s := d.open(t, dir)
	must(t, s.Commit([]owner.Record{record("one", "1")}))
	d.breaks(full)
	if err := s.Commit([]owner.Record{record("two", "2")}); err == nil {
		t.Fatal("acknowledged on a full disk")
	}
	expect(t, s, map[string]string{"one": "1"})
	for range 2 {
		s.retry = 0
		if err := s.Commit([]owner.Record{record("two", "2")}); !errors.Is(err, ErrReadOnly) {
			t.Fatalf("still full: %v", err)
		}
		expect(t, s, map[string]string{"one": "1"})
	}
	d.heal()
	s.retry = retry
	if err := s.Commit([]owner.Record{record("two", "2")}); !errors.Is(err, ErrReadOnly) {
		t.Errorf("tried at once: %v", err)
	}
	s.retry = 0
	must(t, s.Commit([]owner.Record{record("two", "2")}))
	must(t, s.Close())
	expect(t, opened(t, dir), map[string]string{"one": "1", "two": "2"})
}

func TestADiskThatIsGoneIsLost(t *testing.T) {
	var d disk
	dir := t.TempDir()
	s := d.open(t, dir)
	must(t, s.Commit([]owner.Record{record("one", "1")}))
	d.breaks(func(errorfs.Op) error { return syscall.EIO })
	if err := s.Commit([]owner.Record{record("two", "2")}); err == nil {
		t.Fatal("acknowledged without a disk")
	}
	d.heal()
	if err := s.Commit([]owner.Record{record("two", "2")}); !errors.Is(err, ErrLost) {
		t.Errorf("commit: %v", err)
	}
	if err := s.Load(nil, nil); !errors.Is(err, ErrLost) {
		t.Errorf("load: %v", err)
	}
	must(t, s.Close())
	if got := stored(t, opened(t, dir)); got["one"] != "1" {
		t.Errorf("stored %v", got)
	}
}

// A disk may be found full where a log is rotated or a memtable flushed, while
// there is still room in the log: commits must fail then, not stop the process
// or wait for room.
func TestAFullDiskIsFoundInTheBackground(t *testing.T) {
	for what, breaks := range map[string]func(errorfs.Op) bool{
		"a table can't be made": func(op errorfs.Op) bool {
			return op.Kind == errorfs.OpCreate && filepath.Ext(op.Path) == ".sst"
		},
		"a table can't be written": func(op errorfs.Op) bool {
			return op.Kind == errorfs.OpFileWrite && filepath.Ext(op.Path) == ".sst"
		},
		"a log can't be made":        func(op errorfs.Op) bool { return op.Kind == errorfs.OpCreate && isLog(op) },
		"a manifest can't be synced": func(op errorfs.Op) bool { return isSync(op) && !isLog(op) },
		"nothing can be made":        func(op errorfs.Op) bool { return op.Kind == errorfs.OpCreate || op.Kind == errorfs.OpReuseForWrite },
	} {
		t.Run(what, func(t *testing.T) { testFullInTheBackground(t, breaks) })
	}
}

func testFullInTheBackground(t *testing.T, breaks func(errorfs.Op) bool) {
	var d disk
	dir := t.TempDir()
	s := d.open(t, dir)
	s.retry = 0
	var broke atomic.Int32
	d.breaks(func(op errorfs.Op) error {
		if breaks(op) {
			broke.Add(1)
			return syscall.ENOSPC
		}
		return nil
	})
	taken, failed := map[string]bool{}, 0
	for i := 0; failed < 3; i++ {
		if i > 50 {
			t.Fatal("six megabytes were taken with nowhere to go")
		}
		r := record(fmt.Sprintf("%04d", i), string(make([]byte, 1<<17)))
		if s.Commit([]owner.Record{r}) == nil {
			taken[string(r.Key)] = true
		} else {
			failed++
		}
	}
	if n := broke.Load(); n == 0 || n > 1000 {
		t.Fatalf("the disk was full %d times", n)
	}
	allTaken(t, s, taken)
	d.heal()
	must(t, s.Commit([]owner.Record{record("last", "")}))
	taken["last"] = true
	allTaken(t, s, taken)
	must(t, s.Close())
	allTaken(t, opened(t, dir), taken)
}

func allTaken(t *testing.T, s owner.Journal, taken map[string]bool) {
	t.Helper()
	all := stored(t, s)
	for key := range taken {
		if _, ok := all[key]; !ok {
			t.Errorf("%s was acknowledged and is gone", key)
		}
	}
}

func TestAFullDiskAtTheStartIsSaid(t *testing.T) {
	var d disk
	dir := t.TempDir()
	s := d.open(t, dir)
	must(t, s.Commit([]owner.Record{record("one", "1")}))
	must(t, s.Close())
	d.breaks(full)
	if _, err := d.try(dir); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("opened: %v", err)
	}
	d.heal()
	expect(t, d.open(t, dir), map[string]string{"one": "1"})
}
