package xcap

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"lamplight/body/xmldoc"
)

// Whatever nodes are edited one after the other, the document stays valid, what
// was put is what is read, and the rest stays byte for byte.
func TestEditsKeepTheRest(t *testing.T) {
	for seed := range uint64(40) {
		w := newWorld(t)
		r := rand.New(rand.NewPCG(seed, 1))
		w.want("made", w.ask("PUT", hers, "<?xml version='1.0'?>\r\n<!-- a --><resource-lists\n xmlns='urn:ietf:params:xml:ns:resource-lists'  xmlns:x=\"urn:x\" >\t<list name='l0' x:a = 'b'\n><!-- c --> <entry uri='sip:e0'/><?pi d?></list>\r\n</resource-lists>\n<!-- e -->", asLists), 201, "")
		for step := range 60 {
			before := w.ask("GET", hers, "").Body.Bytes()
			l, e := r.IntN(4), r.IntN(5)
			path := fmt.Sprintf("resource-lists/list[@name=%q]", fmt.Sprint("l", l))
			method, body, kind := "PUT", fmt.Sprintf("<list  name='l%d' >\n</list >", l), asEl
			switch r.IntN(6) {
			case 0, 1, 2:
				path += fmt.Sprintf("/entry[@uri=%q]", fmt.Sprint("sip:e", e))
				body = fmt.Sprintf("<entry uri=\"sip:e%d\" ><display-name>%d &amp; </display-name></entry>", e, step)
			case 3:
				path, body, kind = path+"/@x:b", fmt.Sprintf("'%d'", step), asAtt
			case 4:
				path = fmt.Sprintf("resource-lists/*[1][@name=%q]", fmt.Sprint("l", l))
			}
			if r.IntN(4) == 0 {
				method = "DELETE"
			}
			uri := hers + "/~~/" + escapePath(path) + "?xmlns(x=urn:x)"
			a := w.ask(method, uri, body, kind)
			after := w.ask("GET", hers, "").Body.Bytes()
			switch {
			case a.Code >= 500:
				t.Fatalf("seed %d: %s %s: %d %s", seed, method, path, a.Code, a.Body)
			case a.Code >= 400:
				if !bytes.Equal(before, after) {
					t.Fatalf("seed %d: %s %s was refused and changed\n%s\nto\n%s", seed, method, path, before, after)
				}
				continue
			case method == "PUT":
				if got := w.ask("GET", uri, "").Body.String(); got != body {
					t.Fatalf("seed %d: put %s, read %s", seed, body, got)
				}
			}
			if err := w.server.valid(Key{alice, "resource-lists", "index"}, after); err != nil {
				t.Fatalf("seed %d: %s %s: %v\n%s", seed, method, path, err, after)
			}
			if method == "DELETE" {
				body = ""
			}
			if !sameBut(before, after, body) {
				t.Fatalf("seed %d: %s %s with %s changed\n%s\nto\n%s", seed, method, path, body, before, after)
			}
		}
	}
}

// sameBut tells whether a document is another one with a single part replaced by
// what holds a text.
func sameBut(before, after []byte, with string) bool {
	from := 0
	for from < len(before) && from < len(after) && before[from] == after[from] {
		from++
	}
	end := 0
	for end < len(before)-from && end < len(after)-from && before[len(before)-1-end] == after[len(after)-1-end] {
		end++
	}
	changed := len(after) - end - from
	return changed <= len(with)+len(" x:b=") && strings.Contains(string(after), with)
}

func FuzzPath(f *testing.F) {
	for _, seed := range []string{
		"resource-lists/users/sip:a@b.test/index/~~/resource-lists/list%5b@name=%22l1%22%5d/@name", "a/global/b/~~/*%5b1%5d/namespace::*?xmlns(a=b)x(^))",
		"a/users/../b", "a/users/%2e%2e/b", "%7e%7E/a", "a/users/x/y/~~/~~/a%5b2%5d%5b@a='b'%5d", "///",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		path, query, _ := strings.Cut(uri, "?")
		s, err := parseSelector(path, query)
		if err != nil {
			return
		}
		for _, name := range append([]string{s.auid}, s.name...) {
			if name == "" || name == ".." || strings.ContainsAny(name, "/\\\x00") {
				t.Errorf("%q: %q", uri, name)
			}
		}
		if s.node != nil && (len(s.node.steps) == 0 || len(s.node.steps) > maxSteps+1) {
			t.Errorf("%q: %d steps", uri, len(s.node.steps))
		}
	})
}

func FuzzDocument(f *testing.F) {
	f.Add("resource-lists", friends)
	f.Add("pres-rules", `<ruleset xmlns="urn:ietf:params:xml:ns:common-policy"><rule id="a"/></ruleset>`)
	f.Add("rls-services", `<rls-services xmlns="urn:ietf:params:xml:ns:rls-services"><service uri="sip:a@b"><list/></service></rls-services>`)
	f.Add("pidf-manipulation", `<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:alice@example.test"/>`)
	f.Fuzz(func(t *testing.T, auid, doc string) {
		w := newWorld(t)
		if _, err := w.server.Put(alice, auid, "index", "", []byte(doc)); err != nil {
			return
		}
		if d, err := w.server.Get(alice, auid, "index"); err != nil || string(d.Body) != doc {
			t.Errorf("put %q, read %q, %v", doc, d.Body, err)
		}
	})
}

func FuzzSplice(f *testing.F) {
	f.Add(rfc, `root/el1[@att="third"]`, `<el1 att="third"/>`)
	f.Add(rfc, `root/el2/@att`, `"second"`)
	f.Add("<a b = 'c'\td='e'/>", `a/@d`, `'f'`)
	f.Add("\xef\xbb\xbf<a><b/></a>", `a/b/c`, `<c/>`)
	f.Fuzz(func(t *testing.T, doc, path, body string) {
		d, err := xmldoc.Parse([]byte(doc))
		if err != nil {
			return
		}
		n, err := parseNode(escapePath(path), "")
		if err != nil || n.bindings {
			return
		}
		edit := n.setElement
		if n.attr != nil {
			edit = n.setAttribute
		}
		edited, _, err := edit(d, &usage{}, []byte(body))
		if err != nil {
			return
		}
		got, _, err := n.read(edited, &usage{})
		if want := strings.Trim(body, " \t\r\n"); err != nil || string(got) != want {
			t.Errorf("put %q at %q of %q: read %q of %q, %v", want, path, doc, got, edited, err)
		}
	})
}
