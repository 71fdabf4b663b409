package xcap

import (
	"encoding/xml"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"lamplight/body/xmldoc"
)

// maxSteps is how deep a node selector goes: as deep as documents do.
const maxSteps = 32

// node selects a node of a document (RFC 4825 §6.3).
type node struct {
	steps    []step
	attr     *name // the attribute of the element
	bindings bool  // its namespace bindings
	raw      []string
}

// name is a name with its prefix resolved later, as the default namespace is
// that of the usage.
type name struct {
	space, local string
	byDefault    bool // of an element, without a prefix
}

func (n name) in(usage *usage) (space string) {
	if n.byDefault {
		return usage.space
	}
	return n.space
}

// step selects a child.
type step struct {
	any  bool
	name name
	pos  int // 0: at any position
	attr *attrTest
}

type attrTest struct {
	name
	value string
}

// parseNode reads a node selector and its query, both as in the URI. The error
// is ErrSelector, or ErrNotFound for an extension that is not known (RFC 4825
// §8).
func parseNode(path, query string) (*node, error) {
	text, err := url.PathUnescape(path)
	if err != nil || !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return nil, ErrSelector
	}
	prefixes, err := parseQuery(query)
	if err != nil {
		return nil, err
	}
	n := &node{raw: cut(text)}
	if len(n.raw) > maxSteps+1 {
		return nil, ErrSelector
	}
	for i, part := range n.raw {
		last := i > 0 && i == len(n.raw)-1
		switch {
		case last && part == "namespace::*":
			n.bindings = true
		case last && strings.HasPrefix(part, "@"):
			a, err := parseName(part[1:], prefixes, false)
			if err != nil {
				return nil, err
			}
			n.attr = &a
		default:
			s, err := parseStep(part, prefixes)
			if err != nil {
				return nil, err
			}
			n.steps = append(n.steps, s)
		}
	}
	return n, nil
}

// cut cuts a selector at slashes that stand in no quotes.
func cut(s string) (parts []string) {
	var quote rune
	from := 0
	for i, r := range s {
		switch {
		case quote != 0:
			if r == quote {
				quote = 0
			}
		case r == '"' || r == '\'':
			quote = r
		case r == '/':
			parts = append(parts, s[from:i])
			from = i + 1
		}
	}
	return append(parts, s[from:])
}

func parseStep(text string, prefixes map[string]string) (s step, err error) {
	qname, rest, predicates := strings.Cut(text, "[")
	if s.any = qname == "*"; !s.any {
		if s.name, err = parseName(qname, prefixes, true); err != nil {
			return s, err
		}
	}
	if !predicates {
		return s, nil
	}
	rest = "[" + rest
	if digits, after, ok := strings.Cut(rest[1:], "]"); ok && digits != "" && strings.Trim(digits, "0123456789") == "" {
		if s.pos, err = strconv.Atoi(digits); err != nil || s.pos == 0 {
			return s, ErrNotFound // no document has so many
		}
		rest = after
	}
	if rest == "" {
		return s, nil
	}
	test, ok := strings.CutPrefix(rest, "[@")
	attr, value, ok2 := strings.Cut(test, "=")
	value, ok3 := strings.CutSuffix(value, "]")
	if !ok || !ok2 || !ok3 {
		return s, ErrNotFound
	}
	text, ok = attValue(value)
	if !ok {
		return s, ErrNotFound
	}
	a, err := parseName(attr, prefixes, false)
	s.attr = &attrTest{a, text}
	return s, err
}

// attValue reads a quoted value (XML 1.0, AttValue).
func attValue(s string) (string, bool) {
	if len(s) < 2 || s[0] != '"' && s[0] != '\'' || s[len(s)-1] != s[0] || strings.IndexByte(s[1:len(s)-1], s[0]) >= 0 ||
		strings.Contains(s, "<") {
		return "", false
	}
	d, err := xmldoc.Parse([]byte("<a b=" + s + "/>"))
	if err != nil {
		return "", false
	}
	return d.Root.Get("b"), true
}

func parseName(qname string, prefixes map[string]string, element bool) (n name, err error) {
	prefix, local, prefixed := strings.Cut(qname, ":")
	if !prefixed {
		prefix, local = "", qname
	}
	if !isName(local) || prefixed && !isName(prefix) {
		return n, ErrNotFound // an extension of the selectors
	}
	n.local, n.byDefault = local, element && !prefixed
	if prefixed {
		var ok bool
		if n.space, ok = prefixes[prefix]; !ok {
			return n, ErrSelector
		}
	}
	return n, nil
}

// isName tells whether a text is a name without a colon.
func isName(s string) bool {
	if s == "" || strings.ContainsAny(s, ":/<>&\"'=[]@*!?#() \t\r\n") {
		return false
	}
	d := xml.NewDecoder(strings.NewReader("<" + s + "/>"))
	t, err := d.RawToken()
	e, ok := t.(xml.StartElement)
	return err == nil && ok && e.Name.Local == s
}

// parseQuery reads the xmlns() parts of an XPointer, and leaves out others (RFC
// 4825 §6.4).
func parseQuery(query string) (map[string]string, error) {
	prefixes := map[string]string{"xml": "http://www.w3.org/XML/1998/namespace"}
	text, err := url.PathUnescape(query)
	if err != nil || !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return nil, ErrSelector
	}
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		scheme, rest, ok := strings.Cut(text, "(")
		if !ok {
			return nil, ErrSelector
		}
		var data string
		if data, text, ok = pointerData(rest); !ok {
			return nil, ErrSelector
		}
		if strings.TrimSpace(scheme) != "xmlns" {
			continue
		}
		prefix, space, ok := strings.Cut(data, "=")
		if prefix = strings.TrimSpace(prefix); !ok || !isName(prefix) {
			return nil, ErrSelector
		}
		prefixes[prefix] = strings.TrimSpace(space)
	}
	return prefixes, nil
}

// pointerData is what stands before the bracket that ends a part. A circumflex
// escapes a bracket or itself.
func pointerData(s string) (data, rest string, ok bool) {
	depth := 1
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '^' && i+1 < len(s):
			i++
		case c == '(':
			depth++
		case c == ')':
			if depth--; depth == 0 {
				return b.String(), s[i+1:], true
			}
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}
