// Package dialog is the dialog event package (RFC 4235), the busy lamp: whether
// somebody's phone rings or is in use, of what was published and of calls that
// were seen. It tells full state always. It leaves out filters by the Event
// header field's parameters, session descriptions that nobody published, and how
// long a dialog has lasted.
package dialog

import (
	"reflect"
	"slices"
	"strings"
	"time"

	"lamplight/body/dialoginfo"
	"lamplight/body/pidf"
	"lamplight/body/reginfo"
	"lamplight/event"
)

// Words of the rights that a watcher may have, beside event.RightsAll.
const (
	State     = "state"     // that there is a dialog, and how far it has come
	Direction = "direction" // with State: who called whom
	Parties   = "parties"   // everything, and the right to take a call that rings
)

// MaxShown is how many dialogs a document shows, what rings first.
const MaxShown = 64

// Package is the event package. Registrar tells whether registrations are known
// here: then somebody of whom nothing is known can't be reached.
type Package struct {
	Registrar bool
	HideDND   bool // a lamp does not show do-not-disturb; else it is lit, as in a call
}

// Event is the package's name.
func (Package) Event() event.Name { return "dialog" }

// Reads lists what is composed: dialogs, and what shows that somebody is there.
func (Package) Reads() []event.Name { return []event.Name{"dialog", "presence", "reg"} }

// Types lists how documents are labelled.
func (Package) Types() []string { return []string{dialoginfo.Type} }

// AcceptTypes lists what may be published.
func (p Package) AcceptTypes() []string { return p.Types() }

// Lifetime follows RFC 4235 §3.4 and §3.10.
func (Package) Lifetime() event.Lifetime {
	return event.Lifetime{Min: time.Minute, Default: time.Hour, Max: 24 * time.Hour, Refill: time.Second, Burst: 5}
}

// Parse reads a published document.
func (Package) Parse(contentType string, body []byte) (event.Document, error) {
	if contentType != dialoginfo.Type {
		return nil, event.ErrUnsupportedType
	}
	doc, err := dialoginfo.Parse(body)
	if err != nil {
		return nil, &event.MalformedError{Reason: err.Error()}
	}
	return doc, nil
}

// Entity is the URI that a document is about.
func (Package) Entity(d event.Document) string { return d.(*dialoginfo.Info).Entity }

// Compose makes one list of all dialogs. Somebody without any is shown as in a
// dialog that has terminated: to several phones a document without a dialog says
// nothing, and their lamp stays as it was.
func (p Package) Compose(aor event.AoR, in []event.Input, now time.Time) (event.Document, time.Time) {
	live, next := event.Current(in, now)
	out := &dialoginfo.Info{Entity: string(aor), Dialogs: dialoginfo.Merge(reports(live))}
	for i := range out.Dialogs {
		out.Dialogs[i].Doubtful = false // nothing that a lamp can show: it stays lit until the end
	}
	if len(out.Dialogs) == 0 {
		out = idle(out.Entity)
		out.Unreachable = p.Registrar && !slices.ContainsFunc(live, isEvidence)
		if dnd, until := disturbed(live, now); dnd && !p.HideDND && !out.Unreachable {
			out.Dialogs = []dialoginfo.Dialog{{ID: dndID, State: dialoginfo.Confirmed}}
			next = event.Sooner(next, until, now)
		}
		return out, next
	}
	out.Dialogs = out.Dialogs[:min(len(out.Dialogs), MaxShown)]
	return out, next
}

// reports is what inputs say of dialogs.
func reports(in []event.Input) (list []dialoginfo.Report) {
	for _, i := range in {
		if doc, ok := i.Doc.(*dialoginfo.Info); ok && i.Event == "dialog" && doc != nil {
			list = append(list, dialoginfo.Report{By: string('0'+rune(i.Source)) + i.ID, Info: doc})
		}
	}
	return list
}

// isEvidence tells what shows that somebody can be reached: a binding, or a live
// publication of presence that doesn't say otherwise.
func isEvidence(i event.Input) bool {
	switch doc := i.Doc.(type) {
	case *reginfo.Contact:
		return i.Event == "reg" && doc != nil && doc.State == reginfo.Active
	case *pidf.Presence:
		return i.Event == "presence" && i.Source == event.EPA && doc != nil && !isClosed(doc)
	}
	return false
}

