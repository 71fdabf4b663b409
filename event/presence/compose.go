package presence

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"lamplight/body/dialoginfo"
	"lamplight/body/pidf"
	"lamplight/body/reginfo"
	"lamplight/event"
)

// What a composed document has at most of each; what is over is left out.
const (
	maxTuples = 64
	maxOthers = 32 // notes, activities, elements that are not known
)

// personID is the one person's id; no tuple has it.
const personID = "person"

// known is what is known of somebody now.
type known struct {
	published  []publication
	reports    []dialoginfo.Report
	called     time.Time // when the newest report of a live dialog was made
	registered bool
	awake      bool // a device of theirs is: not all that are bound sleep
	next       time.Time
}

// publication is one live presence document, cut to what holds now.
type publication struct {
	source event.Source
	id     string
	doc    *pidf.Presence
}

// Compose joins the tuples of all publications, each with its own timestamp,
// and makes one person of all that is said of the user and of the calls. Nobody
// who cannot be reached is busy or free: it takes a binding or a publication,
// and where bindings aren't known here, a call is as good.
func (p Package) Compose(aor event.AoR, in []event.Input, now time.Time) (event.Document, time.Time) {
	k := gather(in, now)
	call, live := callState(dialoginfo.Merge(k.reports))
	heard := slices.ContainsFunc(k.published, func(p publication) bool { return p.source == event.EPA })
	if !heard && !k.registered && (p.Registrar || !live) {
		return p.empty(string(aor)), k.next
	}
	out := &pidf.Presence{Entity: string(aor)}
	k.join(out)
	k.person(out, call, !heard && k.registered && !k.awake)
	return out, k.next
}

// gather sorts the inputs that count now by what they tell.
func gather(in []event.Input, now time.Time) known {
	live, next := event.Current(in, now)
	k := known{next: next}
	for _, i := range live {
		switch doc := i.Doc.(type) {
		case *pidf.Presence:
			if i.Event == "presence" && doc != nil {
				k.published = append(k.published, publication{i.Source, i.ID, k.cut(doc, now)})
			}
		case *dialoginfo.Info:
			if i.Event == "dialog" && doc != nil {
				k.reports = append(k.reports, dialoginfo.Report{By: string('0'+rune(i.Source)) + i.ID, Info: doc})
				if slices.ContainsFunc(doc.Dialogs, isLive) {
					k.called = later(k.called, i.Made)
				}
			}
		case *reginfo.Contact:
			bound := i.Event == "reg" && doc != nil && doc.State == reginfo.Active
			k.registered = k.registered || bound
			k.awake = k.awake || bound && !doc.Asleep
		}
	}
	k.published = newest(k.published)
	slices.SortStableFunc(k.published, func(a, b publication) int { return b.stamp().Compare(a.stamp()) })
	return k
}

// stamp is the newest timestamp in a publication. When it came doesn't count.
func (p *publication) stamp() (at time.Time) {
	for _, t := range p.doc.Tuples {
		at = later(at, t.Timestamp)
	}
	for _, q := range p.doc.Persons {
		at = later(at, q.Timestamp)
	}
	return at
}

// cut leaves of what has a time, activities and do-not-disturb, what holds now,
// and notes when that changes.
func (k *known) cut(doc *pidf.Presence, now time.Time) *pidf.Presence {
	if !slices.ContainsFunc(doc.Persons, func(p pidf.Person) bool { return p.Timed != nil || !p.DNDUntil.IsZero() }) {
		return doc
	}
	out := *doc
	out.Persons = slices.Clone(doc.Persons)
	for i := range out.Persons {
		p := &out.Persons[i]
		k.next = event.Sooner(k.next, p.DNDUntil, now)
		p.DND = p.DND && (p.DNDUntil.IsZero() || p.DNDUntil.After(now))
		p.Activities = slices.Clip(p.Activities)
		for _, t := range p.Timed {
			k.next = event.Sooner(event.Sooner(k.next, t.From, now), t.Until, now)
			if !t.From.After(now) && (t.Until.IsZero() || t.Until.After(now)) {
				p.Activities = append(p.Activities, t.Activities...)
			}
		}
		p.Timed = nil
	}
	return &out
}

// newest leaves out what a device said before it forgot that it had: all of an
// older publication's tuples are in a newer one, with later timestamps.
func newest(all []publication) []publication {
	stamped := map[[2]string]time.Time{}
	for _, p := range all {
		for _, t := range p.doc.Tuples {
			k := [2]string{t.ID, t.Contact}
			stamped[k] = later(stamped[k], t.Timestamp)
		}
	}
	return slices.DeleteFunc(all, func(p publication) bool {
		return len(p.doc.Tuples) > 0 && !slices.ContainsFunc(p.doc.Tuples, func(t pidf.Tuple) bool {
			return t.ID == "" || t.Timestamp.IsZero() || !stamped[[2]string{t.ID, t.Contact}].After(t.Timestamp)
		})
	})
}

