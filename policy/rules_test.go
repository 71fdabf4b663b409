package policy

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"lamplight/body/commonpolicy"
	"lamplight/event"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// ruleset writes a document: each rule as its conditions, its handling and its
// transformations.
func ruleset(rules ...[3]string) []byte {
	var b strings.Builder
	b.WriteString(`<cp:ruleset xmlns:cp="urn:ietf:params:xml:ns:common-policy" xmlns="urn:ietf:params:xml:ns:pres-rules" xmlns:l="urn:lamplight:policy">`)
	for i, r := range rules {
		fmt.Fprintf(&b, `<cp:rule id="r%d"><cp:conditions>%s</cp:conditions><cp:actions>`, i, r[0])
		if r[1] != "" {
			fmt.Fprintf(&b, `<sub-handling>%s</sub-handling>`, r[1])
		}
		fmt.Fprintf(&b, `</cp:actions><cp:transformations>%s</cp:transformations></cp:rule>`, r[2])
	}
	return []byte(b.String() + `</cp:ruleset>`)
}

// one is a condition on somebody's identity.
func one(id string) string { return `<cp:identity><cp:one id="` + id + `"/></cp:identity>` }

const (
	everybody = `<cp:identity><cp:many domain="example.test"/></cp:identity>`
	persons   = `<provide-persons><all-persons/></provide-persons>`
	services  = `<provide-services><all-services/></provide-services>`
	doing     = `<provide-activities>true</provide-activities>`
)

// grant decides about a watcher of alice, whose own rules a document has.
func grant(t *testing.T, doc []byte, w event.Subscriber, name event.Name, sphere string, now time.Time) event.Grant {
	t.Helper()
	rules, err := Parse(doc)
	if err != nil {
		t.Fatalf("%v in %s", err, doc)
	}
	p := New(Options{Lists: func(string, string) bool { return true }, Sphere: func(event.AoR, time.Time) string { return sphere }})
	p.Use(&Company{Groups: map[string]map[event.AoR]bool{"sales": {"sip:bob@example.test": true}}})
	p.Set("sip:alice@example.test", rules)
	g, _ := p.Decide("sip:alice@example.test", w, name, now)
	return g
}

