package xcap

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

const friends = `<?xml version="1.0" encoding="UTF-8"?>
<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists">
  <list name="friends">
  </list>
</resource-lists>
`

// The walk through the examples of RFC 4825 §13.
func TestADocumentIsMadeReadChangedAndDeleted(t *testing.T) {
	w := newWorld(t)
	w.want("before", w.ask("GET", hers, ""), 404, "")
	a := w.ask("PUT", hers, friends, asLists)
	w.want("made", a, 201, "")
	first := a.Header().Get("ETag")
	a = w.ask("GET", hers, "")
	w.want("read", a, 200, "")
	if a.Body.String() != friends || a.Header().Get("Content-Type") != "application/resource-lists+xml" || a.Header().Get("ETag") != first || first == "" {
		t.Errorf("read %q, %v", a.Body, a.Header())
	}
	entry := hers + "/~~/resource-lists/list%5b@name=%22friends%22%5d/entry"
	bob := "<entry uri=\"sip:bob@example.com\">\n    <display-name>Bob Jones</display-name>\n  </entry>"
	a = w.ask("PUT", entry, bob+"\r\n", asEl, "If-Match: "+first)
	w.want("an entry", a, 201, "")
	second := a.Header().Get("ETag")
	if second == "" || second == first {
		t.Errorf("entity-tags %s, %s", first, second)
	}
	w.want("again", w.ask("PUT", entry, bob, asEl), 200, "")
	w.want("by the old tag", w.ask("PUT", entry, bob, asEl, "If-Match: "+first), 412, "")
	a = w.ask("GET", entry, "")
	w.want("the entry", a, 200, "")
	if a.Body.String() != bob || a.Header().Get("Content-Type") != "application/xcap-el+xml" {
		t.Errorf("the entry is %q, %v", a.Body, a.Header())
	}
	uri := entry + "/@uri"
	a = w.ask("GET", uri, "")
	if a.Body.String() != `"sip:bob@example.com"` || a.Header().Get("Content-Type") != "application/xcap-att+xml" {
		t.Errorf("the attribute is %q, %v", a.Body, a.Header())
	}
	w.want("the attribute", w.ask("PUT", uri, `"sip:bill@example.com"`, asAtt), 200, "")
	w.want("a new attribute", w.ask("PUT", hers+"/~~/resource-lists/list/@x:mine?xmlns(x=urn:x)", `"1"`, asAtt), 409, "<cannot-insert")
	a = w.ask("GET", entry+"/namespace::*", "")
	if a.Body.String() != `<entry xmlns="urn:ietf:params:xml:ns:resource-lists"/>` || a.Header().Get("Content-Type") != "application/xcap-ns+xml" {
		t.Errorf("the bindings are %q, %v", a.Body, a.Header())
	}
	whole := strings.Replace(friends, "\n  </list>", "\n  "+strings.Replace(bob, "bob@", "bill@", 1)+"</list>", 1)
	if got := w.ask("GET", hers, "").Body.String(); got != whole {
		t.Errorf("the document is\n%s, want\n%s", got, whole)
	}
	a = w.ask("DELETE", entry, "")
	w.want("the entry's deletion", a, 200, "")
	if a.Header().Get("ETag") == "" {
		t.Error("a document that is there has no entity-tag")
	}
	if got := w.ask("GET", hers, "").Body.String(); got != strings.Replace(friends, "\n  </list>", "\n  </list>", 1) {
		t.Errorf("after the deletion\n%q", got)
	}
	w.want("deleted twice", w.ask("DELETE", entry, ""), 404, "")
	a = w.ask("DELETE", hers, "")
	if w.want("the document's deletion", a, 200, ""); a.Header().Get("ETag") != "" {
		t.Error("what is gone has an entity-tag")
	}
	w.want("gone", w.ask("GET", hers, ""), 404, "")
	if n := len(w.changes); n != 6 || w.changes[0].Was != "" || w.changes[5].ETag != "" || w.changes[5].Was != w.changes[4].ETag {
		t.Errorf("changes %+v", w.changes)
	}
}

