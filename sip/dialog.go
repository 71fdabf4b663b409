package sip

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
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
// (RFC 3261 §12.1.1). The request needs a Contact.
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
	contact, err := ParseNameAddr(req.Value(Contact))
	if err != nil {
		return Dialog{}, err
	}
	d.RemoteTag, d.RemoteCSeq = string(from.Tag()), c.Number
	d.Local, d.Remote = withoutTag(req.Value(To)), withoutTag(req.Value(From))
	d.Target = string(contact.URI)
	for route := range req.Elements(RecordRoute) {
		d.Routes = append(d.Routes, string(route))
	}
	return d, nil
}

// NewUACDialog begins a dialog by a response to our request, or by the NOTIFY
// that came before it (RFC 3261 §12.1.2, RFC 6665 §4.1.2.4).
func NewUACDialog(resp *Message) (Dialog, error) {
	to, err := resp.To()
	if err != nil {
		return Dialog{}, err
	}
	from, err := resp.From()
	if err != nil {
		return Dialog{}, err
	}
	contact, err := ParseNameAddr(resp.Value(Contact))
	if err != nil {
		return Dialog{}, err
	}
	d := Dialog{CallID: string(resp.CallID()), LocalTag: string(from.Tag()), RemoteTag: string(to.Tag()),
		Local: withoutTag(resp.Value(From)), Remote: withoutTag(resp.Value(To)), Target: string(contact.URI)}
	for route := range resp.Elements(RecordRoute) {
		d.Routes = append([]string{string(route)}, d.Routes...)
	}
	return d, nil
}

// withoutTag is an address as written, but for its tag.
func withoutTag(value []byte) string {
	n, err := ParseNameAddr(value)
	if err != nil || n.Tag() == nil {
		return string(value)
	}
	b := bytes.TrimSuffix(value, n.Params)
	b = append([]byte(nil), trim(b)...)
	for name, v := range n.Params.All() {
		if !equalFold(name, "tag") {
			b = AppendParam(b, string(name), string(v))
		}
	}
	return string(b)
}

// Request makes a request inside the dialog (RFC 3261 §12.2.1.1). Where the
// first route is a strict router, it takes the place of the Request-URI.
func (d *Dialog) Request(method Method, cseq uint32) Request {
	r := Request{Method: method, URI: d.Target, Routes: d.Routes, From: tagged(d.Local, d.LocalTag),
		To: tagged(d.Remote, d.RemoteTag), CallID: d.CallID, CSeq: cseq}
	if len(d.Routes) > 0 && !loose(d.Routes[0]) {
		n, _ := ParseNameAddr([]byte(d.Routes[0]))
		r.URI = string(n.URI)
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

// loose tells a loose router, by its lr parameter; what cannot be read counts
// as one, since nothing can be said of it.
func loose(route string) bool {
	n, err := ParseNameAddr([]byte(route))
	if err != nil {
		return true
	}
	u, err := n.ParseURI()
	if err != nil {
		return true
	}
	_, lr := u.Params.Get("lr")
	return lr
}

// AppendBinary appends the dialog as it is stored: strings with their lengths.
func (d *Dialog) AppendBinary(b []byte) ([]byte, error) {
	b = append(b, 1) // version
	b = binary.AppendUvarint(b, uint64(d.RemoteCSeq))
	for _, s := range []string{d.CallID, d.LocalTag, d.RemoteTag, d.Local, d.Remote, d.Target, strings.Join(d.Routes, "\n")} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	return b, nil
}

var errStored = errors.New("sip: not a stored dialog")

// UnmarshalBinary reads what AppendBinary wrote.
func (d *Dialog) UnmarshalBinary(b []byte) error {
	if len(b) == 0 || b[0] != 1 {
		return errStored
	}
	cseq, n := binary.Uvarint(b[1:])
	if n <= 0 {
		return errStored
	}
	b = b[1+n:]
	var routes string
	for _, s := range []*string{&d.CallID, &d.LocalTag, &d.RemoteTag, &d.Local, &d.Remote, &d.Target, &routes} {
		size, n := binary.Uvarint(b)
		if n <= 0 || size > uint64(len(b)-n) {
			return errStored
		}
		*s, b = string(b[n:n+int(size)]), b[n+int(size):]
	}
	d.RemoteCSeq, d.Routes = uint32(cseq), nil
	if routes != "" {
		d.Routes = strings.Split(routes, "\n")
	}
	return nil
}
