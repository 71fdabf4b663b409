package digest

import "bytes"

// parameters are the auth-params of a header field that this package knows
// (RFC 7616 §3.3, §3.4), unquoted; nil where there is none of a name.
type parameters struct {
	username, realm, nonce, uri, response, algorithm, qop, nc, cnonce, opaque, stale []byte
}

// named is where a parameter of a name is kept, nil where nobody asks for it.
func (p *parameters) named(name []byte) *[]byte {
	var lower [16]byte
	if len(name) > len(lower) {
		return nil
	}
	for i, c := range name {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		lower[i] = c
	}
	switch string(lower[:len(name)]) {
	case "username":
		return &p.username
	case "realm":
		return &p.realm
	case "nonce":
		return &p.nonce
	case "uri":
		return &p.uri
	case "response":
		return &p.response
	case "algorithm":
		return &p.algorithm
	case "qop":
		return &p.qop
	case "nc":
		return &p.nc
	case "cnonce":
		return &p.cnonce
	case "opaque":
		return &p.opaque
	case "stale":
		return &p.stale
	}
	return nil
}

// parse reads "Digest a=b, c=d"; false for another scheme or what is broken. A
// parameter that is there twice makes the whole unreadable.
func (p *parameters) parse(value []byte) bool {
	*p = parameters{}
	scheme, rest, _ := bytes.Cut(bytes.TrimSpace(value), space)
	if !bytes.EqualFold(scheme, digest) {
		return false
	}
	for rest = skip(rest); len(rest) > 0; rest = skip(rest) {
		name, after, ok := bytes.Cut(rest, equals)
		name = bytes.TrimSpace(name)
		if !ok || len(name) == 0 {
			return false
		}
		var found []byte
		if found, rest, ok = cutValue(bytes.TrimLeft(after, " \t")); !ok {
			return false
		}
		if at := p.named(name); at != nil {
			if *at != nil {
				return false
			}
			*at = found
		}
	}
	return true
}

var (
	digest = []byte("digest")
	space  = []byte(" ")
	equals = []byte("=")
)

// skip passes over what stands between two parameters.
func skip(b []byte) []byte { return bytes.TrimLeft(b, " \t,") }

// cutValue takes a token or a quoted-string off the front. The value is never
// nil; a quoted-string is copied only if there are backslashes in it.
func cutValue(b []byte) (value, rest []byte, ok bool) {
	if len(b) == 0 || b[0] != '"' {
		i := bytes.IndexByte(b, ',')
		if i < 0 {
			i = len(b)
		}
		value = bytes.TrimSpace(b[:i])
		return value[:len(value):len(value)], b[i:], !bytes.ContainsAny(value, "\" \t")
	}
	escaped := false
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			escaped = true
			i++
		case '"':
			value = b[1:i]
			if escaped {
				value = unescaped(value)
			}
			return value, b[i+1:], true
		}
	}
	return nil, nil, false
}

func unescaped(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] == '\\' {
			i++
		}
		out = append(out, b[i])
	}
	return out
}
