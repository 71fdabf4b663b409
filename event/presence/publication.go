package presence

import (
	"slices"
	"time"

	"lamplight/body/pidf"
	"lamplight/event"
)

// publication is one presence document that counts, whoever made it, cut to what
// holds now.
type publication struct {
	event.Key
	doc       *pidf.Presence
	tuples    []pidf.Tuple
	persons   []spoken
	stamp     time.Time // the newest in it: when it came doesn't count
	signedOff bool      // a device's, that says of every way to the user that it is none
	claims    claims
}

// spoken is what a document says of the person, and how long its activities last.
type spoken struct {
	pidf.Person
	from, until time.Time
}

// read cuts an input's document, and notes when what it says changes by itself.
func (k *known) read(in *event.Input, doc *pidf.Presence, now time.Time) *publication {
	p := &publication{Key: in.Key, doc: doc, tuples: doc.Tuples, persons: make([]spoken, len(doc.Persons))}
	for i := range doc.Tuples {
		if doc.Tuples[i].Timed != nil {
			p.tuples = k.timely(doc.Tuples, now)
			break
		}
	}
	for i := range p.tuples {
		p.stamp = later(p.stamp, p.tuples[i].Timestamp)
	}
	for i := range doc.Persons {
		q := &p.persons[i]
		q.Person = doc.Persons[i]
		if in.Source != event.EPA { // the end of a publication is no news of the person
			q.from, q.until = in.From, in.Until
		}
		k.cut(q, now)
		p.stamp = later(p.stamp, q.Timestamp)
	}
	p.signedOff = in.Source == event.EPA && basic(p.tuples) == Offline
	if !p.signedOff {
		p.claim()
	}
	return p
}

// timely makes a timed status that holds now the status (RFC 4481 §3), leaves out
// what is over, and lets what is to come stand.
func (k *known) timely(tuples []pidf.Tuple, now time.Time) []pidf.Tuple {
	tuples = slices.Clone(tuples)
	for i := range tuples {
		t := &tuples[i]
		var coming []pidf.TimedStatus
		for _, s := range t.Timed {
			k.changes(now, s.From, s.Until)
			switch {
			case s.From.After(now):
				coming = append(coming, s)
			case s.Holds(now):
				if s.Basic != "" {
					t.Basic = s.Basic
				}
				t.Notes = append(slices.Clip(t.Notes), s.Notes...)
				t.Status = append(slices.Clip(t.Status), s.Elements...)
				t.Location = append(slices.Clip(t.Location), s.Location...)
			}
		}
		t.Timed = coming
	}
	return tuples
}

// changes notes when something changes by itself.
func (k *known) changes(now time.Time, at ...time.Time) {
	for _, at := range at {
		if !at.IsZero() {
			k.next = event.Sooner(k.next, at, now)
		}
	}
}

// cut leaves of what has a time what holds now (RFC 4480 §3.1).
func (k *known) cut(q *spoken, now time.Time) {
	if q.DND { // older clients read the rest as busy
		k.changes(now, q.DNDUntil)
		q.Activities = slices.DeleteFunc(slices.Clone(q.Activities), func(a string) bool { return a == DND.look().activity })
		q.Notes = slices.DeleteFunc(slices.Clone(q.Notes), func(n pidf.Note) bool { return pidf.IsNoteDND(n.Text) })
		q.DND = q.DNDUntil.IsZero() || q.DNDUntil.After(now)
	}
	if q.Manual {
		k.changes(now, q.ManualUntil)
		if q.Manual = q.ManualUntil.IsZero() || q.ManualUntil.After(now); q.Manual {
			q.until = sooner(q.until, q.ManualUntil)
		} else { // what was chosen has ended, with all that was said about it
			q.Activities, q.Others, q.ActivityNotes, q.Notes, q.Timed = nil, nil, nil, nil, nil
		}
	}
	if q.Timed != nil {
		k.cutActivities(q, now)
	}
	q.Elements, q.Location = k.cutElements(q.Elements, now), k.cutElements(q.Location, now)
}

func (k *known) cutActivities(q *spoken, now time.Time) {
	always := len(q.Activities) > 0 || len(q.Others) > 0
	q.Activities, q.Others, q.ActivityNotes = slices.Clip(q.Activities), slices.Clip(q.Others), slices.Clip(q.ActivityNotes)
	for i := range q.Timed {
		t := &q.Timed[i]
		k.changes(now, t.From, t.Until)
		if !t.Holds(now) {
			continue
		}
		q.Activities, q.Others = append(q.Activities, t.Activities...), append(q.Others, t.Others...)
		q.ActivityNotes = append(q.ActivityNotes, t.Notes...)
		q.from, q.until = later(q.from, t.From), sooner(q.until, t.Until)
		always = true
	}
	q.Timed = nil
	q.Manual = q.Manual && always // what was chosen for another time says nothing now
}

func isTimed(e pidf.Element) bool { return !e.From.IsZero() || !e.Until.IsZero() }

func (k *known) cutElements(all []pidf.Element, now time.Time) []pidf.Element {
	if !slices.ContainsFunc(all, isTimed) {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), func(e pidf.Element) bool {
		k.changes(now, e.From, e.Until)
		return !e.Holds(now)
	})
}

// claim finds out what the document says in each layer.
func (p *publication) claim() {
	var chosen, other finding
	var picked bool // by hand
	var chosenUntil, until time.Time
	for i := range p.persons {
		q := &p.persons[i]
		if q.DND {
			p.claims.enter(Override, DND, &p.Key, sooner(q.DNDUntil, q.whole(p.Source)))
		}
		if q.Manual || p.Source == event.User && !q.DND && q.DNDUntil.IsZero() {
			picked = true
			chosen.person(&q.Person)
			chosenUntil = sooner(chosenUntil, q.until)
			continue
		}
		other.person(&q.Person)
		until = sooner(until, q.until)
	}
	other.document(p.doc)
	if (chosen.dnd || other.dnd) && p.claims[Override].state != DND {
		p.claims.enter(Override, DND, &p.Key, time.Time{})
	}
	if picked {
		p.choose(chosen.state(), chosenUntil)
	}
	p.observe(other.state(), until)
}

// chosen leaves of hard state what the user chose; ok is false where that is nothing.
func (p *publication) chosen() (ok bool) {
	p.persons = slices.DeleteFunc(p.persons, func(q spoken) bool { return !q.Manual && !q.DND })
	p.doc, p.tuples, p.claims[Fallback] = &pidf.Presence{}, nil, claim{}
	return len(p.persons) > 0
}

// whole is when all that is said ends, where the source knows of such an end.
func (q *spoken) whole(by event.Source) time.Time {
	if by == event.EPA {
		return time.Time{}
	}
	return q.until
}

// choose enters what the user chose; who says no more is available.
func (p *publication) choose(s State, until time.Time) {
	if s == Unknown {
		s = Available
	}
	if until.IsZero() {
		p.claims.enter(Manual, s, &p.Key, until)
	} else {
		p.claims.enter(Override, s, &p.Key, until)
	}
}

// observe enters what a source other than the user says.
func (p *publication) observe(s State, until time.Time) {
	switch {
	case p.Source == event.Calendar:
		if s == Unknown {
			s = Meeting
		}
		p.claims.enter(Meetings, s, &p.Key, until)
	case p.Source == event.Default:
		p.claims.enter(Fallback, s, &p.Key, until)
	case s.isCall():
		p.claims.enter(Calls, s, &p.Key, until)
	default:
		p.claims.enter(Activity, s, &p.Key, until)
	}
}

// sooner is the earlier of two times, where zero is never.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
