package pidf

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"lamplight/body/internal/examples"
)

const office = `<?xml version="1.0"?>
<p:presence xmlns:p="urn:ietf:params:xml:ns:pidf" xmlns:d="urn:ietf:params:xml:ns:pidf:data-model"
  xmlns:r="urn:ietf:params:xml:ns:pidf:rpid" xmlns:v="urn:vendor" entity="sip:alice@example.com">
 <d:person id="me"><r:activities><r:meeting/><r:note>until four</r:note></r:activities><r:mood><r:happy/></r:mood></d:person>
 <p:tuple id="desk"><p:status><p:basic> Open </p:basic><v:line v:n="2"/></p:status>
  <p:contact priority="0.8">sip:alice@192.0.2.7</p:contact><p:note xml:lang="en">at &lt;desk&gt;</p:note>
  <p:timestamp>2026-11-24T10:00:00+01:00</p:timestamp><v:room>7</v:room></p:tuple>
</p:presence>`

func TestWhatIsReadIsPrintedAgain(t *testing.T) {
	p, err := Parse([]byte(office))
	if err != nil {
		t.Fatal(err)
	}
	tuple := p.Tuples[0]
	if p.Entity != "sip:alice@example.com" || tuple.Basic != "open" || tuple.Contact != "sip:alice@192.0.2.7" ||
		tuple.Notes[0] != (Note{"en", "at <desk>"}) || p.Persons[0].Activities[0] != "meeting" || p.Persons[0].ActivityNotes[0].Text != "until four" {
		t.Errorf("read %+v", p)
	}
	text := string(p.Append(nil))
	for _, want := range []string{"<rpid:meeting/>", `<v:room xmlns:v="urn:vendor">7</v:room>`, "<dm:person", "2026-11-24T09:00:00Z", `v:n="2"`, "<r:happy/>"} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is not in\n%s", want, text)
		}
	}
	again, err := Parse([]byte(text))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	if !reflect.DeepEqual(again.Append(nil), []byte(text)) {
		t.Errorf("printed once\n%s\nand again\n%s", text, again.Append(nil))
	}
}

const rich = `<?xml version="1.0" encoding="UTF-8"?>
<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:r="urn:ietf:params:xml:ns:pidf:rpid"
  xmlns:c="urn:ietf:params:xml:ns:pidf:cipid" xmlns:caps="urn:ietf:params:xml:ns:pidf:caps" xmlns:ts="urn:ietf:params:xml:ns:pidf:timed-status"
  xmlns:gp="urn:ietf:params:xml:ns:pidf:geopriv10" xmlns:gml="http://www.opengis.net/gml" entity="sip:alice@example.com">
 <tuple id="soft"><status><basic>open</basic><gp:geopriv><gp:location-info><gml:Point/></gp:location-info></gp:geopriv></status>
  <ts:timed-status from="2026-11-24T13:00:00Z" until="2026-11-24T14:00:00Z"><ts:basic>closed</ts:basic><ts:note>on the train</ts:note></ts:timed-status>
  <dm:deviceID>urn:device:1</dm:deviceID><r:class>work</r:class><r:user-input idle-threshold="600">idle</r:user-input>
  <r:relationship><r:self/></r:relationship><caps:servcaps><caps:audio>true</caps:audio></caps:servcaps>
  <contact>sip:alice@example.com</contact></tuple>
 <dm:person id="p"><r:activities from="2026-11-24T12:00:00Z"><r:note>board</r:note><r:meeting/></r:activities>
  <manual xmlns="urn:lamplight:presence" until="2026-11-24T15:00:00Z"/><r:class>me</r:class>
  <r:mood until="2026-11-24T18:00:00Z"><r:happy/></r:mood><r:sphere>work</r:sphere><c:card>https://example.com/alice.vcf</c:card>
  <gp:geopriv><gp:location-info/></gp:geopriv></dm:person>
 <dm:device id="pc"><r:user-input last-input="2026-11-24T11:50:00Z">active</r:user-input><v:disk xmlns:v="urn:vendor">full</v:disk>
  <gp:geopriv><gp:location-info/></gp:geopriv><dm:deviceID>urn:device:1</dm:deviceID><dm:note>the PC</dm:note><dm:timestamp>2026-11-24T11:55:00Z</dm:timestamp></dm:device>
 <v:where xmlns:v="urn:vendor"><gp:geopriv><gp:location-info/></gp:geopriv></v:where><v:what xmlns:v="urn:vendor"/>
</presence>`

