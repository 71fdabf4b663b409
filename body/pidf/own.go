package pidf

import (
	"strings"
	"time"

	"lamplight/body/internal/xmltree"
)

// Own is the namespace of the project's own elements, as no RFC has a word for
// them: a person's <dnd/>, who does not want to be disturbed, and <manual/>, who
// chose by hand what is said of them; either optionally with the time until which
// it holds: <dnd xmlns="urn:lamplight:presence" until="2026-11-25T15:00:00Z"/>.
const Own = "urn:lamplight:presence"

// cisco is the namespace of Cisco's enterprise phones, who have a <dnd/> too,
// among the activities.
const cisco = "urn:cisco:params:xml:ns:pidf:rpid"

// NoteDND is the note that says the same to people, and to clients that read
// nothing else.
const NoteDND = "Do not disturb"

// DND tells whether the person does not want to be disturbed, and when that
// changes by itself (zero: never). A note counts where no element says it.
func (p *Presence) DND(now time.Time) (on bool, until time.Time) {
	said := false
	for i := range p.Persons {
		q := &p.Persons[i]
		said = said || q.DND
		switch {
		case !q.DND || !q.DNDUntil.IsZero() && !q.DNDUntil.After(now):
		case q.DNDUntil.IsZero():
			return true, time.Time{}
		default:
			on = true
			if q.DNDUntil.After(until) {
				until = q.DNDUntil
			}
		}
	}
	for _, n := range p.AllNotes() {
		if !said && IsNoteDND(n.Text) {
			return true, time.Time{}
		}
	}
	return on, until
}

// IsNoteDND tells whether a note says that its writer does not want to be
// disturbed.
func IsNoteDND(text string) bool {
	return strings.EqualFold(text, NoteDND) || strings.EqualFold(text, "dnd")
}

// AllNotes are the notes of the document, of its persons and of its tuples.
func (p *Presence) AllNotes() (all []Note) {
	all = append(all, p.Notes...)
	for i := range p.Persons {
		q := &p.Persons[i]
		all = append(append(all, q.Notes...), q.ActivityNotes...)
		for _, t := range q.Timed {
			all = append(all, t.Notes...)
		}
	}
	for _, t := range p.Tuples {
		all = append(all, t.Notes...)
	}
	return all
}

// own reads the project's own elements, and the one of Cisco's that means the same;
// ok is false where an element is none of them.
func (p *Person) own(n *xmltree.Node) (ok bool) {
	until := timestamp(n.Get("until"))
	switch {
	case n.Is(Own, "dnd"), n.Is(cisco, "dnd"):
		p.DND, p.DNDUntil = true, until
	case n.Is(Own, "manual"):
		p.Manual, p.ManualUntil = true, until
	default:
		return false
	}
	return true
}

func (p *Person) appendOwn(b []byte) []byte {
	if p.DND {
		b = appendEnding(b, "dnd", p.DNDUntil)
	}
	if p.Manual {
		b = appendEnding(b, "manual", p.ManualUntil)
	}
	return b
}

func appendEnding(b []byte, name string, until time.Time) []byte {
	b = append(append(b, '<'), name...)
	return append(appendBounds(append(b, ` xmlns="`+Own+`"`...), time.Time{}, until), "/>\n"...)
}
