// Package pidf is the Presence Information Data Format (RFC 3863) with the
// person of RFC 4479 and the activities of RFC 4480. What it does not know it
// passes on as it came; it follows no schema strictly, since products in use do
// not.
package pidf

import (
	"errors"
	"slices"
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

// MaxItems is how many tuples, persons, notes and unknown elements of the root
// a document may have in all.
const MaxItems = 256

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
	Timed      []Timed  // activities that last from a time until another
	Others     []string // activities with more than a name, fragments
	DND        bool     // does not want to be disturbed
	DNDUntil   time.Time
	Notes      []Note
	Timestamp  time.Time
	Extra      []string
}

// Timed is what somebody does within a time (RFC 4480 §3.1); a zero time is no
// bound.
type Timed struct {
	From, Until time.Time
	Activities  []string
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
	if len(p.Tuples)+len(p.Persons)+len(p.Notes)+len(p.Extra) > MaxItems {
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
	case n.Is(Space, "note"):
		p.Notes = append(p.Notes, note(n))
	default:
		p.Extra = append(p.Extra, n.Fragment())
	}
}

// tuple reads a tuple, and the activities that drafts of RFC 4480 had in its
// status: they are the person's.
func tuple(n *xmltree.Node) (Tuple, Person) {
	t, said := Tuple{ID: n.Get("id")}, Person{}
	for _, c := range n.Children {
		switch {
		case c.Is(Space, "status"):
			t.status(c, &said)
		case c.Is(Space, "contact"):
			t.Contact, t.Priority = strings.TrimSpace(c.Text), c.Get("priority")
		case c.Is(Space, "note"):
			t.Notes = append(t.Notes, note(c))
		case c.Is(Space, "timestamp"):
			t.Timestamp = timestamp(c.Text)
		default:
			t.Extra = append(t.Extra, c.Fragment())
		}
	}
	return t, said
}

func (t *Tuple) status(n *xmltree.Node, said *Person) {
	for _, c := range n.Children {
		switch {
		case c.Is(Space, "basic"):
			if basic := strings.ToLower(strings.TrimSpace(c.Text)); basic == "open" || basic == "closed" {
				t.Basic = basic
			}
		case isActivities(c):
			said.activities(c)
		default:
			t.Status = append(t.Status, c.Fragment())
		}
	}
}

// isPerson knows the person of RFC 4479 and of its drafts.
func isPerson(n *xmltree.Node) bool {
	return n.Local == "person" && (n.Space == dataModel || n.Space == Space+":person")
}

// isActivities knows the activities of RFC 4480 and of its drafts.
func isActivities(n *xmltree.Node) bool { return n.Local == "activities" && isRPID(n.Space) }

func isRPID(space string) bool {
	return strings.HasPrefix(space, Space+":") && strings.Contains(space, "rpid")
}

func person(n *xmltree.Node) Person {
	p := Person{ID: n.Get("id")}
	p.read(n)
	return p
}

func (p *Person) read(n *xmltree.Node) {
	for _, c := range n.Children {
		switch {
		case isActivities(c):
			p.activities(c)
		case c.Local == "status": // of a draft
			p.read(c)
		case c.Local == "note":
			p.Notes = append(p.Notes, note(c))
		case c.Local == "timestamp":
			p.Timestamp = timestamp(c.Text)
		case c.Is(Own, "dnd"):
			p.readDND(c)
		default:
			p.Extra = append(p.Extra, c.Fragment())
		}
	}
}

func (p *Person) said() bool {
	return p.Activities != nil || p.Timed != nil || p.Others != nil || p.Notes != nil || p.DND
}

func (p *Person) activities(n *xmltree.Node) {
	var names []string
	for _, c := range n.Children {
		switch {
		case c.Local == "note":
			p.Notes = append(p.Notes, note(c))
		case c.Is(cisco, "dnd"):
			p.readDND(c)
		case isRPID(c.Space) && c.Local == "activity": // of a draft
			names = appendKnown(names, c.Text)
		case isRPID(c.Space) && len(c.Children) == 0 && len(c.Attr) == 0 && (c.Local != "other" || strings.TrimSpace(c.Text) == ""):
			names = append(names, c.Local)
		default:
			p.Others = append(p.Others, c.Fragment())
		}
	}
	if len(n.Children) == 0 {
		names = appendKnown(names, n.Text)
	}
	t := Timed{timestamp(n.Get("from")), timestamp(n.Get("until")), names}
	if t.From.IsZero() && t.Until.IsZero() {
		p.Activities = append(p.Activities, names...)
	} else if names != nil {
		p.Timed = append(p.Timed, t)
	}
}

// Activities lists the names of RFC 4480 §3.2.
var Activities = []string{"appointment", "away", "breakfast", "busy", "dinner", "holiday", "in-transit",
	"looking-for-work", "lunch", "meal", "meeting", "on-the-phone", "other", "performance", "permanent-absence",
	"playing", "presentation", "shopping", "sleeping", "spectator", "steering", "travel", "tv", "unknown",
	"vacation", "working", "worship"}

// appendKnown appends an activity that is written as text.
func appendKnown(names []string, text string) []string {
	if name := strings.ToLower(strings.TrimSpace(text)); slices.Contains(Activities, name) {
		return append(names, name)
	}
	return names
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
