package sip

import (
	"bytes"
	"errors"
	"math"
)

// CSeqValue is the value of CSeq (RFC 3261 §20.16).
type CSeqValue struct {
	Number uint32
	Method Method
}

// EventValue is the value of Event (RFC 6665 §8.2.1).
type EventValue struct {
	Package []byte
	ID      []byte // nil: none
	Params  Params
}

// MediaTypeValue is the value of Content-Type: "type/subtype" in lower case,
// and its parameters.
type MediaTypeValue struct {
	Type   []byte
	Params Params
}

// From is the address in From; ErrMissing where there is none.
func (m *Message) From() (NameAddr, error) { return m.address(From) }

// To is the address in To; ErrMissing where there is none.
func (m *Message) To() (NameAddr, error) { return m.address(To) }

func (m *Message) address(h Header) (NameAddr, error) {
	if !m.Has(h) {
		return NameAddr{}, ErrMissing
	}
	return ParseNameAddr(m.Value(h))
}

// CallID is the value of Call-ID, nil where there is none.
func (m *Message) CallID() []byte { return m.Value(CallID) }

// CSeq is the number and method of CSeq; ErrMissing where there is none.
func (m *Message) CSeq() (CSeqValue, error) {
	if !m.Has(CSeq) {
		return CSeqValue{}, ErrMissing
	}
	v := m.Value(CSeq)
	i := 0
	for i < len(v) && !isSpace(v[i]) {
		i++
	}
	n, ok := number(v[:i], math.MaxUint32+1)
	method := trim(v[i:])
	if !ok || n > math.MaxInt32 || !isToken(method) { // RFC 3261 §8.1.1.5: less than 2**31
		return CSeqValue{}, bad("Malformed CSeq")
	}
	return CSeqValue{uint32(n), methodOf(method)}, nil
}

// TopVia is the first Via value; ErrMissing where there is none.
func (m *Message) TopVia() (ViaValue, error) { return m.via, m.viaErr }

func (m *Message) topVia() (ViaValue, error) {
	for v := range m.elements(Via) {
		return ParseVia(v)
	}
	return ViaValue{}, ErrMissing
}

// Expires is the value of Expires in seconds; what is above 2**32-1 counts as
// that (RFC 3261 §20.19). The second value is false where there is none.
func (m *Message) Expires() (seconds uint32, ok bool, err error) {
	if !m.Has(Expires) {
		return 0, false, nil
	}
	n, ok := number(m.Value(Expires), math.MaxUint32)
	if !ok {
		return 0, true, bad("Malformed Expires")
	}
	return uint32(n), true, nil
}

// MaxForwards is the value of Max-Forwards; the second value is false where
// there is none.
func (m *Message) MaxForwards() (int, bool, error) {
	if !m.Has(MaxForwards) {
		return 0, false, nil
	}
	n, ok := number(m.Value(MaxForwards), 256)
	if !ok || n > 255 {
		return 0, true, bad("Malformed Max-Forwards")
	}
	return int(n), true, nil
}

// Event is the event package and its id; ErrMissing where there is none.
func (m *Message) Event() (EventValue, error) {
	if !m.Has(Event) {
		return EventValue{}, ErrMissing
	}
	name, params := cutParams(m.Value(Event))
	if !isToken(name) || !params.wellFormed() {
		return EventValue{}, bad("Malformed Event")
	}
	id, _ := params.Get("id")
	return EventValue{name, id, params}, nil
}

// MediaType is the body's type; ErrMissing where there is none.
func (m *Message) MediaType() (MediaTypeValue, error) {
	if !m.Has(ContentType) {
		return MediaTypeValue{}, ErrMissing
	}
	name, params := cutParams(m.Value(ContentType))
	major, minor, ok := bytes.Cut(name, slash)
	if !ok || !isToken(trim(major)) || !isToken(trim(minor)) || !params.wellFormed() {
		return MediaTypeValue{}, bad("Malformed Content-Type")
	}
	if len(trim(major)) != len(major) || len(trim(minor)) != len(minor) {
		name = bytes.Join([][]byte{trim(major), trim(minor)}, slash)
	}
	return MediaTypeValue{toLower(name), params}, nil
}

var slash = []byte("/")

