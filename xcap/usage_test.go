package xcap

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func ofUsage(auid string) (path, kind string) {
	return auid + "/users/sip:alice@example.test/index", "Content-Type: " + usages[auid].mediaType
}

// The examples of the documents' own standards keep to their schemas.
func TestExamplesAreValid(t *testing.T) {
	for auid, docs := range map[string][]string{
		"resource-lists": {`<?xml version="1.0" encoding="UTF-8"?>
<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="a b">
 <list name="friends">
  <entry uri="sip:bill@example.com"><display-name xml:lang="en">Bill Doe</display-name></entry>
  <entry-ref ref="resource-lists/users/sip:bill@example.com/index/~~/resource-lists/list%5b@name=%22list1%22%5d/entry%5b@uri=%22sip:petri@example.com%22%5d"/>
  <list name="close-friends"><display-name>Close Friends</display-name><entry uri="sip:joe@example.com"/>
   <external anchor="http://www.example.org/xcap/resource-lists/users/sip:a@example.org/index/~~/resource-lists/list%5b@name=%22mkting%22%5d"><display-name>Marketing</display-name></external>
  </list><x:more xmlns:x="urn:x">anything <x:b/></x:more>
 </list>
</resource-lists>`},
		"rls-services": {`<rls-services xmlns="urn:ietf:params:xml:ns:rls-services" xmlns:rl="urn:ietf:params:xml:ns:resource-lists">
 <service uri="sip:mybuddies@example.com">
  <resource-list>https://xcap.example.com/xcap-root/resource-lists/users/sip:alice@example.test/index/~~/resource-lists/list%5b@name=%22l1%22%5d</resource-list>
  <packages><package>presence</package></packages>
 </service>
 <service uri="sip:marketing@example.com">
  <list name="marketing"><rl:entry uri="sip:joe@example.com"/><rl:entry uri="sip:sudhir@example.com"/></list>
  <packages><package>presence</package></packages>
 </service>
</rls-services>`},
		"pres-rules": {`<cr:ruleset xmlns="urn:ietf:params:xml:ns:pres-rules" xmlns:pr="urn:ietf:params:xml:ns:pres-rules" xmlns:cr="urn:ietf:params:xml:ns:common-policy">
 <cr:rule id="a"><cr:conditions><cr:identity><cr:one id="sip:user@example.com"/></cr:identity></cr:conditions>
  <cr:actions><pr:sub-handling>allow</pr:sub-handling></cr:actions>
  <cr:transformations>
   <pr:provide-services><pr:service-uri-scheme>sip</pr:service-uri-scheme><pr:service-uri-scheme>mailto</pr:service-uri-scheme></pr:provide-services>
   <pr:provide-persons><pr:all-persons/></pr:provide-persons>
   <pr:provide-activities>true</pr:provide-activities><pr:provide-user-input>bare</pr:provide-user-input>
   <pr:provide-unknown-attribute ns="urn:vendor-specific:foo-namespace" name="foo">true</pr:provide-unknown-attribute>
  </cr:transformations></cr:rule>
 <cr:rule id="b"><cr:conditions><cr:identity/><cr:sphere value="work"/><cr:validity><cr:from>2003-12-24T17:00:00+01:00</cr:from><cr:until>2003-12-24T19:00:00+01:00</cr:until></cr:validity></cr:conditions></cr:rule>
</cr:ruleset>`},
		"pidf-manipulation": {`<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:rp="urn:ietf:params:xml:ns:pidf:rpid" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" entity="sip:alice@example.test">
 <tuple id="x8eg92n"><status><basic>closed</basic></status><contact priority="1.0">tel:09012345678</contact><note xml:lang="en">away</note><timestamp>2003-02-01T16:49:29Z</timestamp></tuple>
 <note>I'm driving</note>
 <dm:person id="p"><rp:activities><rp:on-the-phone/></rp:activities></dm:person>
</presence>`, `<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="pres:alice@example.test"/>`},
	} {
		w := newWorld(t)
		path, kind := ofUsage(auid)
		for _, doc := range docs {
			if a := w.ask("PUT", path, doc, kind); a.Code/100 != 2 {
				t.Errorf("%s: %d %s", auid, a.Code, a.Body)
			}
			w.want("read", w.ask("GET", path, ""), 200, doc)
		}
	}
}

