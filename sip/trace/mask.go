package trace

import "bytes"

// Mask is a message without its credentials: the values of Authorization and
// Proxy-Authorization (RFC 3261 §20.7, §20.28), also where they go over several
// lines.
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
			return append(append(out, line...), b...) // the body follows
		}
		if folded := line[0] == ' ' || line[0] == '\t'; folded {
			if !secret {
				out = append(out, line...)
			}
			continue
		}
		name, _, ok := bytes.Cut(line, []byte(":"))
		if secret = ok && isCredentials(name); secret {
			line = append(append([]byte(nil), name...), ": masked\r\n"...)
		}
		out = append(out, line...)
	}
	return out
}

func isCredentials(name []byte) bool {
	name = bytes.TrimSpace(name)
	return bytes.EqualFold(name, []byte("Authorization")) || bytes.EqualFold(name, []byte("Proxy-Authorization"))
}
