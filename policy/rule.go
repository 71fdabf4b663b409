package policy

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/idna"

	"lamplight/event"
)

// Rule grants something to those whom it means (RFC 4745 §7). One that means
// nobody grants nothing.
type Rule struct {
	One      []event.AoR // these watchers
	Domains  []string    // and all of these domains
	Except   []event.AoR // but of these, not these
	Many     []Many      // and all of these
	Groups   []Group     // and those of these groups
	Anyone   bool        // or whoever it is, authenticated or not
	Nameless bool        // or who is not authenticated

	Events   []event.Name // nil: presence and dialog
	Spheres  [][]string   // of each, one word must be the user's sphere
	Validity []Span       // one of these must be now; nil: always
	Handling event.Handling
	Rights   event.Rights
}

// Many is all watchers of a domain, of "" all, but for the exceptions.
type Many struct {
	Domain        string
	Except        []event.AoR
	ExceptDomains []string
}

// Group is the people of a group, but for the exceptions.
type Group struct {
	Name   string
	Except []event.AoR
}

// Span is a time, until excluded.
type Span struct{ From, Until time.Time }

// about is what a rule's conditions are about.
type about struct {
	who    event.Subscriber
	name   event.Name
	sphere func() string
	in     func(group string, w event.AoR) bool
	now    time.Time
}

// common are the events that others than the user watch.
var common = []event.Name{"presence", "dialog"}

// holds tells whether all conditions hold (RFC 4745 §7).
func (r *Rule) holds(a *about) bool {
	events := r.Events
	if events == nil {
		events = common
	}
	return slices.Contains(events, a.name) && r.means(a) && r.valid(a.now) && r.isSphere(a)
}

func (r *Rule) means(a *about) bool {
	switch {
	case r.Anyone:
		return true
	case !a.who.Authenticated:
		return r.Nameless
	case slices.Contains(r.One, a.who.AoR):
		return true
	case slices.Contains(r.Domains, Domain(a.who.AoR)) && !slices.Contains(r.Except, a.who.AoR):
		return true
	}
	return slices.ContainsFunc(r.Many, func(m Many) bool { return m.means(a.who.AoR) }) ||
		slices.ContainsFunc(r.Groups, func(g Group) bool { return a.in(g.Name, a.who.AoR) && !slices.Contains(g.Except, a.who.AoR) })
}

func (m *Many) means(w event.AoR) bool {
	domain := Domain(w)
	return (m.Domain == "" || m.Domain == domain) && !slices.Contains(m.Except, w) && !slices.Contains(m.ExceptDomains, domain)
}

func (r *Rule) valid(now time.Time) bool {
	return r.Validity == nil || slices.ContainsFunc(r.Validity, func(s Span) bool { return !now.Before(s.From) && now.Before(s.Until) })
}

// isSphere compares without regard to case; a rule that asks for a sphere never
// holds where none is known (RFC 4745 §7.3).
func (r *Rule) isSphere(a *about) bool {
	for _, words := range r.Spheres {
		sphere := a.sphere()
		if sphere == "" || !slices.ContainsFunc(words, func(w string) bool { return strings.EqualFold(w, sphere) }) {
			return false
		}
	}
	return true
}

// next is the first moment at which the rule begins or ceases to hold.
func (r *Rule) next(next, now time.Time) time.Time {
	for _, s := range r.Validity {
		next = event.Sooner(event.Sooner(next, s.From, now), s.Until, now)
	}
	return next
}

// Domain is the host of an AoR.
func Domain(a event.AoR) string {
	_, host, _ := strings.Cut(string(a), "@")
	return host
}

// Canonical is the AoR that a URI of a rule means; ok is false where it means
// none that a watcher could have. Parts that no AoR has are left out, and nothing
// is guessed: a domain that looks like another one is another one.
func Canonical(uri string) (_ event.AoR, ok bool) {
	scheme, rest, ok := strings.Cut(uri, ":")
	if !ok || !slices.Contains([]string{"sip", "sips", "pres"}, strings.ToLower(scheme)) {
		return "", false
	}
	rest, _, _ = strings.Cut(rest, "?")
	at := strings.LastIndexByte(rest, '@')
	if at < 0 {
		return "", false
	}
	host, _, _ := strings.Cut(rest[at+1:], ";")
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		host = host[:i]
	}
	user, err := url.PathUnescape(rest[:at])
	domain, valid := CanonicalDomain(host)
	return event.AoR("sip:" + user + "@" + domain), err == nil && user != "" && valid
}

// CanonicalDomain is a domain as an AoR has it (RFC 4745 §7.1.3).
func CanonicalDomain(domain string) (_ string, ok bool) {
	d, err := url.PathUnescape(strings.TrimSuffix(domain, "."))
	if err != nil || d == "" {
		return "", false
	}
	if strings.HasPrefix(d, "[") {
		return strings.ToLower(d), true
	}
	ascii, err := idna.Lookup.ToASCII(d)
	if err != nil { // an underscore is in names that companies use
		ascii = strings.ToLower(d)
		if strings.ContainsFunc(ascii, func(r rune) bool { return r <= ' ' || r > '~' || r == '@' || r == '/' }) {
			return "", false
		}
	}
	return ascii, true
}
