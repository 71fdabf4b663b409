// Package commonpolicy is the document of rules that a user sets (RFC 4745, with
// the presence authorization of RFC 5025). It reads and prints them, and leaves
// what they mean together to policy. What a rule says in words that are not known
// here grants nothing.
package commonpolicy

import (
	"errors"
	"strings"
	"time"

	"lamplight/body/internal/xmltree"
)

// Type is the document's media type.
const Type = "application/auth-policy+xml"

// Namespaces. Own is the project's own: RFC 5025 has no words for calls, places,
// registrations and groups of people.
const (
	Space = "urn:ietf:params:xml:ns:common-policy"
	Pres  = "urn:ietf:params:xml:ns:pres-rules"
	Own   = "urn:lamplight:policy"
)

// Limits of a document.
const (
	MaxRules = 256
	MaxNames = 4096 // identities, exceptions and permissions of all rules
)

// Ruleset is one document.
type Ruleset struct {
	Rules []Rule
	Extra []string // other elements, each a fragment that stands alone
}

// Rule grants something where its conditions hold.
type Rule struct {
	ID       string
	Identity *Identity // nil: whoever it is
	Spheres  []Sphere  // each must hold; one holds where one of its words is the sphere
	Validity []Span    // one of them must hold; nil: always
	Unknown  []string  // conditions that are not known: with one the rule never holds (RFC 4745 §7)
	Handling string    // block, confirm, polite-block, allow; "": the rule does not say
	Shows    []Show

	Actions, Transformations []string // those that are not known, fragments
}

// Identity is who is meant: those that one of its parts means. Without any part
// it means who is not authenticated (RFC 5025 §3.1.1.1).
type Identity struct {
	One    []string // URIs
	Many   []Many
	Groups []Group
	Other  []string // parts that are not known, which mean nobody
}

// Group is a group of people, but for the exceptions.
type Group struct {
	Name   string
	Except []string // URIs
}

// Many is all of a domain, or "" of all, but for the exceptions.
type Many struct {
	Domain        string
	Except        []string // URIs
	ExceptDomains []string
}

// Sphere is a condition on the sphere that the user is in.
type Sphere struct{ Words []string }

// Span is a time; zero is no bound.
type Span struct{ From, Until time.Time }

// Show is one permission: an element of transformations, in short. Of a set, What
// is the set and By, Value one of its members; else Value is the element's own.
type Show struct {
	What  string // persons, activities, user-input, unknown-attribute, location, …: the element's name without provide-
	By    string // class, occurrence-id, deviceID, service-uri, service-uri-scheme; "" means all of a set
	Value string // of an attribute that is not known: its namespace, a space and its name
}

// Foreign is what a Show is of that grants nothing here: of a set, By, a member that
// is not known, a fragment.
const Foreign = "foreign"

// Attribute is the element that an unknown-attribute names.
func (s Show) Attribute() (space, name string) {
	space, name, _ = strings.Cut(s.Value, " ")
	return space, name
}

// Parse reads a document.
func Parse(b []byte) (*Ruleset, error) {
	root, err := xmltree.Parse(b)
	switch {
	case err != nil:
		return nil, err
	case !root.Is(Space, "ruleset"):
		return nil, errors.New("the root element is not a ruleset of " + Space)
	}
	rs, p := &Ruleset{}, parser{left: MaxNames, ids: map[string]bool{}}
	for _, n := range root.Children {
		if !n.Is(Space, "rule") {
			rs.Extra = append(rs.Extra, n.Fragment())
			continue
		}
		r, err := p.rule(n)
		if err != nil {
			return nil, err
		}
		rs.Rules = append(rs.Rules, r)
	}
	switch {
	case len(rs.Rules) > MaxRules:
		return nil, errors.New("too many rules")
	case p.left < 0:
		return nil, errors.New("too many identities and permissions")
	}
	return rs, root.Err()
}

// parser counts what the rules hold.
type parser struct {
	left int
	ids  map[string]bool
}

func (p *parser) rule(n *xmltree.Node) (r Rule, err error) {
	r.ID = n.Get("id")
	if r.ID == "" || p.ids[r.ID] {
		return r, errors.New("a rule without an id of its own")
	}
	p.ids[r.ID] = true
	for _, c := range n.Children {
		switch {
		case c.Is(Space, "conditions"):
			err = errors.Join(err, p.conditions(&r, c))
		case c.Is(Space, "actions"):
			err = errors.Join(err, actions(&r, c))
		case c.Is(Space, "transformations"):
			for _, t := range c.Children {
				err = errors.Join(err, p.show(&r, t))
			}
		}
	}
	return r, err
}

func (p *parser) conditions(r *Rule, n *xmltree.Node) error {
	for _, c := range n.Children {
		switch {
		case c.Is(Space, "identity"):
			if r.Identity != nil {
				return errors.New("a rule with two identities")
			}
			r.Identity = p.identity(c)
		case c.Is(Space, "sphere"):
			r.Spheres = append(r.Spheres, Sphere{strings.Fields(c.Get("value"))})
		case c.Is(Space, "validity"):
			spans, err := validity(c)
			if err != nil {
				return err
			}
			r.Validity = append(r.Validity, spans...)
		default:
			r.Unknown = append(r.Unknown, c.Fragment())
		}
	}
	return nil
}