func cutParams(b []byte) ([]byte, Params) {
	if i := bytes.IndexByte(b, ';'); i >= 0 {
		return trim(b[:i]), Params(b[i:])
	}
	return b, nil
}

// toLower copies only what has an upper-case letter.
func toLower(b []byte) []byte {
	for _, c := range b {
		if lower(c) != c {
			return bytes.ToLower(b)
		}
	}
	return b
}

// Validate makes the checks that every request must pass (RFC 3261 §8.1.1 and
// the limits above): the mandatory header fields are there and can be read, and
// CSeq names the method. Max-Forwards is not insisted on, since older user
// agents leave it out, nor is a tag in From where the branch is of an older one
// (RFC 3261 §12.1.1).
func (m *Message) Validate() error {
	if m.IsRequest() {
		if u, err := ParseURI(m.uri); isSyntax(err) || u.Headers != nil { // RFC 3261 §19.1.1
			return bad("Malformed Request-URI")
		}
	}
	via, err := m.validVias()
	if err != nil {
		return err
	}
	if err := m.validFromTo(bytes.HasPrefix(via.Branch(), cookie)); err != nil {
		return err
	}
	if err := m.validContacts(); err != nil {
		return err
	}
	c, err := m.CSeq()
	switch id := m.CallID(); {
	case err != nil:
		return bad("Malformed CSeq")
	case m.IsRequest() && c.Method != m.method:
		return bad("CSeq Names Another Method")
	case len(id) == 0 || bytes.ContainsAny(id, " \t"):
		return bad("Malformed Call-ID")
	case len(id) > m.limits().CallID:
		return over(LimitCallID, "Call-ID Too Long")
	}
	_, _, err = m.MaxForwards()
	return err
}

// cookie begins every branch but those of older clients (RFC 3261 §8.1.1.7).
var cookie = []byte("z9hG4bK")

func (m *Message) validVias() (top ViaValue, err error) {
	n := 0
	for value := range m.elements(Via) {
		n++
		err := m.viaErr
		if n > 1 {
			_, err = ParseVia(value)
		}
		switch {
		case err != nil:
			return top, bad("Malformed Via")
		case n > m.limits().SameField:
			return top, over(LimitSameField, "Too Many Vias")
		}
	}
	if n == 0 {
		return top, bad("Malformed Via")
	}
	return m.via, nil
}

func (m *Message) validFromTo(wantTag bool) error {
	from, err := m.From()
	if err == nil {
		err = m.valid(from)
	}
	if err != nil {
		return of(From, err)
	}
	to, err := m.To()
	if err == nil {
		err = m.valid(to)
	}
	if err != nil {
		return of(To, err)
	}
	switch tag := from.Tag(); {
	case wantTag && len(tag) == 0:
		return bad("From Without Tag")
	case m.method == INVITE: // begins nothing that would be kept, and RFC 4475 §3.1.1.7 has a longer one
	case len(tag) > m.limits().Tag, len(to.Tag()) > m.limits().Tag:
		return over(LimitTag, "Tag Too Long")
	}
	return nil
}

func (m *Message) validContacts() error {
	n := 0
	for value := range m.elements(Contact) {
		if n++; n > m.limits().SameField {
			return over(LimitSameField, "Too Many Contacts")
		}
		c, err := ParseNameAddr(value)
		if err == nil {
			err = m.valid(c)
		}
		if err != nil && string(value) != "*" {
			return of(Contact, err)
		}
	}
	return nil
}

// valid checks that the parts of an address can be read, and are within the
// limits.
func (m *Message) valid(n NameAddr) error {
	switch _, err := n.ParseURI(); {
	case isSyntax(err):
		return err
	case len(n.URI) > m.limits().URI:
		return over(LimitURI, "URI Too Long In ")
	case len(n.Display) > m.limits().Display:
		return over(LimitDisplay, "Display Name Too Long In ")
	}
	return nil
}

// of names the header field that is wrong.
func of(h Header, err error) error {
	var e *SyntaxError
	if errors.As(err, &e) && e.Limit != "" {
		return over(e.Limit, e.Reason+h.String())
	}
	return bad("Malformed " + h.String())
}

// isSyntax tells a broken URI from one of a scheme that is not ours.
func isSyntax(err error) bool {
	e, ok := err.(*SyntaxError)
	return ok && e.Status != 416
}
