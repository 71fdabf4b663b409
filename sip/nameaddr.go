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
	open := indexOutsideQuotes(b, '<')
	if open < 0 {
		return addrSpec(b)
	}
	n := NameAddr{Display: trim(b[:open])}
	end := bytes.IndexByte(b[open:], '>')
	if end < 0 || !quotesClosed(b[:open]) {
		return n, errNameAddr
	}
	n.URI = trim(b[open+1 : open+end])
	rest := trim(b[open+end+1:])
	n.Display = unquote(n.Display)
	return n, n.setParams(rest)
}

func addrSpec(b []byte) (NameAddr, error) {
	n := NameAddr{URI: b}
	var rest []byte
	if i := bytes.IndexByte(b, ';'); i >= 0 {
		n.URI, rest = trim(b[:i]), b[i:]
	}
	if bytes.ContainsAny(n.URI, " \t\",?>") {
		return n, errNameAddr
	}
	return n, n.setParams(rest)
}

func (n *NameAddr) setParams(rest []byte) error {
	if len(n.URI) == 0 || len(rest) > 0 && rest[0] != ';' {
		return errNameAddr
	}
	n.Params = Params(rest)
	if !n.Params.wellFormed() {
		return errNameAddr
	}
	return nil
}

func indexOutsideQuotes(b []byte, c byte) int {
	quoted := false
	for i := 0; i < len(b); i++ {
		switch {
		case quoted && b[i] == '\\':
			i++
		case b[i] == '"':
			quoted = !quoted
		case b[i] == c && !quoted:
			return i
		}
	}
	return -1
}

// Tag is the tag parameter, nil where there is none.
func (n NameAddr) Tag() []byte {
	tag, _ := n.Params.Get("tag")
	return tag
}

// ParseURI takes the URI apart.
func (n NameAddr) ParseURI() (URI, error) { return ParseURI(n.URI) }
