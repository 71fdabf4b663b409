// Package limits tells whether a document keeps to limits of its XML, of which
// the parsers have their own; lower ones are a setting. It knows no document's
// meaning, and limits neither its size nor its type.
package limits

import "lamplight/body/internal/xmltree"

// XML are the limits of a document.
type XML = xmltree.Limits

// Most are those that the parsers have: no document exceeds them.
var Most = xmltree.Most

// Exceeded tells whether a document exceeds limits.
func Exceeded(b []byte, l XML) bool { return xmltree.Exceeds(b, l) }
