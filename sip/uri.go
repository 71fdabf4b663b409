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

var errURI = bad("Malformed URI")

// ParseURI takes a URI apart.
func ParseURI(b []byte) (URI, error) {
	colon := bytes.IndexByte(b, ':')
	if colon < 0 {
		return URI{}, errURI
	}
	u := URI{Scheme: b[:colon]}
	rest := b[colon+1:]
	switch {
	case u.IsTel():
		return u.tel(rest)
	case equalFold(u.Scheme, "sip"), equalFold(u.Scheme, "sips"):
		return u.sip(rest)
	}
	return u, &SyntaxError{Reason: "Unsupported URI Scheme", Status: 416}
}

// tel reads what follows tel: (RFC 3966 §3).
func (u URI) tel(rest []byte) (URI, error) {
	u.User = rest
	if i := bytes.IndexByte(rest, ';'); i >= 0 {
		u.User, u.Params = rest[:i], Params(rest[i:])
	}
	digits := false
	for i, c := range u.User {
		switch {
		case '0' <= c && c <= '9':
			digits = true
		case c == '+' && i == 0, c == '*', c == '#', bytes.IndexByte(separators, c) >= 0:
		case 'a' <= lower(c) && lower(c) <= 'f':
			digits = true
		default:
			return u, errURI
		}
	}
	if !digits || !escaped(u.Params, classParam|classToken) && bytes.ContainsAny(u.Params, "<> ") {
		return u, errURI
	}
	return u, nil
}

var separators = []byte("-.()")

// sip reads what follows sip: or sips:. The user part ends at the last @ before
// the host, since phones leave an @ inside it unescaped.
func (u URI) sip(rest []byte) (URI, error) {
	hostpart := rest
	if i := bytes.IndexByte(rest, '?'); i >= 0 && bytes.IndexByte(rest[i:], '@') < 0 {
		hostpart, u.Headers = rest[:i], rest[i+1:]
	}
	if at := bytes.LastIndexByte(hostpart, '@'); at >= 0 {
		if at == 0 {
			return u, errURI
		}
		u.User, hostpart = hostpart[:at], hostpart[at+1:]
		if i := bytes.IndexByte(u.User, ':'); i >= 0 {
			u.User, u.Password = u.User[:i], u.User[i+1:]
		}
		if len(u.User) == 0 || !escaped(u.User, classUser) || !escaped(u.Password, classUser) {
			return u, errURI
		}
	}
	if i := bytes.IndexByte(hostpart, ';'); i >= 0 {
		hostpart, u.Params = hostpart[:i], Params(hostpart[i:])
	}
	if err := u.hostport(hostpart); err != nil {
		return u, err
	}
	if !escaped(bytes.ReplaceAll(u.Params, equals, nil), classParam|classToken) && bytes.ContainsAny(u.Params, "<> \"") {
		return u, errURI
	}
	return u, nil
}

func (u *URI) hostport(b []byte) error {
	end := bytes.IndexByte(b, ':')
	if len(b) > 0 && b[0] == '[' {
		if end = bytes.IndexByte(b, ']') + 1; end == 0 || !isIPv6(b[1:end-1]) {
			return errURI
		}
		if end == len(b) {
			end = -1
		}
	}
	u.Host = b
	if end >= 0 {
		if b[end] != ':' {
			return errURI
		}
		u.Host, u.Port = b[:end], b[end+1:]
		if n, ok := number(u.Port, 1<<20); !ok || n > 65535 {
			return errURI
		}
	}
	if len(u.Host) == 0 || u.Host[0] != '[' && !all(u.Host, classHost) {
		return errURI
	}
	return nil
}

func isIPv6(b []byte) bool {
	for _, c := range b {
		if _, hex := unhex(c); !hex && c != ':' && c != '.' {
			return false
		}
	}
	return bytes.Count(b, []byte(":")) >= 2
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
		a.UserUnescaped() == b.UserUnescaped() && (a.User == nil) == (b.User == nil) &&
		unescape(a.Password) == unescape(b.Password) &&
		equalFold(a.Host, b.Host) && a.PortNumber() == b.PortNumber() &&
		paramsAgree(a.Params, b.Params) && paramsAgree(b.Params, a.Params) &&
		headersEqual(a.Headers, b.Headers)
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
		if !strings.EqualFold(unescape(value), unescape(other)) {
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
		if strings.EqualFold(name, n) && unescape([]byte(value)) == unescape([]byte(v)) {
			return i
		}
	}
	return -1
}
