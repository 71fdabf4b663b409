// Package watcherinfo is the document of watcher information (RFC 3858): who
// watches, since when and how. It prints full state; it reads nothing, since
// nobody publishes it.
package watcherinfo

import (
	"strconv"
	"time"
)

// Type is the document's media type.
const Type = "application/watcherinfo+xml"

// Watcher is one subscription (RFC 3858 §3).
type Watcher struct {
	ID                 string
	URI                string
	Status             string // active, pending, waiting or terminated
	Event              string // that led to the status (RFC 3857 §4.7.1)
	Expiration         time.Duration
	DurationSubscribed time.Duration
}

// Info is the list of those who watch a resource's state in one package.
type Info struct {
	Resource string // a URI
	Package  string
	Watchers []Watcher
}

// AppendHead appends the document up to its version, AppendTail what follows:
// the version is each subscription's own (RFC 3858 §3).
func (i *Info) AppendHead(b []byte) []byte {
	return append(b, "<?xml version=\"1.0\"?>\n<watcherinfo xmlns=\"urn:ietf:params:xml:ns:watcherinfo\" version=\""...)
}

// AppendTail appends what follows the version.
func (i *Info) AppendTail(b []byte) []byte {
	b = append(b, "\" state=\"full\">\n<watcher-list"...)
	b = appendAttr(b, "resource", i.Resource)
	b = appendAttr(b, "package", i.Package)
	b = append(b, ">\n"...)
	for n := range i.Watchers {
		b = i.Watchers[n].append(b)
	}
	return append(b, "</watcher-list>\n</watcherinfo>\n"...)
}

func (w *Watcher) append(b []byte) []byte {
	b = append(b, "<watcher"...)
	b = appendAttr(b, "id", w.ID)
	b = appendAttr(b, "status", w.Status)
	b = appendAttr(b, "event", w.Event)
	if w.Status != "terminated" {
		b = appendAttr(b, "expiration", seconds(w.Expiration))
	}
	b = appendAttr(b, "duration-subscribed", seconds(w.DurationSubscribed))
	b = appendEscaped(append(b, '>'), w.URI)
	return append(b, "</watcher>\n"...)
}

func seconds(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) }

func appendAttr(b []byte, name, value string) []byte {
	b = append(append(append(b, ' '), name...), "=\""...)
	return append(appendEscaped(b, value), '"')
}

func appendEscaped(b []byte, s string) []byte {
	for _, r := range s {
		switch {
		case r == '&':
			b = append(b, "&amp;"...)
		case r == '<':
			b = append(b, "&lt;"...)
		case r == '>':
			b = append(b, "&gt;"...)
		case r == '"':
			b = append(b, "&quot;"...)
		case r < ' ':
			b = append(b, ' ')
		default:
			b = append(b, string(r)...)
		}
	}
	return b
}
