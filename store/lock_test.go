package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestOneProcessHasTheLock(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	now, cancel := context.WithCancel(context.Background())
	cancel()
	first, err := Lock(now, dir)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the directory: %v, %v", info.Mode(), err)
	}
	if _, err := Lock(now, dir); !errors.Is(err, ErrLocked) {
		t.Errorf("a second: %v", err)
	}
	got := make(chan error)
	go func() {
		waiting, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		second, err := Lock(waiting, dir)
		if err == nil {
			err = second.Close()
		}
		got <- err
	}()
	select {
	case err := <-got:
		t.Fatalf("the second did not wait: %v", err)
	case <-time.After(5 * again):
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-got; err != nil {
		t.Errorf("the second after Close: %v", err)
	}
}
