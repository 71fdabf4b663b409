package pidf

import (
	"strings"
	"time"

	"lamplight/body/internal/xmltree"
)

// Tuple is a service, one way to reach the presentity (RFC 3863 §4.1.2).
type Tuple struct {
	ID        string
	Basic     string        // "open", "closed", or "" where it says neither
	Status    []Element     // others of its status
	Timed     []TimedStatus // what its status is at other times
	Location  []Element     // where it is
	DeviceIDs []string      // of the devices that it runs on
	Class     string
	UserInput UserInput
	Elements  []Element
	Contact   string
	Priority  string
	Notes     []Note
	Timestamp time.Time // zero: none
}

// TimedStatus is what a tuple's status is from one time until another (RFC 4481
// §3); a zero Until is no bound.
type TimedStatus struct {
	From, Until time.Time
	Basic       string
	Notes       []Note
	Elements    []Element
	Location    []Element
}

// Holds tells whether the status counts at a time.
func (s *TimedStatus) Holds(now time.Time) bool { return holds(s.From, s.Until, now) }

// tuple reads a tuple, and the activities that drafts of RFC 4480 had in its
// status: they are the person's.
func tuple(n *xmltree.Node) (Tuple, Person) {
	t, said := Tuple{ID: n.Get("id")}, Person{}
	for _, c := range n.Children {
		switch {
		case c.Is(Space, "status"):
			t.status(c, &said)
		case c.Is(timed, "timed-status") && !timestamp(c.Get("from")).IsZero():
			t.Timed = append(t.Timed, timedStatus(c))
		case c.Is(Space, "contact"):
			t.Contact, t.Priority = strings.TrimSpace(c.Text), c.Get("priority")
		case c.Is(Space, "note"):
			t.Notes = append(t.Notes, note(c))
		case c.Is(Space, "timestamp"):
			t.Timestamp = timestamp(c.Text)
		case isDeviceID(c):
			t.DeviceIDs = append(t.DeviceIDs, strings.TrimSpace(c.Text))
		case trait{&t.Class, &t.UserInput}.read(c):
		default:
			keep(&t.Elements, &t.Location, c)
		}
	}
	return t, said
}

func (t *Tuple) status(n *xmltree.Node, said *Person) {
	for _, c := range n.Children {
		switch {
		case c.Is(Space, "basic"):
			t.Basic = basic(c, t.Basic)
		case isActivities(c):
			said.activities(c)
		default:
			keep(&t.Status, &t.Location, c)
		}
	}
}

// basic is what an element says; what it was before where it says nothing known.
func basic(n *xmltree.Node, before string) string {
	if word := strings.ToLower(strings.TrimSpace(n.Text)); word == "open" || word == "closed" {
		return word
	}
	return before
}

func timedStatus(n *xmltree.Node) TimedStatus {
	s := TimedStatus{From: timestamp(n.Get("from")), Until: timestamp(n.Get("until"))}
	for _, c := range n.Children {
		switch {
		case c.Is(timed, "basic"), c.Is(Space, "basic"):
			s.Basic = basic(c, s.Basic)
		case c.Is(timed, "note"), c.Is(Space, "note"):
			s.Notes = append(s.Notes, note(c))
		default:
			keep(&s.Elements, &s.Location, c)
		}
	}
	return s
}

func (t *Tuple) append(b []byte) []byte {
	b = append(xmltree.AppendAttr(append(b, "<tuple"...), "id", t.ID), "><status>"...)
	if t.Basic != "" {
		b = append(b, "<basic>"+t.Basic+"</basic>"...)
	}
	b = append(appendElements(appendElements(b, t.Location), t.Status), "</status>\n"...)
	for i := range t.Timed {
		b = t.Timed[i].append(b)
	}
	for _, id := range t.DeviceIDs {
		b = append(xmltree.AppendText(b, "dm:deviceID", id), '\n')
	}
	b = trait{&t.Class, &t.UserInput}.append(b)
	b = appendElements(b, t.Elements)
	if t.Contact != "" {
		b = append(b, "<contact"...)
		if t.Priority != "" {
			b = xmltree.AppendAttr(b, "priority", t.Priority)
		}
		b = append(xmltree.AppendEscaped(append(b, '>'), t.Contact), "</contact>\n"...)
	}
	b = appendNotes(b, "note", t.Notes)
	b = appendTime(b, "timestamp", t.Timestamp)
	return append(b, "</tuple>\n"...)
}

func (s *TimedStatus) append(b []byte) []byte {
	b = appendBounds(append(b, `<ts:timed-status xmlns:ts="`+timed+`"`...), s.From, s.Until)
	b = append(b, '>')
	if s.Basic != "" {
		b = append(b, "<ts:basic>"+s.Basic+"</ts:basic>"...)
	}
	b = appendNotes(b, "ts:note", s.Notes)
	b = appendElements(appendElements(b, s.Location), s.Elements)
	return append(b, "</ts:timed-status>\n"...)
}