// Examples of the RFCs, where they are at hand.
func TestExamplesOfTheCorpus(t *testing.T) {
	dir := filepath.Join("..", "..", "shared", "corpus", "examples")
	for name, auid := range map[string]string{
		"rfc4826-01-resource-lists.xml": "resource-lists", "rfc5367-01-resource-lists.xml": "resource-lists", "rfc5364-01-resource-lists.xml": "resource-lists",
		"rfc4745-02-ruleset.xml": "pres-rules", "rfc4745-05-ruleset.xml": "pres-rules", "rfc5025-01-ruleset.xml": "pres-rules",
	} {
		doc, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			continue
		}
		path, kind := ofUsage(auid)
		if a := newWorld(t).ask("PUT", path, string(doc), kind); a.Code != 201 {
			t.Errorf("%s: %d %s", name, a.Code, a.Body)
		}
	}
}

func TestConstraintsOfUsages(t *testing.T) {
	service := func(uri, inside string) string {
		return `<service uri="` + uri + `">` + inside + `</service>`
	}
	services := func(inside string) string {
		return `<rls-services xmlns="urn:ietf:params:xml:ns:rls-services" xmlns:rl="urn:ietf:params:xml:ns:resource-lists">` + inside + `</rls-services>`
	}
	tree := func(root, xui string) string {
		return "<resource-list>" + root + "/resource-lists/users/" + xui + "/index/~~/resource-lists/list%5b1%5d</resource-list>"
	}
	rules := func(inside string) string {
		return `<ruleset xmlns="urn:ietf:params:xml:ns:common-policy" xmlns:pr="urn:ietf:params:xml:ns:pres-rules">` + inside + `</ruleset>`
	}
	act := func(inside string) string {
		return rules(`<rule id="a"><actions>` + inside + `</actions></rule>`)
	}
	pidf := func(entity, inside string) string {
		return `<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="` + entity + `">` + inside + `</presence>`
	}
	for i, c := range []struct{ auid, doc, want string }{
		{"rls-services", services(service("sip:free@example.test", "<list/>")), ""},
		{"rls-services", services(service("sip:hers@example.test", "<list/>") + service("sip:hers@EXAMPLE.test", "<list/>")), "uniqueness-failure"},
		{"rls-services", services(service("sip:bobs@Example.test", "<list/>")), "<alt-value>sip:bobs-2@example.test</alt-value>"},
		{"rls-services", services(service("sip:bob@example.test", "<list/>")), "uniqueness-failure"}, // is a user
		{"rls-services", services(service("sip:a@example.test", "")), "schema-validation-error"},
		{"rls-services", services(service("sip:a@example.test", "<list/><list/>")), "schema-validation-error"},
		{"rls-services", services(service("sip:a@example.test", tree("http://a.test/root", "sip:alice@example.test"))), ""},
		{"rls-services", services(service("sip:a@example.test", tree("", "sip:alice@example.test"))), "constraint-failure"},
		{"rls-services", services(service("sip:a@example.test", tree("http://a.test/root", "sip:bob@example.test"))), "constraint-failure"},
		{"rls-services", services(service("sip:a@example.test", "<resource-list>http://a.test/</resource-list>")), "constraint-failure"},
		{"rls-services", services(service("sip:loop@example.com", `<list><rl:entry uri="sip:loop@example.com"/></list>`)), "constraint-failure"},
		{"rls-services", services(service("sip:a@example.com", `<list><rl:list><rl:entry uri="sip:bobs@example.test"/></rl:list></list>`)), "constraint-failure"},
		{"rls-services", services(service("sip:a@example.com", `<list><rl:entry uri="a:b"/><rl:entry uri="a:b"/></list>`)), "rls-services/service%5B1%5D/list/l:entry%5B2%5D/@uri?xmlns(l=urn:ietf:params:xml:ns:resource-lists)"},
		{"rls-services", services(strings.Repeat(service("sip:a@example.com", `<list/>`), 101)), "uniqueness-failure"},
		{"pres-rules", rules(`<rule/>`), "schema-validation-error"},
		{"pres-rules", rules(`<rule id="1"/>`), "schema-validation-error"},
		{"pres-rules", rules(`<rule id="a"/><rule id="a"/>`), "ruleset/rule%5B2%5D/@id"},
		{"pres-rules", rules(`<rule id="a"><transformations/><actions/></rule>`), "schema-validation-error"},
		{"pres-rules", act(`<pr:sub-handling>maybe</pr:sub-handling>`), "schema-validation-error"},
		{"pres-rules", act(`<pr:sub-handling>confirm</pr:sub-handling><x:new xmlns:x="urn:x">maybe</x:new>`), ""},
		{"pres-rules", act(`<pr:unheard-of/>`), "schema-validation-error"},
		{"pres-rules", act(`<pr:provide-mood>perhaps</pr:provide-mood>`), "schema-validation-error"},
		{"pres-rules", act(`<pr:provide-services><pr:all-persons/></pr:provide-services>`), "schema-validation-error"},
		{"pres-rules", act(`<rule/>`), "schema-validation-error"},
		{"pidf-manipulation", pidf("sip:bob@example.test", ""), "constraint-failure"},
		{"pidf-manipulation", `<presence xmlns="urn:ietf:params:xml:ns:pidf"/>`, "schema-validation-error"},
		{"pidf-manipulation", pidf("sip:alice@example.test", `<tuple id="a"/>`), "schema-validation-error"},
		{"pidf-manipulation", pidf("sip:alice@example.test", `<tuple id="a"><status><basic>ajar</basic></status></tuple>`), "schema-validation-error"},
		{"pidf-manipulation", pidf("sip:alice@example.test", `<tuple id="a"><status/></tuple><tuple id="a"><status/></tuple>`), "uniqueness-failure"},
	} {
		w := newWorld(t)
		path, kind := ofUsage("rls-services")
		w.want("Bob's", w.as(bob, "PUT", strings.Replace(path, "alice", "bob", 1), services(service("sip:bobs@example.test", "<list/>")), kind), 201, "")
		path, kind = ofUsage(c.auid)
		status := 409
		if c.want == "" {
			status = 201
		}
		w.want(fmt.Sprint(i, " ", c.doc), w.ask("PUT", path, c.doc, kind), status, c.want)
	}
	w := newWorld(t)
	path, kind := ofUsage("pidf-manipulation")
	w.want("another name", w.ask("PUT", path+"2", pidf("sip:alice@example.test", ""), kind), 409, "<constraint-failure")
}

