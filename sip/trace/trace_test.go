package trace

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"lamplight/sip"
	"lamplight/sip/transaction"
)

func message(n int, user, call, more string) []byte {
	return fmt.Appendf(nil, "OPTIONS sip:%s@example.test SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK%d\r\nMax-Forwards: 70\r\n"+
		"From: <sip:bob@example.test>;tag=b\r\nTo: <sip:%s@example.test>\r\nCall-ID: %s\r\nCSeq: %d OPTIONS\r\n%sContent-Length: 0\r\n\r\n", user, n, user, call, n, more)
}

func alice(u sip.URI) bool { return string(u.User) == "alice" }

func TestRing(t *testing.T) {
	t.Parallel()
	r := New(100, 10_000)
	for i := range 1000 {
		user := "alice"
		if i%2 == 1 {
			user = "carol"
		}
		r.Add(time.Unix(int64(i), 0), transaction.Flow{}, false, message(i, user, fmt.Sprint("call-", i), strings.Repeat("Y-Y: y\r\n", i%37)))
	}
	found := r.About(alice, 0)
	if len(found) < 5 || len(found) > 20 {
		t.Fatalf("%d messages of some 350 bytes in 10,000 bytes", len(found))
	}
	size := 0
	for i, m := range found {
		size += len(m.Bytes)
		n := int(m.N - 1)
		if want := message(n, "alice", fmt.Sprint("call-", n), strings.Repeat("Y-Y: y\r\n", n%37)); !bytes.Equal(m.Bytes, want) {
			t.Errorf("message %d is\n%s\nwant\n%s", m.N, m.Bytes, want)
		}
		if i > 0 && m.N <= found[i-1].N {
			t.Errorf("%d after %d", m.N, found[i-1].N)
		}
	}
	if size > 10_000 {
		t.Errorf("%d bytes", size)
	}
	if last := found[len(found)-1].N; last < 998 || len(r.About(alice, last)) != 0 || len(r.About(alice, last-1)) != 1 {
		t.Errorf("the last is %d; after it come %d", last, len(r.About(alice, last)))
	}
}

func TestRingOfFewMessages(t *testing.T) {
	t.Parallel()
	r := New(3, 10_000)
	for i := range 10 {
		r.Add(time.Time{}, transaction.Flow{}, false, message(i, "alice", "c", ""))
	}
	r.Add(time.Time{}, transaction.Flow{}, false, make([]byte, 20_000)) // too much for it
	if found := r.About(alice, 0); len(found) != 3 || found[0].N != 8 {
		t.Errorf("%d messages", len(found))
	}
}

// What belongs to a call is shown with it, though it names somebody else.
func TestCalls(t *testing.T) {
	t.Parallel()
	r := New(100, 10_000)
	r.Add(time.Time{}, transaction.Flow{}, false, message(1, "phone", "same", ""))
	r.Add(time.Time{}, transaction.Flow{}, false, message(2, "alice", "same", ""))
	r.Add(time.Time{}, transaction.Flow{}, false, message(3, "phone", "other", ""))
	r.Add(time.Time{}, transaction.Flow{}, false, []byte("no message at all"))
	if found := r.About(alice, 0); len(found) != 2 || found[0].N != 1 {
		t.Errorf("%d messages", len(found))
	}
}

func TestMask(t *testing.T) {
	t.Parallel()
	in := "REGISTER sip:x SIP/2.0\r\nauthorization : Digest username=\"a\",\r\n response=\"s3cret\"\r\nTo: a\r\n b\r\n" +
		"PROXY-AUTHORIZATION: s3cret\r\n\r\nAuthorization: body\r\n"
	want := "REGISTER sip:x SIP/2.0\r\nauthorization : masked\r\nTo: a\r\n b\r\nPROXY-AUTHORIZATION: masked\r\n\r\nAuthorization: body\r\n"
	if got := string(Mask([]byte(in))); got != want {
		t.Errorf("masked:\n%s", got)
	}
}

