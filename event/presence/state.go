package presence

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"lamplight/body/dialoginfo"
	"lamplight/body/pidf"
	"lamplight/body/xpidf"
)

// State is a person's state in one word, for people and commands.
type State uint8

// The states. Of two that are said in the same layer, the smaller wins.
const (
	DND State = iota + 1
	OnThePhone
	Ringing
	OnHold
	Meeting
	OutOfOffice
	Busy
	Away
	InDoubt // in a call, but nobody has said for a while that it goes on
	Available
	Offline
	Unknown
)

// look is how a state is written.
type look struct {
	word     string // for commands and programs
	text     string // for people
	activity string // RFC 4480 §3.2; it has none for ringing, hold and do not disturb
	note     string // for phones that show only text: they compare it as text
	lamp     string // the state of a dialog (RFC 4235 §3.7.1), for lamps that know no more than busy
	xpidf    [2]string
	cisco    pidf.CiscoActivity
	digium   string
}

// The status and substatus of the format before PIDF.
var (
	online = [2]string{xpidf.Open, "online"}
	inCall = [2]string{xpidf.InUse, "onthephone"}
	inUse  = [2]string{xpidf.InUse, "busy"}
	gone   = [2]string{xpidf.Inactive, "away"}
	closed = [2]string{xpidf.Closed, "offline"}
)

// looks is the one table of what states are called. Back from each column leads
// ofActivity, ofNote, OfDialogs and ParseState.
var looks = [...]look{
	DND:         {"dnd", "do not disturb", "busy", pidf.NoteDND, dialoginfo.Confirmed, inUse, pidf.CiscoDND, "dnd"},
	OnThePhone:  {"on-the-phone", "on the phone", "on-the-phone", "On the phone", dialoginfo.Confirmed, inCall, pidf.CiscoOnThePhone, "available"},
	Ringing:     {"ringing", "ringing", "", "Ringing", dialoginfo.Early, inCall, pidf.CiscoAlerting, "available"},
	OnHold:      {"on-hold", "on hold", "on-the-phone", "On hold", dialoginfo.Confirmed, inCall, pidf.CiscoOnThePhone, "available"},
	Meeting:     {"meeting", "in a meeting", "meeting", "In a meeting", dialoginfo.Terminated, inUse, pidf.CiscoBusy, "away"},
	OutOfOffice: {"out-of-office", "out of office", "vacation", "Out of office", dialoginfo.Terminated, gone, pidf.CiscoAway, "xa"},
	Busy:        {"busy", "busy", "busy", "Busy", dialoginfo.Terminated, inUse, pidf.CiscoBusy, "away"},
	Away:        {"away", "away", "away", "Away", dialoginfo.Terminated, gone, pidf.CiscoAway, "away"},
	InDoubt:     {"", "perhaps on the phone", "unknown", "Unknown", dialoginfo.Confirmed, inCall, pidf.CiscoOnThePhone, "available"},
	Available:   {"available", "available", "", "Available", dialoginfo.Terminated, online, "", "available"},
	Offline:     {"offline", "offline", "", "Unavailable", dialoginfo.Terminated, closed, "", "unavailable"},
	Unknown:     {"unknown", "unknown", "", "", dialoginfo.Terminated, closed, "", "unavailable"},
}

// similar are activities that mean a state whose own activity is another.
var similar = map[string]State{"appointment": Meeting, "presentation": Meeting, "performance": Meeting,
	"travel": OutOfOffice, "holiday": OutOfOffice, "permanent-absence": OutOfOffice,
	"breakfast": Away, "lunch": Away, "dinner": Away, "meal": Away, "steering": Away, "in-transit": Away,
	"sleeping": Away, "shopping": Away}

// remarks are notes of other products that mean a state.
var remarks = map[string]State{"ready": Available, "open": Available, "online": Available,
	"offline": Offline, "closed": Offline, "dnd": DND}

// byActivity and byNote lead back from the table, and from what others write.
// Where an activity is that of two states it says no more than the weaker; in no
// case that somebody does nothing that is known (RFC 4480 §3.2, unknown).
var byActivity, byNote = func() (map[string]State, map[string]State) {
	activities, notes := maps.Clone(similar), maps.Clone(remarks)
	for s := Unknown; s >= DND; s-- {
		if l := &looks[s]; l.note != "" {
			notes[strings.ToLower(l.note)] = s
		}
		if a := looks[s].activity; a != "" && s != OnHold && s != DND && s != InDoubt {
			activities[a] = s
		}
	}
	return activities, notes
}()

func (s State) look() *look {
	if int(s) >= len(looks) || s == 0 {
		s = Unknown
	}
	return &looks[s]
}

func (s State) String() string { return s.Token() }

// Token is the state's word for programs, in commands, interfaces and documents.
func (s State) Token() string { return cmp.Or(s.look().word, looks[Unknown].word) }

// Words is what people call the state, "in a meeting".
func (s State) Words() string { return s.look().text }

// Lamp is the state of a dialog that says the most of it to a lamp that knows no
// more than ringing, busy and free: how do not disturb is shown is the domain's
// choice.
func (s State) Lamp() string { return s.look().lamp }

// ParseState finds a state by its word.
func ParseState(word string) (State, bool) {
	i := slices.IndexFunc(looks[:], func(l look) bool { return l.word == word && word != "" })
	return State(max(i, 0)), i > 0
}