func TestConditions(t *testing.T) {
	w := newWorld(t)
	w.want("If-Match without a document", w.ask("PUT", hers, friends, asLists, "If-Match: *"), 412, "")
	w.want("If-None-Match *", w.ask("PUT", hers, friends, asLists, "If-None-Match: *"), 201, "")
	tag := w.ask("GET", hers, "").Header().Get("ETag")
	list := hers + "/~~/resource-lists/list"
	for what, c := range map[string]struct {
		method, path, condition string
		status                  int
	}{
		"there already":         {"PUT", hers, "If-None-Match: *", 412},
		"not modified":          {"GET", hers, "If-None-Match: " + tag, 304},
		"not modified, weakly":  {"GET", hers, "If-None-Match: W/" + tag, 304},
		"a node, not modified":  {"GET", list, `If-None-Match: "x", ` + tag, 304},
		"modified":              {"GET", hers, `If-None-Match: "x"`, 200},
		"another one is meant":  {"GET", hers, `If-Match: "x"`, 412},
		"any":                   {"GET", hers, "If-Match: *", 200},
		"weak":                  {"PUT", hers, "If-Match: W/" + tag, 412},
		"deletion of another":   {"DELETE", hers, `If-Match: "x"`, 412},
		"deletion of a node":    {"DELETE", list, `If-Match: "x"`, 412},
		"a node, if none":       {"PUT", list, "If-None-Match: *", 412},
		"a new node, if none":   {"PUT", hers + "/~~/resource-lists/list%5b@name=%22b%22%5d", "If-None-Match: *", 412},
		"a node with the right": {"GET", list, "If-Match: " + tag, 200},
	} {
		kind := asLists
		if strings.Contains(c.path, "~~") {
			kind = asEl
		}
		w.want(what, w.ask(c.method, c.path, friends, kind, c.condition), c.status, "")
	}
	if got := w.ask("HEAD", hers, ""); got.Code != 200 || got.Body.Len() != 0 || got.Header().Get("ETag") != tag {
		t.Errorf("HEAD: %d %q %v", got.Code, got.Body, got.Header())
	}
}

// Of parallel writers who know the same document one wins, and nothing that was
// answered with success is lost.
func TestParallelWriters(t *testing.T) {
	w := newWorld(t)
	w.want("made", w.ask("PUT", hers, friends, asLists), 201, "")
	const writers, each = 32, 20
	var won sync.Map
	var all sync.WaitGroup
	for n := range writers {
		all.Go(func() {
			for i := range each {
				tag := w.ask("GET", hers, "").Header().Get("ETag")
				name := fmt.Sprintf("w%d-%d", n, i)
				path := hers + "/~~/resource-lists/list%5b@name=%22" + name + "%22%5d"
				if i%2 == 0 {
					path = hers + "/~~/resource-lists/list%5b@name=%22friends%22%5d/entry%5b@uri=%22sip:" + name + "@example.test%22%5d"
				}
				body := `<list name="` + name + `"/>`
				if i%2 == 0 {
					body = `<entry uri="sip:` + name + `@example.test"/>`
				}
				switch a := w.ask("PUT", path, body, asEl, "If-Match: "+tag); a.Code {
				case 201:
					won.Store(body, true)
				case 412:
				case 409: // more than 100 lists
				default:
					t.Errorf("%s: %d %s", name, a.Code, a.Body)
				}
			}
		})
	}
	all.Wait()
	got, n := w.ask("GET", hers, "").Body.String(), 0
	won.Range(func(body, _ any) bool {
		n++
		if !strings.Contains(got, body.(string)) {
			t.Errorf("%s is lost", body)
		}
		return true
	})
	if there := strings.Count(got, "<list ") + strings.Count(got, "<entry ") - 1; there != n || n == 0 {
		t.Errorf("%d won, %d are there", n, there)
	}
}

