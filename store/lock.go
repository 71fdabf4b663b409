// Package store lets one process at a time work with a data directory: the
// server, or a command where no server runs. The stores themselves are below.
package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// ErrLocked says that another process works with the data directory.
var ErrLocked = errors.New("the data directory is in use by another process")

// again is how often a lock that is taken is tried again.
const again = 20 * time.Millisecond

// Lock makes the data directory where it isn't there and takes its lock, until
// Close or the end of the process. While another process has it, Lock waits for
// the context to end and then gives ErrLocked; with a context that has ended it
// tries once.
func Lock(ctx context.Context, dir string) (io.Closer, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	tick := time.NewTicker(again)
	defer tick.Stop()
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return f, nil
		case !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR):
			return nil, errors.Join(fmt.Errorf("lock %s: %w", f.Name(), err), f.Close())
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("%s: %w", dir, ErrLocked), f.Close())
		case <-tick.C:
		}
	}
}