func TestWhatRulesGrant(t *testing.T) {
	bob, carol, eve := who("sip:bob@example.test"), who("sip:carol@example.test"), who("sip:eve@examp1e.test")
	stranger := event.Subscriber{AoR: "sip:bob@example.test"}
	for name, c := range map[string]struct {
		doc   []byte
		who   event.Subscriber
		event event.Name
		want  string
	}{
		"no rule":                     {ruleset(), bob, "presence", "0 "},
		"one":                         {ruleset([3]string{one("sip:bob@example.test"), "allow", persons + doing}), bob, "presence", "3 activities persons"},
		"somebody else":               {ruleset([3]string{one("sip:bob@example.test"), "allow", persons}), carol, "presence", "0 "},
		"one, written otherwise":      {ruleset([3]string{one("SIP:%62ob@EXAMPLE.test:5060;x=y"), "allow", persons}), bob, "presence", "3 persons"},
		"case of the user matters":    {ruleset([3]string{one("sip:Bob@example.test"), "allow", persons}), bob, "presence", "0 "},
		"a number is not an AoR":      {ruleset([3]string{one("tel:+8225551234"), "allow", persons}), bob, "presence", "0 "},
		"a domain":                    {ruleset([3]string{everybody, "allow", services}), bob, "presence", "3 services"},
		"a look-alike":                {ruleset([3]string{everybody, "allow", services}), eve, "presence", "0 "},
		"an exception":                {ruleset([3]string{`<cp:identity><cp:many domain="example.test"><cp:except id="pres:bob@example.test"/></cp:many></cp:identity>`, "allow", services}), bob, "presence", "0 "},
		"another's exception":         {ruleset([3]string{`<cp:identity><cp:many domain="example.test"><cp:except id="sip:bo@example.test"/></cp:many></cp:identity>`, "allow", services}), bob, "presence", "3 services"},
		"all but a domain":            {ruleset([3]string{`<cp:identity><cp:many><cp:except domain="Example.test."/></cp:many></cp:identity>`, "allow", services}), bob, "presence", "0 "},
		"all but another":             {ruleset([3]string{`<cp:identity><cp:many><cp:except domain="examp1e.test"/></cp:many></cp:identity>`, "allow", services}), bob, "presence", "3 services"},
		"a group":                     {ruleset([3]string{`<cp:identity><l:group name="sales"/></cp:identity>`, "allow", services}), bob, "presence", "3 services"},
		"not in the group":            {ruleset([3]string{`<cp:identity><l:group name="sales"/></cp:identity>`, "allow", services}), carol, "presence", "0 "},
		"an identity not known":       {ruleset([3]string{`<cp:identity><l:planet/></cp:identity>`, "allow", services}), bob, "presence", "0 "},
		"a condition not known":       {ruleset([3]string{everybody + `<l:moon/>`, "allow", services}), bob, "presence", "0 "},
		"anybody":                     {ruleset([3]string{"", "allow", services}), bob, "presence", "3 services"},
		"an empty identity":           {ruleset([3]string{"<cp:identity/>", "allow", services}), bob, "presence", "0 "},
		"the domain forbids":          {ruleset([3]string{"<cp:identity/>", "allow", services}), stranger, "presence", "0 "},
		"sphere":                      {ruleset([3]string{everybody + `<cp:sphere value="home Work"/>`, "allow", services}), bob, "presence", "3 services"},
		"another sphere":              {ruleset([3]string{everybody + `<cp:sphere value="home"/>`, "allow", services}), bob, "presence", "0 "},
		"valid":                       {ruleset([3]string{everybody + `<cp:validity><cp:from>2026-11-24T12:00:00Z</cp:from><cp:until>2026-11-24T13:00:00Z</cp:until></cp:validity>`, "allow", services}), bob, "presence", "3 services"},
		"not valid any more":          {ruleset([3]string{everybody + `<cp:validity><cp:from>2026-11-24T11:00:00Z</cp:from><cp:until>2026-11-24T12:00:00Z</cp:until></cp:validity>`, "allow", services}), bob, "presence", "0 "},
		"the highest handling":        {ruleset([3]string{everybody, "polite-block", ""}, [3]string{everybody, "confirm", ""}), bob, "presence", "2 "},
		"the union of rights":         {ruleset([3]string{everybody, "allow", persons}, [3]string{one("sip:bob@example.test"), "", doing + services}), bob, "presence", "3 activities persons services"},
		"a block takes nothing away":  {ruleset([3]string{everybody, "allow", persons}, [3]string{everybody, "block", ""}), bob, "presence", "3 persons"},
		"members of sets":             {ruleset([3]string{everybody, "allow", `<provide-services><class>a b</class><service-uri>sip:x@y</service-uri></provide-services>`}), bob, "presence", "3 services.class=a+b services.service-uri=sip%3Ax%40y"},
		"user input":                  {ruleset([3]string{everybody, "allow", `<provide-user-input>thresholds</provide-user-input>`}), bob, "presence", "3 user-input=thresholds"},
		"an attribute of others":      {ruleset([3]string{everybody, "allow", `<provide-unknown-attribute name="hat" ns="urn:hats">true</provide-unknown-attribute>`}), bob, "presence", "3 attribute.urn%3Ahats=hat"},
		"location":                    {ruleset([3]string{everybody, "allow", `<l:provide-location>true</l:provide-location>`}), bob, "presence", "3 location"},
		"calls by what one does":      {ruleset([3]string{everybody, "allow", persons + doing}), bob, "dialog", "3 state"},
		"activities without a person": {ruleset([3]string{everybody, "allow", doing}), bob, "dialog", "3 "},
		"calls and with whom":         {ruleset([3]string{everybody, "allow", `<l:provide-dialog>parties</l:provide-dialog>`}), bob, "dialog", "3 direction parties state"},
		"registrations":               {ruleset([3]string{everybody, "allow", `<l:provide-registrations>true</l:provide-registrations>`}), bob, "reg", "3 all"},
		"no registrations":            {ruleset([3]string{everybody, "allow", persons}), bob, "reg", "0 "},
		"oneself":                     {ruleset(), who("sip:alice@example.test"), "reg", "3 all"},
	} {
		g := grant(t, c.doc, c.who, c.event, "work", noon)
		if got := fmt.Sprintf("%d %s", g.Handling, g.Rights); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestRulesThatCannotBeMeantAreRefused(t *testing.T) {
	for _, doc := range [][]byte{
		ruleset([3]string{`<cp:identity><cp:many><cp:except id="bob"/></cp:many></cp:identity>`, "allow", services}),
		ruleset([3]string{`<cp:identity><cp:many domain="a b"/></cp:identity>`, "allow", services}),
		[]byte("<ruleset/>"),
	} {
		if _, err := Parse(doc); err == nil {
			t.Errorf("%s was taken", doc)
		}
	}
}

func TestARuleBeginsAndEnds(t *testing.T) {
	rules, err := Parse(ruleset([3]string{everybody + `<cp:validity><cp:from>2026-11-24T13:00:00Z</cp:from><cp:until>2026-11-24T14:00:00Z</cp:until></cp:validity>`, "allow", services}))
	if err != nil {
		t.Fatal(err)
	}
	p := New(Options{})
	p.Set("sip:alice@example.test", rules)
	for _, c := range []struct {
		at   time.Time
		want event.Handling
		next time.Time
	}{
		{noon, event.Block, noon.Add(time.Hour)}, {noon.Add(time.Hour), event.Allow, noon.Add(2 * time.Hour)}, {noon.Add(2 * time.Hour), event.Block, time.Time{}},
	} {
		g, next := p.Decide("sip:alice@example.test", who("sip:bob@example.test"), "presence", c.at)
		if g.Handling != c.want || !next.Equal(c.next) {
			t.Errorf("at %s: %d, next %s", c.at, g.Handling, next)
		}
	}
}

func TestAPickupGroupSeesCallsWhole(t *testing.T) {
	p := New(Options{})
	p.Use(&Company{Pickup: []map[event.AoR]bool{{"sip:alice@example.test": true, "sip:bob@example.test": true}}})
	p.Set("sip:alice@example.test", Rules{})
	for w, want := range map[event.AoR]event.Grant{"sip:bob@example.test": {Handling: event.Allow, Rights: event.RightsAll}, "sip:carol@example.test": {}} {
		if g, _ := p.Decide("sip:alice@example.test", who(w), "dialog", noon); g != want {
			t.Errorf("%s: %+v", w, g)
		}
	}
	if g, _ := p.Decide("sip:alice@example.test", who("sip:bob@example.test"), "presence", noon); g.Handling != event.Block {
		t.Errorf("presence: %+v", g)
	}
}

func TestASphereThatChangesIsNoticed(t *testing.T) {
	p := New(Options{})
	const alice = event.AoR("sip:alice@example.test")
	if p.SphereIs(alice, "home") || p.AsksSphere(alice) {
		t.Error("nobody asks")
	}
	rules, _ := Parse(ruleset([3]string{everybody + `<cp:sphere value="home"/>`, "allow", services}))
	p.Set(alice, rules)
	if !p.AsksSphere(alice) || !p.SphereIs(alice, "home") || p.SphereIs(alice, "home") || !p.SphereIs(alice, "") {
		t.Error("a change is told once")
	}
}

func TestAnswers(t *testing.T) {
	const bob, carol = event.AoR("sip:bob@example.test"), event.AoR("sip:carol@example.test")
	decide := func(doc *commonpolicy.Ruleset, w event.AoR) event.Grant {
		return grant(t, doc.Append(nil), who(w), "presence", "", noon)
	}
	doc := Default("example.test")
	if g := decide(doc, bob); g.Handling != event.Allow || g.Rights != Everything {
		t.Errorf("by default %+v", g)
	}
	for _, h := range []event.Handling{event.Block, event.PoliteBlock, event.Allow, event.Confirm, event.Confirm, event.Allow, event.Block} {
		if err := Answer(doc, bob, h); err != nil {
			t.Fatal(err)
		}
		if g := decide(doc, bob); g.Handling != h || h == event.Allow && g.Rights != Everything {
			t.Errorf("answered %d: %+v in\n%s", h, g, doc.Append(nil))
		}
		if g := decide(doc, carol); g.Handling != event.Allow {
			t.Errorf("carol gets %+v", g)
		}
	}
	if len(doc.Rules) != 1 || len(doc.Rules[0].Identity.Many[0].Except) != 1 {
		t.Errorf("answers leave things behind:\n%s", doc.Append(nil))
	}
	groups, _ := commonpolicy.Parse(ruleset([3]string{`<cp:identity><l:group name="sales"/><cp:one id="` + string(bob) + `"/></cp:identity>`, "allow", services}, [3]string{one(string(bob)), "allow", persons}, [3]string{"", "allow", doing}))
	_ = Answer(groups, bob, event.Block)
	if g := decide(groups, bob); g.Handling != event.Block {
		t.Errorf("blocked in groups: %+v\n%s", g, groups.Append(nil))
	}
	if g := grant(t, groups.Append(nil), event.Subscriber{}, "presence", "", noon); g.Handling != event.Block {
		t.Errorf("a rule that means nobody any more lets in who has no name: %+v", g)
	}
	if words := Words(doc); len(words) != 1 || !strings.Contains(words[0], "everybody of example.test but bob@example.test sees you") {
		t.Errorf("in words: %q", words)
	}
}

// covers tells whether one grant shows all that another one does.
func covers(a, b event.Grant) bool {
	if a.Handling < b.Handling {
		return false
	}
	have := strings.Fields(string(a.Rights))
	return a.Rights == event.RightsAll || !slices.ContainsFunc(strings.Fields(string(b.Rights)), func(w string) bool { return !slices.Contains(have, w) })
}

// randomRules are some rules, of few names, so that many of them meet.
func randomRules(r *rand.Rand) [][3]string {
	who := []string{"", "<cp:identity/>", everybody, one("sip:bob@example.test"), one("sip:carol@example.test"), `<cp:identity><cp:many><cp:except id="sip:bob@example.test"/></cp:many></cp:identity>`,
		everybody + `<cp:sphere value="work"/>`, everybody + `<l:moon/>`}
	handling := []string{"", "block", "confirm", "polite-block", "allow", "allow"}
	shows := []string{"", persons, services, doing, persons + doing, `<provide-all-attributes/>`, `<l:provide-location>true</l:provide-location>`, `<provide-note>false</provide-note>`}
	rules := make([][3]string, r.IntN(6))
	for i := range rules {
		rules[i] = [3]string{who[r.IntN(len(who))], handling[r.IntN(len(handling))], shows[r.IntN(len(shows))] + shows[r.IntN(len(shows))]}
	}
	return rules
}

// Whatever the rules: their order does not matter, one that grants nothing reveals
// nothing, and one less reveals no more.
func TestTheAlgebraOfRules(t *testing.T) {
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 1))
		rules := randomRules(r)
		for _, name := range []event.Name{"presence", "dialog", "reg"} {
			for _, w := range []event.AoR{"sip:bob@example.test", "sip:carol@example.test"} {
				decide := func(rules [][3]string) event.Grant { return grant(t, ruleset(rules...), who(w), name, "work", noon) }
				whole := decide(rules)
				mixed := slices.Clone(rules)
				r.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
				if got := decide(mixed); got != whole {
					t.Fatalf("seed %d: in another order %+v, not %+v: %q", seed, got, whole, rules)
				}
				if got := decide(append(slices.Clone(rules), [3]string{everybody, "block", ""})); got != whole {
					t.Fatalf("seed %d: a rule that grants nothing makes %+v of %+v: %q", seed, got, whole, rules)
				}
				for i := range rules {
					if less := decide(slices.Delete(slices.Clone(rules), i, i+1)); !covers(whole, less) {
						t.Fatalf("seed %d: without rule %d %+v, not %+v: %q", seed, i, less, whole, rules)
					}
				}
			}
		}
	}
}

func BenchmarkDecide(b *testing.B) {
	var rules [][3]string
	for i := range 20 {
		rules = append(rules, [3]string{one(fmt.Sprintf("sip:user%d@example.test", i)), "allow", persons + services + doing})
	}
	compiled, err := Parse(ruleset(rules...))
	if err != nil {
		b.Fatal(err)
	}
	p := New(Options{})
	p.Set("sip:alice@example.test", compiled)
	for b.Loop() {
		p.Decide("sip:alice@example.test", who("sip:user7@example.test"), "presence", noon)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(ruleset([3]string{everybody, "allow", persons + doing}))
	f.Fuzz(func(_ *testing.T, doc []byte) { _, _ = Parse(doc) })
}
