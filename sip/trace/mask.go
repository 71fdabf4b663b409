package trace

import (
	"bytes"
	"slices"
)

// Mask is a message without its credentials: the values of Authorization and
// Proxy-Authorization (RFC 3261 §20.7, §20.28) and of Authentication-Info, which
// is made of the password too (RFC 7616 §3.5), also where they go over several
// lines; and the password of a SIP URI (RFC 3261 §19.1.1), wherever it stands:
// there each of its characters becomes an asterisk, so that lengths stay right.
// Bodies are left whole but for that: they are what a trace is looked at for.
func Mask(b []byte) []byte {
	out := make([]byte, 0, len(b))
	secret := false
	for len(b) > 0 {
		line := b
		if i := bytes.IndexByte(b, '\n'); i >= 0 {
			line = b[:i+1]
		}
		b = b[len(line):]
		if len(bytes.TrimRight(line, "\r\n")) == 0 {
			out = append(append(out, line...), b...) // the body follows
			break
		}
		if folded := line[0] == ' ' || line[0] == '\t'; folded {
			if !secret {
				out = append(out, line...)
			}
			continue
		}
		name, _, ok := bytes.Cut(line, []byte(":"))
		if secret = ok && isCredentials(name); secret {
			line = append(slices.Clone(name), ": masked\r\n"...)
		}
		out = append(out, line...)
	}
	maskURIs(out)
	return out
}

func isCredentials(name []byte) bool {
	name = bytes.TrimSpace(name)
	return slices.ContainsFunc([]string{"Authorization", "Proxy-Authorization", "Authentication-Info", "Proxy-Authentication-Info"},
		func(secret string) bool { return bytes.EqualFold(name, []byte(secret)) })
}

// maskURIs masks the passwords of URIs in place.
func maskURIs(b []byte) {
	for {
		i := bytes.IndexByte(b, ':')
		if i < 0 {
			return
		}
		scheme := b[:i]
		if b = b[i+1:]; isSIP(scheme) {
			maskPassword(b)
		}
	}
}

// isSIP tells whether a scheme of SIP ends here.
func isSIP(b []byte) bool {
	for _, scheme := range []string{"sip", "sips"} {
		if n := len(b) - len(scheme); n >= 0 && bytes.EqualFold(b[n:], []byte(scheme)) && (n == 0 || !isAlphanumeric(b[n-1])) {
			return true
		}
	}
	return false
}

// maskPassword masks what stands between the first colon and the at sign of a
// URI that begins here without its scheme.
func maskPassword(b []byte) {
	user := bytes.IndexFunc(b, func(r rune) bool { return !userinfo(r, "&=+$,;?/") })
	if user < 0 || b[user] != ':' {
		return
	}
	password := b[user+1:]
	if end := bytes.IndexFunc(password, func(r rune) bool { return !userinfo(r, "&=+$,") }); end >= 0 && password[end] == '@' {
		copy(password, bytes.Repeat([]byte("*"), end))
	}
}

// userinfo tells a character of a user or password (RFC 3261 §25.1), beside the
// unreserved and escaped ones those of more.
func userinfo(r rune, more string) bool {
	return r < 0x80 && (isAlphanumeric(byte(r)) || bytes.ContainsRune([]byte("-_.!~*'()%"), r) || bytes.ContainsRune([]byte(more), r))
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}
