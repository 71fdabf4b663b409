package presence

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"lamplight/body/pidf"
	"lamplight/event"
)

// whole is a document that has something of everything, each part with a word that
// stands nowhere else.
const whole = `<?xml version="1.0"?><presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model"
 xmlns:r="urn:ietf:params:xml:ns:pidf:rpid" xmlns:gp="urn:ietf:params:xml:ns:pidf:geopriv10" xmlns:f="urn:vendor-specific:foo-namespace" entity="sip:alice@example.test">
<tuple id="svc1"><status><basic>open</basic><gp:geopriv><gp:location-info>PLACE-T</gp:location-info></gp:geopriv></status>
 <dm:deviceID>urn:uuid:DEV-OF-TUPLE</dm:deviceID><r:class>biz-svc</r:class><r:relationship><r:other>KIN</r:other></r:relationship>
 <r:service-class><r:electronic/></r:service-class><r:status-icon>http://ICON/t</r:status-icon><f:foo>FOO-T</f:foo>
 <contact>sip:alice@desk.example.test</contact><note>NOTE-T</note><timestamp>2026-11-24T11:00:00Z</timestamp></tuple>
<tuple id="svc2"><status><basic>closed</basic></status><contact>mailto:alice@MAIL.example.test</contact></tuple>
<dm:person id="p1"><r:activities><r:note>NOTE-A</r:note><r:meeting/></r:activities><r:class>home</r:class><r:mood><r:happy/></r:mood>
 <r:place-is><r:audio><r:noisy/></r:audio></r:place-is><r:place-type><r:other>PIER</r:other></r:place-type><r:privacy><r:audio/></r:privacy>
 <r:sphere>SPHERE</r:sphere><r:time-offset>-240</r:time-offset><r:user-input idle-threshold="600" last-input="2026-11-24T10:11:12Z">idle</r:user-input>
 <gp:geopriv><gp:location-info>PLACE-P</gp:location-info></gp:geopriv><f:foo>FOO-P</f:foo><f:bar>BAR-P</f:bar><dm:note>NOTE-P</dm:note></dm:person>
<dm:device id="d1"><r:class>biz</r:class><gp:geopriv>PLACE-D</gp:geopriv><dm:deviceID>urn:uuid:F81D4FAE</dm:deviceID><dm:note>NOTE-D</dm:note></dm:device>
<f:foo>FOO-ROOT</f:foo><note>NOTE-ROOT</note></presence>`

// secrets are words of that document, each with the rights that show it where the
// element that it stands in is provided (RFC 5025 §3.3.2).
var secrets = map[string]string{
	"PLACE-T": "location", "PLACE-P": "location", "PLACE-D": "location", "DEV-OF-TUPLE": "deviceid", "biz-svc": "class", ">home<": "class", ">biz<": "class", "KIN": "relationship",
	"ICON": "status-icon", "FOO-T": "attribute.urn%3Avendor-specific%3Afoo-namespace=foo", "FOO-P": "attribute.urn%3Avendor-specific%3Afoo-namespace=foo",
	"BAR-P": "attribute.urn%3Avendor-specific%3Afoo-namespace=bar", "NOTE-T": "note", "NOTE-P": "note", "NOTE-D": "note", "NOTE-A": "activities", "meeting/": "activities", "happy": "mood",
	"noisy": "place-is", "PIER": "place-type", "<r:privacy": "privacy", "SPHERE": "sphere", "-240": "time-offset", "idle<": "user-input=bare", "idle-threshold": "user-input=thresholds", "last-input": "user-input=full",
}

// shownOf is what a watcher with some rights gets of that document.
func shownOf(t *testing.T, r string) string {
	t.Helper()
	doc, err := pidf.Parse([]byte(whole))
	if err != nil {
		t.Fatal(err)
	}
	d := Package{Registrar: true}.View(doc, event.Rights(r))
	again := Package{Registrar: true}.View(d, event.Rights(r))
	body, _ := Package{}.Encode("sip:alice@example.test", d, event.Format{Type: pidf.Type})
	same, _ := Package{}.Encode("sip:alice@example.test", again, event.Format{Type: pidf.Type})
	// Who sees elements by a class without seeing the class is the exception that the
	// RFC does not name.
	if byClass := strings.Contains(r, ".class="); !byClass && string(body.Head) != string(same.Head) {
		t.Errorf("%q of %q is something else (RFC 5025 §4):\n%s\n%s", r, r, body.Head, same.Head)
	}
	return string(body.Head)
}

