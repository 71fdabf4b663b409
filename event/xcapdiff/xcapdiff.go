// Package xcapdiff is the event package xcap-diff (RFC 5875): which documents a
// user keeps, and which of them were changed. It is for the user alone, and tells
// of all documents, whatever list a subscription names; it leaves out patches and
// single elements and attributes of documents (RFC 5875 §4.3, §4.4).
package xcapdiff

import (
	"cmp"
	"slices"
	"time"

	"lamplight/body/xcapdiff"
	"lamplight/event"
)

// Name is the package's.
const Name event.Name = "xcap-diff"

// Package is the event package.
type Package struct {
	Root string // the URI of the XCAP root
}

// Event is the package's name.
func (Package) Event() event.Name { return Name }

// Reads lists what is composed.
func (Package) Reads() []event.Name { return []event.Name{Name} }

// Types lists how documents are labelled.
func (Package) Types() []string { return []string{xcapdiff.Type} }

// Lifetime follows RFC 5875 §4.5 and §4.10.
func (Package) Lifetime() event.Lifetime {
	return event.Lifetime{Min: time.Minute, Default: time.Hour, Max: 24 * time.Hour, Refill: 5 * time.Second, Burst: 1}
}

// Parse refuses: documents are written by XCAP.
func (Package) Parse(string, []byte) (event.Document, error) { return nil, event.ErrUnsupportedType }

// Compose lists the documents that are there, each an input of a
// *xcapdiff.Document.
func (p Package) Compose(_ event.AoR, in []event.Input, now time.Time) (event.Document, time.Time) {
	live, next := event.Current(in, now)
	list := &xcapdiff.Diff{Root: p.Root}
	for _, i := range live {
		if doc, ok := i.Doc.(*xcapdiff.Document); ok && i.Event == Name && doc != nil {
			list.Documents = append(list.Documents, *doc)
		}
	}
	sort(list.Documents)
	return list, next
}

func sort(list []xcapdiff.Document) {
	slices.SortStableFunc(list, func(a, b xcapdiff.Document) int { return cmp.Compare(a.Sel, b.Sel) })
}

// Diff leaves what was made, changed or deleted (RFC 5874 §3).
func (Package) Diff(before, after event.Document) event.Document {
	now, was := after.(*xcapdiff.Diff), map[string]string{}
	for _, doc := range before.(*xcapdiff.Diff).Documents {
		was[doc.Sel] = doc.NewETag
	}
	diff := &xcapdiff.Diff{Root: now.Root}
	for _, doc := range now.Documents {
		doc.PreviousETag = was[doc.Sel]
		delete(was, doc.Sel)
		if doc.NewETag != doc.PreviousETag {
			diff.Documents = append(diff.Documents, doc)
		}
	}
	for sel, etag := range was {
		diff.Documents = append(diff.Documents, xcapdiff.Document{Sel: sel, PreviousETag: etag})
	}
	sort(diff.Documents)
	return diff
}

// Encode prints a document.
func (Package) Encode(_ string, d event.Document, _ event.Format) (event.Body, error) {
	return event.Body{Head: d.(*xcapdiff.Diff).Append(nil)}, nil
}
