// Package policy decides who may watch an address-of-record and what each
// watcher sees (RFC 4745 and RFC 5025 in outline: identity conditions, handling
// and rights; spheres, validity and documents come later). Deciding is pure;
// nothing is shown that no rule grants.
package policy

import (
	"slices"
	"strings"
	"time"

	"lamplight/event"
	"lamplight/owner"
)

// The rights to dialog state (RFC 4235): its state, and which way the call goes.
const (
	State          event.Rights = "state"
	StateDirection event.Rights = "state direction"
)

// Rule grants something to those whom it names (RFC 4745 §7.1). A rule that
// names nobody matches nobody.
type Rule struct {
	One      []event.AoR  // these watchers
	Domains  []string     // and all of these domains
	Except   []event.AoR  // but not these
	Events   []event.Name // nil: all
	Handling event.Handling
	Rights   event.Rights
}

func (r *Rule) matches(w event.Subscriber, name event.Name) bool {
	if !w.Authenticated || r.Events != nil && !slices.Contains(r.Events, name) {
		return false
	}
	if slices.Contains(r.Except, w.AoR) {
		return false
	}
	return slices.Contains(r.One, w.AoR) || slices.Contains(r.Domains, Domain(w.AoR))
}

// Rules is one user's rule set.
type Rules []Rule

// decide combines all rules that match (RFC 4745 §10): the highest handling,
// and the union of the rights that come with an allow.
func (rs Rules) decide(w event.Subscriber, name event.Name) event.Grant {
	var g event.Grant
	for i := range rs {
		if !rs[i].matches(w, name) {
			continue
		}
		g.Handling = max(g.Handling, rs[i].Handling)
		if rs[i].Handling == event.Allow {
			g.Rights = union(g.Rights, rs[i].Rights)
		}
	}
	return g
}

// union of two canonical lists of words.
func union(a, b event.Rights) event.Rights {
	if a == event.RightsAll || b == event.RightsAll {
		return event.RightsAll
	}
	words := strings.Fields(string(a) + " " + string(b))
	slices.Sort(words)
	return canonical(slices.Compact(words))
}

func canonical(words []string) event.Rights {
	if slices.Equal(words, []string{"direction", "state"}) {
		return StateDirection
	}
	return event.Rights(strings.Join(words, " "))
}

// Domain is the host of an AoR.
func Domain(a event.AoR) string {
	_, host, _ := strings.Cut(string(a), "@")
	return host
}

// Policy holds the users' own rules. Its methods run in a turn of the AoR's
// owner.
type Policy struct {
	lists  func(domain, other string) bool
	shares [owner.Partitions]map[event.AoR]Rules
}

// New makes a policy without rules of users. lists tells whether a domain lets
// the users of another one watch, as if they were its own.
func New(lists func(domain, other string) bool) *Policy {
	p := &Policy{lists: lists}
	for i := range p.shares {
		p.shares[i] = map[event.AoR]Rules{}
	}
	return p
}

// Set takes a user's rules in; nil takes them away, so that the domain's hold.
func (p *Policy) Set(aor event.AoR, rs Rules) {
	share := p.shares[owner.Partition(string(aor))]
	if rs == nil {
		delete(share, aor)
		return
	}
	share[aor] = rs
}

// Decide answers one watcher, and says when to ask again (zero: when the rules
// change). What the domain forbids no rule of a user's allows.
func (p *Policy) Decide(aor event.AoR, w event.Subscriber, name event.Name, _ time.Time) (event.Grant, time.Time) {
	if w.AoR == aor && w.Authenticated {
		return event.Grant{Handling: event.Allow, Rights: event.RightsAll}, time.Time{}
	}
	byDomain := p.domain(aor, w, name)
	if byDomain.Handling == event.Block {
		return event.Grant{}, time.Time{}
	}
	if own, ok := p.shares[owner.Partition(string(aor))][aor]; ok {
		return own.decide(w, name), time.Time{}
	}
	return byDomain, time.Time{}
}

// domain is the default: watchers of the presentity's own domain, and of those
// that it lists, see presence, and of calls that there is one and which way it
// goes. Registrations and watchers are for the user alone.
func (p *Policy) domain(aor event.AoR, w event.Subscriber, name event.Name) event.Grant {
	own, other := Domain(aor), Domain(w.AoR)
	if !w.Authenticated || own != other && !p.lists(own, other) {
		return event.Grant{}
	}
	switch name {
	case "presence":
		return event.Grant{Handling: event.Allow, Rights: event.RightsAll}
	case "dialog":
		return event.Grant{Handling: event.Allow, Rights: StateDirection}
	}
	return event.Grant{}
}
