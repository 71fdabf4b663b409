// Package policy decides who may watch an address-of-record and what each watcher
// sees (RFC 4745, RFC 5025): identity, sphere and validity; handling and rights.
// Deciding is pure, and nothing is shown that no rule grants. It leaves what a
// right hides of a document to the event packages.
package policy

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"lamplight/event"
	"lamplight/owner"
)

// The rights to dialog state (RFC 4235): its state, and which way the call goes.
const (
	State          event.Rights = "state"
	StateDirection event.Rights = "direction state"
)

// Everything is all of somebody's presence but the location, which takes a rule
// that says so.
const Everything event.Rights = "all-attributes devices persons services"

// Rules is a rule set, of a user or of a domain.
type Rules []Rule

// decide combines all rules that hold (RFC 4745 §10): the highest handling and the
// union of the rights. next is when that may change by itself.
func (rs Rules) decide(a *about) (g event.Grant, next time.Time) {
	for i := range rs {
		next = rs[i].next(next, a.now)
		if rs[i].holds(a) {
			g.Handling = max(g.Handling, rs[i].Handling)
			g.Rights = union(g.Rights, rs[i].Rights)
		}
	}
	if g.Handling != event.Allow {
		g.Rights = ""
	}
	return g, next
}

// spheres tells whether a rule asks for one.
func (rs Rules) spheres() bool {
	return slices.ContainsFunc(rs, func(r Rule) bool { return r.Spheres != nil })
}

// union of two lists of words, sorted.
func union(a, b event.Rights) event.Rights {
	switch {
	case a == event.RightsAll || b == event.RightsAll:
		return event.RightsAll
	case a == b || b == "":
		return a
	case a == "":
		return b
	}
	words := strings.Fields(string(a) + " " + string(b))
	slices.Sort(words)
	return event.Rights(strings.Join(slices.Compact(words), " "))
}

// Company is what is set for all: the rules of domains, and the groups of people.
// It is not changed once it was given to Use.
type Company struct {
	Domains map[string]Rules              // those that do not go by Default
	Groups  map[string]map[event.AoR]bool // by name
	Pickup  []map[event.AoR]bool          // groups whose members take each other's calls

	asks map[string]bool // domains whose rules ask for a sphere
}

// Options of New. Each may be nil.
type Options struct {
	// Lists tells whether a domain lets the users of another one watch, as if they
	// were its own.
	Lists func(domain, other string) bool
	// Sphere is that which a user is in (RFC 4480 §3.10), asked for in a turn of the
	// user's owner where a rule wants to know.
	Sphere func(aor event.AoR, now time.Time) string
}

// Policy holds the rules. Decide, Set and SphereIs run in a turn of the AoR's
// owner.
type Policy struct {
	o       Options
	company atomic.Pointer[Company]
	shares  [owner.Partitions]map[event.AoR]Rules
	spheres [owner.Partitions]map[event.AoR]string // of those whose rules ask for it
}

// New makes a policy without rules of users.
func New(o Options) *Policy {
	if o.Lists == nil {
		o.Lists = func(string, string) bool { return false }
	}
	if o.Sphere == nil {
		o.Sphere = func(event.AoR, time.Time) string { return "" }
	}
	p := &Policy{o: o}
	p.company.Store(&Company{})
	for i := range p.shares {
		p.shares[i], p.spheres[i] = map[event.AoR]Rules{}, map[event.AoR]string{}
	}
	return p
}

// Use takes the company's rules and groups in. It may be called at any time; who
// was decided about before has to be decided about again.
func (p *Policy) Use(c *Company) {
	c.asks = map[string]bool{}
	for domain, rs := range c.Domains {
		if rs.spheres() {
			c.asks[domain] = true
		}
	}
	p.company.Store(c)
}

// Set takes a user's rules in; nil takes them away, so that the domain's hold.
func (p *Policy) Set(aor event.AoR, rs Rules) {
	i := owner.Partition(string(aor))
	delete(p.spheres[i], aor)
	switch {
	case rs == nil:
		delete(p.shares[i], aor)
		return
	case rs.spheres():
		p.spheres[i][aor] = ""
	}
	p.shares[i][aor] = rs
}

// SphereIs takes in which sphere a user is, and tells whether somebody has to be
// decided about again.
func (p *Policy) SphereIs(aor event.AoR, sphere string) (changed bool) {
	share := p.spheres[owner.Partition(string(aor))]
	if !p.AsksSphere(aor) || share[aor] == sphere {
		return false
	}
	share[aor] = sphere
	return true
}

// AsksSphere tells whether a user's rules, or the domain's, ask for the sphere.
func (p *Policy) AsksSphere(aor event.AoR) bool {
	_, asked := p.spheres[owner.Partition(string(aor))][aor]
	return asked || len(p.company.Load().asks) > 0 && p.company.Load().asks[Domain(aor)]
}

// Decide answers one watcher, and says when to ask again (zero: when something
// changes). A user's own rules take the place of the domain's; whom the domain
// lets watch nobody, they don't let in either. Members of a pickup group see each
// other's calls whole, else they could not take them.
func (p *Policy) Decide(aor event.AoR, w event.Subscriber, name event.Name, now time.Time) (event.Grant, time.Time) {
	all := event.Grant{Handling: event.Allow, Rights: event.RightsAll}
	if w.Authenticated && w.AoR == aor {
		return all, time.Time{}
	}
	c := p.company.Load()
	if name == "dialog" && w.Authenticated && c.together(aor, w.AoR) {
		return all, time.Time{}
	}
	a := &about{who: w, name: name, in: c.in, now: now, sphere: sync.OnceValue(func() string { return p.o.Sphere(aor, now) })}
	byDomain, next := p.domain(c, aor, a)
	own, ok := p.shares[owner.Partition(string(aor))][aor]
	if !ok {
		return byDomain, next
	}
	if name != "presence" {
		a.name = "presence"
		byDomain, next = p.domain(c, aor, a)
		a.name = name
	}
	if byDomain.Handling == event.Block {
		return event.Grant{}, next
	}
	g, changes := own.decide(a)
	if next.IsZero() || !changes.IsZero() && changes.Before(next) {
		next = changes
	}
	return g, next
}

// domain is what the presentity's domain grants.
func (p *Policy) domain(c *Company, aor event.AoR, a *about) (event.Grant, time.Time) {
	if rs, ok := c.Domains[Domain(aor)]; ok {
		return rs.decide(a)
	}
	return p.byDefault(aor, a), time.Time{}
}

// byDefault lets watchers of the presentity's own domain, and of those that it
// lists, see presence but for the place, and of calls that there is one and which
// way it goes. Registrations and watchers are for the user alone.
func (p *Policy) byDefault(aor event.AoR, a *about) event.Grant {
	own, other := Domain(aor), Domain(a.who.AoR)
	if !a.who.Authenticated || own != other && !p.o.Lists(own, other) {
		return event.Grant{}
	}
	switch a.name {
	case "presence":
		return event.Grant{Handling: event.Allow, Rights: Everything}
	case "dialog":
		return event.Grant{Handling: event.Allow, Rights: StateDirection}
	}
	return event.Grant{}
}

func (c *Company) in(group string, w event.AoR) bool { return c.Groups[group][w] }

// together tells whether two are in one pickup group.
func (c *Company) together(a, b event.AoR) bool {
	return slices.ContainsFunc(c.Pickup, func(g map[event.AoR]bool) bool { return g[a] && g[b] })
}

// Together tells whether one may take the other's calls.
func (p *Policy) Together(a, b event.AoR) bool { return p.company.Load().together(a, b) }
