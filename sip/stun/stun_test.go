package stun_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"net/netip"
	"strings"
	"testing"

	"lamplight/sip/stun"
)

// message is a STUN message with attributes, its length put right.
func message(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		t.Fatal(err)
	}
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)-20))
	return b
}

const (
	binding = "0001 0000 2112a442 b7e7a701bc34d686fa87dfae "
	success = "0101 0000 2112a442 b7e7a701bc34d686fa87dfae "
	failure = "0111 0000 2112a442 b7e7a701bc34d686fa87dfae "
	noted   = "8028 0004 00000000"
)

// printed puts a fingerprint on a message that has room for one at its end.
func printed(b []byte) []byte {
	binary.BigEndian.PutUint32(b[len(b)-4:], crc32.ChecksumIEEE(b[:len(b)-8])^0x5354554e)
	return b
}

var (
	four = netip.MustParseAddrPort("192.0.2.1:32853")
	six  = netip.MustParseAddrPort("[2001:db8:1234:5678:11:2233:4455:6677]:32853")
)

// [5626-8-2] The addresses and ids are those that STUN's published test vectors have.
func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		name string
		from netip.AddrPort
		ask  []byte
		want []byte
	}{
		{"over IPv4", four, message(t, binding), message(t, success+"0020 0008 0001 a147 e112a643")},
		{"over IPv6", six, message(t, binding), message(t, success+"0020 0014 0002 a147 0113a9faa5d3f179bc25f4b5bed2b9d9")},
		{"an IPv4 address in IPv6", netip.MustParseAddrPort("[::ffff:192.0.2.1]:32853"), message(t, binding),
			message(t, success+"0020 0008 0001 a147 e112a643")},
		{"with a fingerprint", four, printed(message(t, binding+noted)), printed(message(t, success+"0020 0008 0001 a147 e112a643"+noted))},
		{"what may be ignored", four, message(t, binding+"8022 0005 6162636465 000000"), message(t, success+"0020 0008 0001 a147 e112a643")},
		{"what is known and not expected", four, message(t, binding+"0006 0003 616263 00"), message(t, success+"0020 0008 0001 a147 e112a643")},
		{"what is not known", four, message(t, binding+"0003 0004 00000006"),
			message(t, failure+"0009 000b 00000414 556e6b6e6f776e 00 000a 0002 0003 0000")},
		{"two of them", four, printed(message(t, binding+"0003 0004 00000006 7fff 0000"+noted)),
			printed(message(t, failure+"0009 000b 00000414 556e6b6e6f776e 00 000a 0004 0003 7fff"+noted))},
		{"behind the integrity", four, message(t, binding+"0008 0014 "+strings.Repeat("00", 20)+"0003 0000"),
			message(t, success+"0020 0008 0001 a147 e112a643")},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := stun.Answer(nil, c.ask, c.from); !bytes.Equal(got, c.want) {
				t.Errorf("answer\n%x, want\n%x", got, c.want)
			}
		})
	}
}

func TestSilence(t *testing.T) {
	for name, b := range map[string][]byte{
		"nothing":                   nil,
		"a keep-alive":              []byte("\r\n\r\n"),
		"SIP":                       []byte("OPTIONS sip:example.test SIP/2.0\r\n"),
		"another cookie":            message(t, "0001 0000 2112a443 b7e7a701bc34d686fa87dfae"),
		"the first two bits":        message(t, "4001 0000 2112a442 b7e7a701bc34d686fa87dfae"),
		"an indication":             message(t, "0011 0000 2112a442 b7e7a701bc34d686fa87dfae"),
		"a response":                message(t, success),
		"another method":            message(t, "0003 0000 2112a442 b7e7a701bc34d686fa87dfae"),
		"a wrong fingerprint":       message(t, binding+noted),
		"a fingerprint in between":  printed(message(t, binding+"8028 0004 00000000 8022 0000")),
		"a length that is too long": append(message(t, binding), 0),
		"half an attribute":         message(t, binding+"0006 0008 61626364"),
		"no whole header":           message(t, binding)[:19],
	} {
		if got := stun.Answer(nil, b, four); len(got) > 0 {
			t.Errorf("%s: answered with %x", name, got)
		}
	}
}

// A request full of what is not known gets no long answer.
func TestAnswersAreShort(t *testing.T) {
	ask := message(t, binding+strings.Repeat("0003 0000 ", 300))
	if got := stun.Answer(nil, ask, six); len(got) > 60 {
		t.Errorf("%d bytes", len(got))
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add(message(f, binding))
	f.Add(printed(message(f, binding+noted)))
	f.Add(message(f, binding+"0003 0004 00000006"))
	f.Add([]byte("\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		before := []byte("before")
		got := stun.Answer(before, b, six)
		if !bytes.HasPrefix(got, before) || len(got) > len(before)+len(b)+24 {
			t.Errorf("%x: %x", b, got)
		}
		if len(got) > len(before) && !stun.Is(got[len(before):]) {
			t.Errorf("%x: %x is no STUN", b, got)
		}
	})
}
