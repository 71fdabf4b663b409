package sip

import (
	"encoding/binary"
	"errors"
)

// ErrMissing says that a message has no header field of the name asked for.
var ErrMissing = errors.New("sip: the header field is missing")

// SyntaxError says what in a message breaks the grammar of RFC 3261 §25.
type SyntaxError struct {
	Reason string // fit for a reason phrase
	Status int    // the response it deserves: 400, 414, 416, 505 or 513
	Limit  string // the limit that was reached; "": none
}

func (e *SyntaxError) Error() string { return "sip: " + e.Reason }

func bad(reason string) error { return &SyntaxError{Reason: reason, Status: 400} }

// Classes of characters (RFC 3261 §25.1).
const (
	classToken = 1 << iota
	classUser  // in a URI's user part, without escapes
	classHost  // in a host name or an IPv4 address
	classSeen  // in a URI at all; what else there is would end it, or the line
)

var classes = func() (t [256]byte) {
	mark := func(class byte, s string) {
		for i := range len(s) {
			t[s[i]] |= class
		}
	}
	const alphanum = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	const unreserved = alphanum + "-_.!~*'()"
	mark(classToken, alphanum+"-.!%*_+`'~")
	mark(classUser, unreserved+"&=+$,;?/#[]{}|\\^`") // # and those after it: seen in the field
	mark(classHost, alphanum+"-._")
	for c := range t {
		if c > ' ' && c != 0x7f && c != '<' && c != '>' && c != '"' {
			t[c] |= classSeen
		}
	}
	return t
}()

func all(b []byte, class byte) bool {
	for _, c := range b {
		if classes[c]&class == 0 {
			return false
		}
	}
	return true
}

func isToken(b []byte) bool { return len(b) > 0 && all(b, classToken) }

// visible tells whether b could stand in a URI.
func visible(b []byte) bool { return all(b, classSeen) }

// hasControl tells whether there is a control character, HTAB included; eight
// bytes at a time, since every line is asked.
func hasControl(b []byte) bool {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for ; len(b) >= 8; b = b[8:] {
		x := binary.LittleEndian.Uint64(b)
		low := (x - ones*' ') & ^x // a byte below the space, or at times one above such a byte
		del := x ^ ones*0x7f
		del = (del - ones) & ^del
		if (low|del)&tops != 0 {
			return true
		}
	}
	for _, c := range b {
		if c < ' ' || c == 0x7f {
			return true
		}
	}
	return false
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

func equalFold[T []byte | string](a []byte, b T) bool { // of ASCII
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] && lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' }

// trim takes linear white space off both ends; lines are unfolded by then.
func trim(b []byte) []byte {
	for len(b) > 0 && isSpace(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && isSpace(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

// number reads decimal digits; what is above the limit counts as the limit.
func number(b []byte, limit uint64) (uint64, bool) {
	if len(b) == 0 || len(b) > 32 {
		return 0, false
	}
	var n uint64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = min(n*10+uint64(c-'0'), limit)
	}
	return n, true
}

func unhex(c byte) (byte, bool) {
	switch c = lower(c); {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	}
	return 0, false
}

// escaped tells whether b is made of characters of a class and of escapes.
func escaped(b []byte, class byte) bool {
	for i := 0; i < len(b); i++ {
		if b[i] != '%' {
			if classes[b[i]]&class == 0 && b[i] < 0x80 {
				return false
			}
			continue
		}
		if i+2 >= len(b) {
			return false
		}
		_, high := unhex(b[i+1])
		_, low := unhex(b[i+2])
		if !high || !low {
			return false
		}
		i += 2
	}
	return true
}

// unescape replaces %HH by the byte it stands for (RFC 3261 §19.1.2).
func unescape(b []byte) string {
	out := make([]byte, 0, len(b))
	for len(b) > 0 {
		var c byte
		c, _, b = cutChar(b)
		out = append(out, c)
	}
	return string(out)
}
