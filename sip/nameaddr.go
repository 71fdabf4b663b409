package sip

import "bytes"

// NameAddr is the value of From, To, Contact, Route and their like: a name-addr
// or addr-spec with parameters (RFC 3261 §20, §25.1).
type NameAddr struct {
	Display []byte // without quotes
	URI     []byte
	Params  Params // the header field's, not the URI's
}

var errNameAddr = bad("Malformed Address")

// ParseNameAddr takes one element apart. Without angle brackets, everything
// after a semicolon belongs to the header field (RFC 3261 §20).
func ParseNameAddr(b []byte) (NameAddr, error) {
	b = trim(b)
	if len(b) == 0 {
		return NameAddr{}, errNameAddr
	}
	display, rest, ok := cutDisplay(b)
	if !ok {
		return NameAddr{}, errNameAddr
	}
	if rest == nil {
		return addrSpec(b)
	}
	end := bytes.IndexByte(rest, '>')
	if end < 0 {
		return NameAddr{}, errNameAddr
	}
	n := NameAddr{Display: display, URI: rest[:end]}
	return n.withParams(trim(rest[end+1:]))
}

// cutDisplay takes the display name off, and the angle bracket behind it; rest
// is nil where there is no bracket. Without quotes a display name should be
// tokens; what cannot be mistaken for something else is taken too, as phones
// leave quotes out round names in all scripts.
func cutDisplay(b []byte) (display, rest []byte, ok bool) {
	if b[0] == '"' {
		end := closingQuote(b)
		if end < 0 {
			return nil, nil, false
		}
		display, rest = unquote(b[:end+1]), trim(b[end+1:])
		if len(rest) == 0 || rest[0] != '<' {
			return nil, nil, false
		}
		return display, rest[1:], true
	}
	open := bytes.IndexByte(b, '<')
	if open < 0 {
		return nil, nil, true
	}
	display = trim(b[:open])
	return display, b[open+1:], !bytes.ContainsAny(display, "\",;:>\\")
}

func addrSpec(b []byte) (NameAddr, error) {
	n := NameAddr{URI: b}
	var rest []byte
	if i := bytes.IndexByte(b, ';'); i >= 0 {
		n.URI, rest = trim(b[:i]), b[i:]
	}
	if bytes.ContainsAny(n.URI, " \t\",?>") {
		return NameAddr{}, errNameAddr
	}
	return n.withParams(rest)
}

func (n NameAddr) withParams(rest []byte) (NameAddr, error) {
	n.Params = Params(rest)
	if len(n.URI) == 0 || len(rest) > 0 && rest[0] != ';' || !n.Params.wellFormed() {
		return NameAddr{}, errNameAddr
	}
	return n, nil
}

// Tag is the tag parameter, nil where there is none.
func (n NameAddr) Tag() []byte {
	tag, _ := n.Params.Get("tag")
	return tag
}

// ParseURI takes the URI apart.
func (n NameAddr) ParseURI() (URI, error) { return ParseURI(n.URI) }
