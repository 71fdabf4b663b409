package digest

import (
	"fmt"

	"lamplight/sip"
)

// Answer is the value of Authorization that answers a response's challenge, the
// first of an algorithm that is known (RFC 7616 §3.7). realm "" answers any. nc
// counts the uses of the nonce, from 1.
func Answer(m *sip.Message, realm string, method sip.Method, uri, username, password string, nc int) (string, error) {
	for value := range m.Fields(sip.WWWAuthenticate) {
		p := parse(string(value))
		if p == nil || realm != "" && p["realm"] != realm {
			continue
		}
		a := algorithmOf(p["algorithm"])
		if a == nil {
			continue
		}
		return answer(a, p, method, uri, username, password, nc), nil
	}
	return "", ErrNoCredentials
}

func answer(a *algorithm, challenge parameters, method sip.Method, uri, username, password string, nc int) string {
	p := parameters{"uri": uri, "nonce": challenge["nonce"], "nc": fmt.Sprintf("%08x", nc), "cnonce": sip.NewTag()[:16]}
	if challenge["qop"] != "" {
		p["qop"] = "auth"
	}
	b := append([]byte("Digest username="), sip.AppendQuoted(nil, username)...)
	for _, name := range []string{"realm", "nonce"} {
		b = append(append(append(b, ", "...), name...), '=')
		b = sip.AppendQuoted(b, challenge[name])
	}
	ha1 := a.ha1(Hash(username, challenge["realm"], password))
	b = fmt.Appendf(b, ", uri=\"%s\", response=\"%s\", algorithm=%s", uri, a.response(ha1, string(method), p), a.name)
	if p["qop"] != "" {
		b = fmt.Appendf(b, ", qop=auth, nc=%s, cnonce=\"%s\"", p["nc"], p["cnonce"])
	}
	if opaque, ok := challenge["opaque"]; ok {
		b = append(b, ", opaque="...)
		b = sip.AppendQuoted(b, opaque)
	}
	return string(b)
}
