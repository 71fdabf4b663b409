package hep

import (
	"encoding/binary"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"lamplight/sip/transaction"
)

const message = "OPTIONS sip:alice:hush@example.test SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n" +
	"From: <sip:bob@example.test>;tag=b\r\nTo: <sip:alice@example.test>\r\nCall-ID: call-1@192.0.2.9\r\nCSeq: 1 OPTIONS\r\n" +
	"Authorization: Digest response=\"s3cret\"\r\nContent-Length: 0\r\n\r\n"

// chunks takes a packet apart as a receiver does, and checks its lengths.
func chunks(t *testing.T, b []byte) map[uint16][]byte {
	t.Helper()
	if len(b) < 6 || string(b[:4]) != "HEP3" || int(binary.BigEndian.Uint16(b[4:])) != len(b) {
		t.Fatalf("not a packet of its length: %x", b)
	}
	found := map[uint16][]byte{}
	for b = b[6:]; len(b) > 0; {
		if len(b) < 6 {
			t.Fatalf("left over: %x", b)
		}
		vendor, kind, size := binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:]), int(binary.BigEndian.Uint16(b[4:]))
		if vendor != 0 || size < 6 || size > len(b) || found[kind] != nil {
			t.Fatalf("chunk %d of vendor %d, %d bytes", kind, vendor, size)
		}
		found[kind] = b[6:size]
		b = b[size:]
	}
	return found
}

func TestPacket(t *testing.T) {
	t.Parallel()
	at := time.UnixMicro(1_800_000_000_123_456)
	four, other := netip.MustParseAddrPort("192.0.2.1:5060"), netip.MustParseAddrPort("198.51.100.2:40000")
	o := Options{ID: 2001, Password: "homer"}
	want := map[uint16]string{ipFamily: "\x02", ipProtocol: "\x06", source4: "\xc0\x00\x02\x01", target4: "\xc6\x33\x64\x02",
		sourcePort: "\x13\xc4", targetPort: "\x9c\x40", seconds: "\x6b\x49\xd2\x00", microsecond: "\x00\x01\xe2\x40",
		protocol: "\x01", agentID: "\x00\x00\x07\xd1", authKey: "homer", payload: message, correlation: "call-1@192.0.2.9"}
	got := chunks(t, o.Append(nil, at, true, four, other, []byte(message)))
	for kind, value := range want {
		if string(got[kind]) != value {
			t.Errorf("chunk %#x is %q, want %q", kind, got[kind], value)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d chunks, want %d", len(got), len(want))
	}
	six := netip.MustParseAddrPort("[2001:db8::1]:5070")
	got = chunks(t, new(Options).Append(nil, at, false, six, six, []byte("no message")))
	if len(got[source6]) != 16 || len(got[target6]) != 16 || got[ipFamily][0] != 10 || got[ipProtocol][0] != 17 || got[source4] != nil {
		t.Errorf("IPv6: %x", got)
	}
	if got[correlation] != nil || got[authKey] != nil || string(got[payload]) != "no message" {
		t.Errorf("what is no message: %x", got)
	}
}

// What is sent is masked, and what is too long for a datagram is counted.
func TestSender(t *testing.T) {
	t.Parallel()
	homer, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer homer.Close()
	s, err := Dial(Options{To: homer.LocalAddr().(*net.UDPAddr).AddrPort(), ID: 1})
	if err != nil {
		t.Fatal(err)
	}
	s.Add(time.Now(), transaction.Flow{}, true, make([]byte, 70_000))
	s.Add(time.Now(), transaction.Flow{}, true, []byte(message))
	b := make([]byte, 1<<16)
	_ = homer.SetReadDeadline(time.Now().Add(time.Minute))
	n, _, err := homer.ReadFrom(b)
	if err != nil {
		t.Fatal(err)
	}
	text := string(chunks(t, b[:n])[payload])
	if strings.Contains(text, "s3cret") || strings.Contains(text, "hush") || !strings.Contains(text, "Authorization: masked\r\n") {
		t.Errorf("secrets in\n%s", text)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if s.Sent.Load() != 1 || s.Dropped.Load() != 1 {
		t.Errorf("%d sent, %d dropped", s.Sent.Load(), s.Dropped.Load())
	}
}

// A server that takes nothing holds nobody up.
func TestAFullQueueDrops(t *testing.T) {
	t.Parallel()
	s := &Sender{waiting: make(chan copied, 2)}
	for range 5 {
		s.Add(time.Now(), transaction.Flow{}, true, []byte(message))
	}
	if s.Dropped.Load() != 3 || len(s.waiting) != 2 {
		t.Errorf("%d dropped, %d wait", s.Dropped.Load(), len(s.waiting))
	}
}

func TestTheWireNeverWaits(t *testing.T) {
	t.Parallel()
	homer, err := net.ListenPacket("udp", "127.0.0.1:0") // reads nothing
	if err != nil {
		t.Fatal(err)
	}
	to := homer.LocalAddr().(*net.UDPAddr).AddrPort()
	if err := homer.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := Dial(Options{To: to})
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for range 20_000 {
		s.Add(time.Now(), transaction.Flow{}, true, []byte(message))
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if all := s.Sent.Load() + s.Dropped.Load(); all != 20_000 {
		t.Errorf("%d of 20,000 are accounted for", all)
	}
}
