package transaction

import (
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"
)

var (
	pipeA = netip.MustParseAddrPort("127.0.0.1:1")
	pipeB = netip.MustParseAddrPort("127.0.0.2:2")
)

// What one end writes the other reads, from its address, whatever becomes of the
// writer's bytes; an end that is closed reads and writes no more.
func TestPipe(t *testing.T) {
	a, b := Pipe(pipeA, pipeB)
	said := []byte("hello")
	if n, err := a.WriteToUDPAddrPort(said, netip.AddrPort{}); n != 5 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	copy(said, "wrong")
	got := make([]byte, 10)
	if n, from, err := b.ReadFromUDPAddrPort(got); string(got[:n]) != "hello" || from != pipeA || err != nil {
		t.Errorf("%q from %v, %v", got[:n], from, err)
	}
	if a.LocalAddr().String() != pipeA.String() || b.LocalAddr().String() != pipeB.String() {
		t.Errorf("they are at %v and %v", a.LocalAddr(), b.LocalAddr())
	}
	read := make(chan error, 1)
	go func() {
		_, _, err := b.ReadFromUDPAddrPort(got)
		read <- err
	}()
	for range 2 {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
	select {
	case err := <-read:
		if !errors.Is(err, net.ErrClosed) {
			t.Errorf("it reads %v", err)
		}
	case <-time.After(time.Minute):
		t.Fatal("it reads on")
	}
	if _, err := b.WriteToUDPAddrPort(said, pipeA); !errors.Is(err, net.ErrClosed) {
		t.Errorf("it writes: %v", err)
	}
}

// What nobody reads is lost, and nobody waits.
func TestPipeThatIsFull(t *testing.T) {
	a, b := Pipe(pipeA, pipeB)
	for i := range 2 * pipeRoom {
		if n, err := a.WriteToUDPAddrPort([]byte{byte(i)}, pipeB); n != 1 || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
	}
	got := make([]byte, 1)
	for i := range pipeRoom {
		if _, _, err := b.ReadFromUDPAddrPort(got); err != nil || got[0] != byte(i) {
			t.Fatalf("message %d is %d, %v", i, got[0], err)
		}
	}
	_ = a.Close()
	_ = b.Close()
}

// A layer that is closed takes no agent, and closes its socket.
func TestAttachToAClosedLayer(t *testing.T) {
	l := New(nil, Options{})
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	a, _ := Pipe(pipeA, pipeB)
	if err := l.Attach(a); !errors.Is(err, ErrClosed) {
		t.Errorf("attached: %v", err)
	}
	if _, err := a.WriteToUDPAddrPort([]byte("x"), pipeB); !errors.Is(err, net.ErrClosed) {
		t.Errorf("its socket is open: %v", err)
	}
}
