package policy

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"lamplight/body/commonpolicy"
	"lamplight/body/pidf"
	"lamplight/event"
)

var handlings = map[string]event.Handling{"block": event.Block, "confirm": event.Confirm, "polite-block": event.PoliteBlock, "allow": event.Allow}

// Parse reads a document of rules. The error is for who wrote it.
func Parse(doc []byte) (Rules, error) {
	rs, err := commonpolicy.Parse(doc)
	if err != nil {
		return nil, err
	}
	return Compile(rs)
}

// Compile makes rules of a document's: one for presence, and one for each other
// event that it says something of.
func Compile(doc *commonpolicy.Ruleset) (Rules, error) {
	rules := Rules{} // also of a document without rules: the user's own, which grant nothing
	for i := range doc.Rules {
		r := &doc.Rules[i]
		if r.Unknown != nil {
			continue
		}
		base, err := conditions(r)
		if err != nil {
			return nil, fmt.Errorf("rule %s: %w", r.ID, err)
		}
		base.Handling = handlings[r.Handling]
		for name, rights := range rightsOf(r.Shows) {
			one := base
			one.Events, one.Rights = []event.Name{name}, rights
			rules = append(rules, one)
		}
	}
	slices.SortStableFunc(rules, func(a, b Rule) int { return strings.Compare(string(a.Events[0]), string(b.Events[0])) })
	return rules, nil
}

func conditions(r *commonpolicy.Rule) (out Rule, err error) {
	out.Anyone = r.Identity == nil
	for _, s := range r.Spheres {
		out.Spheres = append(out.Spheres, s.Words)
	}
	for _, v := range r.Validity {
		out.Validity = append(out.Validity, Span{v.From, v.Until})
	}
	if r.Identity == nil {
		return out, nil
	}
	id := r.Identity
	out.Nameless = len(id.One)+len(id.Many)+len(id.Groups)+len(id.Other) == 0
	out.One = known(id.One)
	for _, m := range id.Many {
		many, err := compileMany(m)
		if err != nil {
			return out, err
		}
		out.Many = append(out.Many, many)
	}
	for _, g := range id.Groups {
		except, err := exceptions(g.Except)
		if err != nil {
			return out, err
		}
		out.Groups = append(out.Groups, Group{g.Name, except})
	}
	return out, nil
}

func compileMany(m commonpolicy.Many) (out Many, err error) {
	if out.Except, err = exceptions(m.Except); err != nil {
		return out, err
	}
	if m.Domain != "" {
		var ok bool
		if out.Domain, ok = CanonicalDomain(m.Domain); !ok {
			return out, fmt.Errorf("%q is no domain", m.Domain)
		}
	}
	for _, d := range m.ExceptDomains {
		canonical, ok := CanonicalDomain(d)
		if !ok {
			return out, fmt.Errorf("%q is no domain", d)
		}
		out.ExceptDomains = append(out.ExceptDomains, canonical)
	}
	return out, nil
}

// known are those that a watcher can have as a name. The others mean nobody.
func known(uris []string) (list []event.AoR) {
	for _, u := range uris {
		if aor, ok := Canonical(u); ok {
			list = append(list, aor)
		}
	}
	return list
}

// exceptions must all be understood, as one that is not would let somebody in. A
// URI of another scheme is nobody who watches here.
func exceptions(uris []string) (list []event.AoR, err error) {
	for _, u := range uris {
		aor, ok := Canonical(u)
		scheme, _, _ := strings.Cut(strings.ToLower(u), ":")
		switch {
		case ok:
			list = append(list, aor)
		case scheme == "tel" || scheme == "mailto" || scheme == "xmpp":
		default:
			return nil, fmt.Errorf("the exception %q is no URI of a user", u)
		}
	}
	return list, nil
}

// rightsOf are the words of what is shown, by the events they are of. Presence and
// dialog are always there, as the handling is theirs.
func rightsOf(shows []commonpolicy.Show) map[event.Name]event.Rights {
	var presence, dialog []string
	rights := map[event.Name]event.Rights{}
	for _, s := range shows {
		switch s.What {
		case commonpolicy.Foreign:
		case "dialog":
			dialog = append(dialog, dialogWords[s.Value]...)
		case "registrations":
			rights["reg"] = event.RightsAll
		default:
			presence = append(presence, word(s))
		}
	}
	// Who sees what somebody does sees that they are in a call.
	if slices.ContainsFunc(presence, func(w string) bool { return strings.HasPrefix(w, "persons") }) &&
		(slices.Contains(presence, "activities") || slices.Contains(presence, "all-attributes")) {
		dialog = append(dialog, "state")
	}
	rights["presence"], rights["dialog"] = canonical(presence), canonical(dialog)
	return rights
}

var dialogWords = map[string][]string{"state": {"state"}, "direction": {"state", "direction"}, "parties": {"state", "direction", "parties"}}

// word is a permission as a word of rights: what, or of a set what.by=value.
func word(s commonpolicy.Show) string {
	switch {
	case s.What == "user-input":
		return "user-input=" + s.Value
	case s.What == "unknown-attribute":
		space, name := s.Attribute()
		return "attribute." + url.QueryEscape(space) + "=" + url.QueryEscape(name)
	case s.By == "service-uri" || s.By == "deviceID":
		return s.What + "." + s.By + "=" + url.QueryEscape(pidf.CanonicalURI(s.Value))
	case s.By != "":
		return s.What + "." + s.By + "=" + url.QueryEscape(s.Value)
	}
	return strings.ToLower(s.What)
}

func canonical(words []string) event.Rights {
	slices.Sort(words)
	return event.Rights(strings.Join(slices.Compact(words), " "))
}