// The conditions of RFC 4825 §11, and the statuses of RFC 4825 §8.
func TestWhatIsRefused(t *testing.T) {
	w := newWorld(t)
	w.want("made", w.ask("PUT", hers, friends, asLists), 201, "")
	list := hers + "/~~/resource-lists/list%5b@name=%22friends%22%5d"
	root := "/~~/resource-lists"
	_ = root
	lists := func(inside string) string {
		return `<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists">` + inside + `</resource-lists>`
	}
	for what, c := range map[string]struct {
		method, path, body, kind string
		status                   int
		holds                    string
	}{
		"no document":             {"PUT", hers, "<", asLists, 409, "<not-well-formed"},
		"an empty body":           {"PUT", hers, "", asLists, 409, "<not-well-formed"},
		"an unbound prefix":       {"PUT", hers, "<x:a/>", asLists, 409, "<not-well-formed"},
		"not UTF-8":               {"PUT", hers, lists("<!-- \xff -->"), asLists, 409, "<not-utf-8"},
		"UTF-16":                  {"PUT", hers, "\xfe\xff\x00<\x00a\x00/\x00>", asLists, 409, "<not-utf-8"},
		"Latin-1":                 {"PUT", hers, `<?xml version="1.0" encoding='ISO-8859-1'?>` + lists(""), asLists, 409, "<not-utf-8"},
		"a charset":               {"PUT", hers, friends, asLists + "; charset=utf-16", 409, "<not-utf-8"},
		"another root":            {"PUT", hers, "<a/>", asLists, 409, "<schema-validation-error"},
		"a wrong element":         {"PUT", hers, lists("<lisp/>"), asLists, 409, "<schema-validation-error"},
		"text":                    {"PUT", hers, lists("text"), asLists, 409, "<schema-validation-error"},
		"an entry without URI":    {"PUT", hers, lists("<list><entry/></list>"), asLists, 409, "<schema-validation-error"},
		"order":                   {"PUT", hers, lists("<list><list/><display-name/></list>"), asLists, 409, "<schema-validation-error"},
		"an attribute":            {"PUT", hers, lists(`<list nome="a"/>`), asLists, 409, "<schema-validation-error"},
		"two lists":               {"PUT", hers, lists(`<list name="a"/><list name="a"/>`), asLists, 409, `<exists field="resource-lists/list%5B2%5D/@name">`},
		"two entries":             {"PUT", hers, lists(`<list><entry uri="a:b"/><entry uri="a:b"/></list>`), asLists, 409, `<exists field="resource-lists/list%5B1%5D/entry%5B2%5D/@uri">`},
		"two anchors":             {"PUT", hers, lists(`<list><external anchor="http://a/b"/><external anchor="http://a/b"/></list>`), asLists, 409, "<uniqueness-failure"},
		"a relative anchor":       {"PUT", hers, lists(`<list><external anchor="a/b"/></list>`), asLists, 409, "<constraint-failure"},
		"an absolute ref":         {"PUT", hers, lists(`<list><entry-ref ref="http://a/b"/></list>`), asLists, 409, "<constraint-failure"},
		"too many lists":          {"PUT", hers, lists(strings.Repeat("<list/>", 101)), asLists, 409, "<constraint-failure"},
		"another type":            {"PUT", hers, friends, "Content-Type: application/xml", 415, ""},
		"no type":                 {"PUT", hers, friends, "X: y", 415, ""},
		"an element's type":       {"PUT", list, `<list name="friends"/>`, asLists, 415, ""},
		"an attribute's type":     {"PUT", list + "/@name", `"friends"`, asEl, 415, ""},
		"compressed":              {"PUT", hers, friends, "Content-Encoding: gzip", 415, ""},
		"a document too large":    {"PUT", hers, strings.Repeat(" ", MaxBody+1), asLists, 413, ""},
		"no parent":               {"PUT", hers + "/~~/resource-lists/list%5b@name=%22x%22%5d/entry", `<entry uri="a:b"/>`, asEl, 409, "<ancestor>/xcap-root/" + hers + "/~~/resource-lists</ancestor>"},
		"no document for a node":  {"PUT", hers + "2/~~/resource-lists", `<a/>`, asEl, 409, "<no-parent"},
		"no directories":          {"PUT", hers + "/b", friends, asLists, 409, "<no-parent"},
		"no fragment":             {"PUT", list, `<a`, asEl, 409, "<not-xml-frag"},
		"another element":         {"PUT", list, `<list name="b"/>`, asEl, 409, "<cannot-insert"},
		"no value":                {"PUT", list + "/@name", `friends`, asAtt, 409, "<not-xml-att-value"},
		"selected by itself":      {"PUT", list + "/@name", `"other"`, asAtt, 409, "<cannot-insert"},
		"not valid by an element": {"PUT", list, `<list name="friends"><entry/></list>`, asEl, 409, "<schema-validation-error"},
		"not valid by deletion":   {"DELETE", hers + "/~~/resource-lists", "", "X: y", 409, "<schema-validation-error"},
		"bindings are read":       {"PUT", list + "/namespace::*", "", asEl, 405, ""},
		"bindings stay":           {"DELETE", list + "/namespace::*", "", asEl, 405, ""},
		"POST":                    {"POST", hers, friends, asLists, 405, ""},
		"an undeclared prefix":    {"GET", hers + "/~~/r:resource-lists", "", "X: y", 400, ""},
		"an extension":            {"GET", hers + "/~~/resource-lists/text()", "", "X: y", 404, ""},
		"no such usage":           {"GET", "other/users/sip:alice@example.test/index", "", "X: y", 404, ""},
		"no tree":                 {"GET", "resource-lists/others/sip:alice@example.test/index", "", "X: y", 404, ""},
		"nothing":                 {"GET", "", "", "X: y", 400, ""},
		"caps of a user's":        {"PUT", "xcap-caps/users/sip:alice@example.test/index", "<a/>", "Content-Type: application/xcap-caps+xml", 403, ""},
		"caps are read":           {"PUT", "xcap-caps/global/index", "<a/>", "Content-Type: application/xcap-caps+xml", 403, ""},
		"all services":            {"GET", "rls-services/global/index", "", "X: y", 403, ""},
		"no such global":          {"GET", "resource-lists/global/index", "", "X: y", 404, ""},
	} {
		headers := []string{c.kind}
		if strings.Contains(c.kind, "Encoding") {
			headers = append(headers, asLists)
		}
		a := w.ask(c.method, c.path, c.body, headers...)
		w.want(what, a, c.status, c.holds)
		if c.status == 409 && a.Header().Get("Content-Type") != "application/xcap-error+xml" {
			t.Errorf("%s: %v", what, a.Header())
		}
		if c.status == 405 && !strings.Contains(a.Header().Get("Allow"), "GET") {
			t.Errorf("%s: %v", what, a.Header())
		}
	}
	if got := w.ask("GET", hers, "").Body.String(); got != friends || len(w.store.docs) != 1 {
		t.Errorf("something was left: %q, %d documents", got, len(w.store.docs))
	}
}

