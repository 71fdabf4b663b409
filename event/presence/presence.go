// Package presence is the presence event package (RFC 3856): documents are PIDF
// (RFC 3863), and a person's state is composed in layers of what the user chose, of
// calls and calendars, of what the user's devices published, and of where they are
// registered. It leaves out pres: URIs, filters, signed and partial documents, and
// what a user's own rules hide of a person but for reachability.
package presence

import (
	"slices"
	"time"

	"lamplight/body/pidf"
	"lamplight/body/xpidf"
	"lamplight/event"
)

// Package is the event package. Registrar tells whether registrations are known
// here: then somebody of whom nothing is known is offline, else unknown.
// Defaults, where it is not nil, says what is shown of somebody who is registered
// and of whom no device and no hard state of their own says anything.
type Package struct {
	Registrar bool
	Defaults  Defaults
}

// Defaults is the hard state that is not each user's own, but their domain's.
type Defaults interface {
	Default(aor event.AoR) *pidf.Presence // nil: none
}

// Event is the package's name.
func (Package) Event() event.Name { return "presence" }

// Reads lists what is composed.
func (Package) Reads() []event.Name { return []event.Name{"presence", "dialog", "reg"} }

// Types lists how documents are labelled.
func (p Package) Types() []string { return append(p.AcceptTypes(), xpidf.Type) }

// AcceptTypes lists what may be published.
func (Package) AcceptTypes() []string { return []string{pidf.Type, "application/cpim-pidf+xml"} }

// Lifetime follows RFC 3856 §6.4 and §6.10.
func (Package) Lifetime() event.Lifetime {
	return event.Lifetime{Min: time.Minute, Default: time.Hour, Max: 24 * time.Hour, Refill: 5 * time.Second, Burst: 5}
}

// Parse reads a published document.
func (p Package) Parse(contentType string, body []byte) (event.Document, error) {
	if !slices.Contains(p.AcceptTypes(), contentType) {
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

// empty is the look of somebody of whom nothing is known.
func (p Package) empty(aor string) *pidf.Presence {
	if p.Registrar {
		return bare(aor, Offline)
	}
	return bare(aor, Unknown)
}

// bare is a document that says of somebody whether they can be reached.
func bare(aor string, s State) *pidf.Presence {
	word := map[State]string{Available: "open", Offline: "closed"}[s]
	return &pidf.Presence{Entity: aor, Tuples: []pidf.Tuple{{ID: "presence", Basic: word}}, Notes: headline(s)}
}

// headline is the note for phones that show a note and nothing else.
func headline(s State) []pidf.Note {
	if s.look().note == "" {
		return nil
	}
	return []pidf.Note{{Lang: "en", Text: s.look().note}}
}

// Urgent tells a change into or out of a call, and within one: it must not wait.
func (Package) Urgent(before, after event.Document) bool {
	return callOf(before.(*pidf.Presence)) != callOf(after.(*pidf.Presence))
}

// callOf is what a document says of a call, whether or not that is the headline;
// Unknown: nothing.
func callOf(p *pidf.Presence) State {
	if s, _, _ := StateOf(p); s.isCall() {
		return s
	}
	if slices.ContainsFunc(p.Persons, func(q pidf.Person) bool { return does(&q, looks[OnThePhone].activity) }) {
		return OnThePhone
	}
	return Unknown
}
