package presence

import (
	"slices"

	"lamplight/body/pidf"
	"lamplight/body/xpidf"
	"lamplight/event"
)

// Encode prints a document about the URI that was watched.
func (Package) Encode(entity string, d event.Document, f event.Format) (event.Body, error) {
	doc := *d.(*pidf.Presence)
	doc.Entity = entity
	switch {
	case f.Type == LampType:
		return event.Body{Head: lampJSON(&doc)}, nil
	case f.Type == xpidf.Type:
		old := older(&doc)
		return event.Body{Head: old.Append(nil)}, nil
	case f.Profile&event.CiscoActivities != 0:
		return event.Body{Head: doc.AppendCisco(nil, ciscoActivity(&doc))}, nil
	case f.Profile&event.DigiumPresence != 0:
		doc.Tuples = append(slices.Clip(doc.Tuples), digium(&doc))
	}
	doc.Persons = slices.Clone(doc.Persons)
	for i := range doc.Persons { // no client knows our words: do not disturb is busy, with a note
		doc.Persons[i].DND, doc.Persons[i].Manual = false, false
	}
	return event.Body{Head: doc.Append(nil)}, nil
}

// digium is the tuple in which Digium's phones look for more than the others
// tell: one of six words, and what the person wrote.
func digium(doc *pidf.Presence) pidf.Tuple {
	s, note, _ := StateOf(doc)
	return pidf.DigiumTuple(s.look().digium, note)
}

// older is what the format before PIDF can say.
func older(doc *pidf.Presence) xpidf.Presence {
	s, _, _ := StateOf(doc)
	l := s.look()
	return xpidf.Presence{Entity: doc.Entity, Status: l.xpidf[0], Substatus: l.xpidf[1], Note: l.note}
}

// ciscoActivity is the one activity that Cisco's enterprise phones show.
func ciscoActivity(doc *pidf.Presence) pidf.CiscoActivity {
	s, _, _ := StateOf(doc)
	return s.look().cisco
}
