package presence

import (
	"net/url"
	"slices"
	"strings"

	"lamplight/body/pidf"
	"lamplight/event"
)

// The rights that a watcher of presence may have, beside event.RightsAll, are the
// permissions of RFC 5025 §3.3, each a word: a set ("persons"), a member of one
// ("services.class=biz"), an attribute ("activities", "all-attributes",
// "attribute.NAMESPACE=NAME", "user-input=bare"), values written as in a query. And
// "location", which is in no other word, and RightsBasic.
const RightsBasic event.Rights = "basic" // reachable or not, and nothing else

// everything are the words that hide nothing but the location.
var everything = []string{"all-attributes", "devices", "persons", "services"}

// ruled are the elements of RFC 4480 that have a permission of their own: none
// shows them as an attribute that is not known (RFC 5025 §3.3.2.14).
var ruled = []string{"activities", "class", "deviceid", "mood", "place-is", "place-type", "privacy", "relationship",
	"sphere", "status-icon", "time-offset", "user-input"}

// View withholds what a watcher has no right to. Who may see no element at all sees
// what everybody sees of somebody of whom nothing is known.
func (p Package) View(d event.Document, r event.Rights) event.Document {
	doc := d.(*pidf.Presence)
	if r == event.RightsAll {
		return doc
	}
	g := rights(r)
	switch {
	case g.any("persons") || g.any("services") || g.any("devices"):
		return g.view(doc)
	case g[string(RightsBasic)]:
		return bare(doc.Entity, basic(doc.Tuples))
	}
	return p.empty(doc.Entity)
}

// granted are the words of a watcher's rights.
type granted map[string]bool

func rights(r event.Rights) granted {
	g := granted{}
	for _, w := range strings.Fields(string(r)) {
		g[w] = true
	}
	return g
}

// any tells whether some of a set may be seen.
func (g granted) any(set string) bool {
	for w := range g {
		if w == set || strings.HasPrefix(w, set+".") {
			return true
		}
	}
	return false
}

// name is what an element can be granted by: By is class, occurrence-id, and so on.
type name struct{ by, value string }

// member tells whether an element of a set may be seen: all of the set may, or it has
// one of the names that may (RFC 5025 §3.3.1).
func (g granted) member(set string, names ...name) bool {
	return g[set] || slices.ContainsFunc(names, func(n name) bool {
		return n.value != "" && g[set+"."+n.by+"="+url.QueryEscape(n.value)]
	})
}

func (g granted) may(attribute string) bool { return g[attribute] || g["all-attributes"] }

func (g granted) view(doc *pidf.Presence) *pidf.Presence {
	whole := !slices.ContainsFunc(everything, func(w string) bool { return !g[w] })
	if whole && (g["location"] || !hasLocation(doc)) {
		return doc
	}
	out := &pidf.Presence{Entity: doc.Entity}
	for _, t := range doc.Tuples {
		scheme, _, _ := strings.Cut(t.Contact, ":")
		if g.member("services", name{"class", t.Class}, name{"occurrence-id", t.ID}, name{"service-uri", pidf.CanonicalURI(t.Contact)}, name{"service-uri-scheme", scheme}) {
			out.Tuples = append(out.Tuples, g.tuple(t))
		}
	}
	for _, q := range doc.Persons {
		if g.member("persons", name{"class", q.Class}, name{"occurrence-id", q.ID}) {
			out.Persons = append(out.Persons, g.person(q))
		}
	}
	for _, d := range doc.Devices {
		if g.member("devices", name{"class", d.Class}, name{"occurrence-id", d.ID}, name{"deviceID", pidf.CanonicalURI(d.DeviceID)}) {
			out.Devices = append(out.Devices, g.device(d))
		}
	}
	if whole { // what stands in no element is shown to who sees all elements
		out.Elements, out.Notes = doc.Elements, doc.Notes
		return out
	}
	if g.may("activities") && len(out.Persons) == len(doc.Persons) && g.any("persons") {
		out.Notes = doc.Notes // what the person does is no secret, so nor is what of it counts
		return out
	}
	s, _, _ := StateOf(out)
	out.Notes = headline(s)
	return out
}