// disturbed tells whether somebody who can be reached does not want to be
// disturbed, as presence has it, and until when: there is one truth of it.
func disturbed(in []event.Input, now time.Time) (dnd bool, until time.Time) {
	for _, i := range in {
		doc, ok := i.Doc.(*pidf.Presence)
		if !ok || i.Event != "presence" || doc == nil || isClosed(doc) {
			continue
		}
		switch on, at := doc.DND(now); {
		case on && at.IsZero():
			return true, time.Time{}
		case on:
			dnd = true
			if at.After(until) {
				until = at
			}
		}
	}
	return dnd, until
}

// isClosed tells that a document says of every way to somebody that it is none.
func isClosed(doc *pidf.Presence) bool {
	return len(doc.Tuples) > 0 && !slices.ContainsFunc(doc.Tuples, func(t pidf.Tuple) bool { return t.Basic != "closed" })
}

// dndID is the id of the dialog that somebody seems to be in who does not want to
// be disturbed.
const dndID = "dnd"

// idleID is the id of the dialog of somebody who has none.
const idleID = "idle"

func idle(entity string) *dialoginfo.Info {
	return &dialoginfo.Info{Entity: entity, Dialogs: []dialoginfo.Dialog{{ID: idleID, State: dialoginfo.Terminated}}}
}

// MayTake tells whether who has these rights may take a call that rings.
func MayTake(r event.Rights) bool {
	return r == event.RightsAll || slices.Contains(strings.Fields(string(r)), Parties)
}

// View withholds what a watcher has no right to: without State everything, and
// with it all but the state, and the direction where that is granted.
func (p Package) View(d event.Document, r event.Rights) event.Document {
	doc := d.(*dialoginfo.Info)
	words := strings.Fields(string(r))
	switch {
	case MayTake(r):
		return doc
	case !slices.Contains(words, State):
		out := idle(doc.Entity)
		out.Unreachable = p.Registrar
		return out
	}
	out := &dialoginfo.Info{Entity: doc.Entity, Unreachable: doc.Unreachable}
	for _, d := range doc.Dialogs {
		shown := dialoginfo.Dialog{ID: d.ID, State: d.State}
		if slices.Contains(words, Direction) {
			shown.Direction = d.Direction
		}
		out.Dialogs = append(out.Dialogs, shown)
	}
	return out
}

// Quiet tells that nothing has changed, as most of what presence and registrations
// say is no news to a lamp, or nothing but that what had ended is forgotten.
func (Package) Quiet(before, after event.Document) bool {
	old, now := before.(*dialoginfo.Info), after.(*dialoginfo.Info)
	return reflect.DeepEqual(old, now) || old.Unreachable == now.Unreachable && forgets(old.Dialogs, now.Dialogs)
}

// forgets tells whether all that is gone from a list had ended, and nothing is new
// in it but that somebody is in no dialog.
func forgets(before, after []dialoginfo.Dialog) bool {
	left := slices.DeleteFunc(slices.Clone(before), func(d dialoginfo.Dialog) bool {
		return d.State == dialoginfo.Terminated && !slices.ContainsFunc(after, func(o dialoginfo.Dialog) bool { return o.ID == d.ID })
	})
	if len(after) == 1 && after[0].ID == idleID {
		after = nil
	}
	return len(left) < len(before) && len(left) == len(after) && (len(left) == 0 || reflect.DeepEqual(left, after))
}

// Urgent tells that something rings, was answered or has ended.
func (Package) Urgent(before, after event.Document) bool {
	old := states(before.(*dialoginfo.Info))
	now := states(after.(*dialoginfo.Info))
	for id, state := range now {
		if old[id] != state && (state == dialoginfo.Early || state == dialoginfo.Confirmed || isLive(old[id])) {
			return true
		}
	}
	for id, state := range old {
		if isLive(state) && now[id] == "" {
			return true
		}
	}
	return false
}

func states(i *dialoginfo.Info) map[string]string {
	by := map[string]string{}
	for _, d := range i.Dialogs {
		by[d.ID] = d.State
	}
	return by
}

func isLive(state string) bool { return state != "" && state != dialoginfo.Terminated }
