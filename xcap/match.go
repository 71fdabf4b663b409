package xcap

import (
	"slices"

	"lamplight/body/xmldoc"
)

// named are the children that a step's name fits.
func (s *step) named(children []*xmldoc.Element, u *usage) []*xmldoc.Element {
	if s.any {
		return children
	}
	var list []*xmldoc.Element
	for _, e := range children {
		if e.Is(s.name.in(u), s.name.local) {
			list = append(list, e)
		}
	}
	return list
}

// choose are the children that a step selects.
func (s *step) choose(children []*xmldoc.Element, u *usage) []*xmldoc.Element {
	list := s.named(children, u)
	if s.pos > len(list) {
		return nil
	}
	if s.pos > 0 {
		list = list[s.pos-1 : s.pos]
	}
	if s.attr == nil {
		return list
	}
	return slices.DeleteFunc(slices.Clone(list), func(e *xmldoc.Element) bool {
		return !slices.Contains(e.Attr, xmldoc.ElementAttr{Space: s.attr.space, Local: s.attr.local, Value: s.attr.value})
	})
}

// parent is the element that holds the last step's, and how many steps have led
// to an element. It is nil for the document itself, when found is true.
func (n *node) parent(d *xmldoc.Document, u *usage, steps []step) (e *xmldoc.Element, done int, found bool) {
	children := []*xmldoc.Element{d.Root}
	for i := range steps {
		list := steps[i].choose(children, u)
		if len(list) != 1 {
			return e, i, false
		}
		e, children = list[0], list[0].Children
	}
	return e, len(steps), true
}

// elements are those that the selector's steps select, one where it is valid.
func (n *node) elements(d *xmldoc.Document, u *usage) []*xmldoc.Element {
	last := len(n.steps) - 1
	e, _, ok := n.parent(d, u, n.steps[:last])
	if !ok {
		return nil
	}
	return n.steps[last].choose(children(d, e), u)
}

func children(d *xmldoc.Document, e *xmldoc.Element) []*xmldoc.Element {
	if e == nil {
		return []*xmldoc.Element{d.Root}
	}
	return e.Children
}

// element is the one that the steps select, nil where that is none or several.
func (n *node) element(d *xmldoc.Document, u *usage) *xmldoc.Element {
	if list := n.elements(d, u); len(list) == 1 {
		return list[0]
	}
	return nil
}

// attribute finds the selected attribute of an element.
func (n *node) attribute(d *xmldoc.Document, e *xmldoc.Element) (xmldoc.Attr, bool) {
	list := d.Attrs(e)
	i := slices.IndexFunc(list, func(a xmldoc.Attr) bool { return a.Space == n.attr.space && a.Local == n.attr.local })
	if i < 0 {
		return xmldoc.Attr{}, false
	}
	return list[i], true
}
