package hot

import (
	"fmt"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// cacheSize and memTableSize are bytes. Nothing is read but at start, and two
// memtables are all that waits in memory.
const (
	cacheSize    = 8 << 20
	memTableSize = 16 << 20
)

func options(fs vfs.FS, lock *pebble.Lock, failed *failure, readOnly bool) *pebble.Options {
	return &pebble.Options{
		FS: fs, Lock: lock, ReadOnly: readOnly, Logger: failed,
		// A log of this format tells a torn end from a damaged middle.
		FormatMajorVersion: pebble.FormatWALSyncChunks,
		CacheSize:          cacheSize,
		MemTableSize:       memTableSize,
		EventListener:      &pebble.EventListener{BackgroundError: failed.set},
	}
}

// failure is a Pebble logger that keeps the first thing that broke. Pebble
// calls Fatalf on a failed commit and, where that returns, reports success; and
// a flush that fails in the background would stall commits for as long as the
// disk is full.
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
