// Package xmltree reads an XML document (XML 1.0, Namespaces in XML) strictly
// and with limits, and keeps where each element stood, so that what is not
// understood can be passed on as it was written. It validates no schema.
package xmltree

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Limits on a document.
const (
	MaxElements  = 8192
	MaxNamespace = 256 // bytes of a namespace's name

	// All fragments of a document together: namespaces that many of them
	// inherit make them longer than it.
	maxFragments = 64 << 10
)

// Limits are those that can be set lower.
type Limits struct {
	Depth      int
	Attributes int // of one element
	Namespaces int // declared on one element
}

// Most are the limits of Parse.
var Most = Limits{Depth: 32, Attributes: 256, Namespaces: 64}

// errLimit says that a document exceeds its limits.
type errLimit struct{ what string }

func (e errLimit) Error() string { return e.what }

const xmlSpace = "http://www.w3.org/XML/1998/namespace"

// Node is an element.
type Node struct {
	Space, Local string
	Attr         []Attr // without namespace declarations
	Children     []*Node
	Text         string // character data, the children's left out
	Raw          []byte // the element as written
	At           Span

	tree     *tree
	scope    *scope
	prefix   string
	declared map[string]string // by the element itself
}

// Span is where an element stands, in bytes from the document's beginning: its
// start tag from Start to Inner, its end tag from Close to End. One without an
// end tag has Inner, Close and End at the same place.
type Span struct{ Start, Inner, Close, End int }

// Attr is an attribute.
type Attr struct{ Space, Local, Value string }

// tree is what the elements of a document share.
type tree struct{ left int } // bytes of fragments

// scope is the prefixes that an element declares, and its parent's.
type scope struct {
	prefixes map[string]string
	outer    *scope
}

func (s *scope) lookup(prefix string) (string, bool) {
	if prefix == "xml" {
		return xmlSpace, true
	}
	for ; s != nil; s = s.outer {
		if space, ok := s.prefixes[prefix]; ok {
			return space, true
		}
	}
	return "", prefix == ""
}

type parser struct {
	input    []byte
	mark     int // bytes of a byte order mark before it
	dec      *xml.Decoder
	root     *Node
	stack    []open
	elements int
	limits   Limits
	tree     *tree
}

// open is an element whose end has not come yet.
type open struct {
	node  *Node
	name  xml.Name // as written
	start int64
}

// Parse reads a whole document.
func Parse(b []byte) (*Node, error) { return parse(b, Most) }

// Exceeds tells whether a document is refused because it exceeds limits.
func Exceeds(b []byte, l Limits) bool {
	_, err := parse(b, l)
	var limit errLimit
	return errors.As(err, &limit)
}

func parse(b []byte, l Limits) (*Node, error) {
	mark := len(b)
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	mark -= len(b)
	p := &parser{input: b, mark: mark, dec: xml.NewDecoder(bytes.NewReader(b)), tree: &tree{maxFragments + len(b)}, limits: l}
	p.dec.CharsetReader = charset
	for {
		at := p.dec.InputOffset()
		tok, err := p.dec.RawToken()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("at byte %d: %w", at, err)
		}
		if err := p.token(tok, at); err != nil {
			return nil, fmt.Errorf("at byte %d: %w", at, err)
		}
	}
	if p.root == nil || len(p.stack) > 0 {
		return nil, errors.New("the document is not complete")
	}
	return p.root, nil
}

// charset takes what says that it is Latin-1 as the UTF-8 that it had better
// be: servers in use say so over documents in ASCII or UTF-8. Bytes that are not
// UTF-8 are refused like any others.
func charset(label string, in io.Reader) (io.Reader, error) {
	switch strings.ToLower(label) {
	case "iso-8859-1", "us-ascii":
		return in, nil
	}
	return nil, fmt.Errorf("charset %q is not known", label)
}

func (p *parser) token(tok xml.Token, at int64) error {
	switch tok := tok.(type) {
	case xml.StartElement:
		return p.start(tok, at)
	case xml.EndElement:
		return p.end(tok, at)
	case xml.CharData:
		if len(p.stack) > 0 {
			p.stack[len(p.stack)-1].node.Text += string(tok)
		} else if len(bytes.TrimSpace(tok)) > 0 {
			return errors.New("text outside the root element")
		}
	case xml.ProcInst:
		if tok.Target == "xml" && p.root != nil {
			return errors.New("an XML declaration inside the document")
		}
	case xml.Directive:
		return errors.New("a document type declaration is not allowed")
	}
	return nil
}

func (p *parser) start(e xml.StartElement, at int64) error {
	switch {
	case p.root != nil && len(p.stack) == 0:
		return errors.New("more than one root element")
	case len(p.stack) == p.limits.Depth:
		return errLimit{"elements too deep"}
	case p.elements == MaxElements:
		return errLimit{"too many elements"}
	case len(e.Attr) > p.limits.Attributes:
		return errLimit{"too many attributes"}
	}
	p.elements++
	n := &Node{tree: p.tree, scope: p.scope(), prefix: e.Name.Space}
	n.At.Start, n.At.Inner = p.mark+int(at), p.mark+int(p.dec.InputOffset())
	if err := n.declare(e.Attr); err != nil {
		return err
	}
	if len(n.declared) > p.limits.Namespaces {
		return errLimit{"too many namespaces"}
	}
	if err := n.name(e); err != nil {
		return err
	}
	if len(p.stack) > 0 {
		parent := p.stack[len(p.stack)-1].node
		parent.Children = append(parent.Children, n)
	} else {
		p.root = n
	}
	p.stack = append(p.stack, open{n, e.Name, at})
	return nil
}

