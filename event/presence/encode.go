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
	case f.Type == xpidf.Type:
		old := older(&doc)
		return event.Body{Head: old.Append(nil)}, nil
	case f.Profile&event.CiscoActivities != 0:
		return event.Body{Head: doc.AppendCisco(nil, ciscoActivity(&doc))}, nil
	case f.Profile&event.DigiumPresence != 0:
		doc.Tuples = append(slices.Clip(doc.Tuples), digium(&doc))
	}
	return event.Body{Head: doc.Append(nil)}, nil
}

// digium is the tuple in which Digium's phones look for more than the others
// tell: one of six words, and what the person wrote.
func digium(doc *pidf.Presence) pidf.Tuple {
	s, note, _ := StateOf(doc)
	word := "available"
	switch {
	case s == DND:
		word = "dnd"
	case s == Offline || s == Unknown:
		word = "unavailable"
	case s == OutOfOffice:
		word = "xa"
	case s == Away || s == Busy || s == Meeting:
		word = "away"
	}
	return pidf.DigiumTuple(word, note)
}

// older is what the format before PIDF can say.
func older(doc *pidf.Presence) xpidf.Presence {
	s, _, _ := StateOf(doc)
	out := xpidf.Presence{Entity: doc.Entity, Status: xpidf.Open, Substatus: "online", Note: looks[s].note}
	switch {
	case s.isCall() || s == InDoubt:
		out.Status, out.Substatus = xpidf.InUse, "onthephone"
	case s == DND || s == Meeting || s == Busy:
		out.Status, out.Substatus = xpidf.InUse, "busy"
	case s == Away || s == OutOfOffice:
		out.Status, out.Substatus = xpidf.Inactive, "away"
	case s == Offline || s == Unknown:
		out.Status, out.Substatus = xpidf.Closed, "offline"
	}
	return out
}

// ciscoActivity is the one activity that Cisco's enterprise phones show.
func ciscoActivity(doc *pidf.Presence) pidf.CiscoActivity {
	switch s, _, _ := StateOf(doc); {
	case s == Ringing:
		return pidf.CiscoAlerting
	case s.isCall() || s == InDoubt:
		return pidf.CiscoOnThePhone
	case s == DND:
		return pidf.CiscoDND
	case s == Busy || s == Meeting:
		return pidf.CiscoBusy
	case s == Away || s == OutOfOffice:
		return pidf.CiscoAway
	}
	return ""
}
