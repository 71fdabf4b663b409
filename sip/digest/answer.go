package digest

import (
	"fmt"

	"lamplight/sip"
)

// answer is the value of Authorization (RFC 7616 §3.4); nc counts the uses of
// the nonce, from 1.
func (c *Challenge) answer(method sip.Method, uri, username, password string, nc int) string {
	p := parameters{uri: []byte(uri), nonce: c.parameters.nonce, nc: fmt.Appendf(nil, "%08x", nc), cnonce: []byte(sip.NewTag()[:16])}
	if len(c.parameters.qop) > 0 {
		p.qop = []byte("auth")
	}
	ha1 := Hash(username, c.Realm, password)
	b := append([]byte("Digest username="), sip.AppendQuoted(nil, username)...)
	b = sip.AppendQuoted(append(b, ", realm="...), c.Realm)
	b = sip.AppendQuoted(append(b, ", nonce="...), string(p.nonce))
	b = sip.AppendQuoted(append(b, ", uri="...), uri)
	b = append(c.algorithm.appendResponse(append(b, ", response=\""...), &ha1, method, &p), '"')
	b = append(append(b, ", algorithm="...), c.algorithm.name...)
	if len(p.qop) > 0 {
		b = fmt.Appendf(b, ", qop=auth, nc=%s, cnonce=\"%s\"", p.nc, p.cnonce)
	}
	if c.parameters.opaque != nil {
		b = sip.AppendQuoted(append(b, ", opaque="...), string(c.parameters.opaque))
	}
	return string(b)
}
