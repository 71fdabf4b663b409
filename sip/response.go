package sip

import (
	"net/netip"
	"strconv"
)

// Response is a response to be built.
type Response struct {
	Status      int
	Reason      string // "": the standard phrase
	ToTag       string // added to To where the request had none
	Header      []byte // further header fields: whole lines, each with its CRLF
	ContentType string // "": no body
	Body        []byte
}

// Append builds the response to a request that came from an address (RFC 3261
// §8.2.6). The top Via gets received and rport (RFC 3261 §18.2.1, RFC 3581 §4).
// What the request lacks is left out, so that a broken one can be answered.
func (r *Response) Append(b []byte, req *Message, source netip.AddrPort) []byte {
	b = append(append(b, version...), ' ')
	b = strconv.AppendInt(b, int64(r.Status), 10)
	b = append(b, ' ')
	if r.Reason != "" {
		b = append(b, r.Reason...)
	} else {
		b = append(b, StatusText(r.Status)...)
	}
	b = append(b, "\r\n"...)
	b = appendVias(b, req, source)
	b = appendCopy(b, req, From)
	b = r.appendTo(b, req)
	b = appendCopy(b, req, CallID)
	b = appendCopy(b, req, CSeq)
	if r.Status < 300 && establishes(req.method) {
		for v := range req.Fields(RecordRoute) {
			b = appendField(b, RecordRoute, v)
		}
	}
	b = append(b, r.Header...)
	return appendBody(b, r.ContentType, r.Body)
}

// establishes tells whether a method's success begins a dialog, so that the
// response repeats the route (RFC 3261 §12.1.1).
func establishes(m Method) bool {
	return m == SUBSCRIBE || m == INVITE || m == NOTIFY || m == REFER
}

func appendBody(b []byte, contentType string, body []byte) []byte {
	if contentType != "" {
		b = append(append(append(b, "Content-Type: "...), contentType...), "\r\n"...)
	}
	b = append(b, "Content-Length: "...)
	b = strconv.AppendInt(b, int64(len(body)), 10)
	b = append(b, "\r\n\r\n"...)
	return append(b, body...)
}

func appendField(b []byte, h Header, value []byte) []byte {
	b = append(append(b, h.String()...), ": "...)
	return append(append(b, value...), "\r\n"...)
}

func appendCopy(b []byte, req *Message, h Header) []byte {
	if !req.Has(h) {
		return b
	}
	return appendField(b, h, req.Value(h))
}

func (r *Response) appendTo(b []byte, req *Message) []byte {
	if !req.Has(To) {
		return b
	}
	b = append(append(append(b, "To: "...), req.Value(To)...), ""...)
	if to, err := req.To(); err == nil && r.ToTag != "" && len(to.Tag()) == 0 {
		b = append(append(b, ";tag="...), r.ToTag...)
	}
	return append(b, "\r\n"...)
}

func appendVias(b []byte, req *Message, source netip.AddrPort) []byte {
	first := true
	for v := range req.Elements(Via) {
		b = append(b, "Via: "...)
		if first {
			b = appendTopVia(b, v, source)
		} else {
			b = append(b, v...)
		}
		b = append(b, "\r\n"...)
		first = false
	}
	return b
}

// appendTopVia copies a Via value with the place the request came from: rport
// gets its value where it is asked for, and with it received always stands; else
// received stands where the host written differs.
func appendTopVia(b, value []byte, source netip.AddrPort) []byte {
	v, err := ParseVia(value)
	if err != nil || !source.IsValid() {
		return append(b, value...)
	}
	addr := source.Addr().Unmap()
	_, rport := v.Params.Get("rport")
	b = append(b, value[:len(value)-len(v.Params)]...)
	for name, one := range v.Params.All() {
		switch {
		case equalFold(name, "rport"), equalFold(name, "received"):
			continue
		}
		b = AppendParam(b, string(name), string(one))
	}
	if rport {
		b = append(b, ";rport="...)
		b = strconv.AppendUint(b, uint64(source.Port()), 10)
	}
	written, err := netip.ParseAddr(string(unbracket(v.Host)))
	if rport || err != nil || written.Unmap() != addr {
		b = append(b, ";received="...)
		b = addr.WithZone("").AppendTo(b)
	}
	return b
}

func unbracket(host []byte) []byte {
	if len(host) > 2 && host[0] == '[' {
		return host[1 : len(host)-1]
	}
	return host
}
