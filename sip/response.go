package sip

import (
	"bytes"
	"net/netip"
	"strconv"
)

// Response is a response to be built.
type Response struct {
	Status      int
	Reason      string // "": the standard phrase
	ToTag       string // added to To where the request had none
	Header      []byte // further header fields: whole lines, each with its CRLF
	Compact     bool   // names are written in their compact form (RFC 3261 §7.3.3)
	ContentType string // "": no body
	Body        []byte
}

// Append builds the response to a request that came from an address (RFC 3261
// §8.2.6). The top Via gets received and rport (RFC 3261 §18.2.1, RFC 3581 §4).
// What the request lacks is left out, so that a broken one can be answered. No
// field can hold a line of its own: line ends become spaces.
func (r *Response) Append(b []byte, req *Message, source netip.AddrPort) []byte {
	b = append(append(b, version...), ' ')
	b = strconv.AppendInt(b, int64(r.Status), 10)
	b = append(b, ' ')
	reason := r.Reason
	if reason == "" {
		reason = StatusText(r.Status)
	}
	b = append(appendText(b, reason), "\r\n"...)
	b = r.appendVias(b, req, source)
	b = r.appendCopy(b, req, From)
	b = r.appendTo(b, req)
	b = r.appendCopy(b, req, CallID)
	b = r.appendCopy(b, req, CSeq)
	if r.Status == 100 { // RFC 3261 §8.2.6.1
		b = r.appendCopy(b, req, Timestamp)
	}
	if r.Status < 300 && establishes(req.method) {
		for v := range req.Fields(RecordRoute) {
			b = appendField(b, RecordRoute, v)
		}
	}
	b = appendLines(b, r.Header)
	if r.Compact && r.ContentType == "" && len(r.Body) == 0 {
		return append(b, "l: 0\r\n\r\n"...)
	}
	return appendBody(b, r.ContentType, r.Body)
}

// appendName appends a header field's name, and what stands before its value.
func (r *Response) appendName(b []byte, h Header) []byte {
	if c := headers[h].compact; r.Compact && c != 0 {
		return append(b, c, ':', ' ')
	}
	return append(append(b, headers[h].full...), ": "...)
}

// establishes tells whether a method's success begins a dialog, so that the
// response repeats the route (RFC 3261 §12.1.1).
func establishes(m Method) bool {
	return m == SUBSCRIBE || m == INVITE || m == NOTIFY || m == REFER
}

// appendText appends what is to stay within a line: what would end it becomes a
// space.
func appendText[T []byte | string](b []byte, s T) []byte {
	from := len(b)
	b = append(b, s...)
	if !hasControl(b[from:]) {
		return b
	}
	for i, c := range b[from:] {
		if c == '\r' || c == '\n' || c == 0 {
			b[from+i] = ' '
		}
	}
	return b
}

// appendLines appends whole header lines. An empty one would end the header
// fields, and is left out.
func appendLines(b, lines []byte) []byte {
	for len(lines) > 0 {
		var line []byte
		line, lines, _ = bytes.Cut(lines, crlf)
		if len(line) > 0 {
			b = append(appendText(b, line), "\r\n"...)
		}
	}
	return b
}

var crlf = []byte("\r\n")

func appendBody(b []byte, contentType string, body []byte) []byte {
	if contentType != "" {
		b = append(appendText(append(b, "Content-Type: "...), contentType), "\r\n"...)
	}
	b = append(b, "Content-Length: "...)
	b = strconv.AppendInt(b, int64(len(body)), 10)
	b = append(b, "\r\n\r\n"...)
	return append(b, body...)
}

// appendField appends a received value: Parse let no line end into it.
func appendField(b []byte, h Header, value []byte) []byte {
	b = append(append(b, h.String()...), ": "...)
	return append(append(b, value...), "\r\n"...)
}

func (r *Response) appendCopy(b []byte, req *Message, h Header) []byte {
	if !req.Has(h) {
		return b
	}
	b = append(r.appendName(b, h), req.Value(h)...)
	return append(b, "\r\n"...)
}

func (r *Response) appendTo(b []byte, req *Message) []byte {
	if !req.Has(To) {
		return b
	}
	b = append(r.appendName(b, To), req.Value(To)...)
	if to, err := req.To(); err == nil && r.ToTag != "" && len(to.Tag()) == 0 {
		b = appendText(append(b, ";tag="...), r.ToTag)
	}
	return append(b, "\r\n"...)
}

// appendVias copies Via field by field, but for the first value. A field for
// each value would make the response larger than the request.
func (r *Response) appendVias(b []byte, req *Message, source netip.AddrPort) []byte {
	first := true
	for value := range req.Fields(Via) {
		b = r.appendName(b, Via)
		if first {
			top, _, _ := cutElement(value)
			b = appendTopVia(b, top, req, source)
			value, first = value[len(top):], false
		}
		b = append(append(b, value...), "\r\n"...)
	}
	return b
}

// appendTopVia copies a Via value with the place the request came from: rport
// gets its value where it is asked for, and with it received always stands; else
// received stands where the host written differs.
func appendTopVia(b, value []byte, req *Message, source netip.AddrPort) []byte {
	v, err := req.TopVia()
	if err != nil || !source.IsValid() {
		return append(b, value...)
	}
	addr := source.Addr().Unmap().WithZone("")
	_, rport := v.Params.Get("rport")
	value = trim(value)
	b = append(b, trim(value[:len(value)-len(v.Params)])...)
	b = v.Params.appendWithout(b, "rport", "received")
	if rport {
		b = append(b, ";rport="...)
		b = strconv.AppendUint(b, uint64(source.Port()), 10)
	}
	if rport || !isAddress(v.Host, addr) {
		b = append(b, ";received="...)
		b = addr.AppendTo(b)
	}
	return b
}

// isAddress tells whether a host as written is an address.
func isAddress(host []byte, addr netip.Addr) bool {
	var scratch [64]byte
	if bytes.Equal(host, addr.AppendTo(scratch[:0])) {
		return true
	}
	written, err := netip.ParseAddr(string(unbracket(host)))
	return err == nil && written.Unmap() == addr
}

func unbracket(host []byte) []byte {
	if len(host) > 2 && host[0] == '[' {
		return host[1 : len(host)-1]
	}
	return host
}
