package pidf

import "lamplight/body/internal/xmltree"

// DigiumTuple is a tuple as Digium's phones read it: an element of no namespace
// of its own, with one of the words not_set, unavailable, available, away, xa,
// chat and dnd.
func DigiumTuple(word, note string) Tuple {
	b := xmltree.AppendAttr([]byte(`<digium_presence`), "type", word)
	b = xmltree.AppendEscaped(append(b, ` subtype="">`...), note)
	return Tuple{ID: "digium-presence", Status: []Element{{Local: "digium_presence", Raw: string(append(b, "</digium_presence>"...))}}}
}
