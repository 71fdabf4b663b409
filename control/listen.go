package control

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// Times that a server allows.
const (
	headerTime = 10 * time.Second
	idleTime   = time.Minute
	stopTime   = 5 * time.Second
)

// Listen opens the socket in a data directory, for the owner only. A socket
// that a killed server left is replaced; where a server listens the error is
// ErrInUse.
func Listen(dir string) (net.Listener, error) {
	if c, err := dial(context.Background(), dir); err == nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", dir, ErrInUse), c.Close())
	}
	// It is made where nobody else can reach it, and moved when its mode is
	// right.
	private, err := os.MkdirTemp(dir, ".")
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	defer os.RemoveAll(private)
	path, done, err := socketPath(private)
	if err != nil {
		return nil, err
	}
	defer done()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	l.SetUnlinkOnClose(false)
	made, at := filepath.Join(private, SocketName), filepath.Join(dir, SocketName)
	if err := errors.Join(os.Chmod(made, 0o600), os.Rename(made, at)); err != nil {
		return nil, errors.Join(fmt.Errorf("control socket: %w", err), l.Close())
	}
	return &listener{l, at}, nil
}

// listener takes its socket away when it closes.
type listener struct {
	*net.UnixListener
	path string
}

func (l *listener) Close() error {
	err := l.UnixListener.Close()
	if err == nil {
		_ = os.Remove(l.path) // what is left is replaced by the next server
	}
	return err
}

// maxPath is how many bytes of a path fit into a socket's address, with the
// end that C wants, on the systems that allow least.
const maxPath = 103

// socketPath is the path of the socket in a folder, as an address can hold it:
// a long one by way of the folder, opened until done is called.
func socketPath(dir string) (path string, done func(), err error) {
	path = filepath.Join(dir, SocketName)
	if len(path) <= maxPath {
		return path, func() {}, nil
	}
	f, err := os.Open(dir)
	if err != nil {
		return "", nil, fmt.Errorf("control socket: %w", err)
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", f.Fd(), SocketName), func() { _ = f.Close() }, nil
}

func dial(ctx context.Context, dir string) (net.Conn, error) {
	path, done, err := socketPath(dir)
	if err != nil {
		return nil, err
	}
	defer done()
	var d net.Dialer
	return d.DialContext(ctx, "unix", path)
}

// Serve answers on a listener until the context ends, gives what is running
// five seconds to end, and closes the listener.
func Serve(ctx context.Context, l net.Listener, h http.Handler) error {
	s := &http.Server{Handler: h, ReadHeaderTimeout: headerTime, IdleTimeout: idleTime, MaxHeaderBytes: 16 << 10}
	failed := make(chan error, 1)
	go func() { failed <- s.Serve(l) }()
	select {
	case err := <-failed:
		return fmt.Errorf("control: %w", err)
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	if err := s.Shutdown(stop); err != nil {
		_ = s.Close()
	}
	<-failed
	return nil
}
