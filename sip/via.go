package sip

import "bytes"

// ViaValue is one value of Via (RFC 3261 §20.42).
type ViaValue struct {
	Transport  []byte
	Host, Port []byte
	Params     Params
}

var errVia = bad("Malformed Via")

// ParseVia takes one element of a Via header field apart.
func ParseVia(b []byte) (ViaValue, error) {
	protocol, rest, ok := cutVia(b)
	if !ok {
		return ViaValue{}, errVia
	}
	var v ViaValue
	v.Transport = protocol
	sentBy := rest
	if i := bytes.IndexByte(rest, ';'); i >= 0 {
		sentBy, v.Params = rest[:i], Params(rest[i:])
	}
	var u URI
	if err := u.hostport(spaceless(sentBy)); err != nil || !v.Params.wellFormed() {
		return ViaValue{}, errVia
	}
	v.Host, v.Port = u.Host, u.Port
	return v, nil
}

// cutVia reads SIP/2.0/UDP, with the spaces that may be round its slashes.
func cutVia(b []byte) (transport, rest []byte, ok bool) {
	var parts [3][]byte
	for i := range parts {
		b = trim(b)
		n := 0
		for n < len(b) && classes[b[n]]&classToken != 0 {
			n++
		}
		if n == 0 {
			return nil, nil, false
		}
		parts[i], b = b[:n], b[n:]
		if i == 2 {
			break
		}
		if b = trim(b); len(b) == 0 || b[0] != '/' {
			return nil, nil, false
		}
		b = b[1:]
	}
	if !equalFold(parts[0], "SIP") || string(parts[1]) != "2.0" || len(b) == 0 || !isSpace(b[0]) {
		return nil, nil, false
	}
	return parts[2], trim(b), true
}

// spaceless drops the white space that may be round the colon of sent-by.
func spaceless(b []byte) []byte {
	b = trim(b)
	if bytes.IndexByte(b, ' ') < 0 && bytes.IndexByte(b, '\t') < 0 {
		return b
	}
	i := bytes.LastIndexByte(b, ':')
	if i < 0 {
		return b
	}
	host, port := trim(b[:i]), trim(b[i+1:])
	out := make([]byte, 0, len(b))
	return append(append(append(out, host...), ':'), port...)
}

// Branch is the branch parameter, nil where there is none.
func (v ViaValue) Branch() []byte {
	b, _ := v.Params.Get("branch")
	return b
}
