package sip

import (
	"bytes"
	"strings"
)

// URI is a sip, sips or tel URI (RFC 3261 §19.1, RFC 3966 §3), by its parts as
// written. A tel URI has its number in User and no Host.
type URI struct {
	Scheme   []byte
	User     []byte // nil: none
	Password []byte
	Host     []byte // IPv6 with its brackets
	Port     []byte
	Params   Params
	Headers  []byte // after the question mark
}

var (
	errURI    = bad("Malformed URI")
	errScheme = &SyntaxError{Reason: "Unsupported URI Scheme", Status: 416}
)

// ParseURI takes a URI apart. For one of another scheme the error says 416, and
// only Scheme is set.
func ParseURI(b []byte) (URI, error) {
	colon := bytes.IndexByte(b, ':')
	if colon < 0 || !isScheme(b[:colon]) {
		return URI{}, errURI
	}
	u := URI{Scheme: b[:colon]}
	rest := b[colon+1:]
	var ok bool
	switch {
	case u.IsTel():
		ok = u.tel(rest)
	case equalFold(u.Scheme, "sip"), equalFold(u.Scheme, "sips"):
		ok = u.sip(rest)
	default:
		return u, errScheme
	}
	if !ok {
		return URI{}, errURI
	}
	return u, nil
}

// isScheme knows a scheme of any kind (RFC 3261 §25.1).
func isScheme(b []byte) bool {
	for i, c := range b {
		if l := lower(c); ('a' > l || l > 'z') && (i == 0 || ('0' > c || c > '9') && c != '+' && c != '-' && c != '.') {
			return false
		}
	}
	return len(b) > 0
}

// tel reads what follows tel: (RFC 3966 §3).
func (u *URI) tel(rest []byte) bool {
	u.User = rest
	if i := bytes.IndexByte(rest, ';'); i >= 0 {
		u.User, u.Params = rest[:i], Params(rest[i:])
	}
	digits := false
	for i, c := range u.User {
		_, hex := unhex(c)
		switch {
		case hex, c == '*', c == '#':
			digits = true
		case c == '+' && i == 0, bytes.IndexByte(separators, c) >= 0:
		default:
			return false
		}
	}
	return digits && visible(u.Params)
}

var separators = []byte("-.()")

// sip reads what follows sip: or sips:. A question mark may stand in the user
// part as well: it begins the headers only where no @ follows it.
func (u *URI) sip(rest []byte) bool {
	hostpart := rest
	at := bytes.LastIndexByte(rest, '@')
	if i := bytes.IndexByte(rest[at+1:], '?'); i >= 0 {
		hostpart, u.Headers = rest[:at+1+i], rest[at+1+i+1:]
	}
	if at >= 0 && !u.userinfo(rest[:at]) {
		return false
	}
	hostpart = hostpart[at+1:]
	if i := bytes.IndexByte(hostpart, ';'); i >= 0 {
		hostpart, u.Params = hostpart[:i], Params(hostpart[i:])
	}
	return u.hostport(hostpart) && visible(u.Params) && visible(u.Headers)
}

func (u *URI) userinfo(b []byte) bool {
	u.User = b
	if i := bytes.IndexByte(b, ':'); i >= 0 {
		u.User, u.Password = b[:i], b[i+1:]
	}
	return len(u.User) > 0 && escaped(u.User, classUser) && escaped(u.Password, classUser)
}

func (u *URI) hostport(b []byte) bool {
	host, rest := cutHost(b)
	u.Host = host
	if host == nil || len(rest) == 0 {
		return host != nil
	}
	u.Port = rest[1:]
	n, ok := number(u.Port, 1<<20)
	return ok && n <= 65535 && rest[0] == ':'
}

// cutHost takes a host name, an IPv4 address or an IPv6 reference off the front;
// nil where there is none.
func cutHost(b []byte) (host, rest []byte) {
	if len(b) > 0 && b[0] == '[' {
		end := bytes.IndexByte(b, ']')
		if end < 0 || !isIPv6(b[1:end]) {
			return nil, b
		}
		return b[:end+1], b[end+1:]
	}
	i := 0
	for i < len(b) && classes[b[i]]&classHost != 0 {
		i++
	}
	if i == 0 {
		return nil, b
	}
	return b[:i], b[i:]
}