func TestMaskPasswordsInURIs(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"REGISTER sip:alice:hush@x SIP/2.0":                   "REGISTER sip:alice:****@x SIP/2.0",
		"To: \"A: b\" <SIPS:a%20b;x=1:h%75$h@x:5061>;tag=1":   "To: \"A: b\" <SIPS:a%20b;x=1:******@x:5061>;tag=1",
		"Contact: <sip:a:p@x>, sip:b:q,r@y;expires=60":        "Contact: <sip:a:*@x>, sip:b:***@y;expires=60",
		"Contact: <sip:192.0.2.1:5060;x=y>, <sip:b@y>":        "Contact: <sip:192.0.2.1:5060;x=y>, <sip:b@y>",
		"Route: sip:x:5060,sip:b@y":                           "Route: sip:x:5060,sip:b@y",
		"From: <sip:alice@x>;tag=sip:1":                       "From: <sip:alice@x>;tag=sip:1",
		"Call-ID: gossip:a:b@x":                               "Call-ID: gossip:a:b@x",
		"To: tel:1:2@x, sip:":                                 "To: tel:1:2@x, sip:",
		"A: b\r\nAuthentication-Info: rspauth=\"s3cret\"\r\n": "A: b\r\nAuthentication-Info: masked\r\n",
		"A: b\r\n\r\n<contact>sip:a:hush@x</contact>":         "A: b\r\n\r\n<contact>sip:a:****@x</contact>",
	} {
		if got := string(Mask([]byte(in))); got != want {
			t.Errorf("%s\nis masked as\n%s\nwant\n%s", in, got, want)
		}
	}
}

func FuzzMask(f *testing.F) {
	f.Add(message(1, "alice", "c", "Authorization: Digest response=\"s3cret\"\r\n"))
	f.Add([]byte("OPTIONS sip:x SIP/2.0\r\nAuthorization:\r\n s3cret\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var m sip.Message
		if m.Parse(bytes.Clone(b)) != nil || !m.Has(sip.Authorization) {
			return
		}
		masked := Mask(m.Bytes())
		var after sip.Message
		if err := after.Parse(masked); err != nil {
			t.Fatalf("%v in %q", err, masked)
		}
		if len(after.Body()) != len(m.Body()) {
			t.Errorf("the body is %q", after.Body())
		}
		for value := range after.Fields(sip.Authorization) {
			if string(value) != "masked" {
				t.Errorf("left over: %q", value)
			}
		}
	})
}

// The blocks of the file, and the checksums of what is in them.
func TestPcapng(t *testing.T) {
	t.Parallel()
	at := time.UnixMicro(1_800_000_000_123_456)
	four, six := netip.MustParseAddrPort("192.0.2.1:5060"), netip.MustParseAddrPort("[2001:db8::1]:5070")
	var file bytes.Buffer
	if err := Pcapng(&file, []Message{{At: at, From: four, To: four, Bytes: []byte("odd")}, {At: at, From: six, To: six, Bytes: message(1, "a", "c", "")},
		{At: at, From: four, To: six, Bytes: make([]byte, 70_000)}}); err != nil {
		t.Fatal(err)
	}
	var packets [][]byte
	for b := file.Bytes(); len(b) > 0; {
		kind, size := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:])
		if size%4 != 0 || binary.LittleEndian.Uint32(b[size-4:]) != size {
			t.Fatalf("block %x of %d bytes ends with %x", kind, size, b[size-4:size])
		}
		if kind == 6 {
			if micro := uint64(binary.LittleEndian.Uint32(b[12:]))<<32 | uint64(binary.LittleEndian.Uint32(b[16:])); micro != uint64(at.UnixMicro()) {
				t.Errorf("at %d", micro)
			}
			packets = append(packets, b[28:28+binary.LittleEndian.Uint32(b[20:])])
		}
		b = b[size:]
	}
	if len(packets) != 3 {
		t.Fatalf("%d packets", len(packets))
	}
	p := packets[0]
	if checksum(p[:20]) != 0 || string(p[28:]) != "odd" || binary.BigEndian.Uint16(p[2:]) != 31 || binary.BigEndian.Uint16(p[20:]) != 5060 {
		t.Errorf("IPv4: %x", p)
	}
	for i, head := range []int{20, 40, 40} {
		p := packets[i]
		pseudo := append([]byte{0, udp, p[head+4], p[head+5]}, p[head-map[int]int{20: 8, 40: 32}[head]:]...)
		if checksum(pseudo) != 0 {
			t.Errorf("packet %d: its checksum is wrong", i)
		}
	}
}
