package hot

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"

	"lamplight/owner"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func opened(t testing.TB, dir string) *Store {
	t.Helper()
	s, err := Open(dir)
	must(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func record(key, value string) owner.Record {
	return owner.Record{Key: []byte(key), Value: []byte(value)}
}

// stored is all that a store holds.
func stored(t testing.TB, s owner.Journal) map[string]string {
	t.Helper()
	all := map[string]string{}
	must(t, s.Load(nil, func(r owner.Record) error {
		all[string(r.Key)] = string(r.Value)
		return nil
	}))
	return all
}

func expect(t testing.TB, s owner.Journal, want map[string]string) {
	t.Helper()
	if got := stored(t, s); !maps.Equal(got, want) {
		t.Errorf("stored %v, want %v", got, want)
	}
}

func TestRecordsAreThereAfterTheStoreIsOpenedAgain(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, dir)
	must(t, s.Commit([]owner.Record{record("one", "1"), record("two", "2"), record("empty", "")}))
	must(t, s.Commit([]owner.Record{record("two", "22"), record("three", "3"), {Key: []byte("one")}, record("three", "33")}))
	must(t, s.Commit(nil))
	want := map[string]string{"two": "22", "three": "33", "empty": ""}
	expect(t, s, want)
	must(t, s.Close())
	expect(t, opened(t, dir), want)
}

func TestLoadReadsAPrefixInOrder(t *testing.T) {
	s := opened(t, t.TempDir())
	must(t, s.Commit([]owner.Record{record("\xff\xffb", ""), record("\xff\xffa", ""), record("\xfe", ""), record("\xff", ""), record("\x00\x00", "")}))
	for prefix, want := range map[string]string{
		"":         `["\x00\x00" "\xfe" "\xff" "\xff\xffa" "\xff\xffb"]`,
		"\x00":     `["\x00\x00"]`,
		"\xfe":     `["\xfe"]`,
		"\xff\xff": `["\xff\xffa" "\xff\xffb"]`,
		"nothing":  `[]`,
	} {
		var keys []string
		must(t, s.Load([]byte(prefix), func(r owner.Record) error {
			keys = append(keys, string(r.Key))
			return nil
		}))
		if got := fmt.Sprintf("%q", keys); got != want {
			t.Errorf("%q: %s, want %s", prefix, got, want)
		}
	}
}

func TestLoadEndsWithItsReadersError(t *testing.T) {
	s := opened(t, t.TempDir())
	must(t, s.Commit([]owner.Record{record("one", "1"), record("two", "2")}))
	enough, n := errors.New("enough"), 0
	err := s.Load(nil, func(owner.Record) error { n++; return enough })
	if !errors.Is(err, enough) || n != 1 {
		t.Errorf("%d records, %v", n, err)
	}
}

func TestOneServerPerStore(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, dir)
	if _, err := Open(dir); !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), dir) {
		t.Errorf("a second time: %v", err)
	}
	if out, err := child(t, "open", dir).CombinedOutput(); err == nil || !bytes.Contains(out, []byte(ErrInUse.Error())) {
		t.Errorf("by another process: %s, %v", out, err)
	}
	must(t, s.Close())
	if out, err := child(t, "open", dir).CombinedOutput(); err != nil {
		t.Errorf("after Close: %s, %v", out, err)
	}
}

func TestAfterCloseAllFails(t *testing.T) {
	s := opened(t, t.TempDir())
	must(t, s.Close())
	must(t, s.Close())
	if err := s.Commit([]owner.Record{record("one", "1")}); !errors.Is(err, ErrLost) {
		t.Errorf("commit: %v", err)
	}
	if err := s.Load(nil, nil); !errors.Is(err, ErrLost) {
		t.Errorf("load: %v", err)
	}
}

func TestAForeignStoreIsLeftAlone(t *testing.T) {
	for what, fill := range map[string]func(*pebble.DB) error{
		"of a later version": func(db *pebble.DB) error { return db.Set(formatKey, []byte("lamplight 2"), pebble.Sync) },
		"without our mark":   func(db *pebble.DB) error { return db.Set([]byte("something"), nil, pebble.Sync) },
	} {
		dir := t.TempDir()
		db, err := pebble.Open(filepath.Join(dir, "hot"), &pebble.Options{Logger: &failure{}})
		must(t, err)
		must(t, fill(db))
		must(t, db.Close())
		for range 2 { // the first try changed nothing
			if _, err := Open(dir); !errors.Is(err, ErrFormat) {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
}

func BenchmarkCommit(b *testing.B) {
	for _, n := range []int{1, 64, 1024} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := opened(b, b.TempDir())
			records := make([]owner.Record, n)
			i := 0
			for b.Loop() {
				for j := range records {
					records[j] = owner.Record{Key: fmt.Appendf(nil, "sip:user%d@example.test", i%100_000), Value: bytes.Repeat([]byte("v"), 700)}
					i++
				}
				must(b, s.Commit(records))
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(i), "ns/record")
		})
	}
}

var _ owner.Journal = (*Store)(nil)
