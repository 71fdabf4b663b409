package sip

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
	v := ViaValue{Transport: protocol}
	v.Host, rest = cutHost(rest)
	if rest = trim(rest); len(rest) > 0 && rest[0] == ':' { // with white space round it (RFC 3261 §25.1)
		rest = trim(rest[1:])
		v.Port, rest = cutPort(rest)
		if rest = trim(rest); v.Port == nil {
			return ViaValue{}, errVia
		}
	}
	v.Params = Params(rest)
	if v.Host == nil || len(rest) > 0 && rest[0] != ';' || !v.Params.wellFormed() {
		return ViaValue{}, errVia
	}
	return v, nil
}

// cutPort takes a port number off the front; nil where there is none.
func cutPort(b []byte) (port, rest []byte) {
	i := 0
	for i < len(b) && '0' <= b[i] && b[i] <= '9' {
		i++
	}
	if n, ok := number(b[:i], 1<<20); !ok || n > 65535 {
		return nil, b
	}
	return b[:i], b[i:]
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

// Branch is the branch parameter, nil where there is none.
func (v ViaValue) Branch() []byte {
	b, _ := v.Params.Get("branch")
	return b
}