// What RFC 4479, 4480, 4481, 4482, 5196 and 4119 have is read into parts, and is
// still there when it was printed.
func TestADocumentHasParts(t *testing.T) {
	p, err := Parse([]byte(rich))
	if err != nil {
		t.Fatal(err)
	}
	text := p.Append(nil)
	again, err := Parse(text)
	if err != nil || string(again.Append(nil)) != string(text) {
		t.Fatalf("%v in\n%s", err, text)
	}
	noon := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for _, p := range []*Presence{p, again} {
		tuple, person, device := p.Tuples[0], p.Persons[0], p.Devices[0]
		for what, ok := range map[string]bool{
			"the tuple":          tuple.Class == "work" && tuple.UserInput == UserInput{"idle", "600", time.Time{}} && slices.Equal(tuple.DeviceIDs, []string{"urn:device:1"}),
			"its elements":       len(tuple.Elements) == 2 && tuple.Elements[0].Local == "relationship" && tuple.Elements[0].Value == "self" && tuple.Elements[1].Local == "servcaps",
			"its timed status":   len(tuple.Timed) == 1 && tuple.Timed[0].Basic == "closed" && tuple.Timed[0].Notes[0].Text == "on the train" && tuple.Timed[0].Holds(noon.Add(time.Hour)) && !tuple.Timed[0].Holds(noon),
			"the person":         person.Manual && person.ManualUntil.Equal(noon.Add(3*time.Hour)) && person.Class == "me" && p.Sphere(noon) == "work",
			"the activities":     len(person.Timed) == 1 && person.Timed[0].Notes[0].Text == "board" && person.Timed[0].Holds(noon) && person.Notes == nil,
			"the other elements": len(person.Elements) == 3 && person.Elements[0].Until.Equal(noon.Add(6*time.Hour)) && person.Elements[2].Space == CIPID,
			"the device":         device.DeviceID == "urn:device:1" && device.UserInput.State == "active" && device.Elements[0].Value == "full" && device.Notes[0].Text == "the PC" && !device.Timestamp.IsZero(),
			"what is not known":  len(p.Elements) == 1 && p.Elements[0].Local == "what",
			"the locations":      len(tuple.Location) == 1 && len(person.Location) == 1 && len(device.Location) == 1 && len(p.Location) == 1,
		} {
			if !ok {
				t.Errorf("%s of\n%s", what, p.Append(nil))
			}
		}
		for i := range p.Tuples {
			p.Tuples[i].Location = nil
		}
		p.Persons[0].Location, p.Devices[0].Location, p.Location = nil, nil, nil
		if text := string(p.Append(nil)); strings.Contains(text, "geopriv") {
			t.Errorf("without locations\n%s", text)
		}
	}
}

func TestOtherDocumentsAreRefused(t *testing.T) {
	for _, doc := range []string{`<presence/>`, `<tuple xmlns="urn:ietf:params:xml:ns:pidf"/>`, `busy`} {
		if _, err := Parse([]byte(doc)); err == nil {
			t.Errorf("%s was read", doc)
		}
	}
}

// Each is what a product in use sends, cut to what matters.
func TestActivitiesOfDrafts(t *testing.T) {
	const ns = `xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model"`
	for _, c := range []struct{ doc, want string }{
		{`<tuple id="0"><status><basic>open</basic><ep:activities xmlns:ep="urn:ietf:params:xml:ns:pidf:status:rpid-status"><ep:activity>on-the-phone</ep:activity></ep:activities></status></tuple>`, "on-the-phone"},
		{`<pp:person xmlns:pp="urn:ietf:params:xml:ns:pidf:person" xmlns:ep="urn:ietf:params:xml:ns:pidf:rpid:rpid-person"><status><ep:activities><ep:busy/></ep:activities></status></pp:person>`, "busy"},
		{`<dm:person id="p"><r:activities xmlns:r="urn:ietf:params:xml:ns:pidf:rpid"><r:away/>away</r:activities></dm:person>`, "away"},
		{`<dm:person id="p"><r:activities xmlns:r="urn:ietf:params:xml:ns:pidf:rpid">Busy</r:activities></dm:person>`, "busy"},
		{`<dm:person id="p"><r:activities xmlns:r="urn:ietf:params:xml:ns:pidf:rpid">/&gt;&lt;x</r:activities></dm:person>`, ""},
		{`<dm:person id="p"><r:activities xmlns:r="urn:ietf:params:xml:ns:pidf:status:rpid"/></dm:person>`, ""},
	} {
		p, err := Parse([]byte(`<presence ` + ns + ` entity="sip:a@example.com">` + c.doc + `</presence>`))
		if c.want == "" && err == nil && len(p.Persons[0].Activities) == 0 {
			continue
		}
		if err != nil || len(p.Persons) != 1 || !slices.Equal(p.Persons[0].Activities, []string{c.want}) {
			t.Errorf("%s: %+v, %v", c.doc, p, err)
			continue
		}
		if text := string(p.Append(nil)); !strings.Contains(text, "<rpid:activities><rpid:"+c.want+"/></rpid:activities>") {
			t.Errorf("printed %s", text)
		}
	}
}

