// Package reginfo is the document of registration state (RFC 3680 §5): where
// somebody can be reached. It prints full state, and reads full and partial
// state; it leaves out what other namespaces add.
package reginfo

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"lamplight/body/internal/xmltree"
)

// Type is the document's media type.
const Type = "application/reginfo+xml"

// Space is the document's namespace.
const Space = "urn:ietf:params:xml:ns:reginfo"

// MaxRegistrations is how many registrations Parse takes.
const MaxRegistrations = 256

// The states of a registration and, but for Init, of a contact
// (RFC 3680 §4.7.1).
const (
	Init       = "init"
	Active     = "active"
	Terminated = "terminated"
)

// Registration is an address-of-record and its contacts.
type Registration struct {
	ID       string
	AoR      string // a URI
	State    string
	Contacts []*Contact
}

// Info is a document.
type Info struct {
	State         string // "full" or "partial", as read; printed is full state
	Version       uint32 // as read
	Registrations []Registration
}

// Parse reads a document that came at a time.
func Parse(b []byte, at time.Time) (*Info, error) {
	root, err := xmltree.Parse(b)
	switch {
	case err != nil:
		return nil, err
	case !root.Is(Space, "reginfo"):
		return nil, errors.New("the root element is not a reginfo of " + Space)
	case len(root.Children) > MaxRegistrations:
		return nil, errors.New("too many registrations")
	}
	i := &Info{State: lower(root.Get("state"))}
	if version, err := strconv.ParseUint(strings.TrimSpace(root.Get("version")), 10, 32); err == nil {
		i.Version = uint32(version)
	}
	for _, n := range root.Children {
		if n.Is(Space, "registration") {
			i.Registrations = append(i.Registrations, registration(n, at))
		}
	}
	return i, nil
}

func registration(n *xmltree.Node, at time.Time) Registration {
	r := Registration{ID: n.Get("id"), AoR: strings.TrimSpace(n.Get("aor")), State: lower(n.Get("state"))}
	for _, c := range n.Children {
		if c.Is(Space, "contact") {
			r.Contacts = append(r.Contacts, contact(c, at))
		}
	}
	return r
}

func lower(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// AppendHead appends the document up to its version, AppendTail what follows:
// the version is each subscription's own (RFC 3680 §5.1).
func (i *Info) AppendHead(b []byte) []byte {
	return append(b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<reginfo xmlns=\""+Space+"\" version=\""...)
}

// AppendTail appends what follows the version: always full state. It tells how
// long each contact has been bound and will be as of now; where that is zero it
// leaves both out.
func (i *Info) AppendTail(b []byte, now time.Time) []byte {
	b = append(b, "\" state=\"full\">\n"...)
	for n := range i.Registrations {
		b = i.Registrations[n].append(b, now)
	}
	return append(b, "</reginfo>\n"...)
}

func (r *Registration) append(b []byte, now time.Time) []byte {
	b = xmltree.AppendAttr(append(b, "<registration"...), "aor", r.AoR)
	b = xmltree.AppendAttr(b, "id", r.ID)
	b = append(xmltree.AppendAttr(b, "state", r.State), ">\n"...)
	for _, c := range r.Contacts {
		b = c.append(b, now)
	}
	return append(b, "</registration>\n"...)
}