func isLive(d dialoginfo.Dialog) bool { return d.State != "" && d.State != dialoginfo.Terminated }

// callState is the most telling of the live dialogs, Unknown without one, and
// InDoubt where nobody has said for a while that they go on.
func callState(dialogs []dialoginfo.Dialog) (s State, live bool) {
	s = Unknown
	for i := range dialogs {
		switch d := &dialogs[i]; {
		case !isLive(*d):
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
	return s, s != Unknown
}

// join puts the tuples of all publications together, the open ones first: some
// phones read only one. Where there is none, one says that the user can be
// reached at the address-of-record: a device's own address is nobody's business.
func (k *known) join(out *pidf.Presence) {
	ids := map[string]bool{personID: true}
	for _, p := range k.published {
		for _, t := range p.doc.Tuples {
			t.ID = unique(ids, t.ID, p.id)
			out.Tuples = append(out.Tuples, t)
		}
		out.Elements, out.Location = union(out.Elements, p.doc.Elements), union(out.Location, p.doc.Location)
		out.Devices = append(out.Devices, p.doc.Devices...)
	}
	slices.SortStableFunc(out.Tuples, func(a, b pidf.Tuple) int {
		return cmp.Or(cmp.Compare(b.Basic, a.Basic), b.Timestamp.Compare(a.Timestamp), cmp.Compare(a.ID, b.ID))
	})
	out.Tuples = out.Tuples[:min(len(out.Tuples), maxTuples)]
	out.Devices = out.Devices[:min(len(out.Devices), maxTuples)]
	if len(out.Tuples) == 0 {
		out.Tuples = []pidf.Tuple{{ID: unique(ids, "presence", ""), Basic: "open", Contact: out.Entity}}
	}
}

// unique keeps an id unless another publication has it, or XML would not have
// it as an id.
func unique(ids map[string]bool, id, input string) string {
	valid := id != "" && len(id) <= 64 && strings.Trim(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") == "" &&
		!strings.ContainsAny(id[:1], "0123456789-.")
	for n := byte(0); !valid || ids[id]; n++ {
		sum := sha256.Sum256([]byte(input + "\x00" + id + string(rune(n))))
		id, valid = "t"+hex.EncodeToString(sum[:6]), true
	}
	ids[id] = true
	return id
}

// person makes the one person: the activities of all, the notes that people
// wrote, and a headline for all to see. Who is reached by waking a device alone is
// away.
func (k *known) person(out *pidf.Presence, call State, asleep bool) {
	person := pidf.Person{ID: personID}
	state, dnd := call, false
	if asleep {
		state, person.Activities = min(state, Away), []string{"sleeping"}
	}
	for _, p := range k.published {
		s := said(p.doc)
		state, dnd = min(state, s), dnd || s == DND
		add(&person, p.doc)
	}
	switch reach := basic(out.Tuples); reach {
	case Available:
		state = min(state, Available)
	case Offline:
		state, person.Activities, person.Others = Offline, nil, nil
	}
	if state != Offline {
		person.Activities = active(person.Activities, state, call)
	}
	if state.isCall() {
		person.Timestamp = later(person.Timestamp, k.called)
	}
	if dnd && state.isCall() {
		person.Notes = append(person.Notes, headline(DND)...)
	}
	out.Notes = headline(state)
	if person.Activities != nil || person.Others != nil || person.Notes != nil || person.Elements != nil || person.Location != nil {
		out.Persons = []pidf.Person{person}
	}
}

// add takes over what a document says of the person.
func add(person *pidf.Person, doc *pidf.Presence) {
	person.Notes = union(person.Notes, written(doc.Notes))
	for _, p := range doc.Persons {
		person.Activities = union(person.Activities, p.Activities)
		person.Others = union(person.Others, p.Others)
		person.Notes = union(union(person.Notes, written(p.ActivityNotes)), written(p.Notes))
		person.Elements, person.Location = union(person.Elements, p.Elements), union(person.Location, p.Location)
		person.Timestamp = later(person.Timestamp, p.Timestamp)
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

// active adds to a person's activities that of the state and of a call, which
// others may have known by a note alone.
func active(list []string, state, call State) []string {
	for _, s := range []State{state, call} {
		a := looks[s].activity
		if a != "" && !slices.ContainsFunc(list, func(have string) bool { return have == a || ofActivity(have) == s }) {
			list = append(list, a)
		}
	}
	slices.Sort(list)
	return list
}

func union[T comparable](a, b []T) []T {
	for _, x := range b {
		if len(a) < maxOthers && !slices.Contains(a, x) {
			a = append(a, x)
		}
	}
	return a
}
