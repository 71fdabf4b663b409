package reginfo

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"lamplight/body/internal/examples"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

var desk = Info{State: "full", Version: 7, Registrations: []Registration{{ID: "r", AoR: "sip:alice@example.com", State: Active, Contacts: []*Contact{
	{ID: "c1", URI: "sip:alice@192.0.2.1;transport=tcp", State: Active, Event: "refreshed", CallID: `a"b@c`, CSeq: 9, Q: "0.8", DisplayName: "Alice <1>",
		Params: []Param{{"+sip.instance", "<urn:uuid:1>"}, {"audio", ""}}, Since: noon.Add(-time.Hour), Until: noon.Add(10 * time.Minute)},
	{ID: "c2", URI: "sip:alice@192.0.2.2", State: Terminated, Event: "expired", Since: noon.Add(-time.Hour), Until: noon.Add(-time.Second)},
}}}}

func text(i *Info, now time.Time) string {
	return string(i.AppendTail(append(i.AppendHead(nil), "7"...), now))
}

func TestTheDocumentSaysWhereSomebodyIs(t *testing.T) {
	got := text(&desk, noon)
	for _, want := range []string{
		`version="7" state="full"`, `<registration aor="sip:alice@example.com" id="r" state="active">`,
		`<contact id="c1" state="active" event="refreshed" duration-registered="3600" expires="600" q="0.8" callid="a&quot;b@c" cseq="9"><uri>sip:alice@192.0.2.1;transport=tcp</uri><display-name>Alice &lt;1&gt;</display-name>`,
		`<unknown-param name="+sip.instance">&lt;urn:uuid:1&gt;</unknown-param><unknown-param name="audio"></unknown-param>`,
		`<contact id="c2" state="terminated" event="expired" duration-registered="3600"><uri>`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is not in\n%s", want, got)
		}
	}
	if later := text(&desk, time.Time{}); strings.Contains(later, "expires=") || strings.Contains(later, "duration") {
		t.Errorf("lengths without a time to tell them from:\n%s", later)
	}
}

func TestWhatIsPrintedIsReadAgain(t *testing.T) {
	got, err := Parse([]byte(text(&desk, noon)), noon)
	if err != nil {
		t.Fatal(err)
	}
	ended := *desk.Registrations[0].Contacts[1]
	ended.Until = time.Time{}
	want := []*Contact{desk.Registrations[0].Contacts[0], &ended}
	if r := got.Registrations[0]; r.AoR != "sip:alice@example.com" || r.ID != "r" || r.State != Active || !reflect.DeepEqual(r.Contacts, want) {
		t.Errorf("read %+v", r)
	}
}

func TestOtherDocumentsAreRefused(t *testing.T) {
	for _, doc := range []string{"", `<reginfo/>`, `<registration xmlns="` + Space + `"/>`,
		`<reginfo xmlns="` + Space + `">` + strings.Repeat("<registration/>", MaxRegistrations+1) + `</reginfo>`} {
		if _, err := Parse([]byte(doc), noon); err == nil {
			t.Errorf("%.80s was read", doc)
		}
	}
}

func TestWhatOthersPrintIsRead(t *testing.T) {
	examples.Each(t, ".xml", func(name string, doc []byte) {
		if !examples.Has(doc, "reginfo") {
			return
		}
		if i, err := Parse(doc, noon); err != nil || len(i.Registrations) == 0 || i.Registrations[0].AoR == "" {
			t.Errorf("%s: %+v, %v", name, i, err)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(text(&desk, noon)))
	f.Fuzz(func(t *testing.T, b []byte) {
		i, err := Parse(b, noon)
		if err != nil {
			return
		}
		once := text(i, noon)
		again, err := Parse([]byte(once), noon)
		if err != nil && len(once) < 4*len(b) {
			t.Fatalf("%v after\n%s", err, once)
		}
		if err == nil && text(again, noon) != once {
			t.Fatalf("printed once\n%s\nand again\n%s", once, text(again, noon))
		}
	})
}
