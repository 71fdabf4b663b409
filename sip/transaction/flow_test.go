package transaction_test

import (
	"errors"
	"net/netip"
	"testing"

	"lamplight/sip"
	"lamplight/sip/transaction"
)

// A socket on all addresses tells each peer the one that the peer can reach, or
// what is to be advertised.
func TestTheLocalAddressOfAFlow(t *testing.T) {
	for name, c := range map[string]struct {
		listen    string
		advertise transaction.Advertise
		want      string
	}{
		"one address":   {"udp:127.0.0.1:0", nil, "127.0.0.1"},
		"all addresses": {"udp:0.0.0.0:0", nil, "127.0.0.1"},
		"advertised": {"udp:0.0.0.0:0", func(_ string, local, remote netip.AddrPort) netip.AddrPort {
			if local.Addr() != remote.Addr() {
				t.Errorf("%s is told as the way to %s", local, remote)
			}
			return netip.AddrPortFrom(netip.MustParseAddr("198.51.100.9"), local.Port())
		}, "198.51.100.9"},
	} {
		t.Run(name, func(t *testing.T) {
			l := transaction.New(answers(ok), transaction.Options{Advertise: c.advertise})
			defer l.Close()
			addr, err := l.Listen(c.listen)
			if err != nil {
				t.Fatal(err)
			}
			other, peer := real(t, answers(ok))
			for range 2 { // the second time from memory
				f, err := l.Flow(peer)
				if err != nil || f.Local() != netip.AddrPortFrom(netip.MustParseAddr(c.want), addr.Port()) || f.Remote() != peer || f.Transport() != "UDP" {
					t.Errorf("%s, %v: want from %s to %s", f.Local(), err, c.want, peer)
				}
				e := newEnding()
				if err := l.Send(f, notify(1), e); err != nil {
					t.Fatal(err)
				}
				if got := <-e.got; got != "200" { // by rport, whatever Via says
					t.Errorf("ended by %s", got)
				}
			}
			back, _ := other.Flow(netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), addr.Port()))
			e := newEnding()
			if err := other.Send(back, notify(1), e); err != nil {
				t.Fatal(err)
			}
			if got := <-e.got; got != "200" {
				t.Errorf("ended by %s", got)
			}
		})
	}
	if (transaction.Flow{}).Local().IsValid() {
		t.Error("a flow to nowhere has an address")
	}
}

// A flow is found again by its addresses: what is stored of a subscription.
func TestAFlowIsFoundAgain(t *testing.T) {
	l := transaction.New(answers(ok), transaction.Options{})
	defer l.Close()
	first, err := l.Listen("udp:127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	second, err := l.Listen("udp:127.0.0.2:0")
	if err != nil {
		t.Fatal(err)
	}
	peer := netip.MustParseAddrPort("127.0.0.9:5060")
	for _, local := range []netip.AddrPort{first, second} {
		if f, err := l.FlowFrom("UDP", local, peer); err != nil || f.Local() != local {
			t.Errorf("%s, %v; want from %s", f.Local(), err, local)
		}
	}
	one, _ := l.FlowFrom("UDP", second, peer)
	two, _ := l.FlowFrom("UDP", second, peer)
	if one != two {
		t.Error("the same flow is not equal to itself")
	}
	for _, gone := range []string{"127.0.0.1:1", "192.0.2.1:5060"} {
		if f, err := l.FlowFrom("UDP", netip.MustParseAddrPort(gone), peer); err != nil || f.Local() != first {
			t.Errorf("from %s, which is gone: %s, %v; want another", gone, f.Local(), err)
		}
	}
	for _, far := range []string{"192.0.2.1:5060", "[2001:db8::1]:5060", "[::1]:5060"} {
		if _, err := l.Flow(netip.MustParseAddrPort(far)); !errors.Is(err, transaction.ErrNoListener) {
			t.Errorf("to %s: %v, want ErrNoListener", far, err)
		}
	}
}

// A dual socket hears both families, and answers each.
func TestIPv6(t *testing.T) {
	server := transaction.New(answers(ok), transaction.Options{})
	defer server.Close()
	addr, err := server.Listen("udp:[::]:0")
	if err != nil {
		t.Logf("no IPv6 here: %v", err)
		return
	}
	for _, host := range []string{"127.0.0.1", "::1"} {
		client := transaction.New(answers(ok), transaction.Options{})
		defer client.Close()
		if _, err := client.Listen("udp:" + netip.AddrPortFrom(netip.MustParseAddr(host), 0).String()); err != nil {
			t.Logf("%s is not here: %v", host, err)
			continue
		}
		f, err := client.Flow(netip.AddrPortFrom(netip.MustParseAddr(host), addr.Port()))
		if err != nil {
			t.Fatal(err)
		}
		e := make(heard, 1)
		if err := client.Send(f, notify(1), e); err != nil {
			t.Fatal(err)
		}
		m := <-e
		if via, err := m.TopVia(); m.Status() != 200 || err != nil {
			t.Errorf("from %s: %d, %v", host, m.Status(), err)
		} else if received, _ := via.Params.Get("received"); string(received) != host {
			t.Errorf("from %s: received=%s", host, received)
		}
		back, err := server.Flow(f.Local())
		if err != nil || !back.Local().IsValid() || back.Local().Addr().Unmap() != netip.MustParseAddr(host) {
			t.Errorf("the way back to %s begins at %s, %v", host, back.Local(), err)
		}
	}
}

// heard takes copies of responses.
type heard chan *sip.Message

func (h heard) Response(m *sip.Message) {
	c := new(sip.Message)
	_ = c.Parse(append([]byte(nil), m.Bytes()...))
	h <- c
}
func (h heard) Failed(error) { close(h) }
