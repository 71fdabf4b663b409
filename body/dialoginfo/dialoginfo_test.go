package dialoginfo

import (
	"reflect"
	"strings"
	"testing"

	"lamplight/body/internal/examples"
)

const call = `<?xml version="1.0"?>
<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="6" state="Partial" entity="alice@example.com:5060">
 <dialog id="d1" call-id="o34'1" local-tag="l&quot;" remote-tag="r" direction="receiver">
  <remote><identity display="Bob &amp; Co">bob@example.org</identity><target uri="192.0.2.1:5060"/></remote>
  <x:park xmlns:x="urn:x"><x:slot>7</x:slot></x:park>
  <state reason="remote-bye" code="200"> Confirmed </state>
  <duration>12</duration><replaces call-id="c" local-tag="l" remote-tag="r"/>
  <local><identity>"Alice" &lt;sip:alice@example.com&gt;</identity><target uri="sip:alice@pc33.example.com"><param pname="+sip.rendering" pvalue="no"/></target><cseq>3</cseq></local>
 </dialog>
 <dialog id="d2"><state>ringing</state></dialog>
</dialog-info>`

func TestWhatProductsPrintIsUnderstood(t *testing.T) {
	i, err := Parse([]byte(call))
	if err != nil {
		t.Fatal(err)
	}
	if i.Entity != "sip:alice@example.com:5060" || i.State != "partial" || i.Version != 6 || len(i.Dialogs) != 2 {
		t.Errorf("read %+v", i)
	}
	d := i.Dialogs[0]
	if d.Direction != Recipient || d.State != Confirmed || d.Event != "remote-bye" || d.Code != "200" || d.Duration != 12 {
		t.Errorf("dialog %+v", d)
	}
	if d.Remote.Identity != "sip:bob@example.org" || d.Remote.Display != "Bob & Co" || d.Remote.Target != "sip:192.0.2.1:5060" {
		t.Errorf("remote %+v", d.Remote)
	}
	if d.Local.Identity != "sip:alice@example.com" || d.Local.Display != "Alice" || d.Local.Rendering() != "no" {
		t.Errorf("local %+v", d.Local)
	}
	if i.Dialogs[1].State != "" {
		t.Errorf("state %q of a word that is none", i.Dialogs[1].State)
	}
}

func TestWhatIsReadIsPrintedAgain(t *testing.T) {
	i, err := Parse([]byte(call))
	if err != nil {
		t.Fatal(err)
	}
	text := string(i.Append(nil, 7))
	for _, want := range []string{`version="7" state="full" entity="sip:alice@example.com:5060"`, `<param pname="+sip.rendering" pval="no"/>`,
		`<x:slot>7</x:slot>`, `>3</cseq>`, `<replaces `, `call-id="o34'1" local-tag="l&quot;"`} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is not in\n%s", want, text)
		}
	}
	// The order of the schema (RFC 4235 §4.4).
	last := -1
	for _, name := range []string{"<state", "<duration", "<replaces", "<local", "<remote", "<x:park"} {
		at := strings.Index(text, name)
		if at < last {
			t.Errorf("%s comes too early in\n%s", name, text)
		}
		last = at
	}
	again, err := Parse([]byte(text))
	if err != nil || !reflect.DeepEqual(again.Append(nil, 7), []byte(text)) {
		t.Errorf("%v, printed again\n%s", err, again.Append(nil, 7))
	}
}

func TestAParameterOutsideOfItsTarget(t *testing.T) {
	i, err := Parse([]byte(`<dialog-info xmlns="` + Space + `" version="7" state="partial" entity="sip:alice@example.com"><dialog id="d"><state>confirmed</state>` +
		`<local><target uri="sip:alice@pc33.example.com"/><param pname="+sip.rendering" pval="no"/></local></dialog></dialog-info>`))
	if err != nil || i.Dialogs[0].Local.Rendering() != "no" {
		t.Errorf("read %+v, %v", i, err)
	}
}

func TestSchemes(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "1002": "sip:1002", "sip:1002": "sip:1002", "1002@h": "sip:1002@h", "u@h:5060": "sip:u@h:5060", "localhost:5060": "sip:localhost:5060",
		"sip:u@h": "sip:u@h", "SIPS:u@h": "SIPS:u@h", "tel:+8225551234": "tel:+8225551234", "tel:112": "tel:112",
		"urn:service:sos": "urn:service:sos",
	} {
		if got := withScheme(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

func TestOtherDocumentsAreRefused(t *testing.T) {
	head := `<dialog-info xmlns="` + Space + `" version="0" state="full" entity="sip:a@example.com">`
	for _, doc := range []string{"busy", `<dialog-info/>`, `<dialog xmlns="` + Space + `"/>`, head,
		head + strings.Repeat("<dialog/>", MaxDialogs+1) + `</dialog-info>`} {
		if _, err := Parse([]byte(doc)); err == nil {
			t.Errorf("%.80s was read", doc)
		}
	}
}

func TestWhatOthersPrintIsRead(t *testing.T) {
	examples.Each(t, ".xml", func(name string, doc []byte) {
		if !examples.Has(doc, "dialog-info") {
			return
		}
		i, err := Parse(doc)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		text := i.Append(nil, 1)
		again, err := Parse(text)
		if err != nil || string(again.Append(nil, 1)) != string(text) {
			t.Errorf("%s: %v in\n%s", name, err, text)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(call))
	f.Fuzz(func(t *testing.T, b []byte) {
		i, err := Parse(b)
		if err != nil {
			return
		}
		text := i.Append(nil, i.Version)
		again, err := Parse(text)
		if err != nil && len(text) < 4*len(b) {
			t.Fatalf("%v after\n%s", err, text)
		}
		if err == nil && string(again.Append(nil, again.Version)) != string(text) {
			t.Fatalf("printed once\n%s\nand again\n%s", text, again.Append(nil, again.Version))
		}
	})
}
