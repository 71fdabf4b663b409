package csta

import (
	"bytes"
	"encoding/xml"
	"io"
	"mime"
	"mime/multipart"
	"strings"
	"testing"
)

const set = `<?xml version="1.0" encoding="UTF-8"?>
<SetForwarding xmlns="` + Space + `"><device>1002</device><forwardingType>forwardNoAns</forwardingType>` +
	`<activateForward>true</activateForward><forwardDN>1003</forwardDN><ringCount>3</ringCount></SetForwarding>`

func TestParseSet(t *testing.T) {
	dnd := func(inside string) string {
		return `<SetDoNotDisturb xmlns="` + Space + `"><device/>` + inside + `</SetDoNotDisturb>`
	}
	for _, c := range []struct {
		doc  string
		want Feature
		ok   bool
	}{
		{set, Feature{Kind: NoAnswer, On: true, To: "1003", Rings: 3}, true},
		{dnd("<doNotDisturbOn>true</doNotDisturbOn>"), Feature{Kind: DoNotDisturb, On: true}, true},
		{dnd("<doNotDisturbOn> 0 </doNotDisturbOn>"), Feature{Kind: DoNotDisturb}, true},
		{strings.Replace(set, "true", "false", 1), Feature{Kind: NoAnswer, To: "1003", Rings: 3}, true},
		{strings.Replace(set, ">3<", ">many<", 1), Feature{Kind: NoAnswer, On: true, To: "1003"}, true},
		{strings.Replace(set, ">3<", ">4000000<", 1), Feature{Kind: NoAnswer, On: true, To: "1003", Rings: 100}, true},
		{doc: dnd("")},
		{doc: dnd("<doNotDisturbOn>perhaps</doNotDisturbOn>")},
		{doc: strings.Replace(set, "forwardNoAns<", "forwardMoon<", 1)},
		{doc: strings.Replace(set, "forwardNoAns<", "doNotDisturb<", 1)},
		{doc: strings.Replace(set, Space, "urn:other", 1)},
		{doc: strings.Replace(set, "1003", strings.Repeat("1", 300), 1)},
		{doc: strings.Replace(set, "1003", "1\r\n--lamplight-features", 1)},
		{doc: "SetDoNotDisturb"},
	} {
		if got, err := ParseSet([]byte(c.doc)); (err == nil) != c.ok || c.ok && got != c.want {
			t.Errorf("%s\n%+v, %v", c.doc, got, err)
		}
	}
}

// Several features are a part of their own each, which any reader of multipart
// takes apart; one alone is no multipart.
func TestTheFeaturesAreParts(t *testing.T) {
	all := Features{List: []Feature{{Kind: DoNotDisturb, On: true}, {Kind: Immediate, To: `<"1&2">`, On: true}, {Kind: NoAnswer, Rings: 3}}}
	body, kind := all.Append(nil)
	_, params, err := mime.ParseMediaType(kind)
	if err != nil {
		t.Fatal(err)
	}
	parts := multipart.NewReader(bytes.NewReader(body), params["boundary"])
	for _, want := range all.List {
		p, err := parts.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(p)
		if got, wrong := ParseEvent(b); err != nil || wrong != nil || got != want || p.Header.Get("Content-Type") != Type {
			t.Errorf("%+v, %v, want %+v in\n%s", got, wrong, want, b)
		}
		if !bytes.Contains(b, []byte("<device>")) || !bytes.Contains(b, []byte(`xmlns="`+Space+`"`)) {
			t.Errorf("a telephone would stop at\n%s", b)
		}
	}
	if _, err := parts.NextPart(); err != io.EOF {
		t.Error(err)
	}
	one := Features{List: all.List[:1]}
	if body, kind := one.Append(nil); kind != Type || bytes.Contains(body, []byte("--")) {
		t.Errorf("%s: %s", kind, body)
	}
	if f := all.Find(Immediate); !f.On || all.Find(Busy).On {
		t.Errorf("%+v", f)
	}
	for k, want := range map[Kind]string{DoNotDisturb: "<SetDoNotDisturbResponse ", Busy: "<SetForwardingResponse "} {
		if got := string(Reply(k)); !strings.Contains(got, want) || xml.Unmarshal([]byte(got), new(struct{})) != nil {
			t.Error(got)
		}
	}
}

func FuzzParseSet(f *testing.F) {
	f.Add([]byte(set))
	f.Add([]byte(strings.Replace(set, "SetForwarding", "SetDoNotDisturb", 2)))
	f.Fuzz(func(t *testing.T, b []byte) {
		set, err := ParseSet(b)
		if err != nil {
			return
		}
		if got, err := ParseEvent(set.Append(nil)); err != nil || got.Kind != set.Kind || got.On != set.On || set.Kind != DoNotDisturb && got.To != strings.TrimSpace(set.To) {
			t.Errorf("%+v comes back as %+v, %v", set, got, err)
		}
	})
}