// What a service was called is free again when it is gone, also in a server that
// was started anew.
func TestAServicesNameIsFreeAgain(t *testing.T) {
	w := newWorld(t)
	path, kind := ofUsage("rls-services")
	bobs := strings.Replace(path, "alice", "bob", 1)
	doc := `<rls-services xmlns="urn:ietf:params:xml:ns:rls-services"><service uri="sip:team@example.test"><list/></service></rls-services>`
	w.want("hers", w.ask("PUT", path, doc, kind), 201, "")
	var err error
	if w.server, err = New(w.server.Options); err != nil {
		t.Fatal(err)
	}
	w.want("taken", w.as(bob, "PUT", bobs, doc, kind), 409, "uniqueness-failure")
	w.want("hers again", w.ask("PUT", path, doc, kind), 200, "")
	w.want("renamed", w.ask("PUT", path+"/~~/rls-services/service%5b1%5d/@uri", `"sip:other@example.test"`, asAtt), 200, "")
	w.want("free", w.as(bob, "PUT", bobs, doc, kind), 201, "")
	w.want("deleted", w.as(bob, "DELETE", bobs, ""), 200, "")
	w.want("hers once more", w.ask("PUT", path, doc, kind), 200, "")
}

func TestOtherPartsOfTheServerUseTheSameDoor(t *testing.T) {
	w := newWorld(t)
	tag, err := w.server.Put(alice, "resource-lists", "index", "", []byte(friends))
	if err != nil || w.ask("GET", hers, "").Header().Get("ETag") != `"`+tag+`"` {
		t.Errorf("put: %v", err)
	}
	if _, err = w.server.Put(alice, "resource-lists", "index", "x", []byte(friends)); err != ErrPrecondition {
		t.Errorf("by another tag: %v", err)
	}
	if _, err = w.server.Put(alice, "resource-lists", "index", tag, []byte("<a/>")); err == nil {
		t.Error("anything is kept")
	}
	if _, err = w.server.Put(alice, "other", "index", "", []byte("<a/>")); err != ErrNotFound {
		t.Errorf("an unknown usage: %v", err)
	}
	if d, err := w.server.Get(alice, "resource-lists", "index"); err != nil || string(d.Body) != friends {
		t.Errorf("read %q, %v", d.Body, err)
	}
	if err := w.server.Delete(alice, "resource-lists", "index", tag); err != nil {
		t.Error(err)
	}
	if _, err := w.server.Get(alice, "resource-lists", "index"); err != ErrNotFound {
		t.Errorf("gone: %v", err)
	}
}
