// Package presence is the presence event package (RFC 3856): documents are PIDF
// (RFC 3863), and a person's state is composed of all that the user's devices
// published. It does not know of calls and registrations yet.
package presence

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"lamplight/body/pidf"
	"lamplight/event"
)

// Rights that a watcher of presence may have, beside event.RightsAll.
const RightsBasic event.Rights = "basic" // reachable or not, and nothing else

// Package is the event package; its zero value is ready.
type Package struct{}

// Event is the package's name.
func (Package) Event() event.Name { return "presence" }

// Reads lists what is composed.
func (Package) Reads() []event.Name { return []event.Name{"presence"} }

// Types lists how documents are labelled.
func (Package) Types() []string { return []string{pidf.Type, "application/cpim-pidf+xml"} }

// AcceptTypes lists what may be published.
func (p Package) AcceptTypes() []string { return p.Types() }

// Lifetime follows RFC 3856 §6.4 and §6.10.
func (Package) Lifetime() event.Lifetime {
	return event.Lifetime{Min: time.Minute, Default: time.Hour, Max: 24 * time.Hour, Refill: 5 * time.Second, Burst: 5}
}

// Parse reads a published document.
func (p Package) Parse(contentType string, body []byte) (event.Document, error) {
	if !slices.Contains(p.Types(), contentType) {
		return nil, event.ErrUnsupportedType
	}
	doc, err := pidf.Parse(body)
	if err != nil {
		return nil, &event.MalformedError{Reason: err.Error()}
	}
	return doc, nil
}

// Entity is the URI that a document is about.
func (Package) Entity(d event.Document) string { return d.(*pidf.Presence).Entity }

// Compose joins the tuples of all publications, each with its own timestamp,
// and makes one person of all that is said of the user.
func (Package) Compose(aor event.AoR, in []event.Input, now time.Time) (event.Document, time.Time) {
	live, next := current(in, now)
	out := &pidf.Presence{Entity: string(aor)}
	for _, i := range live {
		doc := i.Doc.(*pidf.Presence)
		for _, t := range doc.Tuples {
			t.ID = unique(out, t.ID, i.ID)
			out.Tuples = append(out.Tuples, t)
		}
		for _, e := range doc.Extra {
			if !slices.Contains(out.Extra, e) {
				out.Extra = append(out.Extra, e)
			}
		}
	}
	if len(out.Tuples) == 0 {
		out.Tuples = []pidf.Tuple{{ID: "offline", Basic: "closed"}}
	}
	compose(out, live)
	return out, next
}

// current are the inputs that count now, in an order of their own; next is when
// another set will.
func current(in []event.Input, now time.Time) (live []event.Input, next time.Time) {
	soonest := func(at time.Time) {
		if at.After(now) && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	for _, i := range in {
		soonest(i.From)
		soonest(i.Until)
		if _, ok := i.Doc.(*pidf.Presence); ok && !i.From.After(now) && (i.Until.IsZero() || i.Until.After(now)) {
			live = append(live, i)
		}
	}
	slices.SortFunc(live, func(a, b event.Input) int {
		return cmp.Or(a.Made.Compare(b.Made), cmp.Compare(a.Source, b.Source), cmp.Compare(a.ID, b.ID))
	})
	return live, next
}

// unique keeps a tuple's id unless another publication has it: then the id of
// its own goes with it. An id that XML does not allow is made one that it does.
func unique(p *pidf.Presence, id, input string) string {
	if id == "" || !(id[0] >= 'a' && id[0] <= 'z' || id[0] >= 'A' && id[0] <= 'Z' || id[0] == '_') {
		id = "t" + id
	}
	for slices.ContainsFunc(p.Tuples, func(t pidf.Tuple) bool { return t.ID == id }) {
		id += "-" + input
	}
	return id
}

// compose makes the one person: the activities of all, the notes of all, and a
// headline for phones that show a note and nothing else. Nobody who cannot be
// reached is busy or free.
func compose(out *pidf.Presence, live []event.Input) {
	person := pidf.Person{ID: "person"}
	for _, i := range live {
		doc := i.Doc.(*pidf.Presence)
		out.Notes = union(out.Notes, doc.Notes)
		for _, p := range doc.Persons {
			person.Activities = union(person.Activities, p.Activities)
			person.Notes = union(person.Notes, p.Notes)
			person.Extra = union(person.Extra, p.Extra)
			person.Timestamp = later(person.Timestamp, p.Timestamp)
		}
	}
	slices.Sort(person.Activities)
	if basic(out) == Offline {
		person.Activities = nil
	}
	if person.Activities != nil || person.Notes != nil || person.Extra != nil {
		out.Persons = []pidf.Person{person}
	}
	if state, _, _ := StateOf(out); len(out.Notes) == 0 && looks[state].note != "" {
		out.Notes = []pidf.Note{{Lang: "en", Text: looks[state].note}}
	}
}

func union[T comparable](a, b []T) []T {
	for _, x := range b {
		if !slices.Contains(a, x) {
			a = append(a, x)
		}
	}
	return a
}

// Encode prints a document about the URI that was watched.
func (Package) Encode(entity string, d event.Document, _ event.Format) (event.Body, error) {
	doc := *d.(*pidf.Presence)
	doc.Entity = entity
	return event.Body{Head: doc.Append(nil)}, nil
}

// View withholds what a watcher has no right to.
func (p Package) View(d event.Document, r event.Rights) event.Document {
	doc := d.(*pidf.Presence)
	switch {
	case r == event.RightsAll:
		return doc
	case slices.Contains(strings.Fields(string(r)), string(RightsBasic)):
		out := &pidf.Presence{Entity: doc.Entity}
		for _, t := range doc.Tuples {
			out.Tuples = append(out.Tuples, pidf.Tuple{ID: t.ID, Basic: t.Basic})
		}
		return out
	}
	empty, _ := p.Compose(event.AoR(doc.Entity), nil, time.Time{})
	return empty
}

// Urgent tells a change into or out of a call: it must not wait.
func (Package) Urgent(before, after event.Document) bool {
	a, _, _ := StateOf(before.(*pidf.Presence))
	b, _, _ := StateOf(after.(*pidf.Presence))
	return (a == OnThePhone) != (b == OnThePhone)
}
