// Package watcherinfo is the document of watcher information (RFC 3858): who
// watches, since when and how. It prints full state, and reads full and partial
// state; it leaves out what other namespaces add.
package watcherinfo

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"lamplight/body/internal/xmltree"
)

// Type is the document's media type.
const Type = "application/watcherinfo+xml"

// Space is the document's namespace.
const Space = "urn:ietf:params:xml:ns:watcherinfo"

// MaxLists is how many lists Parse takes.
const MaxLists = 256

// The statuses of a watcher (RFC 3857 §4.7.1).
const (
	Active     = "active"
	Pending    = "pending"
	Waiting    = "waiting"
	Terminated = "terminated"
)

// The events that lead to a status (RFC 3857 §4.7.1).
const (
	Subscribe   = "subscribe"
	Approved    = "approved"
	Deactivated = "deactivated"
	Probation   = "probation"
	Rejected    = "rejected"
	Timeout     = "timeout"
	Giveup      = "giveup"
	NoResource  = "noresource"
)

// Watcher is one subscription (RFC 3858 §3).
type Watcher struct {
	ID          string
	URI         string
	DisplayName string
	Status      string
	Event       string    // that led to the status
	Since       time.Time // when it was made; zero: not known
	Until       time.Time // when it ends; zero: not known
}

// List is those who watch a resource's state in one package.
type List struct {
	Resource string // a URI
	Package  string
	Watchers []Watcher
}

// Info is a document.
type Info struct {
	State   string // "full" or "partial", as read; printed is full state
	Version uint32 // as read
	Lists   []List
}

// Parse reads a document that came at a time.
func Parse(b []byte, at time.Time) (*Info, error) {
	root, err := xmltree.Parse(b)
	switch {
	case err != nil:
		return nil, err
	case !root.Is(Space, "watcherinfo"):
		return nil, errors.New("the root element is not a watcherinfo of " + Space)
	case len(root.Children) > MaxLists:
		return nil, errors.New("too many lists")
	}
	i := &Info{State: lower(root.Get("state"))}
	if version, err := strconv.ParseUint(strings.TrimSpace(root.Get("version")), 10, 32); err == nil {
		i.Version = uint32(version)
	}
	for _, n := range root.Children {
		if n.Is(Space, "watcher-list") {
			i.Lists = append(i.Lists, list(n, at))
		}
	}
	return i, nil
}

func list(n *xmltree.Node, at time.Time) List {
	l := List{Resource: strings.TrimSpace(n.Get("resource")), Package: strings.TrimSpace(n.Get("package"))}
	for _, c := range n.Children {
		if c.Is(Space, "watcher") {
			l.Watchers = append(l.Watchers, Watcher{
				ID: c.Get("id"), URI: strings.TrimSpace(c.Text), DisplayName: c.Get("display-name"),
				Status: lower(c.Get("status")), Event: lower(c.Get("event")),
				Since: xmltree.Moment(c.Get("duration-subscribed"), at, -time.Second),
				Until: xmltree.Moment(c.Get("expiration"), at, time.Second),
			})
		}
	}
	return l
}

func lower(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// AppendHead appends the document up to its version, AppendTail what follows:
// the version is each subscription's own (RFC 3858 §3).
func (i *Info) AppendHead(b []byte) []byte {
	return append(b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<watcherinfo xmlns=\""+Space+"\" version=\""...)
}

// AppendTail appends what follows the version: always full state. It tells how
// long each watcher has watched and will watch as of now; where that is zero it
// leaves both out.
func (i *Info) AppendTail(b []byte, now time.Time) []byte {
	b = append(b, "\" state=\"full\">\n"...)
	for n := range i.Lists {
		b = i.Lists[n].append(b, now)
	}
	return append(b, "</watcherinfo>\n"...)
}

func (l *List) append(b []byte, now time.Time) []byte {
	b = xmltree.AppendAttr(append(b, "<watcher-list"...), "resource", l.Resource)
	b = append(xmltree.AppendAttr(b, "package", l.Package), ">\n"...)
	for n := range l.Watchers {
		b = l.Watchers[n].append(b, now)
	}
	return append(b, "</watcher-list>\n"...)
}

func (w *Watcher) append(b []byte, now time.Time) []byte {
	b = xmltree.AppendAttr(append(b, "<watcher"...), "id", w.ID)
	b = xmltree.AppendAttr(b, "status", w.Status)
	b = xmltree.AppendAttr(b, "event", w.Event)
	b = xmltree.AppendSome(b, "display-name", w.DisplayName)
	if w.Status != Terminated {
		b = xmltree.AppendSeconds(b, "expiration", now, w.Until)
	}
	b = xmltree.AppendSeconds(b, "duration-subscribed", w.Since, now)
	return append(xmltree.AppendEscaped(append(b, '>'), w.URI), "</watcher>\n"...)
}
