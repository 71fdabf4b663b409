package app_test

import (
	"path/filepath"
	"strings"
	"testing"

	"lamplight/app"
	"lamplight/event"
	"lamplight/store/cold"
)

// withDocuments gives the office a store of documents.
func withDocuments(t *testing.T) func(*app.Options) {
	t.Helper()
	people, err := cold.Open(filepath.Join(t.TempDir(), "data"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = people.Close() })
	for _, err := range []error{people.AddDomain("example.test"), people.AddUser("alice@example.test", "", nil, "p")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return func(o *app.Options) { o.Documents = people }
}

// tells checks which documents the next NOTIFY tells of, and that it tells of no
// others.
func (d *dialog) tellsOf(want ...string) {
	d.o.Helper()
	m := d.next()
	d.o.expect(m, "NOTIFY", "Event: xcap-diff", "Content-Type: application/xcap-diff\\+xml", `Subscription-State: active;expires=\d+`)
	body := `<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<xcap-diff xmlns="urn:ietf:params:xml:ns:xcap-diff" xcap-root="http://127.0.0.1:8443/xcap-root/">` + "\n"
	for _, w := range want {
		body += "<document " + w + "/>\n"
	}
	if body += "</xcap-diff>\n"; string(m.Body()) != body {
		d.o.Errorf("%s is told\n%s\nwant\n%s", d.user, m.Body(), body)
	}
}

// Who subscribes to xcap-diff is told of all own documents, and then of what has
// changed; the list of documents that a client sends is taken.
func TestDocumentsThatChangeAreToldOf(t *testing.T) {
	const (
		rules = `sel="pres-rules/users/sip:alice@example.test/index"`
		lists = `sel="resource-lists/users/sip:alice@example.test/my%20friends"`
		empty = `<ruleset xmlns="urn:ietf:params:xml:ns:common-policy"/>`
		list  = `<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"><list><entry uri="resource-lists/users/sip:alice@example.test/index"/></list></resource-lists>`
		user  = event.AoR("sip:alice@example.test")
	)
	documents := withDocuments(t)
	inOffice(t, func(o *app.Options) {
		documents(o)
		o.Web = "127.0.0.1:8443" // nothing listens there: the process would
	}, func(o *office) {
		put := func(auid, name, doc string) string {
			o.Helper()
			etag, err := o.server.Documents().Put(user, auid, name, "", []byte(doc))
			if err != nil {
				o.Fatal(err)
			}
			return `new-etag="` + etag + `"`
		}
		was := func(tag string) string { return strings.Replace(tag, "new", "previous", 1) }

		first := put("pres-rules", "index", empty)
		d := o.handset("alice").subscribe("alice", "Event: xcap-diff;diff-processing=aggregate", "Content-Type: application/resource-lists+xml", list)
		d.tellsOf(rules + " " + first)

		friends := put("resource-lists", "my friends", list)
		d.tellsOf(lists + " " + friends)
		second := put("pres-rules", "index", empty)
		d.tellsOf(rules + " " + second + " " + was(first))
		o.expect(d.again("Content-Type: application/resource-lists+xml", list), "200 OK")
		d.tellsOf(rules+" "+second, lists+" "+friends)
		if err := o.server.Documents().Delete(user, "pres-rules", "index", ""); err != nil {
			o.Fatal(err)
		}
		d.tellsOf(rules + " " + was(second))

		o.crash()
		d.tellsOf(lists + " " + friends)
		o.expect(o.handset("bob").do("SUBSCRIBE", aor("alice"), "Event: xcap-diff"), "403 ")
	})
}
