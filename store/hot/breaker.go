package hot

import (
	"errors"
	"io/fs"
	"os"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// breaker is the file system of one opened database. After the first write
// that fails it changes nothing more and says that all went well: the files
// stay as a crash at that moment leaves them, which is what a new Open knows
// how to read. Pebble itself would panic where a log can't be rotated, and
// flush in an endless loop while a disk is full. Who believes the database must
// look at failure afterwards.
type breaker struct {
	vfs.FS
	failed *failure
}

// Unwrap is part of vfs.FS.
func (b *breaker) Unwrap() vfs.FS { return b.FS }

// change makes one change of the disk, unless an earlier one failed.
func (b *breaker) change(f func() error) {
	if b.failed.err() != nil {
		return
	}
	if err := f(); err != nil {
		b.failed.set(err)
	}
}

// file is one that is written by open, or a file in memory where that failed.
func (b *breaker) file(open func() (vfs.File, error)) (vfs.File, error) {
	f := vfs.NewMemFile(nil)
	b.change(func() error {
		real, err := open()
		if err == nil {
			f = real
		}
		return err
	})
	return &brokenOrNot{f, b}, nil
}

func (b *breaker) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return b.file(func() (vfs.File, error) { return b.FS.Create(name, c) })
}

func (b *breaker) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	return b.file(func() (vfs.File, error) { return b.FS.OpenReadWrite(name, c, o...) })
}

func (b *breaker) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return b.file(func() (vfs.File, error) { return b.FS.ReuseForWrite(old, name, c) })
}

// OpenDir opens a folder, to be synced.
func (b *breaker) OpenDir(name string) (vfs.File, error) {
	f, err := b.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return &brokenOrNot{f, b}, nil
}

func (b *breaker) Link(old, name string) error {
	b.change(func() error { return b.FS.Link(old, name) })
	return nil
}

func (b *breaker) Rename(old, name string) error {
	b.change(func() error { return b.FS.Rename(old, name) })
	return nil
}

func (b *breaker) MkdirAll(dir string, mode os.FileMode) error {
	b.change(func() error { return b.FS.MkdirAll(dir, mode) })
	return nil
}

// Remove tells that there was nothing to remove, which is no failure.
func (b *breaker) Remove(name string) (err error) {
	b.change(func() error {
		if err = b.FS.Remove(name); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	if b.failed.err() != nil {
		return nil
	}
	return err
}

func (b *breaker) RemoveAll(name string) error {
	b.change(func() error { return b.FS.RemoveAll(name) })
	return nil
}

// brokenOrNot is a file of a breaker.
type brokenOrNot struct {
	vfs.File
	b *breaker
}

func (f *brokenOrNot) Write(p []byte) (int, error) {
	f.b.change(func() error {
		_, err := f.File.Write(p)
		return err
	})
	return len(p), nil
}

func (f *brokenOrNot) WriteAt(p []byte, at int64) (int, error) {
	f.b.change(func() error {
		_, err := f.File.WriteAt(p, at)
		return err
	})
	return len(p), nil
}

func (f *brokenOrNot) Sync() error {
	f.b.change(f.File.Sync)
	return nil
}

func (f *brokenOrNot) SyncData() error {
	f.b.change(f.File.SyncData)
	return nil
}

func (f *brokenOrNot) SyncTo(length int64) (whole bool, err error) {
	f.b.change(func() error {
		whole, err = f.File.SyncTo(length)
		return err
	})
	return whole, nil
}

// Preallocate only saves work later: a file system may not know it.
func (f *brokenOrNot) Preallocate(offset, length int64) error {
	if f.b.failed.err() != nil {
		return nil
	}
	return f.File.Preallocate(offset, length)
}

// Close closes a file also after a failure.
func (f *brokenOrNot) Close() error {
	if err := f.File.Close(); err != nil {
		f.b.failed.set(err)
	}
	return nil
}
