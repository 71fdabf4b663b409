package xmltree

import (
	"strings"
	"testing"
)

func TestParseRefuses(t *testing.T) {
	for name, doc := range map[string]string{
		"DOCTYPE":                      `<!DOCTYPE a [<!ENTITY x "y">]><a/>`,
		"unknown entity":               `<a>&x;</a>`,
		"two roots":                    `<a/><b/>`,
		"text after the root":          `<a/>x`,
		"unbound prefix":               `<x:a/>`,
		"attribute twice":              `<a b="1" b="2"/>`,
		"attribute twice by namespace": `<a xmlns:x="u" xmlns:y="u" x:b="1" y:b="2"/>`,
		"wrong end":                    `<a></b>`,
		"no end":                       `<a>`,
		"nothing":                      ``,
		"UTF-16":                       "\xfe\xff\x00<\x00a",
		"another charset":              `<?xml version="1.0" encoding="windows-1252"?><a/>`,
		"Latin-1":                      "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>\xe9</a>",
		"a declaration inside":         `<a><?xml version="1.0"?></a>`,
		"a colon too many":             `<:a/>`,
		"prefix xmlns":                 `<xmlns:a/>`,
		"the xml namespace":            `<a xmlns:x="http://www.w3.org/XML/1998/namespace"/>`,
		"a long namespace":             `<a xmlns="` + strings.Repeat("u", 257) + `"/>`,
		"too many elements":            "<a>" + strings.Repeat("<a/>", 8192) + "</a>",
		"not UTF-8":                    "<a>\xff</a>",
		"NUL":                          "<a>\x00</a>",
		"too deep":                     strings.Repeat("<a>", 33) + strings.Repeat("</a>", 33),
	} {
		if n, err := Parse([]byte(doc)); err == nil {
			t.Errorf("%s: read as %+v", name, n)
		}
	}
}

func TestAFragmentStandsAlone(t *testing.T) {
	root, err := Parse([]byte(`<a xmlns="one" xmlns:x="two" xmlns:unused="three"><x:b c="1"><d/>t&amp;</x:b></a>`))
	if err != nil {
		t.Fatal(err)
	}
	fragment := root.Children[0].Fragment()
	if want := `<x:b xmlns="one" xmlns:x="two" c="1"><d/>t&amp;</x:b>`; fragment != want {
		t.Errorf("%s, want %s", fragment, want)
	}
	again, err := Parse([]byte(fragment))
	if err != nil || !again.Is("two", "b") || !again.Children[0].Is("one", "d") || again.Text != "t&" || again.Get("c") != "1" {
		t.Errorf("read again: %+v, %v", again, err)
	}
}

func TestAFragmentDeclaresNoMoreThanItNeeds(t *testing.T) {
	root, err := Parse([]byte(`<?xml version="1.0" encoding="ISO-8859-1"?><a xmlns="one" xmlns:x="two"><x:b/><x:c xmlns="three"><d/></x:c></a>`))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{`<x:b xmlns:x="two"/>`, `<x:c xmlns:x="two" xmlns="three"><d/></x:c>`} {
		if got := root.Children[i].Fragment(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`<a xmlns="one" xmlns:x="two"><x:b c="1"><d/>t&amp;</x:b></a>`))
	f.Add([]byte(`<?xml version="1.0"?><a><![CDATA[x]]><!-- c --></a>`))
	f.Fuzz(func(t *testing.T, b []byte) {
		root, err := Parse(b)
		if err != nil {
			return
		}
		for _, n := range append(root.Children, root) {
			again, err := Parse([]byte(n.Fragment()))
			if err != nil || again.Space != n.Space || again.Local != n.Local {
				t.Fatalf("%q of %q: %v", n.Fragment(), b, err)
			}
		}
	})
}
