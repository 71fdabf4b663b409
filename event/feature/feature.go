// Package feature is the event package as-feature-event, by which a user's
// telephones and the server tell each other of do not disturb and of forwarded
// calls. No RFC has it: it is Broadsoft's feature key synchronization, which the
// makers of desk telephones follow. Do not disturb is the person's, in whatever
// presence document it stands; forwarding is kept here. It is for the user alone,
// and leaves out call centres and hoteling.
package feature

import (
	"slices"
	"time"

	"lamplight/body/csta"
	"lamplight/body/pidf"
	"lamplight/event"
)

// Name is the package's.
const Name event.Name = "as-feature-event"

// Package is the event package. Forwards tells whether calls are forwarded here:
// a server that passes no calls on has no such features.
type Package struct{ Forwards bool }

// Event is the package's name.
func (Package) Event() event.Name { return Name }

// Reads lists what is composed.
func (Package) Reads() []event.Name { return []event.Name{Name, "presence"} }

// Types lists how documents are labelled; several features are a multipart of it.
func (Package) Types() []string { return []string{csta.Type} }

// Lifetime lets telephones subscribe for a day: they have nothing to refresh for.
func (Package) Lifetime() event.Lifetime {
	return event.Lifetime{Min: time.Minute, Default: time.Hour, Max: 24 * time.Hour, Refill: time.Second, Burst: 5}
}

// Parse reads settings as they are kept. Nobody publishes any.
func (Package) Parse(contentType string, body []byte) (event.Document, error) {
	if contentType != SettingsType {
		return nil, event.ErrUnsupportedType
	}
	s, err := parseSettings(body)
	if err != nil {
		return nil, &event.MalformedError{Reason: err.Error()}
	}
	return s, nil
}

// Set reads what a telephone wants to be set. The document is a *csta.Feature.
func (Package) Set(contentType string, body []byte) (want event.Document, reply event.Body, err error) {
	if contentType != csta.Type {
		return nil, event.Body{}, event.ErrUnsupportedType
	}
	f, err := csta.ParseSet(body)
	if err != nil {
		return nil, event.Body{}, &event.MalformedError{Reason: err.Error()}
	}
	return &f, event.Body{Head: csta.Reply(f.Kind), Type: csta.Type}, nil
}

// Compose says whether the user wants to be disturbed, whoever said so, and where
// calls are forwarded to.
func (p Package) Compose(_ event.AoR, in []event.Input, now time.Time) (event.Document, time.Time) {
	live, next := event.Current(in, now)
	dnd, settings, made := false, &Settings{}, time.Time{}
	for _, i := range live {
		switch doc := i.Doc.(type) {
		case *pidf.Presence:
			if i.Event != "presence" || doc == nil {
				continue
			}
			on, until := doc.DND(now)
			dnd, next = dnd || on, event.Sooner(next, until, now)
		case *Settings:
			if i.Event == Name && doc != nil && !i.Made.Before(made) {
				settings, made = doc, i.Made
			}
		}
	}
	list := []csta.Feature{{Kind: csta.DoNotDisturb, On: dnd}}
	if p.Forwards {
		list = append(list, settings.features()...)
	}
	return &csta.Features{List: list}, next
}

// Encode prints a document.
func (Package) Encode(_ string, d event.Document, _ event.Format) (event.Body, error) {
	b, kind := d.(*csta.Features).Append(nil)
	return event.Body{Head: b, Type: kind}, nil
}

// Diff leaves what has changed.
func (Package) Diff(before, after event.Document) event.Document {
	old := before.(*csta.Features).List
	return &csta.Features{List: slices.DeleteFunc(slices.Clone(after.(*csta.Features).List), func(f csta.Feature) bool { return slices.Contains(old, f) })}
}

// Urgent tells every change: a key was pressed, and its lamp waits for it.
func (Package) Urgent(before, after event.Document) bool {
	return !slices.Equal(before.(*csta.Features).List, after.(*csta.Features).List)
}
