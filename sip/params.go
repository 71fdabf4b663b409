package sip

import (
	"bytes"
	"iter"
)

// Params are parameters as written: ";a=b;c".
type Params []byte

// All are the parameters in their order; a value that was quoted is without
// its quotes, one that is missing is nil.
func (p Params) All() iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		rest := []byte(p)
		for len(rest) > 0 {
			var one []byte
			if i := indexOutside(rest, ';'); i >= 0 {
				one, rest = rest[:i], rest[i+1:]
			} else {
				one, rest = rest, nil
			}
			if one = trim(one); len(one) == 0 {
				continue
			}
			name, value, has := bytes.Cut(one, equals)
			if has {
				value = unquote(trim(value))
			} else {
				value = nil
			}
			if !yield(trim(name), value) {
				return
			}
		}
	}
}

var equals = []byte("=")

// Get is the value of the first parameter of a name, in any case.
func (p Params) Get(name string) ([]byte, bool) {
	for n, v := range p.All() {
		if equalFold(n, name) {
			return v, true
		}
	}
	return nil, false
}

// wellFormed checks names and values (RFC 3261 §25.1 generic-param).
func (p Params) wellFormed() bool {
	for name := range p.All() {
		if !isToken(name) {
			return false
		}
	}
	return quotesClosed(p)
}

func quotesClosed(b []byte) bool {
	quoted := false
	for i := 0; i < len(b); i++ {
		switch {
		case b[i] == '\\' && quoted:
			i++
		case b[i] == '"':
			quoted = !quoted
		}
	}
	return !quoted
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

// AppendParam appends ;name=value, quoted where the value is no token; without
// a value it appends ;name alone.
func AppendParam(b []byte, name, value string) []byte {
	b = append(append(b, ';'), name...)
	if value == "" {
		return b
	}
	b = append(b, '=')
	if all([]byte(value), classToken) {
		return append(b, value...)
	}
	return AppendQuoted(b, value)
}
