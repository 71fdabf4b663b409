package xcap

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"lamplight/body/xmldoc"
)

// The namespaces of the usages' documents.
const (
	nsLists    = "urn:ietf:params:xml:ns:resource-lists"
	nsServices = "urn:ietf:params:xml:ns:rls-services"
	nsPolicy   = "urn:ietf:params:xml:ns:common-policy"
	nsRules    = "urn:ietf:params:xml:ns:pres-rules"
	nsPIDF     = "urn:ietf:params:xml:ns:pidf"
	nsXSI      = "http://www.w3.org/2001/XMLSchema-instance"
)

// content is what an element may hold, as a schema says it.
type content struct {
	parts []part           // one after the other
	attrs map[string]*text // by name
	must  []string         // those that have to be there
	open  bool             // attributes of other namespaces too
	text  *text            // nil: no text but white space
}

// part is a choice of elements that is repeated.
type part struct {
	space    string
	of       map[string]*content
	other    bool // or elements of other namespaces than space
	min, max int  // max 0: any number
}

// text is how a value is judged.
type text struct{ check func(string) bool }

var (
	anyText  = &text{func(string) bool { return true }}
	idText   = &text{isName}
	uriText  = &text{func(s string) bool { return strings.TrimSpace(s) != "" }} // a schema lets nearly anything be one
	timeText = &text{func(s string) bool {
		_, err := time.Parse(time.RFC3339Nano, strings.TrimSpace(s))
		return err == nil
	}}
	boolText     = oneOf("true", "false", "0", "1")
	handlingText = oneOf("block", "confirm", "polite-block", "allow")
	inputText    = oneOf("false", "bare", "thresholds", "full")
	basicText    = oneOf("open", "closed")
	priorityText = &text{func(s string) bool {
		q, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
		return err == nil && q >= 0 && q <= 1 && len(s) < 16
	}}
)

func oneOf(words ...string) *text {
	return &text{func(s string) bool {
		for _, w := range words {
			if strings.TrimSpace(s) == w {
				return true
			}
		}
		return false
	}}
}

func one(space, local string, c *content) part {
	return part{space: space, of: map[string]*content{local: c}, min: 1, max: 1}
}

func some(space, local string, c *content) part {
	return part{space: space, of: map[string]*content{local: c}, max: 1}
}

func many(space string, of map[string]*content) part { return part{space: space, of: of} }

func others(space string) part { return part{space: space, other: true} }

// check judges an element and all inside it.
func (c *content) check(e *xmldoc.Element) error {
	if err := c.checkAttrs(e); err != nil {
		return err
	}
	if c.text == nil && strings.TrimSpace(e.Text) != "" || c.text != nil && !c.text.check(e.Text) {
		return fmt.Errorf("<%s> does not hold what it should", e.Local)
	}
	rest := e.Children
	for _, p := range c.parts {
		n := 0
		for len(rest) > 0 && (p.max == 0 || n < p.max) {
			of, ok := p.fits(rest[0])
			if !ok {
				break
			}
			if err := judge(of, rest[0]); err != nil {
				return err
			}
			rest, n = rest[1:], n+1
		}
		if n < p.min {
			return fmt.Errorf("<%s> lacks something", e.Local)
		}
	}
	if len(rest) > 0 {
		return fmt.Errorf("<%s> does not stand in <%s> there", rest[0].Local, e.Local)
	}
	return nil
}

// fits tells whether an element can stand here, and what it may hold then.
func (p *part) fits(e *xmldoc.Element) (*content, bool) {
	if e.Space == p.space && p.of != nil {
		c, ok := p.of[e.Local]
		return c, ok
	}
	return nil, p.other && e.Space != p.space && e.Space != ""
}

// judge checks an element by its content; one without may hold anything, unless
// its namespace is one that the server knows.
func judge(c *content, e *xmldoc.Element) error {
	if c != nil {
		return c.check(e)
	}
	if e.Space != nsRules {
		return nil
	}
	known, ok := permissions[e.Local]
	if !ok {
		return fmt.Errorf("<%s> is not known", e.Local)
	}
	return known.check(e)
}

func (c *content) checkAttrs(e *xmldoc.Element) error {
	for _, a := range e.Attr {
		if a.Space == nsXSI || a.Space != "" && c.open {
			continue
		}
		t := c.attrs[a.Local]
		if a.Space != "" && a.Local != "lang" || t == nil || !t.check(a.Value) {
			return fmt.Errorf("attribute %q of <%s> is not allowed so", a.Local, e.Local)
		}
	}
	for _, name := range c.must {
		if !has(e, name) {
			return fmt.Errorf("<%s> lacks the attribute %q", e.Local, name)
		}
	}
	return nil
}

func has(e *xmldoc.Element, local string) bool {
	for _, a := range e.Attr {
		if a.Space == "" && a.Local == local {
			return true
		}
	}
	return false
}
