package presence

import (
	"slices"
	"strings"
	"time"

	"lamplight/body/pidf"
)

// State is a person's state in one word, for people and commands.
type State uint8

// The states, the one that says most first: of two, the smaller wins.
const (
	OnThePhone State = iota + 1
	Ringing
	OnHold
	DND
	Meeting
	OutOfOffice
	Busy
	Away
	InDoubt // in a call, but nobody has said for a while that it goes on
	Available
	Offline
	Unknown
)

// look is how a state is written: its word, the activity of RFC 4480 §3.2, and
// the note for phones that show only text. They compare it as text.
type look struct{ word, activity, note string }

var looks = [...]look{
	OnThePhone:  {"on-the-phone", "on-the-phone", "On the phone"},
	Ringing:     {"ringing", "", "Ringing"},
	OnHold:      {"on-hold", "on-the-phone", "On hold"},
	DND:         {"dnd", "busy", pidf.NoteDND},
	Meeting:     {"meeting", "meeting", "In a meeting"},
	OutOfOffice: {"out-of-office", "vacation", "Out of office"},
	Busy:        {"busy", "busy", "Busy"},
	Away:        {"away", "away", "Away"},
	InDoubt:     {"", "unknown", "Unknown"},
	Available:   {"available", "", "Available"},
	Offline:     {"offline", "", "Unavailable"},
	Unknown:     {"unknown", "", ""},
}

// similar are activities that mean a state whose own activity is another.
var similar = map[string]State{"appointment": Meeting, "presentation": Meeting, "performance": Meeting,
	"travel": OutOfOffice, "holiday": OutOfOffice, "permanent-absence": OutOfOffice,
	"breakfast": Away, "lunch": Away, "dinner": Away, "meal": Away, "steering": Away, "in-transit": Away,
	"sleeping": Away, "shopping": Away}

// remarks are notes of other products that mean a state.
var remarks = map[string]State{"ready": Available, "open": Available, "online": Available,
	"offline": Offline, "closed": Offline}

func (s State) String() string {
	if int(s) < len(looks) && looks[s].word != "" {
		return looks[s].word
	}
	return looks[Unknown].word
}

// Token is the state's word for programs, in commands, interfaces and documents.
func (s State) Token() string { return s.String() }

// ParseState finds a state by its word.
func ParseState(word string) (State, bool) {
	i := slices.IndexFunc(looks[:], func(l look) bool { return l.word == word && word != "" })
	return State(max(i, 0)), i > 0
}

// isCall tells whether it is a call that makes the state.
func (s State) isCall() bool { return s == OnThePhone || s == Ringing || s == OnHold }

// StateOf reads a document, ours or another server's: its state, the note that
// a person wrote, and since when it is so (zero: not said).
func StateOf(p *pidf.Presence) (s State, note string, since time.Time) {
	if s = basic(p.Tuples); s != Offline {
		s = min(s, said(p))
	}
	if w := written(p.AllNotes()); w != nil {
		note = w[0].Text
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
func basic(tuples []pidf.Tuple) State {
	s := Unknown
	for _, t := range tuples {
		switch t.Basic {
		case "open":
			return Available
		case "closed":
			s = Offline
		}
	}
	return s
}

// said is the state that a document's activities and notes tell, whether or not
// the person can be reached; Unknown where they tell none. RFC 4480 has no word
// for ringing and hold, so a note makes the call that an activity tells of one
// of these.
func said(p *pidf.Presence) State {
	active, noted, call := Unknown, Unknown, Unknown
	for _, person := range p.Persons {
		if person.DND {
			noted = min(noted, DND)
		}
		for _, a := range person.Activities {
			active = min(active, ofActivity(a))
		}
		for _, t := range person.Timed {
			for _, a := range t.Activities {
				active = min(active, ofActivity(a))
			}
		}
	}
	for _, n := range p.AllNotes() {
		if s, ok := ofNote(n.Text); ok && s != Offline {
			noted = min(noted, s)
			if s.isCall() {
				call = min(call, s)
			}
		}
	}
	if active == OnThePhone && call != Unknown {
		return call
	}
	return min(active, noted)
}

func ofActivity(a string) State {
	if s, ok := similar[a]; ok {
		return s
	}
	switch a { // the activity alone says no more
	case looks[InDoubt].activity:
		return Unknown // RFC 4480 §3.2: no word on what somebody does
	case looks[OnThePhone].activity:
		return OnThePhone
	case looks[Busy].activity:
		return Busy
	}
	for s := OnThePhone; s < Unknown; s++ {
		if looks[s].activity == a && a != "" {
			return s
		}
	}
	return Unknown
}

// ofNote recognises notes that name a state.
func ofNote(text string) (State, bool) {
	if pidf.IsNoteDND(text) {
		return DND, true
	}
	for s := OnThePhone; s < Unknown; s++ {
		if strings.EqualFold(looks[s].note, text) {
			return s, true
		}
	}
	s, ok := remarks[strings.ToLower(text)]
	return s, ok
}

// later is the later of two times.
func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// Publication is the document by which a user agent publishes a state.
func Publication(entity, tuple string, s State, note string, now time.Time) *pidf.Presence {
	t := pidf.Tuple{ID: tuple, Basic: "open", Timestamp: now}
	switch s {
	case Offline:
		t.Basic = "closed"
	case Unknown:
		t.Basic = ""
	}
	person := pidf.Person{ID: "person-" + tuple, Timestamp: now, DND: s == DND}
	if a := looks[s].activity; a != "" {
		person.Activities = []string{a}
	}
	if s < Available && ofActivity(looks[s].activity) != s {
		person.Notes = []pidf.Note{{Lang: "en", Text: looks[s].note}}
	}
	if note != "" {
		person.Notes = append(person.Notes, pidf.Note{Text: note})
	}
	p := &pidf.Presence{Entity: entity, Tuples: []pidf.Tuple{t}}
	if person.Activities != nil || person.Notes != nil {
		p.Persons = []pidf.Person{person}
	}
	return p
}
