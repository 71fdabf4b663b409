package sip_test

import (
	"strings"
	"testing"

	"lamplight/sip"
)

const options = "OPTIONS sip:a SIP/2.0\r\nl: 3\r\n\r\nabc"

// A message on a stream ends where it says (RFC 3261 §18.3).
func TestFrame(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     int
		refused  string
	}{
		{"whole", options, len(options), ""},
		{"and the next one", options + options, len(options), ""},
		{"nothing", "", 0, ""},
		{"half a head", options[:20], 0, ""},
		{"half a body", options[:len(options)-1], 0, ""},
		{"full name, any case, spaces", "A b SIP/2.0\r\ncontent-LENGTH \t: \t2\r\n\r\nxy", 39, ""},
		{"no length", "A b SIP/2.0\r\nTo: x\r\n\r\n", 0, "Content-Length Missing"},
		{"length in a folded line is none", "A b SIP/2.0\r\nSubject: x\r\n l: 3\r\n\r\n", 0, "Content-Length Missing"},
		{"two lengths", "A b SIP/2.0\r\nl: 3\r\nContent-Length: 3\r\n\r\nabc", 0, "More Than One Content-Length"},
		{"negative", "A b SIP/2.0\r\nl: -1\r\n\r\n", 0, "Malformed Content-Length"},
		{"no number", "A b SIP/2.0\r\nl: 3x\r\n\r\n", 0, "Malformed Content-Length"},
		{"empty", "A b SIP/2.0\r\nl:\r\n\r\n", 0, "Malformed Content-Length"},
		{"beyond 32 bits", "A b SIP/2.0\r\nl: 4294967299\r\n\r\nabc", 0, "Malformed Content-Length"},
		{"a body too large", "A b SIP/2.0\r\nl: 262145\r\n\r\n", 0, "Message Too Large"},
		{"a head too large", "A b SIP/2.0\r\n" + strings.Repeat("X: y\r\n", sip.DefaultLimits.Head/6), 0, "Header Fields Too Large"},
	} {
		n, err := sip.Frame([]byte(c.in))
		switch {
		case c.refused == "" && (err != nil || n != c.want):
			t.Errorf("%s: %d, %v, want %d", c.name, n, err, c.want)
		case c.refused != "" && (err == nil || !strings.Contains(err.Error(), c.refused)):
			t.Errorf("%s: %d, %v, want %s", c.name, n, err, c.refused)
		}
	}
}

// What is framed and can be read has the body that it says.
func FuzzFrame(f *testing.F) {
	f.Add([]byte(options + options))
	f.Add([]byte("A b SIP/2.0\r\nContent-Length : 2\r\n\r\nxy"))
	f.Add([]byte("A b SIP/2.0\r\nl: 4294967299\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := sip.Frame(b)
		if err != nil || n == 0 {
			return
		}
		if n > len(b) {
			t.Fatalf("%d of %d bytes", n, len(b))
		}
		var m sip.Message
		if m.Parse(append([]byte(nil), b[:n]...)) == nil && !strings.HasSuffix(string(b[:n]), "\r\n\r\n"+string(m.Body())) {
			t.Fatalf("the body of %q is %q", b[:n], m.Body())
		}
	})
}
