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

// Append builds the request; via is the whole value of its Via. No field can
// hold a line of its own: line ends become spaces.
func (r *Request) Append(b, via []byte) []byte {
	b = appendText(append(appendText(b, string(r.Method)), ' '), r.URI)
	b = append(b, " SIP/2.0\r\nVia: "...)
	b = append(appendText(b, via), "\r\n"...)
	for _, route := range r.Routes {
		b = append(appendText(append(b, "Route: "...), route), "\r\n"...)
	}
	hops := r.MaxForwards
	if hops == 0 {
		hops = 70
	}
	b = append(b, "Max-Forwards: "...)
	b = strconv.AppendInt(b, int64(hops), 10)
	b = appendText(append(b, "\r\nFrom: "...), r.From)
	b = appendText(append(b, "\r\nTo: "...), r.To)
	b = appendText(append(b, "\r\nCall-ID: "...), r.CallID)
	b = append(b, "\r\nCSeq: "...)
	b = strconv.AppendUint(b, uint64(r.CSeq), 10)
	b = append(appendText(append(b, ' '), string(r.Method)), "\r\n"...)
	b = appendLines(b, r.Header)
	return appendBody(b, r.ContentType, r.Body)
}
