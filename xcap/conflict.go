package xcap

import (
	"fmt"

	"lamplight/body/xmldoc"
)

// Conflict is why a change is refused, as the detailed report of RFC 4825 §11
// says it.
type Conflict struct {
	Condition string // the element's name: "cannot-insert"
	Phrase    string
	Ancestor  string // of no-parent: the closest resource that is there, a URI
	Exists    []Exists
}

// Exists is something that is not unique.
type Exists struct {
	Field string   // where it stands, a URI relative to the document
	Alt   []string // values that are free
}

// Error says what is wrong in words.
func (c *Conflict) Error() string { return c.Condition + ": " + c.Phrase }

func conflict(condition, format string, a ...any) *Conflict {
	return &Conflict{Condition: condition, Phrase: fmt.Sprintf(format, a...)}
}

// Document is the report, of the type application/xcap-error+xml.
func (c *Conflict) Document() []byte {
	var inner string
	if c.Ancestor != "" {
		inner = "<ancestor>" + xmldoc.Escape(c.Ancestor) + "</ancestor>"
	}
	for _, e := range c.Exists {
		inner += `<exists field="` + xmldoc.Escape(e.Field) + `">`
		for _, v := range e.Alt {
			inner += "<alt-value>" + xmldoc.Escape(v) + "</alt-value>"
		}
		inner += "</exists>"
	}
	return fmt.Appendf(nil, `<?xml version="1.0" encoding="UTF-8"?>
<xcap-error xmlns="urn:ietf:params:xml:ns:xcap-error"><%s phrase="%s">%s</%[1]s></xcap-error>
`, c.Condition, xmldoc.Escape(c.Phrase), inner)
}