// Each attribute is shown by its own permission and by provide-all-attributes, in
// an element that is provided, and by nothing else.
func TestEachAttributeHasItsPermission(t *testing.T) {
	const sets = "devices persons services"
	for secret, word := range secrets {
		if got := shownOf(t, sets+" "+word); !strings.Contains(got, secret) {
			t.Errorf("%q does not show %q:\n%s", word, secret, got)
		}
		if got := shownOf(t, sets+" all-attributes"); word != "location" && !strings.Contains(got, secret) {
			t.Errorf("all attributes do not show %q:\n%s", secret, got)
		}
		var others []string
		for _, w := range secrets {
			if w != word && !strings.HasPrefix(w, "user-input") {
				others = append(others, w)
			}
		}
		if got := shownOf(t, sets+" "+strings.Join(others, " ")); strings.Contains(got, secret) {
			t.Errorf("all but %q show %q:\n%s", word, secret, got)
		}
		if got := shownOf(t, word); strings.Contains(got, secret) || got != shownOf(t, "") {
			t.Errorf("%q without an element shows\n%s", word, got)
		}
	}
	for _, want := range []string{"<basic>open</basic>", "electronic", "sip:alice@desk.example.test", "2026-11-24T11:00:00Z", "urn:uuid:F81D4FAE"} {
		if got := shownOf(t, sets); !strings.Contains(got, want) {
			t.Errorf("%s is always shown, and is not in\n%s", want, got)
		}
	}
	if got := shownOf(t, "devices persons services all-attributes"); strings.Contains(got, "PLACE") || !strings.Contains(got, "FOO-ROOT") {
		t.Errorf("all but the place:\n%s", got)
	}
}

// Elements are provided by all of the names that RFC 5025 §3.3.1 has for them.
func TestElementsAreProvidedByTheirNames(t *testing.T) {
	for r, want := range map[string]string{
		"services": "svc1 svc2", "services.class=biz-svc": "svc1", "services.occurrence-id=svc2": "svc2", "services.service-uri-scheme=mailto": "svc2",
		"services.service-uri-scheme=sip services.service-uri-scheme=mailto": "svc1 svc2", "services.service-uri=mailto%3Aalice%40mail.example.test": "svc2",
		"services.class=BIZ-SVC": "", "services.class=biz": "", "services.service-uri=sip%3Abob%40desk.example.test": "",
		"persons": "p1", "persons.class=home": "p1", "persons.occurrence-id=p1": "p1", "persons.class=work": "",
		"devices": "d1", "devices.class=biz": "d1", "devices.occurrence-id=d1": "d1", "devices.deviceID=urn%3Auuid%3Af81d4fae": "d1", "devices.occurrence-id=D1": "",
	} {
		got, ids := shownOf(t, r), []string{}
		for _, id := range []string{"svc1", "svc2", "p1", "d1"} {
			if strings.Contains(got, `id="`+id+`"`) {
				ids = append(ids, id)
			}
		}
		if strings.Join(ids, " ") != want {
			t.Errorf("%q shows %q, want %q:\n%s", r, ids, want, got)
		}
	}
}

// The example of RFC 5025 §6.
func TestTheExampleOfPresenceRules(t *testing.T) {
	got := shownOf(t, "activities attribute.urn%3Avendor-specific%3Afoo-namespace=foo persons services.service-uri-scheme=mailto services.service-uri-scheme=sip user-input=bare")
	for _, want := range []string{"svc1", "svc2", "meeting/", "idle<", "FOO-P", "FOO-T"} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is not in\n%s", want, got)
		}
	}
	for secret, word := range secrets {
		if !slices.Contains([]string{"activities", "user-input=bare"}, word) && !strings.HasSuffix(word, "=foo") && strings.Contains(got, secret) {
			t.Errorf("%s is in\n%s", secret, got)
		}
	}
}

// Fewer rights never show a word that more of them do not.
func TestFewerRightsShowLess(t *testing.T) {
	words := []string{"persons", "services", "devices", "services.class=biz-svc", "all-attributes", "user-input=full"}
	for _, w := range secrets {
		words = append(words, w)
	}
	slices.Sort(words)
	words = slices.Compact(words)
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 7))
		var have []string
		for _, w := range words {
			if r.IntN(2) == 0 {
				have = append(have, w)
			}
		}
		more := shownOf(t, strings.Join(have, " "))
		for i := range have {
			less := shownOf(t, strings.Join(slices.Delete(slices.Clone(have), i, i+1), " "))
			for secret := range secrets {
				if strings.Contains(less, secret) && !strings.Contains(more, secret) {
					t.Fatalf("seed %d: without %q %q is shown, with it not:\n%s\n%s", seed, have[i], secret, less, more)
				}
			}
		}
	}
}

// Who may see activities sees which of them counts, and that it rings.
func TestAViewKeepsTheHeadline(t *testing.T) {
	desk := binding("b", "active")
	for _, c := range []struct {
		in   []event.Input
		want State
	}{
		{[]event.Input{desk, chose(Away, 0), meets("meeting")}, Away},
		{[]event.Input{desk, calls("c", call("1", "early", "recipient"))}, Ringing},
		{[]event.Input{chose(OutOfOffice, 0)}, OutOfOffice},
	} {
		doc := compose(office, c.in...)
		for r, want := range map[event.Rights]State{"activities persons services": c.want, "persons services": basic(doc.Tuples)} {
			if got, _, _ := StateOf(office.View(doc, r).(*pidf.Presence)); got != want {
				t.Errorf("%q: %v, want %v of\n%s", r, got, want, doc.Append(nil))
			}
		}
	}
}
