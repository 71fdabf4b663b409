// Package pidf is the Presence Information Data Format (RFC 3863) with the
// persons and devices of RFC 4479, what RPID says of them (RFC 4480), statuses
// with a time (RFC 4481) and where somebody is (RFC 4119), each a part of its own
// that can be left out. What it does not know, contact information (RFC 4482) and
// capabilities (RFC 5196) among it, it passes on as it came; it follows no schema
// strictly, since products in use do not.
package pidf

import (
	"errors"
	"strings"
	"time"

	"lamplight/body/internal/xmltree"
)

// Type is the document's media type.
const Type = "application/pidf+xml"

// Namespaces.
const (
	Space     = "urn:ietf:params:xml:ns:pidf"
	dataModel = "urn:ietf:params:xml:ns:pidf:data-model"
	rpid      = "urn:ietf:params:xml:ns:pidf:rpid"
	timed     = "urn:ietf:params:xml:ns:pidf:timed-status"
)

// MaxItems is how many tuples, persons, devices, notes and other elements of the root
// a document may have in all.
const MaxItems = 256

// Presence is one document.
type Presence struct {
	Entity   string
	Tuples   []Tuple
	Persons  []Person
	Devices  []Device
	Notes    []Note
	Elements []Element // others
	Location []Element // of those, what tells where somebody is
}

// Note is a remark in a language; "" names none.
type Note struct{ Lang, Text string }

// Parse reads a document.
func Parse(b []byte) (*Presence, error) {
	root, err := xmltree.Parse(b)
	switch {
	case err != nil:
		return nil, err
	case !root.Is(Space, "presence"):
		return nil, errors.New("the root element is not a presence of " + Space)
	}
	p := &Presence{Entity: strings.TrimSpace(root.Get("entity"))}
	for _, n := range root.Children {
		p.element(n)
	}
	if len(p.Tuples)+len(p.Persons)+len(p.Devices)+len(p.Notes)+len(p.Elements)+len(p.Location) > MaxItems {
		return nil, errors.New("too many elements in presence")
	}
	if err := root.Err(); err != nil {
		return nil, err
	}
	return p, nil
}

func (p *Presence) element(n *xmltree.Node) {
	switch {
	case n.Is(Space, "tuple"):
		t, said := tuple(n)
		p.Tuples = append(p.Tuples, t)
		if said.said() {
			p.Persons = append(p.Persons, said)
		}
	case isPerson(n):
		p.Persons = append(p.Persons, person(n))
	case n.Is(dataModel, "device"):
		p.Devices = append(p.Devices, device(n))
	case n.Is(Space, "note"):
		p.Notes = append(p.Notes, note(n))
	default:
		keep(&p.Elements, &p.Location, n)
	}
}

func isRPID(space string) bool {
	return strings.HasPrefix(space, Space+":") && strings.Contains(space, "rpid")
}

func note(n *xmltree.Node) Note {
	out := Note{Text: strings.TrimSpace(n.Text)}
	for _, a := range n.Attr {
		if a.Local == "lang" {
			out.Lang = a.Value
		}
	}
	return out
}

// timestamp is a time; one that cannot be read counts as none.
func timestamp(text string) time.Time {
	at, err := time.Parse(time.RFC3339, strings.TrimSpace(text))
	if err != nil || at.UTC().Year() < 1 || at.UTC().Year() > 9999 {
		return time.Time{}
	}
	return at.UTC()
}
