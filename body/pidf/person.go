package pidf

import (
	"slices"
	"strings"
	"time"

	"lamplight/body/internal/xmltree"
)

// Person is the human being (RFC 4479 §3.2).
type Person struct {
	ID            string
	Activities    []string // names of RFC 4480 §3.2, "on-the-phone"
	Others        []string // activities with more than a name, fragments
	ActivityNotes []Note   // that are part of the activities
	Timed         []Timed  // activities that last from a time until another
	DND           bool     // does not want to be disturbed
	DNDUntil      time.Time
	Manual        bool // the person chose what is said here
	ManualUntil   time.Time
	Class         string
	UserInput     UserInput
	Elements      []Element
	Location      []Element // where the person is
	Notes         []Note
	Timestamp     time.Time
}

// Timed is what somebody does within a time (RFC 4480 §3.1); a zero time is no
// bound.
type Timed struct {
	From, Until time.Time
	Activities  []string
	Others      []string
	Notes       []Note
}

// Holds tells whether the activities count at a time.
func (t *Timed) Holds(now time.Time) bool { return holds(t.From, t.Until, now) }

// isPerson knows the person of RFC 4479 and of its drafts.
func isPerson(n *xmltree.Node) bool {
	return n.Local == "person" && (n.Space == dataModel || n.Space == Space+":person")
}

// isActivities knows the activities of RFC 4480 and of its drafts.
func isActivities(n *xmltree.Node) bool { return n.Local == "activities" && isRPID(n.Space) }

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
		case p.own(c), trait{&p.Class, &p.UserInput}.read(c):
		default:
			keep(&p.Elements, &p.Location, c)
		}
	}
}

func (p *Person) said() bool {
	return p.Activities != nil || p.Timed != nil || p.Others != nil || p.ActivityNotes != nil || p.DND
}

func (p *Person) activities(n *xmltree.Node) {
	t := Timed{From: timestamp(n.Get("from")), Until: timestamp(n.Get("until"))}
	for _, c := range n.Children {
		switch {
		case c.Local == "note":
			t.Notes = append(t.Notes, note(c))
		case c.Is(cisco, "dnd"):
			p.own(c)
		case isRPID(c.Space) && c.Local == "activity": // of a draft
			t.Activities = appendKnown(t.Activities, c.Text)
		case isRPID(c.Space) && len(c.Children) == 0 && len(c.Attr) == 0 && (c.Local != "other" || strings.TrimSpace(c.Text) == ""):
			t.Activities = append(t.Activities, c.Local)
		default:
			t.Others = append(t.Others, c.Fragment())
		}
	}
	if len(n.Children) == 0 {
		t.Activities = appendKnown(t.Activities, n.Text)
	}
	switch {
	case t.From.IsZero() && t.Until.IsZero():
		p.Activities = append(p.Activities, t.Activities...)
		p.Others = append(p.Others, t.Others...)
		p.ActivityNotes = append(p.ActivityNotes, t.Notes...)
	case t.Activities != nil || t.Others != nil || t.Notes != nil:
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

// Sphere is what a person calls the part of life that they are in, "work" (RFC
// 4480 §3.11); "" where nothing is said.
func (p *Presence) Sphere(now time.Time) string {
	for i := range p.Persons {
		for _, e := range p.Persons[i].Elements {
			if e.Local == "sphere" && e.Space == rpid && e.Holds(now) {
				return e.Value
			}
		}
	}
	return ""
}

func (p *Person) append(b []byte) []byte {
	b = append(xmltree.AppendAttr(append(b, "<dm:person"...), "id", p.ID), ">\n"...)
	b = appendActivities(b, &Timed{Activities: p.Activities, Others: p.Others, Notes: p.ActivityNotes})
	for i := range p.Timed {
		b = appendActivities(b, &p.Timed[i])
	}
	b = p.appendOwn(b)
	b = trait{&p.Class, &p.UserInput}.append(b)
	b = appendElements(appendElements(b, p.Elements), p.Location)
	b = appendNotes(b, "dm:note", p.Notes)
	b = appendTime(b, "dm:timestamp", p.Timestamp)
	return append(b, "</dm:person>\n"...)
}

func appendActivities(b []byte, t *Timed) []byte {
	if len(t.Activities) == 0 && len(t.Others) == 0 && len(t.Notes) == 0 {
		return b
	}
	b = append(appendBounds(append(b, "<rpid:activities"...), t.From, t.Until), '>')
	for _, n := range t.Notes {
		b = appendNote(b, "rpid:note", n)
	}
	for _, a := range t.Activities {
		b = append(b, "<rpid:"+a+"/>"...)
	}
	for _, f := range t.Others {
		b = append(b, f...)
	}
	return append(b, "</rpid:activities>\n"...)
}
