package policy

import (
	"fmt"
	"slices"
	"strings"

	"lamplight/body/commonpolicy"
	"lamplight/event"
)

// Default is what holds where neither a domain nor a user says anything, as a
// document to begin with.
func Default(domains ...string) *commonpolicy.Ruleset {
	r := commonpolicy.Rule{ID: "colleagues", Identity: &commonpolicy.Identity{}, Handling: "allow", Shows: shows("direction")}
	for _, d := range domains {
		r.Identity.Many = append(r.Identity.Many, commonpolicy.Many{Domain: d})
	}
	return &commonpolicy.Ruleset{Rules: []commonpolicy.Rule{r}}
}

// shows is everything but the location, and of calls what is said.
func shows(calls string) []commonpolicy.Show {
	return []commonpolicy.Show{{What: "services"}, {What: "persons"}, {What: "devices"}, {What: "all-attributes"}, {What: "dialog", Value: calls}}
}

// The rules that Answer makes, by what they do.
var answers = map[event.Handling]string{event.Allow: "allowed", event.PoliteBlock: "politely-blocked", event.Confirm: "asked", event.Block: "blocked"}

// Answer changes a document so that one watcher is dealt with as the user says,
// whatever the other rules are: all that let the watcher in make an exception, as
// no rule can take away what another one grants (RFC 4745 §10).
func Answer(doc *commonpolicy.Ruleset, w event.AoR, h event.Handling) error {
	doc.Rules = slices.DeleteFunc(doc.Rules, func(r commonpolicy.Rule) bool {
		return r.Identity != nil && isOnly(r.Identity, w) && isAnswer(r.ID)
	})
	for i := range doc.Rules {
		r := &doc.Rules[i]
		if r.Identity == nil {
			r.Identity = &commonpolicy.Identity{Many: []commonpolicy.Many{{}}} // all who have a name
		}
		leaveOut(r.Identity, w)
	}
	if h == event.Block {
		return limit(doc)
	}
	id := answers[h]
	i := slices.IndexFunc(doc.Rules, func(r commonpolicy.Rule) bool { return r.ID == id })
	if i < 0 {
		i = len(doc.Rules)
		r := commonpolicy.Rule{ID: id, Identity: &commonpolicy.Identity{}, Handling: handlingWord(h)}
		if h == event.Allow {
			r.Shows = shows("direction")
		}
		doc.Rules = append(doc.Rules, r)
	}
	doc.Rules[i].Identity.One = append(doc.Rules[i].Identity.One, string(w))
	return limit(doc)
}

func isAnswer(id string) bool {
	for _, a := range answers {
		if a == id {
			return true
		}
	}
	return false
}

func handlingWord(h event.Handling) string {
	for word, is := range handlings {
		if is == h {
			return word
		}
	}
	return ""
}

func limit(doc *commonpolicy.Ruleset) error {
	if len(doc.Rules) > commonpolicy.MaxRules {
		return fmt.Errorf("more than %d rules", commonpolicy.MaxRules)
	}
	return nil
}

// isOnly tells whether an identity means one watcher and nobody else.
func isOnly(id *commonpolicy.Identity, w event.AoR) bool {
	return len(id.One) == 1 && is(id.One[0], w) && len(id.Many)+len(id.Groups)+len(id.Other) == 0
}

func is(uri string, w event.AoR) bool {
	aor, ok := Canonical(uri)
	return ok && aor == w
}

// leaveOut takes one watcher out of whom an identity means.
func leaveOut(id *commonpolicy.Identity, w event.AoR) {
	if isOnly(id, w) { // without any part it would mean who is not authenticated
		id.Many = []commonpolicy.Many{{Domain: "nobody.invalid"}}
	}
	is := func(uri string) bool { return is(uri, w) }
	id.One = slices.DeleteFunc(id.One, is)
	for i := range id.Many {
		m := &id.Many[i]
		domain, _ := CanonicalDomain(m.Domain)
		if (m.Domain == "" || domain == Domain(w)) && !slices.ContainsFunc(m.Except, is) {
			m.Except = append(m.Except, string(w))
		}
	}
	for i := range id.Groups {
		if g := &id.Groups[i]; !slices.ContainsFunc(g.Except, is) {
			g.Except = append(g.Except, string(w))
		}
	}
}

// Words tells a document in plain words, a line for each rule.
func Words(doc *commonpolicy.Ruleset) (lines []string) {
	for i := range doc.Rules {
		lines = append(lines, ruleWords(&doc.Rules[i]))
	}
	return lines
}

func ruleWords(r *commonpolicy.Rule) string {
	who := "anybody"
	if id := r.Identity; id != nil {
		var parts []string
		for _, u := range id.One {
			parts = append(parts, strings.TrimPrefix(u, "sip:"))
		}
		for _, m := range id.Many {
			name := "everybody with a name"
			if m.Domain != "" {
				name = "everybody of " + m.Domain
			}
			parts = append(parts, name+but(append(slices.Clone(m.Except), m.ExceptDomains...)))
		}
		for _, g := range id.Groups {
			parts = append(parts, "the group "+g.Name+but(g.Except))
		}
		if who = strings.Join(parts, ", "); who == "" {
			who = "who is not known"
		}
	}
	what := map[string]string{"allow": "sees you", "confirm": "waits until you answer", "polite-block": "sees you offline", "block": "sees nothing", "": "is not let in by this rule"}[r.Handling]
	if r.Handling == "allow" {
		what += ": " + strings.Join(showWords(r.Shows), ", ")
	}
	return who + " " + what + when(r)
}

func but(list []string) string {
	if len(list) == 0 {
		return ""
	}
	names := make([]string, len(list))
	for i := range list {
		names[i] = strings.TrimPrefix(list[i], "sip:")
	}
	return " but " + strings.Join(names, " and ")
}

func showWords(shows []commonpolicy.Show) (list []string) {
	for _, s := range shows {
		switch {
		case s.What == "dialog":
			list = append(list, map[string]string{"state": "calls", "direction": "calls and which way they go", "parties": "calls and with whom"}[s.Value])
		case s.By != "":
			list = append(list, s.What+" of "+s.By+" "+s.Value)
		case s.What == "all-attributes":
			list = append(list, "all attributes")
		default:
			list = append(list, strings.TrimSpace(s.What+" "+s.Value))
		}
	}
	if list == nil {
		return []string{"nothing"}
	}
	return list
}

func when(r *commonpolicy.Rule) (text string) {
	for _, s := range r.Spheres {
		text += ", while you are in the sphere " + strings.Join(s.Words, " or ")
	}
	for i, v := range r.Validity {
		text += map[bool]string{true: ", from ", false: " or from "}[i == 0] + v.From.Format("2006-01-02 15:04") + " until " + v.Until.Format("2006-01-02 15:04")
	}
	if r.Unknown != nil {
		text += ", never: it has a condition that is not known here"
	}
	return text
}

// Set changes a document so that one watcher is dealt with as the user says, as
// Answer does. The error is for who wrote the document.
func Set(doc []byte, watcher event.AoR, h event.Handling) ([]byte, error) {
	rs, err := commonpolicy.Parse(doc)
	if err == nil {
		err = Answer(rs, watcher, h)
	}
	if err != nil {
		return nil, err
	}
	return rs.Append(nil), nil
}