// isIPv6 knows the characters, not the address: RFC 5118 §4.10 shows that some
// write it by a grammar that was wrong.
func isIPv6(b []byte) bool {
	colons := 0
	for _, c := range b {
		if c == ':' {
			colons++
		} else if _, hex := unhex(c); !hex && c != '.' {
			return false
		}
	}
	return colons >= 2
}

// IsTel tells a tel URI from a sip or sips one.
func (u URI) IsTel() bool { return equalFold(u.Scheme, "tel") }

// UserUnescaped is the user part with its escapes replaced.
func (u URI) UserUnescaped() string { return unescape(u.User) }

// HostLower is the host in lower case.
func (u URI) HostLower() string { return strings.ToLower(string(u.Host)) }

// PortNumber is the port, 0 where none is written.
func (u URI) PortNumber() uint16 {
	n, _ := number(u.Port, 65535)
	return uint16(n)
}

// Append appends the URI as it was written.
func (u URI) Append(b []byte) []byte {
	b = append(append(b, u.Scheme...), ':')
	if len(u.User) > 0 {
		b = append(b, u.User...)
		if u.Password != nil {
			b = append(append(b, ':'), u.Password...)
		}
		if !u.IsTel() {
			b = append(b, '@')
		}
	}
	b = append(b, u.Host...)
	if len(u.Port) > 0 {
		b = append(append(b, ':'), u.Port...)
	}
	b = append(b, u.Params...)
	if u.Headers != nil {
		b = append(append(b, '?'), u.Headers...)
	}
	return b
}

func (u URI) String() string { return string(u.Append(nil)) }

// Equal compares two URIs by RFC 3261 §19.1.4.
func Equal(a, b URI) bool {
	return equalFold(a.Scheme, b.Scheme) &&
		sameEscaped(a.User, b.User, false) && sameEscaped(a.Password, b.Password, false) &&
		equalFold(a.Host, b.Host) && a.PortNumber() == b.PortNumber() &&
		paramsAgree(a.Params, b.Params) && paramsAgree(b.Params, a.Params) &&
		headersEqual(a.Headers, b.Headers)
}

// sameEscaped compares two parts of URIs, in any case if fold: a character is
// equal to its escape unless it is reserved (RFC 3261 §19.1.4).
func sameEscaped(a, b []byte, fold bool) bool {
	for len(a) > 0 && len(b) > 0 {
		c, escapedA, nextA := cutChar(a)
		d, escapedB, nextB := cutChar(b)
		if c != d && (!fold || lower(c) != lower(d)) || escapedA != escapedB && bytes.IndexByte(reserved, c) >= 0 {
			return false
		}
		a, b = nextA, nextB
	}
	return len(a) == len(b)
}

var reserved = []byte(";/?:@&=+$,")

// cutChar takes a character or its escape off the front.
func cutChar(b []byte) (c byte, escaped bool, rest []byte) {
	if b[0] == '%' && len(b) > 2 {
		high, ok1 := unhex(b[1])
		low, ok2 := unhex(b[2])
		if ok1 && ok2 {
			return high<<4 | low, true, b[3:]
		}
	}
	return b[0], false, b[1:]
}

// alwaysCompared are the parameters that differ when one URI lacks them.
var alwaysCompared = [...]string{"user", "ttl", "method", "maddr", "transport"}

func paramsAgree(a, b Params) bool {
	for name, value := range a.All() {
		other, ok := b.Get(string(name))
		if !ok {
			for _, c := range alwaysCompared {
				if equalFold(name, c) {
					return false
				}
			}
			continue
		}
		if !sameEscaped(value, other, true) {
			return false
		}
	}
	return true
}

// headersEqual compares header components, in any order.
func headersEqual(a, b []byte) bool {
	if len(a) == 0 || len(b) == 0 {
		return len(a) == len(b)
	}
	theirs := strings.Split(string(b), "&")
	for h := range strings.SplitSeq(string(a), "&") {
		i := indexHeader(theirs, h)
		if i < 0 {
			return false
		}
		theirs = append(theirs[:i], theirs[i+1:]...)
	}
	return len(theirs) == 0
}

func indexHeader(list []string, h string) int {
	name, value, _ := strings.Cut(h, "=")
	for i, other := range list {
		n, v, _ := strings.Cut(other, "=")
		if strings.EqualFold(name, n) && sameEscaped([]byte(value), []byte(v), false) {
			return i
		}
	}
	return -1
}
