package transaction

import (
	"bytes"
	"net"
	"net/netip"
	"testing"

	"lamplight/sip"
)

// taker is a socket that keeps what is written to it.
type taker struct {
	PacketConn
	to  []netip.AddrPort
	got [][]byte
}

func (c *taker) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	c.to, c.got = append(c.to, to), append(c.got, bytes.Clone(b))
	return len(b), nil
}

func (*taker) LocalAddr() net.Addr {
	return net.UDPAddrFromAddrPort(netip.MustParseAddrPort("192.0.2.9:5060"))
}

type handler func(*Request)

func (f handler) Request(r *Request) { f(r) }

// FuzzDatagram: whatever a datagram holds, it is answered at most once, to where
// it came from, by a response that can be read and is little larger; a second
// copy is answered alike.
func FuzzDatagram(f *testing.F) {
	const good = "PUBLISH sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bK1;rport\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 PUBLISH\r\n\r\n"
	for _, s := range []string{good, "INVITE" + good[7:], "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK00000000\r\nCSeq: 1 X\r\n\r\n", "\r\n\r\n", "ACK sip:a SIP/2.0\r\n\r\n",
		"PUBLISH sip:a SIP/7.0\r\nv:x\r\nf:\r\nt:\r\ni:\r\nCSeq:\r\n\r\n", "\x00\x01\x00\x00!\x12\xa4Babcdefghijkl"} {
		f.Add([]byte(s))
	}
	source := netip.MustParseAddrPort("192.0.2.1:5070")
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, stateless := range []bool{false, true} {
			l := New(handler(func(r *Request) {
				resp := &sip.Response{Status: 200}
				if stateless {
					r.RespondStateless(resp)
				} else {
					r.Respond(resp)
				}
			}), Options{})
			c := &taker{}
			flow := Flow{&listener{layer: l, conn: c}, source}
			l.message(flow, b)
			once := len(c.got)
			l.message(flow, b)
			l.Close()
			if invite := bytes.HasPrefix(b, []byte("INVITE ")) && !stateless && len(c.got) == once; invite {
				continue // a 2xx is its user's to send again (RFC 6026 §7.1)
			}
			if once > 1 || len(c.got) != 2*once {
				t.Fatalf("answered %d and then %d times", once, len(c.got)-once)
			}
			if once == 0 {
				continue
			}
			var m, req sip.Message
			_ = req.Parse(bytes.Clone(b))
			if err := m.Parse(bytes.Clone(c.got[0])); err != nil || m.Status() < 200 || len(c.got[0]) > len(b)+200+4*m.Count(sip.Via)+8*m.Count(sip.RecordRoute) {
				t.Errorf("%v: %d bytes are answered by %d: %q", err, len(b), len(c.got[0]), c.got[0])
			}
			if c.to[0].Addr() != source.Addr() {
				t.Errorf("the answer goes to %s", c.to[0])
			}
			if !bytes.Equal(c.got[0], c.got[1]) && m.Status() != 200 {
				t.Errorf("answered by %q and by %q", c.got[0], c.got[1])
			}
		}
	})
}
