package xmltree

import "unicode/utf8"

func declaration(prefix, space string) string {
	name := " xmlns"
	if prefix != "" {
		name += ":" + prefix
	}
	return name + "=\"" + string(AppendEscaped(nil, space)) + "\""
}

// AppendEscaped appends text, fit for an element or a quoted attribute; what
// XML cannot hold becomes U+FFFD.
func AppendEscaped(b []byte, s string) []byte {
	for _, r := range s {
		switch {
		case r == '&':
			b = append(b, "&amp;"...)
		case r == '<':
			b = append(b, "&lt;"...)
		case r == '>':
			b = append(b, "&gt;"...)
		case r == '"':
			b = append(b, "&quot;"...)
		case r == '\r':
			b = append(b, "&#xD;"...)
		case r < ' ' && r != '\t' && r != '\n', r == 0xFFFE, r == 0xFFFF:
			b = utf8.AppendRune(b, utf8.RuneError)
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return b
}

// AppendText appends an element that has only text.
func AppendText(b []byte, name, text string) []byte {
	b = append(append(append(b, '<'), name...), '>')
	b = AppendEscaped(b, text)
	return append(append(append(b, "</"...), name...), '>')
}

// AppendFragments appends elements as they were taken from another document,
// one a line.
func AppendFragments(b []byte, fragments []string) []byte {
	for _, f := range fragments {
		b = append(append(b, f...), '\n')
	}
	return b
}

// AppendSome appends an attribute unless its value is empty.
func AppendSome(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	return AppendAttr(b, name, value)
}

// AppendAttr appends name="value" with a space before it.
func AppendAttr(b []byte, name, value string) []byte {
	b = append(append(append(b, ' '), name...), '=', '"')
	return append(AppendEscaped(b, value), '"')
}
