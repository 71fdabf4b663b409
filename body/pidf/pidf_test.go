package pidf

import (
	"reflect"
	"strings"
	"testing"
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
		tuple.Notes[0] != (Note{"en", "at <desk>"}) || p.Persons[0].Activities[0] != "meeting" || p.Persons[0].Notes[0].Text != "until four" {
		t.Errorf("read %+v", p)
	}
	text := string(p.Append(nil))
	for _, want := range []string{"<rpid:meeting/>", "<room>7</room>", "dm:person", "2026-11-24T09:00:00Z", `n="2"`} {
		if !strings.Contains(strings.ReplaceAll(text, "v:", ""), want) {
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

func TestOtherDocumentsAreRefused(t *testing.T) {
	for _, doc := range []string{`<presence/>`, `<tuple xmlns="urn:ietf:params:xml:ns:pidf"/>`, `busy`} {
		if _, err := Parse([]byte(doc)); err == nil {
			t.Errorf("%s was read", doc)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(office))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Parse(b)
		if err != nil {
			return
		}
		if again, err := Parse(p.Append(nil)); err != nil || len(again.Tuples) != len(p.Tuples) {
			t.Fatalf("%v after\n%s", err, p.Append(nil))
		}
	})
}
