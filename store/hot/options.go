package hot

import (
	"fmt"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
)

// cacheSize and memTableSize are bytes. Little is read but at start, so the
// memtables are most of the memory.
const (
	cacheSize    = 8 << 20
	memTableSize = 16 << 20
	memTables    = 3
)

func (s *Store) options(failed *failure, readOnly bool) *pebble.Options {
	return &pebble.Options{
		FS: &breaker{s.fs, failed}, Lock: s.lock, ReadOnly: readOnly, Logger: failed,
		// A log of this format tells a torn end from a damaged middle.
		FormatMajorVersion:          pebble.FormatWALSyncChunks,
		CacheSize:                   cacheSize,
		MemTableSize:                s.memTable,
		MemTableStopWritesThreshold: memTables,
		// Commits don't wait for compactions: only reading becomes slower.
		L0StopWritesThreshold: 1000,
	}
}

// failure is the first thing that broke in a database. It is Pebble's logger
// too, because Pebble calls Fatalf on a failed commit and, where that returns,
// reports success.
type failure struct{ first atomic.Pointer[error] }

func (f *failure) set(err error) { f.first.CompareAndSwap(nil, &err) }

func (f *failure) err() error {
	if err := f.first.Load(); err != nil {
		return *err
	}
	return nil
}

func (f *failure) Infof(string, ...any)  {}
func (f *failure) Errorf(string, ...any) {}

// Fatalf does not end the process: the server still has answers to give.
func (f *failure) Fatalf(format string, args ...any) { f.set(fmt.Errorf(format, args...)) }
