package pidf

import (
	"slices"
	"strings"
	"time"

	"lamplight/body/internal/xmltree"
)

// Element is an element that is passed on as it came.
type Element struct {
	Space, Local string    // its name
	From, Until  time.Time // when it holds, where it says so (RFC 4480 §3.1)
	Value        string    // its text or, where it has none, the name of its first child
	Raw          string    // the element, with all namespaces that it needs
}

// RPID and CIPID are the namespaces of the elements that RFC 4480 and RFC 4482
// have for persons, devices and services.
const (
	RPID  = rpid
	CIPID = "urn:ietf:params:xml:ns:pidf:cipid"
)

// Holds tells whether the element counts at a time.
func (e *Element) Holds(now time.Time) bool { return holds(e.From, e.Until, now) }

// holds tells whether a time lies between two others, where zero is no bound.
func holds(from, until, now time.Time) bool {
	return !from.After(now) && (until.IsZero() || until.After(now))
}

// UserInput is whether a service, a device or a person is in use (RFC 4480 §3.14).
type UserInput struct {
	State         string    // "active", "idle", or "" where nothing is said
	IdleThreshold string    // seconds after which it is called idle; "": not said
	LastInput     time.Time // zero: not said
}

// keep takes an element over, what tells where somebody is apart from the rest.
func keep(elements, location *[]Element, n *xmltree.Node) {
	e := Element{Space: n.Space, Local: n.Local, From: timestamp(n.Get("from")), Until: timestamp(n.Get("until")),
		Value: strings.TrimSpace(n.Text), Raw: n.Fragment()}
	if e.Value == "" && len(n.Children) > 0 {
		e.Value = n.Children[0].Local
	}
	if tellsWhere(n) {
		*location = append(*location, e)
	} else {
		*elements = append(*elements, e)
	}
}

// tellsWhere tells whether there is a location in an element (RFC 4119 §2.2),
// however deep.
func tellsWhere(n *xmltree.Node) bool {
	return strings.HasPrefix(n.Space, Space+":geopriv10") || slices.ContainsFunc(n.Children, tellsWhere)
}

// trait is what persons, devices and services have in common.
type trait struct {
	class *string
	input *UserInput
}

// read takes over a trait; ok is false where an element is none.
func (t trait) read(n *xmltree.Node) (ok bool) {
	text := strings.TrimSpace(n.Text)
	switch {
	case !isRPID(n.Space) || len(n.Children) > 0:
	case n.Local == "class" && *t.class == "" && text != "":
		*t.class, ok = text, true
	case n.Local == "user-input" && *t.input == UserInput{}:
		if text = strings.ToLower(text); text == "active" || text == "idle" {
			*t.input, ok = UserInput{text, strings.TrimSpace(n.Get("idle-threshold")), timestamp(n.Get("last-input"))}, true
		}
	}
	return ok
}

func (t trait) append(b []byte) []byte {
	if *t.class != "" {
		b = append(xmltree.AppendText(b, "rpid:class", *t.class), '\n')
	}
	if t.input.State == "" {
		return b
	}
	b = xmltree.AppendSome(append(b, "<rpid:user-input"...), "idle-threshold", t.input.IdleThreshold)
	if !t.input.LastInput.IsZero() {
		b = xmltree.AppendAttr(b, "last-input", t.input.LastInput.UTC().Format(time.RFC3339))
	}
	return append(append(append(b, '>'), t.input.State...), "</rpid:user-input>\n"...)
}

func appendElements(b []byte, all []Element) []byte {
	for i := range all {
		b = append(append(b, all[i].Raw...), '\n')
	}
	return b
}

func appendBounds(b []byte, from, until time.Time) []byte {
	if !from.IsZero() {
		b = xmltree.AppendAttr(b, "from", from.UTC().Format(time.RFC3339))
	}
	if !until.IsZero() {
		b = xmltree.AppendAttr(b, "until", until.UTC().Format(time.RFC3339))
	}
	return b
}