func (p *parser) identity(n *xmltree.Node) *Identity {
	id := &Identity{}
	for _, c := range n.Children {
		p.left--
		switch {
		case c.Is(Space, "one"):
			id.One = append(id.One, strings.TrimSpace(c.Get("id")))
		case c.Is(Space, "many"):
			id.Many = append(id.Many, p.many(c))
		case c.Is(Own, "group"):
			id.Groups = append(id.Groups, Group{strings.TrimSpace(c.Get("name")), p.many(c).Except})
		default:
			id.Other = append(id.Other, c.Fragment())
		}
	}
	return id
}

func (p *parser) many(n *xmltree.Node) Many {
	m := Many{Domain: strings.TrimSpace(n.Get("domain"))}
	for _, c := range n.Children {
		p.left--
		switch id, domain := strings.TrimSpace(c.Get("id")), strings.TrimSpace(c.Get("domain")); {
		case !c.Is(Space, "except"):
		case id != "":
			m.Except = append(m.Except, id)
		case domain != "":
			m.ExceptDomains = append(m.ExceptDomains, domain)
		}
	}
	return m
}

// validity reads the pairs of from and until (RFC 4745 §7.4).
func validity(n *xmltree.Node) (spans []Span, err error) {
	for i := 0; i+1 < len(n.Children); i += 2 {
		from, until := n.Children[i], n.Children[i+1]
		if !from.Is(Space, "from") || !until.Is(Space, "until") {
			return nil, errors.New("validity is not from and until in turn")
		}
		var s Span
		if s.From, err = time.Parse(time.RFC3339, strings.TrimSpace(from.Text)); err == nil {
			s.Until, err = time.Parse(time.RFC3339, strings.TrimSpace(until.Text))
		}
		if err != nil {
			return nil, errors.New("validity: not a time with its zone")
		}
		spans = append(spans, s)
	}
	if len(spans) == 0 || len(n.Children)%2 != 0 {
		return nil, errors.New("validity without from and until")
	}
	return spans, nil
}

func actions(r *Rule, n *xmltree.Node) error {
	for _, c := range n.Children {
		if !c.Is(Pres, "sub-handling") {
			r.Actions = append(r.Actions, c.Fragment())
			continue
		}
		switch r.Handling = strings.TrimSpace(c.Text); r.Handling {
		case "block", "confirm", "polite-block", "allow":
		default:
			return errors.New("sub-handling is not block, confirm, polite-block or allow")
		}
	}
	return nil
}

// sets are the permissions that say which elements, and the name of all of them.
var sets = map[string]string{"persons": "all-persons", "services": "all-services", "devices": "all-devices"}

// show reads one element of transformations (RFC 5025 §3.3).
func (p *parser) show(r *Rule, n *xmltree.Node) error {
	what, ok := strings.CutPrefix(n.Local, "provide-")
	p.left--
	if !ok || n.Space != Pres && n.Space != Own {
		r.Transformations = append(r.Transformations, n.Fragment())
		return nil
	}
	if all, isSet := sets[what]; isSet && n.Space == Pres {
		for _, c := range n.Children {
			p.left--
			switch {
			case c.Is(Pres, all):
				r.Shows = append(r.Shows, Show{What: what})
			case c.Space == Pres:
				r.Shows = append(r.Shows, Show{what, c.Local, strings.TrimSpace(c.Text)})
			default:
				r.Shows = append(r.Shows, Show{Foreign, what, c.Fragment()})
			}
		}
		return nil
	}
	return p.attribute(r, what, n)
}

// attributes are the permissions of RFC 5025 §3.3.2 that are true or false.
var attributes = map[string]bool{"activities": true, "class": true, "deviceID": true, "mood": true, "place-is": true, "place-type": true,
	"privacy": true, "relationship": true, "sphere": true, "status-icon": true, "time-offset": true, "note": true}

func (p *parser) attribute(r *Rule, what string, n *xmltree.Node) error {
	text := strings.TrimSpace(n.Text)
	yes := text == "true" || text == "1"
	s := Show{What: what}
	switch {
	case n.Space == Own && what == "dialog":
		s.Value = text
	case n.Space == Own && (what == "location" || what == "registrations"):
		s.Value = "true"
		if !yes {
			return nil
		}
	case n.Space == Own:
		r.Transformations = append(r.Transformations, n.Fragment())
		return nil
	case what == "all-attributes":
	case what == "user-input":
		if text == "false" {
			return nil
		}
		s.Value = text
	case what == "unknown-attribute":
		s.Value = n.Get("ns") + " " + n.Get("name")
		if !yes {
			return nil
		}
	case !attributes[what]:
		r.Transformations = append(r.Transformations, n.Fragment())
		return nil
	case !yes:
		return nil
	}
	r.Shows = append(r.Shows, s)
	return nil
}
