package pidf

import (
	"strings"
	"time"

	"lamplight/body/internal/xmltree"
)

// Own is the namespace of the project's own elements. There is one, a person's
// <dnd/>, optionally with the time until which it holds, as no RFC has a word for
// it: <dnd xmlns="urn:lamplight:presence" until="2026-11-25T15:00:00Z"/>.
const Own = "urn:lamplight:presence"

// cisco is the namespace of Cisco's enterprise phones, who have a <dnd/> too,
// among the activities.
const cisco = "urn:cisco:params:xml:ns:pidf:rpid"

// NoteDND is the note that says the same to people, and to clients that read
// nothing else.
const NoteDND = "Do not disturb"

// DND tells whether the person does not want to be disturbed, and when that
// changes by itself (zero: never).
func (p *Presence) DND(now time.Time) (on bool, until time.Time) {
	for i := range p.Persons {
		switch q := &p.Persons[i]; {
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
		if IsNoteDND(n.Text) {
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
	for _, person := range p.Persons {
		all = append(all, person.Notes...)
	}
	for _, t := range p.Tuples {
		all = append(all, t.Notes...)
	}
	return all
}

func (p *Person) readDND(n *xmltree.Node) {
	p.DND, p.DNDUntil = true, timestamp(n.Get("until"))
}

func (p *Person) appendDND(b []byte) []byte {
	if !p.DND {
		return b
	}
	b = append(b, `<dnd xmlns="`+Own+`"`...)
	if !p.DNDUntil.IsZero() {
		b = xmltree.AppendAttr(b, "until", p.DNDUntil.UTC().Format(time.RFC3339))
	}
	return append(b, "/>\n"...)
}