// isCall tells whether it is a call that makes the state.
func (s State) isCall() bool { return s == OnThePhone || s == Ringing || s == OnHold }

// OfDialogs is the most telling of the dialogs that go on, InDoubt where nobody
// has said for a while that they do, and Unknown without one.
func OfDialogs(dialogs []dialoginfo.Dialog) State {
	s := Unknown
	for i := range dialogs {
		switch d := &dialogs[i]; {
		case !isLive(d):
		case d.Doubtful:
			s = min(s, InDoubt)
		case d.State != dialoginfo.Confirmed && d.Direction != dialoginfo.Initiator:
			s = min(s, Ringing)
		case d.Local.Rendering() == "no":
			s = min(s, OnHold)
		default:
			s = min(s, OnThePhone)
		}
	}
	return s
}

func isLive(d *dialoginfo.Dialog) bool { return d.State != "" && d.State != dialoginfo.Terminated }

// StateOf reads a document, ours or another server's: its state, the note that
// a person wrote, and since when it is so (zero: not said).
func StateOf(p *pidf.Presence) (s State, note string, since time.Time) {
	s = basic(p.Tuples)
	if h := headlined(p); h != Unknown {
		s = h
	} else if s != Offline {
		s = min(s, said(p))
	}
	if w := written(p.AllNotes()); w != nil {
		note = w[0].Text
	}
	for i := range p.Tuples {
		since = later(since, p.Tuples[i].Timestamp)
	}
	for i := range p.Persons {
		since = later(since, p.Persons[i].Timestamp)
	}
	return s, note, since
}

// headlined is the state that a document's own note names, where the rest of it
// does not say less; else Unknown. Of several activities it tells which counts, and
// of somebody who cannot be reached that there is more to know than this.
func headlined(p *pidf.Presence) State {
	for _, n := range p.Notes {
		s, ok := ofNote(n.Text)
		if !ok || s >= InDoubt {
			continue
		}
		if s == DND || s == Ringing || slices.ContainsFunc(p.Persons, func(q pidf.Person) bool { return does(&q, s.look().activity) }) {
			return s
		}
	}
	return Unknown
}

// does tells whether a person's activities have one, or one that means the same.
func does(p *pidf.Person, activity string) bool {
	same := func(a string) bool { return a == activity || ofActivity(a) == ofActivity(activity) }
	return slices.ContainsFunc(p.Activities, same) || slices.ContainsFunc(p.Timed, func(t pidf.Timed) bool { return slices.ContainsFunc(t.Activities, same) })
}

// basic is what the tuples say: open if one of them is.
func basic(tuples []pidf.Tuple) State {
	s := Unknown
	for i := range tuples {
		switch tuples[i].Basic {
		case "open":
			return Available
		case "closed":
			s = Offline
		}
	}
	return s
}

// said is the state that a document's activities and notes tell, whether or not
// the person can be reached; Unknown where they tell none.
func said(p *pidf.Presence) State {
	var f finding
	for i := range p.Persons {
		f.person(&p.Persons[i])
	}
	f.document(p)
	if f.dnd {
		return DND
	}
	return f.state()
}

// finding is what activities and notes say. RFC 4480 has no word for ringing and
// hold, so a note makes the call that an activity tells of one of these.
type finding struct {
	active, noted, call State // zero: nothing
	dnd                 bool
}

func (f *finding) person(p *pidf.Person) {
	f.dnd = f.dnd || p.DND
	f.activities(p.Activities)
	f.notes(p.ActivityNotes)
	for i := range p.Timed {
		f.activities(p.Timed[i].Activities)
		f.notes(p.Timed[i].Notes)
	}
	f.notes(p.Notes)
}

// document reads the notes that are nobody's in particular.
func (f *finding) document(p *pidf.Presence) {
	f.notes(p.Notes)
	for i := range p.Tuples {
		f.notes(p.Tuples[i].Notes)
	}
}

func (f *finding) activities(list []string) {
	for _, a := range list {
		f.active = stronger(f.active, ofActivity(a))
	}
}

func (f *finding) notes(list []pidf.Note) {
	for i := range list {
		switch s, ok := ofNote(list[i].Text); {
		case !ok || s == Offline:
		case s == DND:
			f.dnd = true
		default:
			f.noted = stronger(f.noted, s)
			if s.isCall() {
				f.call = stronger(f.call, s)
			}
		}
	}
}

// state is what is said beside do not disturb; Unknown: nothing.
func (f *finding) state() State {
	if f.active == OnThePhone && f.call != 0 {
		return f.call
	}
	if s := stronger(f.active, f.noted); s != 0 {
		return s
	}
	return Unknown
}

// stronger is the one of two states that says more; zero says nothing.
func stronger(a, b State) State {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

func ofActivity(a string) State {
	if s, ok := byActivity[a]; ok {
		return s
	}
	return Unknown
}

// maxTelling is how long a note can be that names a state.
const maxTelling = 16

// ofNote recognises notes that name a state.
func ofNote(text string) (State, bool) {
	if len(text) > maxTelling {
		return 0, false
	}
	if s, ok := byNote[text]; ok {
		return s, true
	}
	s, ok := byNote[strings.ToLower(text)]
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
	if a := s.look().activity; a != "" {
		person.Activities = []string{a}
	}
	if s < Available && ofActivity(s.look().activity) != s {
		person.Notes = []pidf.Note{{Lang: "en", Text: s.look().note}}
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
