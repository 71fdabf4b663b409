package sip

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"slices"
)

// Dialog is one side's view of a dialog (RFC 3261 §12).
type Dialog struct {
	CallID              string
	LocalTag, RemoteTag string
	Local, Remote       string   // From and To values of our requests, without tags
	Target              string   // the remote target, a URI
	Routes              []string // route set: values of Route, in our order
	RemoteCSeq          uint32
}

// NewUASDialog begins a dialog by a request that asks for one, with our tag
// (RFC 3261 §12.1.1). The request needs one Contact, with a SIP or SIPS URI
// (RFC 3261 §8.1.1.8).
func NewUASDialog(req *Message, localTag string) (Dialog, error) {
	d := Dialog{CallID: string(req.CallID()), LocalTag: localTag}
	from, err := req.From()
	if err != nil {
		return Dialog{}, err
	}
	c, err := req.CSeq()
	if err != nil {
		return Dialog{}, err
	}
	d.RemoteTag, d.RemoteCSeq = string(from.Tag()), c.Number
	d.Local, d.Remote = withoutTag(req.Value(To)), withoutTag(req.Value(From))
	for route := range req.Elements(RecordRoute) {
		d.Routes = append(d.Routes, string(route))
	}
	d.Target, err = target(req)
	return d, err
}

// NewUACDialog begins a dialog by a response to our request, or by the NOTIFY
// that came before it (RFC 3261 §12.1.2, RFC 6665 §4.1.2.4).
func NewUACDialog(m *Message) (Dialog, error) {
	to, err := m.To()
	if err != nil {
		return Dialog{}, err
	}
	if m.IsRequest() {
		return NewUASDialog(m, string(to.Tag()))
	}
	from, err := m.From()
	if err != nil {
		return Dialog{}, err
	}
	d := Dialog{CallID: string(m.CallID()), LocalTag: string(from.Tag()), RemoteTag: string(to.Tag()),
		Local: withoutTag(m.Value(From)), Remote: withoutTag(m.Value(To))}
	for route := range m.Elements(RecordRoute) {
		d.Routes = append(d.Routes, string(route))
	}
	slices.Reverse(d.Routes)
	d.Target, err = target(m)
	return d, err
}

var errTarget = bad("Malformed Contact")

// target is the remote target that a message's Contact names, as it stands in a
// Request-URI: without headers and method (RFC 3261 §19.1.1).
func target(m *Message) (string, error) {
	contact, err := ParseNameAddr(m.Value(Contact))
	if err != nil || m.Count(Contact) > 1 {
		return "", errTarget
	}
	return requestURI(contact.URI)
}

func requestURI(uri []byte) (string, error) {
	u, err := ParseURI(uri)
	if err != nil || u.IsTel() {
		return "", errTarget
	}
	if _, method := u.Params.Get("method"); method {
		u.Params = u.Params.appendWithout(nil, "method")
	}
	u.Headers = nil
	return u.String(), nil
}

// withoutTag is an address as written, but for its tag.
func withoutTag(value []byte) string {
	n, err := ParseNameAddr(value)
	if err != nil || n.Tag() == nil {
		return string(value)
	}
	b := bytes.Clone(trim(bytes.TrimSuffix(value, n.Params)))
	return string(n.Params.appendWithout(b, "tag"))
}

// Request makes a request inside the dialog (RFC 3261 §12.2.1.1). Where the
// first route is a strict router, it takes the place of the Request-URI.
func (d *Dialog) Request(method Method, cseq uint32) Request {
	r := Request{Method: method, URI: d.Target, Routes: d.Routes, From: tagged(d.Local, d.LocalTag),
		To: tagged(d.Remote, d.RemoteTag), CallID: d.CallID, CSeq: cseq}
	if uri, strict := strictRouter(d.Routes); strict {
		r.URI = uri
		r.Routes = append(append([]string(nil), d.Routes[1:]...), "<"+d.Target+">")
	}
	return r
}

func tagged(value, tag string) string {
	if tag == "" {
		return value
	}
	return value + ";tag=" + tag
}

// strictRouter is the first route's URI where it has no lr parameter. What
// cannot be read counts as a loose router, since nothing can be said of it.
func strictRouter(routes []string) (uri string, strict bool) {
	if len(routes) == 0 {
		return "", false
	}
	n, err := ParseNameAddr([]byte(routes[0]))
	if err != nil {
		return "", false
	}
	u, err := n.ParseURI()
	if _, lr := u.Params.Get("lr"); err != nil || lr {
		return "", false
	}
	uri, err = requestURI(n.URI)
	return uri, err == nil
}

// AppendBinary appends the dialog as it is stored: strings with their lengths,
// the routes last.
func (d *Dialog) AppendBinary(b []byte) ([]byte, error) {
	b = append(b, 1) // version
	b = binary.AppendUvarint(b, uint64(d.RemoteCSeq))
	for _, s := range [...]string{d.CallID, d.LocalTag, d.RemoteTag, d.Local, d.Remote, d.Target} {
		b = appendString(b, s)
	}
	for _, s := range d.Routes {
		b = appendString(b, s)
	}
	return b, nil
}

func appendString(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

var errStored = errors.New("sip: not a stored dialog")

// UnmarshalBinary reads what AppendBinary wrote.
func (d *Dialog) UnmarshalBinary(b []byte) error {
	if len(b) == 0 || b[0] != 1 {
		return errStored
	}
	cseq, n := binary.Uvarint(b[1:])
	if n <= 0 || cseq > math.MaxUint32 {
		return errStored
	}
	b = b[1+n:]
	read := Dialog{RemoteCSeq: uint32(cseq)}
	for _, s := range [...]*string{&read.CallID, &read.LocalTag, &read.RemoteTag, &read.Local, &read.Remote, &read.Target} {
		var ok bool
		if *s, b, ok = cutString(b); !ok {
			return errStored
		}
	}
	for len(b) > 0 {
		route, rest, ok := cutString(b)
		if !ok {
			return errStored
		}
		read.Routes, b = append(read.Routes, route), rest
	}
	*d = read
	return nil
}

func cutString(b []byte) (s string, rest []byte, ok bool) {
	size, n := binary.Uvarint(b)
	if n <= 0 || size > uint64(len(b)-n) {
		return "", nil, false
	}
	b = b[n:]
	return string(b[:size]), b[size:], true
}
