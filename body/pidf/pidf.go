// Package pidf is the Presence Information Data Format (RFC 3863) with the
// person of RFC 4479 and the activities of RFC 4480. What it does not know it
// passes on as it came; it follows no schema strictly, since products in use do
// not.
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
)

// Presence is one document.
type Presence struct {
	Entity  string
	Tuples  []Tuple
	Persons []Person
	Notes   []Note
	Extra   []string // other elements, each a fragment that stands alone
}

// Tuple is one way to reach the presentity (RFC 3863 §4.1.2).
type Tuple struct {
	ID        string
	Basic     string   // "open", "closed", or "" where it says neither
	Status    []string // other elements of status
	Contact   string
	Priority  string
	Notes     []Note
	Timestamp time.Time // zero: none
	Extra     []string
}

// Person is the human being (RFC 4479 §3.3).
type Person struct {
	ID         string
	Activities []string // names of RFC 4480 §3.2, "on-the-phone"
	Notes      []Note
	Timestamp  time.Time
	Extra      []string
}

// Note is a remark in a language; "" names none.
type Note struct{ Lang, Text string }

// Parse reads a document.
func Parse(b []byte) (*Presence, error) {
	root, err := xmltree.Parse(b)
	if err != nil {
		return nil, err
	}
	if !root.Is(Space, "presence") {
		return nil, errors.New("the root element is not a presence of " + Space)
	}
	p := &Presence{Entity: strings.TrimSpace(root.Get("entity"))}
	for _, n := range root.Children {
		switch {
		case n.Is(Space, "tuple"):
			p.Tuples = append(p.Tuples, tuple(n))
		case n.Is(dataModel, "person"):
			p.Persons = append(p.Persons, person(n))
		case n.Is(Space, "note"):
			p.Notes = append(p.Notes, note(n))
		default:
			p.Extra = append(p.Extra, n.Fragment())
		}
	}
	return p, nil
}

func tuple(n *xmltree.Node) Tuple {
	t := Tuple{ID: n.Get("id")}
	for _, c := range n.Children {
		switch {
		case c.Is(Space, "status"):
			t.status(c)
		case c.Is(Space, "contact"):
			t.Contact, t.Priority = strings.TrimSpace(c.Text), c.Get("priority")
		case c.Is(Space, "note"):
			t.Notes = append(t.Notes, note(c))
		case c.Is(Space, "timestamp"):
			t.Timestamp = timestamp(c)
		default:
			t.Extra = append(t.Extra, c.Fragment())
		}
	}
	return t
}

func (t *Tuple) status(n *xmltree.Node) {
	for _, c := range n.Children {
		if !c.Is(Space, "basic") {
			t.Status = append(t.Status, c.Fragment())
			continue
		}
		if basic := strings.ToLower(strings.TrimSpace(c.Text)); basic == "open" || basic == "closed" {
			t.Basic = basic
		}
	}
}

func person(n *xmltree.Node) Person {
	p := Person{ID: n.Get("id")}
	for _, c := range n.Children {
		switch {
		case c.Is(rpid, "activities"):
			p.activities(c)
		case c.Local == "note":
			p.Notes = append(p.Notes, note(c))
		case c.Local == "timestamp":
			p.Timestamp = timestamp(c)
		default:
			p.Extra = append(p.Extra, c.Fragment())
		}
	}
	return p
}

func (p *Person) activities(n *xmltree.Node) {
	for _, c := range n.Children {
		if c.Local == "note" {
			p.Notes = append(p.Notes, note(c))
		} else {
			p.Activities = append(p.Activities, c.Local)
		}
	}
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

// timestamp is an element's time; one that cannot be read counts as none.
func timestamp(n *xmltree.Node) time.Time {
	at, err := time.Parse(time.RFC3339, strings.TrimSpace(n.Text))
	if err != nil {
		return time.Time{}
	}
	return at
}
