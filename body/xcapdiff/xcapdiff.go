// Package xcapdiff is the document that says which of a user's documents have
// changed (RFC 5874): its entity-tags before and after. It prints; it leaves out
// patches, and the contents of elements and attributes.
package xcapdiff

import "lamplight/body/internal/xmltree"

// Type is the document's media type.
const Type = "application/xcap-diff+xml"

// Space is the document's namespace.
const Space = "urn:ietf:params:xml:ns:xcap-diff"

// Document is what is said of one document (RFC 5874 §3): with NewETag alone it is
// there, with both it was changed, with PreviousETag alone it was deleted.
type Document struct {
	Sel                   string // its path relative to the root, percent-encoded
	NewETag, PreviousETag string // entity-tags without quotes; "": none
}

// Diff is a document of them.
type Diff struct {
	Root      string // the URI of the XCAP root
	Documents []Document
}

// Append prints the document.
func (d *Diff) Append(b []byte) []byte {
	b = append(b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<xcap-diff xmlns=\""+Space+"\""...)
	b = append(xmltree.AppendAttr(b, "xcap-root", d.Root), ">\n"...)
	for i := range d.Documents {
		b = d.Documents[i].append(b)
	}
	return append(b, "</xcap-diff>\n"...)
}

func (d *Document) append(b []byte) []byte {
	b = xmltree.AppendAttr(append(b, "<document"...), "sel", d.Sel)
	b = xmltree.AppendSome(b, "new-etag", d.NewETag)
	b = xmltree.AppendSome(b, "previous-etag", d.PreviousETag)
	return append(b, "/>\n"...)
}
