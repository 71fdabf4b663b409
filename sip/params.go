package sip

import (
	"bytes"
	"iter"
	"slices"
)

// Params are parameters as written: ";a=b;c".
type Params []byte

// cut takes the first parameter off, as written but for white space round it.
func (p Params) cut() (one []byte, rest Params) {
	p = p[1:] // the semicolon
	if i := indexOutside(p, ';'); i >= 0 {
		return trim(p[:i]), p[i:]
	}
	return trim(p), nil
}

// cutParam splits a parameter into its name and value; nil: without one.
func cutParam(one []byte) (name, value []byte) {
	i := bytes.IndexByte(one, '=')
	if i < 0 {
		return one, nil
	}
	return trim(one[:i]), trim(one[i+1:])
}

// All are the parameters in their order; a value that was quoted is without
// its quotes, one that is missing is nil.
func (p Params) All() iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		for len(p) > 0 {
			var one []byte
			one, p = p.cut()
			name, value := cutParam(one)
			if len(name) > 0 && !yield(name, unquote(value)) {
				return
			}
		}
	}
}

// Get is the value of the first parameter of a name, in any case.
func (p Params) Get(name string) ([]byte, bool) {
	for len(p) > 0 {
		var one []byte
		one, p = p.cut()
		if n, value := cutParam(one); equalFold(n, name) {
			return unquote(value), true
		}
	}
	return nil, false
}

// appendWithout appends the parameters as they are written, but for some.
func (p Params) appendWithout(b []byte, names ...string) []byte {
	for len(p) > 0 {
		var one []byte
		one, p = p.cut()
		name, _ := cutParam(one)
		if !slices.ContainsFunc(names, func(n string) bool { return equalFold(name, n) }) {
			b = append(append(b, ';'), one...)
		}
	}
	return b
}

// wellFormed checks names and values (RFC 3261 §25.1 generic-param).
func (p Params) wellFormed() bool {
	for len(p) > 0 {
		var one []byte
		one, p = p.cut()
		if name, value := cutParam(one); !isToken(name) || !isValue(value) {
			return false
		}
	}
	return true
}

// isValue knows a parameter's value: a quoted-string, or what is free of white
// space, quotes and commas, which is more than a token or a host.
func isValue(b []byte) bool {
	if len(b) > 0 && b[0] == '"' {
		return closingQuote(b) == len(b)-1
	}
	for _, c := range b {
		if c <= ' ' || c == 0x7f || c == '"' || c == ',' {
			return false
		}
	}
	return true
}

// closingQuote is the place of the quote that ends the one at the front, -1
// where there is none.
func closingQuote(b []byte) int {
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}

// unquote takes the quotes off a quoted-string, and the backslashes out of it.
func unquote(b []byte) []byte {
	if len(b) < 2 || b[0] != '"' || b[len(b)-1] != '"' {
		return b
	}
	b = b[1 : len(b)-1]
	if bytes.IndexByte(b, '\\') < 0 {
		return b
	}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] == '\\' && i+1 < len(b) {
			i++
		}
		out = append(out, b[i])
	}
	return out
}

// AppendQuoted appends s as a quoted-string (RFC 3261 §25.1). Control
// characters have no place there and become spaces.
func AppendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ' && c != '\t' || c == 0x7f:
			b = append(b, ' ')
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