func TestUsersStayInTheirTrees(t *testing.T) {
	w := newWorld(t)
	w.want("made", w.ask("PUT", hers, friends, asLists), 201, "")
	for _, xui := range []string{"sip:alice@example.test", "alice@example.test", "SIP:Alice@EXAMPLE.test", "sip%3Aalice%40example.test"} {
		w.want(xui, w.ask("GET", "resource-lists/users/"+strings.Replace(xui, "SIP:", "sip:", 1)+"/index", ""), 200, "friends")
	}
	for _, path := range []string{hers, hers + "x", hers + "/~~/resource-lists", hers + "/~~/x:y", "resource-lists/users/sip:nobody@example.test/index",
		"nothing/users/sip:alice@example.test/index", "resource-lists/users/alice/index"} {
		for _, method := range []string{"GET", "PUT", "DELETE", "POST"} {
			if a := w.as(bob, method, path, friends, asLists); a.Code != 403 {
				t.Errorf("%s %s by Bob: %d", method, path, a.Code)
			}
		}
	}
	w.want("nobody", w.as("", "GET", hers, ""), 403, "")
	w.want("capabilities", w.as(bob, "GET", "xcap-caps/global/index", ""), 200, "<auid>pres-rules</auid>")
	w.want("their part", w.as(bob, "GET", "xcap-caps/global/index/~~/xcap-caps/auids/auid%5b5%5d", ""), 200, "<auid>xcap-caps</auid>")
}

