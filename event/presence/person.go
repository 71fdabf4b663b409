package presence

import (
	"slices"
	"time"

	"lamplight/body/pidf"
	"lamplight/event"
)

// person makes the one person: the activities of all, the notes that people wrote,
// and a headline for all to see.
func (k *known) person(out *pidf.Presence, c *claims) {
	state, won := c.decide()
	person := pidf.Person{ID: personID}
	from, until := k.activities(&person, c, state, won)
	if state == Offline {
		person.Activities, person.Others, person.ActivityNotes = nil, nil, nil
	}
	if !from.IsZero() || !until.IsZero() {
		person.Timed = timed(&person, from, until)
	}
	if c[Override].state == DND {
		person.DND, person.DNDUntil = true, c[Override].until
	}
	k.describe(&person)
	k.notes(&person, won)
	if state.isCall() {
		person.Timestamp = later(person.Timestamp, k.called)
	}
	out.Notes = headline(state)
	if tells(&person) {
		out.Persons = []pidf.Person{person}
	}
}

// timed are a person's activities as such that last within a time.
func timed(p *pidf.Person, from, until time.Time) []pidf.Timed {
	t := pidf.Timed{From: from, Until: until, Activities: p.Activities, Others: p.Others, Notes: p.ActivityNotes}
	if t.Activities == nil && t.Others == nil && t.Notes == nil {
		return nil
	}
	p.Activities, p.Others, p.ActivityNotes = nil, nil, nil
	return []pidf.Timed{t}
}

func tells(p *pidf.Person) bool {
	return p.Activities != nil || p.Others != nil || p.ActivityNotes != nil || p.Timed != nil || p.Notes != nil || p.DND ||
		p.Elements != nil || p.Location != nil || p.Class != "" || p.UserInput != pidf.UserInput{}
}

// activities joins those of all layers that count beside the one that won, and
// says since when and until when they stay the same, where that is known: they are
// one set (RFC 4480 §3.2).
func (k *known) activities(person *pidf.Person, c *claims, state State, won Layer) (from, until time.Time) {
	free := frees(state, won)
	for _, p := range k.published {
		if p.signedOff || free && p.claims[won].state == 0 {
			continue
		}
		for j := range p.persons {
			q := &p.persons[j]
			if free && !q.Manual && p.Source != event.User {
				continue
			}
			person.Activities, person.Others = union(person.Activities, q.Activities), union(person.Others, q.Others)
			person.ActivityNotes = union(person.ActivityNotes, written(q.ActivityNotes))
			if len(q.Activities) > 0 || len(q.Others) > 0 {
				from, until = later(from, q.from), sooner(until, q.until)
			}
		}
	}
	if c[Reachability].state == Away && !free {
		person.Activities = union(person.Activities, []string{"sleeping"})
	}
	for l := Override; l <= Fallback; l++ {
		s := c[l].state
		if s == 0 || s == InDoubt && state != InDoubt || free && l > won {
			continue
		}
		if a := s.look().activity; a != "" && !slices.ContainsFunc(person.Activities, func(have string) bool { return have == a || ofActivity(have) == s }) {
			person.Activities = append(person.Activities, a)
			until = sooner(until, c[l].until)
		}
	}
	slices.Sort(person.Activities)
	return from, until
}

// describe takes over what else is said of the person: of each element that there
// can be one of, the one with the newest timestamp (RFC 4479 §3.5), and all that
// are not known.
func (k *known) describe(person *pidf.Person) {
	for _, p := range k.published {
		person.UserInput = used(person.UserInput, p)
		for j := range p.persons {
			q := &p.persons[j]
			for _, e := range q.Elements {
				if len(person.Elements) < maxOthers && !slices.ContainsFunc(person.Elements, func(have pidf.Element) bool { return replaces(&have, &e) }) {
					person.Elements = append(person.Elements, e)
				}
			}
			if person.Location == nil {
				person.Location = q.Location
			}
			if person.Class == "" {
				person.Class = q.Class
			}
			person.Timestamp = later(person.Timestamp, q.Timestamp)
		}
	}
}

// replaces tells whether an element makes another one needless.
func replaces(have, other *pidf.Element) bool {
	if have.Space != other.Space || have.Local != other.Local {
		return false
	}
	return have.Raw == other.Raw || have.Space == pidf.RPID || have.Space == pidf.CIPID
}

// used sums up what is said of use (RFC 4480 §3.14): in use if anything is, and
// else since the last input.
func used(sum pidf.UserInput, p *publication) pidf.UserInput {
	if p.signedOff {
		return sum
	}
	for i := range p.persons {
		sum = more(sum, p.persons[i].UserInput)
	}
	for i := range p.tuples {
		sum = more(sum, p.tuples[i].UserInput)
	}
	for i := range p.doc.Devices {
		sum = more(sum, p.doc.Devices[i].UserInput)
	}
	return sum
}

func more(a, b pidf.UserInput) pidf.UserInput {
	switch {
	case b.State == "", a.State == "active" && b.State == "idle":
		return a
	case a.State == "", a.State == "idle" && b.State == "active", b.LastInput.After(a.LastInput):
		return b
	}
	return a
}

// idle tells whether something is said of use, and nothing is in use.
func (k *known) idle() bool {
	var sum pidf.UserInput
	for _, p := range k.published {
		sum = used(sum, p)
	}
	return sum.State == "idle"
}

// notes takes over the notes that people wrote, first those of the layer that won.
func (k *known) notes(person *pidf.Person, won Layer) {
	for _, first := range []bool{true, false} {
		for _, p := range k.published {
			if (p.claims[won].state != 0) != first {
				continue
			}
			person.Notes = union(person.Notes, written(p.doc.Notes))
			for j := range p.persons {
				person.Notes = union(person.Notes, written(p.persons[j].Notes))
			}
		}
	}
}

// written are the notes that somebody wrote: those that only name a state give
// way to the headline.
func written(all []pidf.Note) (list []pidf.Note) {
	for _, n := range all {
		if _, ok := ofNote(n.Text); !ok && n.Text != "" {
			list = append(list, n)
		}
	}
	return list
}
