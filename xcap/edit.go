package xcap

import (
	"bytes"
	"strings"

	"lamplight/body/xmldoc"
)

// setElement puts an element where the selector leads (RFC 4825 §8.2.3, §8.2.4).
// Made tells whether it is a new one.
func (n *node) setElement(d *xmldoc.Document, u *usage, body []byte) (edited []byte, made bool, err error) {
	last := len(n.steps) - 1
	parent, done, ok := n.parent(d, u, n.steps[:last])
	if !ok {
		return nil, false, n.noParent(done)
	}
	body, err = fragment(d, parent, body)
	if err != nil {
		return nil, false, err
	}
	from, to := 0, 0
	switch list := n.steps[last].choose(children(d, parent), u); {
	case len(list) == 1:
		from, to = list[0].At.Start, list[0].At.End
		edited = d.Splice(from, to, body)
	case len(list) > 1 || parent == nil:
		return nil, false, conflict("cannot-insert", "the selector names not one element")
	default:
		made = true
		if edited, from, err = n.insert(d, u, parent, body); err != nil {
			return nil, false, err
		}
	}
	after, err := xmldoc.Parse(edited)
	if err != nil {
		return nil, false, conflict("not-xml-frag", "%v", err)
	}
	if e := n.element(after, u); e == nil || e.At.Start != from || e.At.End != from+len(body) {
		return nil, false, conflict("cannot-insert", "the selector would not select the element in the body")
	}
	return edited, made, nil
}

// insert puts a new child into its parent.
func (n *node) insert(d *xmldoc.Document, u *usage, parent *xmldoc.Element, body []byte) (edited []byte, at int, err error) {
	at, ok := n.steps[len(n.steps)-1].place(parent, u)
	if !ok {
		return nil, 0, conflict("cannot-insert", "there are not so many elements before it")
	}
	if !d.Empty(parent) {
		return d.Splice(at, at, body), at, nil
	}
	// <a/> becomes <a>, the element, </a>.
	from := parent.At.End - len("/>")
	name := d.Body[parent.At.Start+1 : d.NameEnd(parent)]
	with := bytes.Join([][]byte{[]byte(">"), body, []byte("</"), name, []byte(">")}, nil)
	return d.Splice(from, parent.At.End, with), from + 1, nil
}

// place is where a new element goes that the step would select (RFC 4825 §8.2.3).
func (s *step) place(parent *xmldoc.Element, u *usage) (at int, ok bool) {
	siblings := s.named(parent.Children, u)
	switch {
	case s.pos > 1 && s.pos-1 > len(siblings):
		return 0, false
	case s.pos > 1:
		return siblings[s.pos-2].At.End, true
	case len(siblings) == 0 || s.any && s.pos == 0:
		return parent.At.Close, true
	case s.pos == 1:
		return siblings[0].At.Start, true
	}
	return siblings[len(siblings)-1].At.End, true
}

// fragment checks that a body is one element that can stand inside a parent,
// and takes white space around it away.
func fragment(d *xmldoc.Document, parent *xmldoc.Element, body []byte) ([]byte, error) {
	if !isUTF8(body) {
		return nil, conflict("not-utf-8", "the body is not UTF-8")
	}
	body = bytes.Trim(body, " \t\r\n")
	var b bytes.Buffer
	b.WriteString("<f")
	if parent != nil {
		for prefix, space := range parent.Bindings() {
			if prefix != "" {
				prefix = ":" + prefix
			}
			b.WriteString(" xmlns" + prefix + `="` + xmldoc.Escape(space) + `"`)
		}
	}
	b.WriteString(">")
	start := b.Len()
	b.Write(body)
	b.WriteString("</f>")
	f, err := xmldoc.Parse(b.Bytes())
	if err != nil {
		return nil, conflict("not-xml-frag", "%v", err)
	}
	if len(f.Root.Children) != 1 || f.Root.Children[0].At.Start != start || f.Root.Children[0].At.End != start+len(body) {
		return nil, conflict("not-xml-frag", "the body is not one element")
	}
	return body, nil
}