// tuple keeps what is always shown of a service (RFC 5025 §3.3.2), and what is
// granted.
func (g granted) tuple(t pidf.Tuple) pidf.Tuple {
	out := pidf.Tuple{ID: t.ID, Basic: t.Basic, Contact: t.Contact, Priority: t.Priority, Timestamp: t.Timestamp, Status: g.elements(t.Status), Elements: g.elements(t.Elements),
		Location: g.location(t.Location), Notes: g.notes(t.Notes), Class: g.class(t.Class), UserInput: g.userInput(t.UserInput)}
	if g.may("deviceid") {
		out.DeviceIDs = t.DeviceIDs
	}
	for _, s := range t.Timed {
		if g.may(unknown("urn:ietf:params:xml:ns:pidf:timed-status", "timed-status")) {
			s.Elements, s.Location, s.Notes = g.elements(s.Elements), g.location(s.Location), g.notes(s.Notes)
			out.Timed = append(out.Timed, s)
		}
	}
	return out
}

func (g granted) device(d pidf.Device) pidf.Device {
	return pidf.Device{ID: d.ID, DeviceID: d.DeviceID, Timestamp: d.Timestamp, Elements: g.elements(d.Elements), Location: g.location(d.Location),
		Notes: g.notes(d.Notes), Class: g.class(d.Class), UserInput: g.userInput(d.UserInput)}
}

func (g granted) person(p pidf.Person) pidf.Person {
	out := pidf.Person{ID: p.ID, Timestamp: p.Timestamp, Elements: g.elements(p.Elements), Location: g.location(p.Location),
		Notes: g.notes(p.Notes), Class: g.class(p.Class), UserInput: g.userInput(p.UserInput)}
	if g.may("activities") {
		out.Activities, out.Others, out.ActivityNotes, out.Timed = p.Activities, p.Others, p.ActivityNotes, p.Timed
		out.DND, out.DNDUntil, out.Manual, out.ManualUntil = p.DND, p.DNDUntil, p.Manual, p.ManualUntil
	}
	return out
}

func (g granted) notes(list []pidf.Note) []pidf.Note {
	if g.may("note") {
		return list
	}
	return nil
}

func (g granted) class(class string) string {
	if g.may("class") {
		return class
	}
	return ""
}

func (g granted) location(list []pidf.Element) []pidf.Element {
	if g["location"] {
		return list
	}
	return nil
}

// elements keeps those that are granted.
func (g granted) elements(list []pidf.Element) (out []pidf.Element) {
	for _, e := range list {
		if g.element(&e) {
			out = append(out, e)
		}
	}
	return out
}

func (g granted) element(e *pidf.Element) bool {
	local := strings.ToLower(e.Local)
	switch {
	case e.Space != pidf.RPID:
		return g.may(unknown(e.Space, e.Local))
	case local == "service-class": // always shown (RFC 5025 §3.3.2)
		return true
	case local == "user-input": // one that could not be read
		return g.may("user-input=full")
	case slices.Contains(ruled, local):
		return g.may(local)
	}
	return g.may(unknown(e.Space, e.Local))
}

// unknown is the word for an attribute that has no permission of its own.
func unknown(space, local string) string {
	return "attribute." + url.QueryEscape(space) + "=" + url.QueryEscape(local)
}

// userInput leaves of when somebody was last there what is granted (RFC 5025
// §3.3.2.12): the most of what several rules grant.
func (g granted) userInput(u pidf.UserInput) pidf.UserInput {
	switch {
	case g.may("user-input=full"):
		return u
	case g["user-input=thresholds"]:
		return pidf.UserInput{State: u.State, IdleThreshold: u.IdleThreshold}
	case g["user-input=bare"]:
		return pidf.UserInput{State: u.State}
	}
	return pidf.UserInput{}
}

func hasLocation(doc *pidf.Presence) bool {
	return len(doc.Location) > 0 ||
		slices.ContainsFunc(doc.Tuples, func(t pidf.Tuple) bool {
			return len(t.Location) > 0 || slices.ContainsFunc(t.Timed, func(s pidf.TimedStatus) bool { return len(s.Location) > 0 })
		}) ||
		slices.ContainsFunc(doc.Persons, func(p pidf.Person) bool { return len(p.Location) > 0 }) ||
		slices.ContainsFunc(doc.Devices, func(d pidf.Device) bool { return len(d.Location) > 0 })
}
