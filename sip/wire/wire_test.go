package wire_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lamplight/sip/wire"
)

func listen(t *testing.T, n *wire.Network, addr string) *wire.Socket {
	t.Helper()
	s, err := n.Listen(addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// received are the datagrams that arrive in some time, with when.
func received(s *wire.Socket, d time.Duration) []string {
	list := make(chan string, 10000)
	begun := time.Now()
	go func() {
		b := make([]byte, 100)
		for {
			n, from, err := s.ReadFromUDPAddrPort(b)
			if err != nil {
				close(list)
				return
			}
			list <- fmt.Sprintf("%s %s %v", b[:n], from, time.Since(begun))
		}
	}()
	time.Sleep(d)
	s.Close()
	var all []string
	for one := range list {
		all = append(all, one)
	}
	return all
}

func send(t *testing.T, from *wire.Socket, to, text string) {
	t.Helper()
	b := []byte(text)
	if _, err := from.WriteToUDPAddrPort(b, netip.MustParseAddrPort(to)); err != nil {
		t.Error(err)
	}
	clear(b) // the network has its own copy
}

func TestDatagramsArrive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := wire.New(1)
		a, b := listen(t, n, "192.0.2.1:1"), listen(t, n, "192.0.2.2:2")
		send(t, a, "192.0.2.2:2", "one")
		send(t, a, "192.0.2.9:9", "lost") // nobody is there
		send(t, a, "192.0.2.2:2", "")
		if got := strings.Join(received(b, time.Second), "|"); got != "one 192.0.2.1:1 0s| 192.0.2.1:1 0s" {
			t.Error(got)
		}
		if a.LocalAddr().String() != "192.0.2.1:1" {
			t.Error(a.LocalAddr())
		}
	})
}

func TestFaults(t *testing.T) {
	run := func(t *testing.T, seed uint64, set func(*wire.Network)) (got []string) {
		synctest.Test(t, func(t *testing.T) {
			n := wire.New(seed)
			set(n)
			a, b := listen(t, n, "192.0.2.1:1"), listen(t, n, "192.0.2.2:2")
			for i := range 1000 {
				send(t, a, "192.0.2.2:2", fmt.Sprintf("%03d", i))
			}
			got = received(b, 10*time.Second)
		})
		return got
	}
	loss := func(n *wire.Network) { n.SetLoss(0.3) }
	if n := len(run(t, 1, loss)); n < 600 || n > 800 {
		t.Errorf("%d of 1000 arrive where 0.3 are lost", n)
	}
	if n := len(run(t, 1, func(n *wire.Network) { n.SetDuplicate(0.3) })); n < 1200 || n > 1400 {
		t.Errorf("%d arrive of 1000 where 0.3 are doubled", n)
	}
	if n := len(run(t, 1, func(n *wire.Network) { n.SetLoss(1) })); n != 0 {
		t.Errorf("%d arrive where all are lost", n)
	}
	late := run(t, 1, func(n *wire.Network) { n.SetDelay(time.Second, 3*time.Second) })
	inOrder := true
	for i, one := range late {
		when, _ := time.ParseDuration(one[strings.LastIndexByte(one, ' ')+1:])
		if when < time.Second || when > 3*time.Second {
			t.Fatalf("%s: want after a second to three", one)
		}
		inOrder = inOrder && strings.HasPrefix(one, fmt.Sprintf("%03d", i))
	}
	if inOrder || len(late) != 1000 {
		t.Errorf("%d arrive, in order: %v", len(late), inOrder)
	}
	one, same, other := fmt.Sprint(run(t, 7, loss)), fmt.Sprint(run(t, 7, loss)), fmt.Sprint(run(t, 8, loss))
	if one != same || one == other {
		t.Errorf("a seed decides: alike %v, another alike %v", one == same, one == other)
	}
}

func TestTheTapSeesWhatIsLost(t *testing.T) {
	n := wire.New(1)
	a := listen(t, n, "192.0.2.1:1")
	var seen []string
	n.Tap(func(from, to netip.AddrPort, b []byte) {
		seen = append(seen, fmt.Sprint(from, " ", to, " ", string(b)))
	})
	n.SetLoss(1)
	send(t, a, "192.0.2.2:2", "one")
	if got := strings.Join(seen, "|"); got != "192.0.2.1:1 192.0.2.2:2 one" {
		t.Error(got)
	}
}

func TestAClosedSocket(t *testing.T) {
	n := wire.New(1)
	a := listen(t, n, "192.0.2.1:1")
	if _, err := n.Listen("192.0.2.1:1"); err == nil {
		t.Error("two sockets have one address")
	}
	ended := make(chan error)
	go func() {
		_, _, err := a.ReadFromUDPAddrPort(nil)
		ended <- err
	}()
	for range 2 {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("reading: %v", err)
	}
	if _, err := a.WriteToUDPAddrPort(nil, netip.MustParseAddrPort("192.0.2.1:1")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("writing: %v", err)
	}
	listen(t, n, "192.0.2.1:1") // the address is free again
}

func TestFreePorts(t *testing.T) {
	n := wire.New(1)
	seen := map[string]bool{}
	taken := listen(t, n, "192.0.2.1:20003")
	for range 10 {
		addr := listen(t, n, "192.0.2.1:0").LocalAddr().String()
		if seen[addr] || addr == taken.LocalAddr().String() {
			t.Errorf("%s twice", addr)
		}
		seen[addr] = true
	}
	for _, addr := range []string{"", "host:1", "192.0.2.1"} {
		if _, err := n.Listen(addr); err == nil {
			t.Errorf("%q is no address to listen at", addr)
		}
	}
}
