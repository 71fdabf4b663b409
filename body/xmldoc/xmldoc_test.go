package xmldoc

import "testing"

func TestWhereAttributesStand(t *testing.T) {
	text := "\xef\xbb\xbf<?xml version='1.0' encoding='utf-8'?><a><p:b xmlns:p='urn:p' p:c = '1>2'\n d=\"=\" xml:lang='en'/></a>"
	d, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	b := d.Root.Children[0]
	want := []struct{ space, local, value string }{{"urn:p", "c", "'1>2'"}, {"", "d", `"="`}, {"http://www.w3.org/XML/1998/namespace", "lang", "'en'"}}
	list := d.Attrs(b)
	if len(list) != len(want) {
		t.Fatalf("%+v", list)
	}
	for i, a := range list {
		if w := want[i]; a.Space != w.space || a.Local != w.local || string(d.Value(a)) != w.value {
			t.Errorf("%+v is %s, want %+v", a, d.Value(a), w)
		}
	}
	if text := string(d.Body[b.At.Start:d.NameEnd(b)]); text != "<p:b" || !d.Empty(b) || d.Empty(d.Root) {
		t.Errorf("the name ends behind %q", text)
	}
	if got := string(d.Splice(d.Root.At.Inner, d.Root.At.Close, []byte("x"))[3:]); got != "<?xml version='1.0' encoding='utf-8'?><a>x</a>" || Encoding(d.Body) != "utf-8" {
		t.Errorf("spliced %q, %q", got, Encoding(d.Body))
	}
}

func TestEncoding(t *testing.T) {
	for text, want := range map[string]string{"<a/>": "", "<?xml version='1.0'?><a encoding='x'/>": "", "<?xml encoding = \"x\" ?>": "x", "<?xml encoding": "", "<?xml encoding?>": "", "": ""} {
		if got := Encoding([]byte(text)); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
