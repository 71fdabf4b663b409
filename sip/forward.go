package sip

import (
	"net/netip"
	"slices"
	"strconv"
)

// Edit is what a proxy changes in a message that it passes on (RFC 3261 §16.6,
// §16.7). Everything else goes as it came and in its order, but written anew:
// names in their full form, each field on one line, so that nobody behind reads
// them otherwise than we did. The body is not touched.
type Edit struct {
	URI         string   // the new Request-URI; "": as it came
	Routes      []string // all values of Route that the request is to have; those received go only if they stand here
	RecordRoute []string // put before those received
	MaxForwards int      // the new value; 0 is said as 0
	Drop        []Header // header fields that are taken away
	Header      []byte   // further header fields: whole lines, each with its CRLF
}

// AppendRequest appends a request that came from an address, with a Via of ours
// above the others, whose top one gets received and rport (RFC 3261 §18.2.1, RFC
// 3581 §4). The message must be one that Parse took without an error.
func (e *Edit) AppendRequest(b []byte, m *Message, source netip.AddrPort, via []byte) []byte {
	uri := m.uri
	if e.URI != "" {
		uri = []byte(e.URI)
	}
	b = append(append(b, m.method...), ' ')
	b = append(appendText(b, uri), " SIP/2.0\r\nVia: "...)
	b = append(appendText(b, via), "\r\n"...)
	b = new(Response).appendVias(b, m, source)
	b = appendValues(b, "Route: ", e.Routes)
	b = appendValues(b, "Record-Route: ", e.RecordRoute)
	b = strconv.AppendInt(append(b, "Max-Forwards: "...), int64(e.MaxForwards), 10)
	b = append(b, "\r\n"...)
	return e.appendRest(b, m, Via, Route, MaxForwards)
}

// AppendResponse appends a response without its top Via, as it goes back. The
// message must be one that Parse took without an error.
func (e *Edit) AppendResponse(b []byte, m *Message) []byte {
	b = append(append(b, version...), ' ')
	b = strconv.AppendInt(b, int64(m.status), 10)
	b = append(append(b, ' '), m.phrase...)
	b = append(b, "\r\n"...)
	first := true
	for value := range m.Elements(Via) {
		if !first {
			b = appendField(b, Via, value)
		}
		first = false
	}
	return e.appendRest(b, m, Via)
}

func appendValues(b []byte, name string, values []string) []byte {
	for _, v := range values {
		b = append(appendText(append(b, name...), v), "\r\n"...)
	}
	return b
}

// appendRest appends the header fields but for some, what is added, and the body.
func (e *Edit) appendRest(b []byte, m *Message, but ...Header) []byte {
	for i := range m.fields {
		f := &m.fields[i]
		if f.header == ContentLength || slices.Contains(but, f.header) || f.header != unknownHeader && slices.Contains(e.Drop, f.header) {
			continue
		}
		if f.header != unknownHeader {
			b = append(b, f.header.String()...)
		} else {
			b = append(b, m.data[f.name:f.last]...)
		}
		b = append(append(b, ": "...), m.data[f.from:f.to]...)
		b = append(b, "\r\n"...)
	}
	b = appendLines(b, e.Header)
	return appendBody(b, "", m.body)
}

// AppendHop appends the CANCEL of an INVITE that was sent, or the ACK of its
// final response, where that is no 2xx: both go to the next hop only, with the
// INVITE's Via and Route (RFC 3261 §9.1, §17.1.1.3). A response gives the ACK its
// To; header is more lines, each with its CRLF.
func AppendHop(b []byte, method Method, invite, response *Message, header []byte) []byte {
	b = append(append(b, method...), ' ')
	b = append(append(b, invite.uri...), " SIP/2.0\r\n"...)
	for value := range invite.Elements(Via) {
		b = appendField(b, Via, value)
		break
	}
	for value := range invite.Fields(Route) {
		b = appendField(b, Route, value)
	}
	b = append(b, "Max-Forwards: 70\r\n"...)
	b = new(Response).appendCopy(b, invite, From)
	if response != nil {
		b = new(Response).appendCopy(b, response, To)
	} else {
		b = new(Response).appendCopy(b, invite, To)
	}
	b = new(Response).appendCopy(b, invite, CallID)
	cseq, _ := invite.CSeq() // we wrote it, or passed on what was validated
	b = strconv.AppendUint(append(b, "CSeq: "...), uint64(cseq.Number), 10)
	b = append(append(append(b, ' '), method...), "\r\n"...)
	b = appendLines(b, header)
	return appendBody(b, "", nil)
}