func (p *parser) scope() *scope {
	if len(p.stack) == 0 {
		return nil
	}
	return p.stack[len(p.stack)-1].node.scope
}

func (n *Node) declare(attrs []xml.Attr) error {
	declared := map[string]string{}
	for _, a := range attrs {
		prefix := a.Name.Local
		switch {
		case a.Name.Space == "xmlns":
			if a.Value == "" {
				return errors.New("a prefix without a namespace")
			}
		case a.Name.Space == "" && a.Name.Local == "xmlns":
			prefix = ""
		default:
			continue
		}
		if _, twice := declared[prefix]; twice {
			return errors.New("a namespace is declared twice")
		}
		if prefix == "xmlns" || (prefix == "xml") != (a.Value == xmlSpace) || len(a.Value) > MaxNamespace {
			return fmt.Errorf("namespace of prefix %q is not allowed", prefix)
		}
		declared[prefix] = a.Value
	}
	if len(declared) > 0 {
		n.declared = declared
		n.scope = &scope{declared, n.scope}
	}
	return nil
}

// name resolves the prefixes of an element and its attributes.
func (n *Node) name(e xml.StartElement) (err error) {
	var ok bool
	if n.Space, ok = n.scope.lookup(e.Name.Space); !ok {
		return fmt.Errorf("prefix %q is not bound", e.Name.Space)
	}
	n.Local = e.Name.Local
	if strings.Contains(n.Local, ":") {
		return fmt.Errorf("%q is not a name", n.Local)
	}
	seen := map[Attr]bool{}
	for _, a := range e.Attr {
		if a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns" {
			continue
		}
		if strings.Contains(a.Name.Local, ":") {
			return fmt.Errorf("%q is not a name", a.Name.Local)
		}
		attr := Attr{Local: a.Name.Local}
		if a.Name.Space != "" {
			if attr.Space, ok = n.scope.lookup(a.Name.Space); !ok {
				return fmt.Errorf("prefix %q is not bound", a.Name.Space)
			}
		}
		if seen[attr] {
			return fmt.Errorf("attribute %q is there twice", a.Name.Local)
		}
		seen[attr] = true
		attr.Value = a.Value
		n.Attr = append(n.Attr, attr)
	}
	return nil
}

func (p *parser) end(e xml.EndElement, at int64) error {
	if len(p.stack) == 0 || p.stack[len(p.stack)-1].name != e.Name {
		return fmt.Errorf("</%s> ends nothing", e.Name.Local)
	}
	top := p.stack[len(p.stack)-1]
	p.stack = p.stack[:len(p.stack)-1]
	top.node.Raw = p.input[top.start:p.dec.InputOffset()]
	top.node.At.Close, top.node.At.End = p.mark+int(at), p.mark+int(p.dec.InputOffset())
	return nil
}

// Is tells whether the element has this name.
func (n *Node) Is(space, local string) bool { return n.Space == space && n.Local == local }

// Get is the value of an attribute without namespace, "" where there is none.
func (n *Node) Get(local string) string {
	for _, a := range n.Attr {
		if a.Space == "" && a.Local == local {
			return a.Value
		}
	}
	return ""
}

// Prefix is the prefix that the element is written with.
func (n *Node) Prefix() string { return n.prefix }

// Bindings are the namespaces in scope by their prefixes, the default one by "";
// that of "xml" is left out.
func (n *Node) Bindings() map[string]string {
	all := map[string]string{}
	for s := n.scope; s != nil; s = s.outer {
		for prefix, space := range s.prefixes {
			if _, inner := all[prefix]; !inner && prefix != "xml" {
				all[prefix] = space
			}
		}
	}
	return all
}

// Fragment is the element as written, with the namespace declarations that it
// needs of its ancestors', so that it can stand in another document. Err tells
// whether all of a document's fragments together got too long; they are empty
// from then on.
func (n *Node) Fragment() string {
	raw := string(n.Raw)
	end := strings.IndexAny(raw, " \t\r\n/>")
	needed := map[string]string{}
	for s := n.scope; s != nil; s = s.outer {
		for prefix, space := range s.prefixes {
			if _, inner := needed[prefix]; !inner && n.needs(prefix) {
				needed[prefix] = space
			}
		}
	}
	if _, ok := needed[""]; !ok && n.needs("") {
		needed[""] = ""
	}
	var b strings.Builder
	b.WriteString(raw[:end])
	for _, prefix := range slices.Sorted(maps.Keys(needed)) {
		b.WriteString(declaration(prefix, needed[prefix]))
	}
	b.WriteString(raw[end:])
	if n.tree.left -= b.Len(); n.tree.left < 0 {
		return ""
	}
	return b.String()
}

// Err says after the fragments were taken whether they were too long.
func (n *Node) Err() error {
	if n.tree.left < 0 {
		return errors.New("too much of the document is not known")
	}
	return nil
}

// needs tells whether the element takes a prefix from outside. A prefix counts
// wherever it is written, since it may stand in a value.
func (n *Node) needs(prefix string) bool {
	if _, own := n.declared[prefix]; own {
		return false
	}
	if prefix != "" {
		return bytes.Contains(n.Raw, []byte(prefix+":"))
	}
	return n.unprefixed()
}

// unprefixed tells whether the element or one inside it is written without a
// prefix.
func (n *Node) unprefixed() bool {
	return n.prefix == "" || slices.ContainsFunc(n.Children, (*Node).unprefixed)
}
