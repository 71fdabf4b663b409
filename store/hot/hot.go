// Package hot keeps the records of owners over a restart, in one Pebble
// database: soft state (RFC 3903, RFC 6665, RFC 3261 §10) of which none may be
// lost once it was acknowledged. It knows no record's meaning, and is only read
// at start and after a commit that failed.
package hot

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"lamplight/owner"
)

var (
	// ErrInUse says that another process, or this one, has the store open.
	ErrInUse = errors.New("the store is in use by another server")
	// ErrFormat says that the directory holds what this version can't read.
	ErrFormat = errors.New("the store was written by another version or program")
	// ErrReadOnly says that the store can be read, but was not writable when
	// it was last tried.
	ErrReadOnly = errors.New("the store can't be written")
	// ErrLost says that the store can be neither written nor read any more.
	ErrLost = errors.New("the store is lost")
)

// retry is how long a store that can't be written waits until a commit tries
// again.
const retry = time.Second

// Store implements owner.Journal.
type Store struct {
	dir      string
	fs       vfs.FS
	memTable uint64       // bytes
	lock     *pebble.Lock // held from Open to Close, over all reopening

	mu       sync.Mutex
	db       *pebble.DB // nil: lost or closed
	failed   *failure   // of db
	readOnly bool
	tried    time.Time // when readOnly was found out
	retry    time.Duration
}

// Open opens the folder "hot" in a data directory, and makes it where it isn't
// there. The error may be ErrInUse or ErrFormat.
func Open(dir string) (*Store, error) {
	return openIn(filepath.Join(dir, "hot"), vfs.Default, memTableSize)
}

func openIn(dir string, fs vfs.FS, memTable uint64) (*Store, error) {
	if err := fs.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("hot store: %w", err)
	}
	lock, err := pebble.LockDirectory(dir, fs)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %v", dir, ErrInUse, err)
	}
	s := &Store{dir: dir, fs: fs, memTable: memTable, lock: lock, retry: retry}
	if err := s.open(false); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", dir, err), lock.Close())
	}
	return s, nil
}

// open opens the database and checks that it is ours.
func (s *Store) open(readOnly bool) error {
	failed := &failure{}
	db, err := pebble.Open(s.dir, s.options(failed, readOnly))
	if err != nil {
		return errors.Join(failed.err(), err)
	}
	if err := errors.Join(checkFormat(db, readOnly), failed.err()); err != nil {
		return errors.Join(err, db.Close())
	}
	s.db, s.failed, s.readOnly = db, failed, readOnly
	return nil
}

// Commit stores all records in one synchronous write. After an error the
// database was closed and opened again, so that Load tells what was written;
// where even that failed, every later call gives ErrLost.
func (s *Store) Commit(records []owner.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.writable(); err != nil {
		return err
	}
	if err := s.write(records); err != nil {
		s.reopen()
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

func (s *Store) write(records []owner.Record) error {
	size := 16
	for _, r := range records {
		size += len(r.Key) + len(r.Value) + 16
	}
	b := s.db.NewBatchWithSize(size)
	for _, r := range records {
		var err error
		if r.Value == nil {
			err = b.Delete(r.Key, nil)
		} else {
			err = b.Set(r.Key, r.Value, nil)
		}
		if err != nil {
			return errors.Join(err, b.Close())
		}
	}
	if err := b.Commit(pebble.Sync); err != nil {
		return err
	}
	// What Commit says is worth nothing without this.
	if err := s.failed.err(); err != nil {
		return err
	}
	return b.Close()
}

// writable opens the database again where it broke in the background, or where
// it could not be written a while ago.
func (s *Store) writable() error {
	switch {
	case s.db == nil:
		return ErrLost
	case s.readOnly && time.Since(s.tried) < s.retry:
		return ErrReadOnly
	case s.readOnly || s.failed.err() != nil:
		s.reopen()
	}
	switch {
	case s.db == nil:
		return ErrLost
	case s.readOnly:
		return ErrReadOnly
	}
	return nil
}

// reopen closes the database and opens it anew: what its log holds then is
// what was written. Where the disk takes no writes it is opened for reading.
func (s *Store) reopen() {
	if s.db == nil {
		return
	}
	_ = s.db.Close() // it says again what broke
	s.db = nil
	if s.open(false) == nil {
		return
	}
	s.tried = time.Now()
	_ = s.open(true)
}

// Load reads the records whose keys begin with prefix, in the keys' order.
// each must not call the store.
func (s *Store) Load(prefix []byte, each func(owner.Record) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	it, err := s.iterator(prefix)
	if err != nil {
		return fmt.Errorf("load: %w", err)
	}
	return errors.Join(loadAll(it, each), it.Close())
}

// iterator reads what is on the disk, not what a broken database believes.
func (s *Store) iterator(prefix []byte) (*pebble.Iterator, error) {
	if s.db != nil && s.failed.err() != nil {
		s.reopen()
	}
	if s.db == nil {
		return nil, ErrLost
	}
	if len(prefix) == 0 {
		return s.db.NewIter(nil)
	}
	return s.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: successor(prefix)})
}

func loadAll(it *pebble.Iterator, each func(owner.Record) error) error {
	for ok := it.First(); ok; ok = it.Next() {
		if bytes.Equal(it.Key(), formatKey) {
			continue
		}
		v, err := it.ValueAndErr()
		if err != nil {
			return fmt.Errorf("load: %w", err)
		}
		if err := each(owner.Record{Key: bytes.Clone(it.Key()), Value: append([]byte{}, v...)}); err != nil {
			return err
		}
	}
	return nil
}

// successor is the first key after all that begin with prefix; nil: there is
// none.
func successor(prefix []byte) []byte {
	end := bytes.Clone(prefix)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i]++; end[i] != 0 {
			return end[:i+1]
		}
	}
	return nil
}

// Close ends the use of the store. Committed records stay, also without it.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	if s.db != nil {
		err = s.db.Close()
		s.db = nil
	}
	if s.lock != nil {
		err = errors.Join(err, s.lock.Close())
		s.lock = nil
	}
	return err
}
