// Package reg is the registration event package (RFC 3680): where somebody is
// registered, as the registrar tells it. It tells full state always; nobody
// publishes it. It leaves out bindings that an administrator ends or shortens.
package reg

import (
	"cmp"
	"slices"
	"time"

	"lamplight/body/reginfo"
	"lamplight/event"
)

// Package is the event package; its zero value is ready.
type Package struct{}

// Event is the package's name.
func (Package) Event() event.Name { return "reg" }

// Reads lists what is composed.
func (Package) Reads() []event.Name { return []event.Name{"reg"} }

// Types lists how documents are labelled.
func (Package) Types() []string { return []string{reginfo.Type} }

// Lifetime follows RFC 3680 §4.4 and §4.10.
func (Package) Lifetime() event.Lifetime {
	return event.Lifetime{Min: time.Minute, Default: 3761 * time.Second, Max: 24 * time.Hour, Refill: 5 * time.Second, Burst: 5}
}

// Parse refuses: registrations are made by REGISTER.
func (Package) Parse(string, []byte) (event.Document, error) { return nil, event.ErrUnsupportedType }

// Compose makes one registration of all contacts.
func (Package) Compose(aor event.AoR, in []event.Input, now time.Time) (event.Document, time.Time) {
	live, next := event.Current(in, now)
	r := reginfo.Registration{ID: "r1", AoR: string(aor), State: reginfo.Init}
	for _, i := range live {
		c, ok := i.Doc.(*reginfo.Contact)
		if !ok || i.Event != "reg" || c == nil {
			continue
		}
		r.Contacts = append(r.Contacts, c)
		switch {
		case c.State != reginfo.Terminated:
			r.State = reginfo.Active
		case r.State == reginfo.Init:
			r.State = reginfo.Terminated
		}
	}
	slices.SortStableFunc(r.Contacts, func(a, b *reginfo.Contact) int { return cmp.Compare(a.ID, b.ID) })
	return &reginfo.Info{Registrations: []reginfo.Registration{r}}, next
}

// Encode prints a document about the URI that was watched, without lengths.
func (p Package) Encode(entity string, d event.Document, f event.Format) (event.Body, error) {
	return p.EncodeAt(entity, d, f, time.Time{})
}

// EncodeAt prints a document with how long each contact was and will be bound.
func (Package) EncodeAt(entity string, d event.Document, _ event.Format, now time.Time) (event.Body, error) {
	doc := reginfo.Info{Registrations: slices.Clone(d.(*reginfo.Info).Registrations)}
	for i := range doc.Registrations {
		doc.Registrations[i].AoR = entity
	}
	return event.Body{Head: doc.AppendHead(nil), Tail: doc.AppendTail(nil, now), Versioned: true}, nil
}

// Quiet tells a change by which ended contacts are forgotten: RFC 3680 §4.7.2
// has no notification for it.
func (Package) Quiet(before, after event.Document) bool {
	return event.OnlyForgets(contacts(before), contacts(after), func(c *reginfo.Contact) bool { return c.State == reginfo.Terminated })
}

func contacts(d event.Document) (all []*reginfo.Contact) {
	for _, r := range d.(*reginfo.Info).Registrations {
		all = append(all, r.Contacts...)
	}
	return all
}
