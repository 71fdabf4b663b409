package presence

import (
	"slices"
	"time"

	"lamplight/body/pidf"
)

// State is a person's state in one word, for people and commands.
type State uint8

// The states, the one that says most first: of two, the smaller wins.
const (
	OnThePhone State = iota + 1
	DND
	Meeting
	OutOfOffice
	Busy
	Away
	Available
	Offline
	Unknown
)

// look is how a state is written: its word, the activity of RFC 4480 §3.2, and
// the note for phones that show only text.
type look struct{ word, activity, note string }

var looks = [...]look{
	OnThePhone:  {"on-the-phone", "on-the-phone", "On the phone"},
	DND:         {"dnd", "busy", "Do not disturb"},
	Meeting:     {"meeting", "meeting", "In a meeting"},
	OutOfOffice: {"out-of-office", "vacation", "Out of office"},
	Busy:        {"busy", "busy", "Busy"},
	Away:        {"away", "away", "Away"},
	Available:   {"available", "", "Available"},
	Offline:     {"offline", "", "Offline"},
	Unknown:     {"unknown", "", ""},
}

// similar are activities that mean a state whose own activity is another.
var similar = map[string]State{"appointment": Meeting, "travel": OutOfOffice, "holiday": OutOfOffice,
	"permanent-absence": OutOfOffice, "meal": Away, "steering": Away, "in-transit": Away, "sleeping": Away}

func (s State) String() string {
	if int(s) < len(looks) && s > 0 {
		return looks[s].word
	}
	return looks[Unknown].word
}

// ParseState finds a state by its word.
func ParseState(word string) (State, bool) {
	i := slices.IndexFunc(looks[:], func(l look) bool { return l.word == word && word != "" })
	return State(max(i, 0)), i > 0
}

// StateOf reads a document, ours or another server's: its state, the note that
// a person wrote, and since when it is so (zero: not said).
func StateOf(p *pidf.Presence) (s State, note string, since time.Time) {
	s = basic(p)
	if s != Offline {
		s = min(s, activity(p))
	}
	for _, n := range notes(p) {
		if own, ok := ofNote(n.Text); !ok {
			note = n.Text
		} else if s != Offline {
			s = min(s, own)
		}
	}
	for _, t := range p.Tuples {
		since = later(since, t.Timestamp)
	}
	for _, person := range p.Persons {
		since = later(since, person.Timestamp)
	}
	return s, note, since
}

// basic is what the tuples say: open if one of them is.
func basic(p *pidf.Presence) State {
	s := Unknown
	for _, t := range p.Tuples {
		switch t.Basic {
		case "open":
			return Available
		case "closed":
			s = Offline
		}
	}
	return s
}

func activity(p *pidf.Presence) State {
	s := Unknown
	for _, person := range p.Persons {
		for _, a := range person.Activities {
			s = min(s, ofActivity(a))
		}
	}
	return s
}

func ofActivity(a string) State {
	if s, ok := similar[a]; ok {
		return s
	}
	for s := Unknown - 1; s > 0; s-- { // busy before dnd: the activity alone says no more
		if looks[s].activity == a {
			return s
		}
	}
	return Unknown
}

// ofNote recognises the notes of our own table.
func ofNote(text string) (State, bool) {
	for s := range looks {
		if looks[s].note == text && text != "" {
			return State(s), true
		}
	}
	return 0, false
}

func notes(p *pidf.Presence) (all []pidf.Note) {
	all = append(all, p.Notes...)
	for _, person := range p.Persons {
		all = append(all, person.Notes...)
	}
	for _, t := range p.Tuples {
		all = append(all, t.Notes...)
	}
	return all
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// Publication is the document by which a user agent publishes a state.
func Publication(entity, tuple string, s State, note string, now time.Time) *pidf.Presence {
	p := &pidf.Presence{Entity: entity}
	t := pidf.Tuple{ID: tuple, Basic: "open", Timestamp: now}
	switch s {
	case Offline:
		t.Basic = "closed"
	case Unknown:
		t.Basic = ""
	}
	p.Tuples = []pidf.Tuple{t}
	person := pidf.Person{ID: "person-" + tuple, Timestamp: now}
	if a := looks[s].activity; a != "" {
		person.Activities = []string{a}
	}
	if s == DND {
		person.Notes = []pidf.Note{{Text: looks[DND].note}}
	}
	if note != "" {
		person.Notes = append(person.Notes, pidf.Note{Text: note})
	}
	if person.Activities != nil || person.Notes != nil {
		p.Persons = []pidf.Person{person}
	}
	return p
}