func TestActivitiesKeepTheirTimeAndTheirText(t *testing.T) {
	const doc = `<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" entity="sip:a@example.com">
<dm:person id="p"><rpid:activities from="2026-11-24T10:00:00Z" until="2026-11-24T11:00:00+01:00"><rpid:meeting/></rpid:activities>
<rpid:activities><rpid:other>sailing</rpid:other><x:dnd xmlns:x="urn:x"/></rpid:activities></dm:person></presence>`
	p, err := Parse([]byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`<rpid:activities from="2026-11-24T10:00:00Z" until="2026-11-24T10:00:00Z"><rpid:meeting/></rpid:activities>`,
		`>sailing</rpid:other>`, `<x:dnd xmlns:x="urn:x"/>`,
	} {
		if text := string(p.Append(nil)); !strings.Contains(text, want) {
			t.Errorf("%s is not in\n%s", want, text)
		}
	}
}

// Who does not want to be disturbed says so in the project's own words, in
// Cisco's, or in a note.
func TestDoNotDisturb(t *testing.T) {
	noon := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	const ce = `xmlns:ce="urn:cisco:params:xml:ns:pidf:rpid" xmlns:e="urn:ietf:params:xml:ns:pidf:status:rpid"`
	for doc, want := range map[string]struct {
		on    bool
		until string
	}{
		`<dm:person id="p"><dnd xmlns="urn:lamplight:presence"/></dm:person>`:                                         {true, ""},
		`<dm:person id="p"><l:dnd xmlns:l="urn:lamplight:presence" until="2026-11-24T15:00:00+01:00"/></dm:person>`:   {true, "2026-11-24T14:00:00Z"},
		`<dm:person id="p"><dnd xmlns="urn:lamplight:presence" until="2026-11-24T12:00:00Z"/></dm:person>`:            {false, ""},
		`<dm:person id="p"><dnd xmlns="urn:example"/></dm:person>`:                                                    {false, ""},
		`<dm:person id="p"><e:activities ` + ce + `><ce:dnd/></e:activities></dm:person>`:                             {true, ""},
		`<tuple id="t"><status><basic>open</basic><e:activities ` + ce + `><ce:dnd/></e:activities></status></tuple>`: {true, ""},
		`<dm:person id="p"><dm:note>do not disturb</dm:note></dm:person>`:                                             {true, ""},
		`<note>DND</note>`: {true, ""},
		`<dm:person id="p"><rpid:activities><rpid:busy/></rpid:activities><dm:note>in a meeting</dm:note></dm:person>`: {false, ""},
	} {
		p, err := Parse([]byte(`<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" entity="sip:a@example.com">` + doc + `</presence>`))
		if err != nil {
			t.Fatal(doc, err)
		}
		again, err := Parse(p.Append(nil))
		if err != nil {
			t.Fatal(doc, err)
		}
		for _, p := range []*Presence{p, again} {
			on, until := p.DND(noon)
			text := ""
			if !until.IsZero() {
				text = until.Format(time.RFC3339)
			}
			if on != want.on || text != want.until {
				t.Errorf("%s: %t until %q, want %t until %q", doc, on, text, want.on, want.until)
			}
		}
	}
}

// Of the documents that the standards and products in use print, all those are
// read that are XML and PIDF at all, and are the same after they were printed.
func TestWhatOthersPrintIsRead(t *testing.T) {
	examples.Each(t, ".xml", func(name string, doc []byte) {
		if !examples.Has(doc, "presence") || strings.HasPrefix(name, "xml-") || strings.Contains(name, "xpidf") {
			return
		}
		p, err := Parse(doc)
		if err != nil {
			if !strings.Contains(err.Error(), "root element") {
				t.Errorf("%s: %v", name, err)
			}
			return
		}
		text := p.Append(nil)
		again, err := Parse(text)
		if err != nil || string(again.Append(nil)) != string(text) {
			t.Errorf("%s: %v in\n%s", name, err, text)
		}
	})
}

func TestADocumentIsBounded(t *testing.T) {
	head, tail := `<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:a@example.com">`, `</presence>`
	if _, err := Parse([]byte(head + strings.Repeat("<tuple/>", MaxItems+1) + tail)); err == nil {
		t.Error("too many tuples were read")
	}
	swelling := `<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:a="urn:` + strings.Repeat("a", 250) + `"><tuple id="t">` +
		strings.Repeat("<a:b/>", 1000) + `</tuple></presence>`
	if p, err := Parse([]byte(swelling)); err == nil {
		t.Errorf("%d bytes became %d", len(swelling), len(p.Append(nil)))
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(office))
	f.Add([]byte(rich))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Parse(b)
		if err != nil {
			return
		}
		text := p.Append(nil)
		again, err := Parse(text)
		if err != nil && len(text) < 4*len(b) {
			t.Fatalf("%v after\n%s", err, text)
		}
		if err == nil && string(again.Append(nil)) != string(text) {
			t.Fatalf("printed once\n%s\nand again\n%s", text, again.Append(nil))
		}
	})
}