// setAttribute gives an element an attribute (RFC 4825 §8.2.3, §8.2.4).
func (n *node) setAttribute(d *xmldoc.Document, u *usage, value []byte) (edited []byte, made bool, err error) {
	parent, done, ok := n.parent(d, u, n.steps)
	if !ok {
		return nil, false, n.noParent(done)
	}
	if !isUTF8(value) {
		return nil, false, conflict("not-utf-8", "the body is not UTF-8")
	}
	value = bytes.Trim(value, " \t\r\n")
	if _, ok := attValue(string(value)); !ok {
		return nil, false, conflict("not-xml-att-value", "the body is not a quoted value")
	}
	if a, ok := n.attribute(d, parent); ok {
		edited = d.Splice(a.From, a.End, value)
	} else {
		made = true
		qname, ok := n.qname(parent)
		if !ok {
			return nil, false, conflict("cannot-insert", "the element knows no prefix for the attribute's namespace")
		}
		at := d.NameEnd(parent)
		if list := d.Attrs(parent); len(list) > 0 {
			at = list[len(list)-1].End
		}
		edited = d.Splice(at, at, []byte(" "+qname+"="+string(value)))
	}
	after, err := xmldoc.Parse(edited)
	if err != nil {
		return nil, false, conflict("cannot-insert", "%v", err)
	}
	if e := n.element(after, u); e == nil || e.At.Start != parent.At.Start {
		return nil, false, conflict("cannot-insert", "the selector would not select the attribute any more")
	} else if a, ok := n.attribute(after, e); !ok || !bytes.Equal(after.Value(a), value) {
		return nil, false, conflict("cannot-insert", "the selector would not select the attribute")
	}
	return edited, made, nil
}

// qname is the new attribute's name with a prefix that its element knows.
func (n *node) qname(e *xmldoc.Element) (string, bool) {
	if n.attr.space == "" {
		return n.attr.local, true
	}
	if n.attr.space == "http://www.w3.org/XML/1998/namespace" {
		return "xml:" + n.attr.local, true
	}
	best := ""
	for prefix, space := range e.Bindings() {
		if prefix != "" && space == n.attr.space && (best == "" || prefix < best) {
			best = prefix
		}
	}
	return best + ":" + n.attr.local, best != ""
}

// remove takes away what the selector leads to (RFC 4825 §8.4).
func (n *node) remove(d *xmldoc.Document, u *usage) ([]byte, error) {
	e := n.element(d, u)
	if e == nil {
		return nil, ErrNotFound
	}
	from, to := e.At.Start, e.At.End
	if n.attr != nil {
		a, ok := n.attribute(d, e)
		if !ok {
			return nil, ErrNotFound
		}
		from, to = a.Start, a.End
	}
	if from == d.Root.At.Start && to == d.Root.At.End {
		return nil, conflict("schema-validation-error", "a document needs its root element")
	}
	edited := d.Splice(from, to, nil)
	after, err := xmldoc.Parse(edited)
	if err != nil {
		return nil, conflict("schema-validation-error", "%v", err)
	}
	if n.attr == nil && len(n.elements(after, u)) > 0 {
		return nil, conflict("cannot-delete", "the selector would select another element")
	}
	return edited, nil
}

// noParent says that there is nothing to insert into; the first steps lead to an
// element.
func (n *node) noParent(steps int) error {
	c := conflict("no-parent", "what it should be inserted into is not there")
	if steps > 0 {
		var parts []string
		for _, part := range n.raw[:steps] {
			parts = append(parts, escape(part))
		}
		c.Ancestor = "~~/" + strings.Join(parts, "/")
	}
	return c
}

// bindingsOf is the document of an element's namespace bindings (RFC 4825 §10).
func bindingsOf(e *xmldoc.Element) []byte {
	qname := e.Local
	if e.Prefix() != "" {
		qname = e.Prefix() + ":" + e.Local
	}
	b := []byte("<" + qname)
	all := e.Bindings()
	for _, prefix := range sorted(all) {
		if prefix == "" && all[prefix] == "" {
			continue
		}
		attr := " xmlns"
		if prefix != "" {
			attr += ":" + prefix
		}
		b = append(b, attr+`="`+xmldoc.Escape(all[prefix])+`"`...)
	}
	return append(b, "/>"...)
}
