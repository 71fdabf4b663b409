package xcap

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"lamplight/body/xmldoc"
)

// rfc is the document of the examples in RFC 4825 §8.2.3.
const rfc = `<?xml version="1.0"?>
<root>
 <el1 att="first"/>
 <el1 att="second"/>
 <!-- comment -->
 <el2 att="first"/>
</root>
`

func selected(t testing.TB, path, query string) *node {
	t.Helper()
	n, err := parseNode((&url.URL{Path: path}).EscapedPath(), query)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return n
}

func parsed(t testing.TB, doc string) *xmldoc.Document {
	t.Helper()
	d, err := xmldoc.Parse([]byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// The examples of RFC 4825 §8.2.3.
func TestWhereANewElementGoes(t *testing.T) {
	for _, c := range [][3]string{
		{`root/el1[@att="third"]`, `<el1 att="third"/>`, `
 <el1 att="second"/><el1 att="third"/>
 <!-- comment -->`},
		{`root/el1[3][@att="third"]`, `<el1 att="third"/>`, `
 <el1 att="second"/><el1 att="third"/>
 <!-- comment -->`},
		{`root/*[3][@att="third"]`, `<el1 att="third"/>`, `
 <el1 att="second"/><el1 att="third"/>
 <!-- comment -->`},
		{`root/el3`, `<el3 att="first"/>`, `
 <el2 att="first"/>
<el3 att="first"/></root>`},
		{`root/el2[@att="2"]`, `<el2 att="2"/>`, `
 <el2 att="first"/><el2 att="2"/>
</root>`},
		{`root/el2[2][@att="2"]`, `<el2 att="2"/>`, `
 <el2 att="first"/><el2 att="2"/>
</root>`},
		{`root/*[2][@att="2"]`, `<el2 att="2"/>`, `
 <el1 att="first"/><el2 att="2"/>
 <el1 att="second"/>`},
		{`root/el2[1][@att="2"]`, `<el2 att="2"/>`, `
 <!-- comment -->
 <el2 att="2"/><el2 att="first"/>
</root>`},
		{`root/*[1][@att="0"]`, `<el9 att="0"/>`, `
 <el9 att="0"/><el1 att="first"/>`},
		{`root/*[@att="last"]`, `<el9 att="last"/>`, `
 <el2 att="first"/>
<el9 att="last"/></root>`},
		{`root/el2/new`, ` <new> </new>
`, `
 <el2 att="first"><new> </new></el2>
</root>`},
	} {
		got, made, err := selected(t, c[0], "").setElement(parsed(t, rfc), &usage{}, []byte(c[1]))
		if err != nil || !made || !contains(got, c[2]) {
			t.Errorf("%s: %v, %v\n%s", c[0], made, err, got)
		}
	}
}

func contains(b []byte, s string) bool { return strings.Contains(string(b), s) }

func TestWhatCannotBeInserted(t *testing.T) {
	for _, c := range [][3]string{
		{`root/el1[5]`, `<el1/>`, "cannot-insert"},
		{`root/el1[@att="x"]`, `<el1 att="y"/>`, "cannot-insert"},
		{`root/el1[@att="first"]`, `<el1 att="other"/>`, "cannot-insert"},
		{`root/el3`, `<el4/>`, "cannot-insert"},
		{`root/el1`, `<el1/>`, "cannot-insert"}, // two are there
		{`other`, `<other/>`, "cannot-insert"},
		{`root/el7/el8`, `<el8/>`, "no-parent"},
		{`root/el1/el8`, `<el8/>`, "no-parent"}, // of which one?
		{`root/el3`, `<el3/><el3/>`, "not-xml-frag"},
		{`root/el3`, `<el3/>text`, "not-xml-frag"},
		{`root/el3`, `</f><f>`, "not-xml-frag"},
		{`root/el3`, `<el3/></f><f>`, "not-xml-frag"},
		{`root/el3`, `<x:el3/>`, "not-xml-frag"},
		{`root/el3`, ``, "not-xml-frag"},
		{`root/el3`, `<!DOCTYPE a><el3/>`, "not-xml-frag"},
		{`root/el3`, "<el3>\xff</el3>", "not-utf-8"},
	} {
		_, _, err := selected(t, c[0], "").setElement(parsed(t, rfc), &usage{}, []byte(c[1]))
		var conflict *Conflict
		if !errors.As(err, &conflict) || conflict.Condition != c[2] {
			t.Errorf("%s with %s: %v, want %s", c[0], c[1], err, c[2])
		}
	}
}

// The examples of RFC 4825 §6.4.
func TestNamespacesOfASelector(t *testing.T) {
	doc := `<foo xmlns="urn:test:default-namespace"><ns1:bar xmlns:ns1="urn:test:namespace1-uri" xmlns="urn:test:namespace1-uri"><baz/><ns2:baz xmlns:ns2="urn:test:namespace2-uri"/></ns1:bar><ns3:hi xmlns:ns3="urn:test:namespace3-uri"><there/></ns3:hi></foo>`
	u := &usage{space: "urn:test:default-namespace"}
	for _, c := range [][3]string{
		{"foo/a:bar/b:baz", "xmlns(a=urn:test:namespace1-uri)xmlns(b=urn:test:namespace1-uri)", "<baz/>"},
		{"foo/a:bar/b:baz", "xmlns(a=urn:test:namespace1-uri)%20xmlns(b=urn:test:namespace2-uri)", `<ns2:baz xmlns:ns2="urn:test:namespace2-uri"/>`},
		{"d:foo/a:bar/b:baz", "xmlns(a=urn:test:namespace1-uri)element(/1)xmlns(b=urn:test:namespace2-uri)xmlns(d=urn:test:default-namespace)", `<ns2:baz xmlns:ns2="urn:test:namespace2-uri"/>`},
		{"foo/*[2]/there", "", "<there/>"},
		{"foo/*[2]/namespace::*", "", `<ns3:hi xmlns="urn:test:default-namespace" xmlns:ns3="urn:test:namespace3-uri"/>`},
		{"foo/bar", "", ""},
		{"foo/*", "", ""},
		{"foo/*[3]", "", ""},
		{"foo[@xmlns='urn:test:default-namespace']", "", ""},
	} {
		got, _, err := selected(t, c[0], c[1]).read([]byte(doc), u)
		if string(got) != c[2] || (err == nil) != (c[2] != "") {
			t.Errorf("%s?%s: %s, %v", c[0], c[1], got, err)
		}
	}
	for path, want := range map[string]error{
		"x:foo": ErrSelector, "foo/@x:y": ErrSelector, "foo[@x:y='1']": ErrSelector, "foo[0]": ErrNotFound, "foo[last()]": ErrNotFound,
		"foo[@a='1'][1]": ErrNotFound, "": ErrNotFound, "foo/": ErrNotFound, "foo//bar": ErrNotFound, "@a": ErrNotFound, "foo/@a/b": ErrNotFound,
		"foo[99999999999999999999]": ErrNotFound, "foo[@a=1]": ErrNotFound, "foo/namespace::*/x": ErrNotFound, "foo/text()": ErrNotFound,
	} {
		if _, err := parseNode((&url.URL{Path: path}).EscapedPath(), ""); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", path, err, want)
		}
	}
}

func TestAttributesAndDeletions(t *testing.T) {
	doc := "<a xmlns:p='urn:p'\n p:x = 'one'\ty=\"t&amp;wo\" ><b n='1'/><b n='2'/><b n='3'/></a>"
	set := func(path, value string) string {
		got, _, err := selected(t, path, "xmlns(q=urn:p)").setAttribute(parsed(t, doc), &usage{}, []byte(value))
		if err != nil {
			return err.Error()
		}
		return string(got)
	}
	remove := func(path string) string {
		got, err := selected(t, path, "xmlns(q=urn:p)").remove(parsed(t, doc), &usage{})
		if err != nil {
			return err.Error()
		}
		return string(got)
	}
	for _, c := range [][2]string{
		{set("a/@q:x", `"new"`), "<a xmlns:p='urn:p'\n p:x = \"new\"\ty=\"t&amp;wo\" ><b n='1'/><b n='2'/><b n='3'/></a>"},
		{set("a/@z", `'new'`), "<a xmlns:p='urn:p'\n p:x = 'one'\ty=\"t&amp;wo\" z='new' ><b n='1'/><b n='2'/><b n='3'/></a>"},
		{set("a/b[2]/@q:z", `'new'`), "<a xmlns:p='urn:p'\n p:x = 'one'\ty=\"t&amp;wo\" ><b n='1'/><b n='2' p:z='new'/><b n='3'/></a>"},
		{set("a/b[@n='2']/@n", `"4"`), "cannot-insert: the selector would not select the attribute any more"},
		{set("a/c/@n", `"4"`), "no-parent: what it should be inserted into is not there"},
		{set("a/@y", `new`), "not-xml-att-value: the body is not a quoted value"},
		{set("a/@y", `"a"b"`), "not-xml-att-value: the body is not a quoted value"},
		{set("a/@y", `"<"`), "not-xml-att-value: the body is not a quoted value"},
		{set("a/@y", `"&x;"`), "not-xml-att-value: the body is not a quoted value"},
		{set("a/@y", "\"\xff\""), "not-utf-8: the body is not UTF-8"},
		{remove("a/@q:x"), "<a xmlns:p='urn:p'\ty=\"t&amp;wo\" ><b n='1'/><b n='2'/><b n='3'/></a>"},
		{remove("a/b[@n='2']"), "<a xmlns:p='urn:p'\n p:x = 'one'\ty=\"t&amp;wo\" ><b n='1'/><b n='3'/></a>"},
		{remove("a/b[3]"), "<a xmlns:p='urn:p'\n p:x = 'one'\ty=\"t&amp;wo\" ><b n='1'/><b n='2'/></a>"},
		{remove("a/b[2]"), "cannot-delete: the selector would select another element"},
		{remove("a/*[1]"), "cannot-delete: the selector would select another element"},
		{remove("a"), "schema-validation-error: a document needs its root element"},
		{remove("a/c"), ErrNotFound.Error()},
		{remove("a/@c"), ErrNotFound.Error()},
		{remove("a/b"), ErrNotFound.Error()},
	} {
		if c[0] != c[1] {
			t.Errorf("got %s\nwant %s", c[0], c[1])
		}
	}
}