// Paths and documents that attack are refused at once and leave nothing.
func TestAttacks(t *testing.T) {
	w := newWorld(t)
	u := "resource-lists/users/sip:alice@example.test/"
	for _, path := range []string{
		u + "..", u + "%2e%2e", u + "%2E%2E/index", u + "../sip:bob@example.test/index", u + "%2e", u + ".", u + "a%2fb", u + "a%2Fb", u + "a%5cb",
		u + "a%00", u + "%00", u + "a%0a", u + "%ff", u + "%c0%ae%c0%ae", u + "%252e%252e", u + "%25", u + "a%7f", u, u + "/index", u + strings.Repeat("a", 256),
		"resource-lists/users/..%2f..%2fetc/passwd", "../index", "%2e%2e/users/x/index", u + strings.Repeat("a/", 9000), u + "index/~~/a%00", u + "index/~~/a?xmlns(", u + "index/~~/a?x", u + "index/~~/a?xmlns(1=2)",
		u + "index/~~/a?%00", u + "index/~~/%ff", u + "index/~~/" + strings.Repeat("a/", 40), u + "index/~~/" + strings.Repeat("a", 9000),
		u + "index/~~/a%5b" + strings.Repeat("9", 500) + "%5d", u + "index/~~/" + strings.Repeat("%5b", 500), u + "index/~~/a%5b@b=%22&x;%22%5d",
	} {
		for _, method := range []string{"GET", "PUT", "DELETE"} {
			r, err := http.NewRequest(method, "http://127.0.0.1/", strings.NewReader(friends))
			if err != nil {
				t.Fatal(err)
			}
			if path, query, _ := strings.Cut(path, "?"); true {
				r.URL.Opaque, r.URL.RawQuery = "", query
				if r.URL, err = r.URL.Parse("http://127.0.0.1"); err != nil {
					t.Fatal(err)
				}
				r.URL.RawPath, r.URL.RawQuery = "/xcap-root/"+path, query
				r.URL.Path = unescaped(r.URL.RawPath)
			}
			r.Header.Set("Content-Type", "application/resource-lists+xml")
			a := &recorder{header: http.Header{}}
			began := time.Now()
			w.server.ServeHTTP(a, r.WithContext(WithUser(r.Context(), alice)))
			if took := time.Since(began); a.status < 400 || a.status > 499 || took > time.Second {
				t.Errorf("%s %.80q: %d after %v", method, path, a.status, took)
			}
		}
	}
	bomb := `<!DOCTYPE l [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;">]><resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"><list name="&b;"/></resource-lists>`
	for what, body := range map[string]string{
		"entities":   bomb,
		"a file":     `<!DOCTYPE l SYSTEM "file:///etc/passwd">` + friends,
		"depth":      strings.Repeat("<a>", 80000),
		"width":      "<a>" + strings.Repeat("<b/>", 50000) + "</a>",
		"attributes": "<a " + strings.Repeat("b='' ", 40000) + "/>",
		"namespaces": "<a " + func() string {
			var b strings.Builder
			for i := range 100 {
				fmt.Fprintf(&b, " xmlns:n%d='u'", i)
			}
			return b.String()
		}() + "/>",
		"an attribute of 200 KiB": `<a b="` + strings.Repeat("x", 200<<10) + `"/>`,
		"NUL":                     "<a>\x00</a>",
	} {
		began := time.Now()
		a := w.ask("PUT", hers, body, asLists)
		if w.want(what, a, 409, "<"); time.Since(began) > time.Second {
			t.Errorf("%s took %v", what, time.Since(began))
		}
	}
	if len(w.store.docs) != 0 || len(w.changes) != 0 {
		t.Errorf("left: %v", w.store.docs)
	}
}

// recorder is an answer without a body: a path that cannot be sent is asked for.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header { return r.header }
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}
func (r *recorder) Write(b []byte) (int, error) { r.WriteHeader(200); return r.body.Write(b) }

func TestAUserHasSoManyDocuments(t *testing.T) {
	w := newWorld(t)
	for i := range MaxDocuments {
		w.want("made", w.ask("PUT", fmt.Sprint(hers, i), friends, asLists), 201, "")
	}
	w.want("one more", w.ask("PUT", hers, friends, asLists), 409, "<constraint-failure")
	w.want("another change", w.ask("PUT", hers+"0", friends, asLists), 200, "")
	w.want("Bob's", w.as(bob, "PUT", "resource-lists/users/bob@example.test/index", friends, asLists), 201, "")
}

func unescaped(path string) string {
	text, err := url.PathUnescape(path)
	if err != nil {
		return path
	}
	return text
}
