package sip

import "strconv"

// Request is a request to be built.
type Request struct {
	Method      Method
	URI         string
	Routes      []string // values of Route, in their order
	From, To    string   // whole values, with tags
	CallID      string
	CSeq        uint32
	MaxForwards int    // 0: 70
	Header      []byte // further header fields: whole lines, each with its CRLF
	ContentType string // "": no body
	Body        []byte
}

// Append builds the request; via is the whole value of its Via.
func (r *Request) Append(b, via []byte) []byte {
	b = append(append(append(b, r.Method...), ' '), r.URI...)
	b = append(b, " SIP/2.0\r\nVia: "...)
	b = append(append(b, via...), "\r\n"...)
	for _, route := range r.Routes {
		b = append(append(append(b, "Route: "...), route...), "\r\n"...)
	}
	hops := r.MaxForwards
	if hops == 0 {
		hops = 70
	}
	b = append(b, "Max-Forwards: "...)
	b = strconv.AppendInt(b, int64(hops), 10)
	b = append(append(b, "\r\nFrom: "...), r.From...)
	b = append(append(b, "\r\nTo: "...), r.To...)
	b = append(append(b, "\r\nCall-ID: "...), r.CallID...)
	b = append(b, "\r\nCSeq: "...)
	b = strconv.AppendUint(b, uint64(r.CSeq), 10)
	b = append(append(append(b, ' '), r.Method...), "\r\n"...)
	b = append(b, r.Header...)
	return appendBody(b, r.ContentType, r.Body)
}
