package commonpolicy

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"
)

const rules = `<?xml version="1.0"?>
<cp:ruleset xmlns:cp="urn:ietf:params:xml:ns:common-policy" xmlns:pr="urn:ietf:params:xml:ns:pres-rules" xmlns:l="urn:lamplight:policy" xmlns:x="urn:other">
<cp:rule id="colleagues"><cp:conditions><cp:identity><cp:one id="tel:+8225551234"/><cp:many domain="example.test"><cp:except id="sip:bob@example.test"/></cp:many>
<cp:many><cp:except domain="evil.test"/></cp:many><l:group name="sales"/></cp:identity><cp:sphere value="work meeting"/>
<cp:validity><cp:from>2026-11-24T09:00:00+09:00</cp:from><cp:until>2026-11-24T18:00:00+09:00</cp:until></cp:validity></cp:conditions>
<cp:actions><pr:sub-handling>allow</pr:sub-handling></cp:actions>
<cp:transformations><pr:provide-persons><pr:all-persons/></pr:provide-persons><pr:provide-services><pr:service-uri-scheme>sip</pr:service-uri-scheme><pr:class>biz</pr:class></pr:provide-services>
<pr:provide-activities>true</pr:provide-activities><pr:provide-note>false</pr:provide-note><pr:provide-user-input>bare</pr:provide-user-input>
<pr:provide-unknown-attribute name="hat" ns="urn:hats">true</pr:provide-unknown-attribute><l:provide-location>true</l:provide-location><x:provide-more/></cp:transformations></cp:rule>
<cp:rule id="others"><cp:conditions><cp:identity/><x:moon/></cp:conditions><cp:actions><pr:sub-handling>polite-block</pr:sub-handling></cp:actions></cp:rule>
</cp:ruleset>`

func TestARulesetIsRead(t *testing.T) {
	rs, err := Parse([]byte(rules))
	if err != nil {
		t.Fatal(err)
	}
	r := rs.Rules[0]
	nine := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	if r.ID != "colleagues" || r.Handling != "allow" || !r.Validity[0].From.Equal(nine) || !r.Validity[0].Until.Equal(nine.Add(9*time.Hour)) || !reflect.DeepEqual(r.Spheres, []Sphere{{[]string{"work", "meeting"}}}) {
		t.Errorf("read %+v", r)
	}
	want := &Identity{One: []string{"tel:+8225551234"}, Many: []Many{{Domain: "example.test", Except: []string{"sip:bob@example.test"}}, {ExceptDomains: []string{"evil.test"}}}, Groups: []Group{{Name: "sales"}}}
	if !reflect.DeepEqual(r.Identity, want) {
		t.Errorf("means %+v", r.Identity)
	}
	shows := []Show{{What: "persons"}, {"services", "service-uri-scheme", "sip"}, {"services", "class", "biz"}, {What: "activities"}, {"user-input", "", "bare"}, {"unknown-attribute", "", "urn:hats hat"}, {"location", "", "true"}}
	if !reflect.DeepEqual(r.Shows, shows) {
		t.Errorf("shows %+v", r.Shows)
	}
	if o := rs.Rules[1]; o.Identity == nil || len(o.Identity.One) > 0 || len(o.Unknown) != 1 || o.Handling != "polite-block" {
		t.Errorf("read %+v", o)
	}
}

func TestWhatIsReadIsPrintedAgain(t *testing.T) {
	rs, err := Parse([]byte(rules))
	if err != nil {
		t.Fatal(err)
	}
	text := rs.Append(nil)
	again, err := Parse(text)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	if !bytes.Equal(again.Append(nil), text) || len(again.Rules) != 2 || !reflect.DeepEqual(again.Rules[0].Identity, rs.Rules[0].Identity) || len(again.Rules[0].Shows) != len(rs.Rules[0].Shows) {
		t.Errorf("printed once\n%s\nand again\n%s", text, again.Append(nil))
	}
	for _, want := range []string{"<x:moon", "<x:provide-more", `name="hat" ns="urn:hats"`} {
		if !bytes.Contains(text, []byte(want)) {
			t.Errorf("%s is not in\n%s", want, text)
		}
	}
}

func TestOtherDocumentsAreRefused(t *testing.T) {
	rule := func(inside string) string {
		return `<ruleset xmlns="` + Space + `" xmlns:pr="` + Pres + `"><rule id="a">` + inside + `</rule></ruleset>`
	}
	for name, doc := range map[string]string{
		"nothing":        "",
		"another root":   `<rule xmlns="` + Space + `" id="a"/>`,
		"no id":          `<ruleset xmlns="` + Space + `"><rule/></ruleset>`,
		"an id twice":    `<ruleset xmlns="` + Space + `"><rule id="a"/><rule id="a"/></ruleset>`,
		"handling":       rule(`<actions><pr:sub-handling>maybe</pr:sub-handling></actions>`),
		"validity":       rule(`<conditions><validity><from>2026-11-24T09:00:00Z</from></validity></conditions>`),
		"a time":         rule(`<conditions><validity><from>now</from><until>then</until></validity></conditions>`),
		"two identities": rule(`<conditions><identity/><identity/></conditions>`),
		"too many":       `<ruleset xmlns="` + Space + `">` + strings.Repeat(`<x/>`, 9000) + `</ruleset>`,
	} {
		if _, err := Parse([]byte(doc)); err == nil {
			t.Errorf("%s was read", name)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(rules))
	f.Fuzz(func(t *testing.T, doc []byte) {
		rs, err := Parse(doc)
		if err != nil {
			return
		}
		text := rs.Append(nil)
		again, err := Parse(text)
		if err != nil {
			return // fragments may be too large together
		}
		if !bytes.Equal(again.Append(nil), text) {
			t.Errorf("%q is printed as %q and then %q", doc, text, again.Append(nil))
		}
	})
}
