// Package xmldoc is a document of XML of which the place of every element and
// attribute is known (XML 1.0, Namespaces in XML), so that one can be changed
// while the rest stays byte for byte. It knows no document's meaning.
package xmldoc

import (
	"bytes"
	"strings"

	"lamplight/body/internal/xmltree"
)

// Element is an element with those inside it.
type Element = xmltree.Node

// ElementAttr is an attribute's name and what it says.
type ElementAttr = xmltree.Attr

// Document is a document as it was written, and what it says.
type Document struct {
	Body []byte
	Root *Element
}

// Parse reads a document of UTF-8, which is kept and not changed. What has a
// document type, entities of its own, or more than xmltree's limits is refused.
func Parse(body []byte) (*Document, error) {
	root, err := xmltree.Parse(body)
	if err != nil {
		return nil, err
	}
	return &Document{body, root}, nil
}

// Attr is where an attribute stands: from the space before it to its end. Value
// is as written, with its quotes.
type Attr struct {
	Space, Local     string
	Start, From, End int // From: where the value begins
}

// Value is an attribute's value as written, with its quotes.
func (d *Document) Value(a Attr) []byte { return d.Body[a.From:a.End] }

// Attrs finds an element's attributes, without namespace declarations.
func (d *Document) Attrs(e *Element) (list []Attr) {
	tag := d.Body[e.At.Start:e.At.Inner]
	at := d.NameEnd(e) - e.At.Start
	for at < len(tag) {
		start := at
		at += spaces(tag[at:])
		equals := bytes.IndexByte(tag[at:], '=')
		if equals < 0 {
			break
		}
		name := strings.TrimSpace(string(tag[at : at+equals]))
		from := at + equals + 1 + spaces(tag[at+equals+1:])
		if from >= len(tag) {
			break
		}
		length := bytes.IndexByte(tag[from+1:], tag[from])
		if length < 0 {
			break
		}
		at = from + length + 2
		prefix, local, ok := strings.Cut(name, ":")
		if !ok {
			prefix, local = "", name
		}
		if prefix == "xmlns" || name == "xmlns" {
			continue
		}
		a := Attr{Local: local, Start: e.At.Start + start, From: e.At.Start + from, End: e.At.Start + at}
		if prefix != "" {
			a.Space = space(e, prefix)
		}
		list = append(list, a)
	}
	return list
}

// NameEnd is the place behind the name in an element's start tag.
func (d *Document) NameEnd(e *Element) int {
	return e.At.Start + bytes.IndexAny(d.Body[e.At.Start:e.At.Inner], " \t\r\n/>")
}

// Empty tells whether an element is written without an end tag.
func (d *Document) Empty(e *Element) bool {
	return e.At.Inner == e.At.End && d.Body[e.At.End-2] == '/'
}

// Splice is a document with what stands between two places replaced.
func (d *Document) Splice(from, to int, with []byte) []byte {
	b := make([]byte, 0, len(d.Body)-(to-from)+len(with))
	b = append(append(b, d.Body[:from]...), with...)
	return append(b, d.Body[to:]...)
}

// Encoding is the encoding that a document's declaration names, "" where none
// does.
func Encoding(body []byte) string {
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	end := bytes.Index(body, []byte("?>"))
	if end < 0 || !bytes.HasPrefix(body, []byte("<?xml")) {
		return ""
	}
	_, after, _ := strings.Cut(string(body[:end]), "encoding")
	after = strings.TrimLeft(after, " \t\r\n=")
	if after == "" {
		return ""
	}
	label, _, _ := strings.Cut(after[1:], after[:1])
	return label
}

// Escape is text fit for an element or a quoted attribute.
func Escape(s string) string { return string(xmltree.AppendEscaped(nil, s)) }

func spaces(b []byte) int { return len(b) - len(bytes.TrimLeft(b, " \t\r\n")) }

func space(e *Element, prefix string) string {
	if prefix == "xml" {
		return "http://www.w3.org/XML/1998/namespace"
	}
	return e.Bindings()[prefix]
}
