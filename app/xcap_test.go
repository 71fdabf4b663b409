package app_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"lamplight/app"
	"lamplight/config"
	"lamplight/event"
	"lamplight/store/cold"
)

// documents is a server with Alice and Bob whose documents are served; who asks
// is in the test's hand.
type documents struct {
	*testing.T
	settings config.Serve
	p        *app.Process
	web      *httptest.Server
}

func (d *documents) open() {
	d.Helper()
	var err error
	if d.p, err = app.Open(d.settings, io.Discard); err != nil {
		d.Fatal(err)
	}
	d.web = httptest.NewServer(d.p.XCAP(func(r *http.Request) event.AoR { return event.AoR(r.Header.Get("User")) }))
}

func (d *documents) close() {
	d.web.Close()
	stop(d.T, d.p)
}

// ask asks as Alice, and returns the status and the body.
func (d *documents) ask(method, path, body, mediaType string) (int, string) {
	d.Helper()
	r, err := http.NewRequest(method, d.web.URL+"/xcap-root/"+path, strings.NewReader(body))
	if err != nil {
		d.Fatal(err)
	}
	r.Header.Set("Content-Type", mediaType)
	r.Header.Set("User", "sip:alice@example.test")
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		d.Fatal(err)
	}
	defer a.Body.Close()
	got, err := io.ReadAll(a.Body)
	if err != nil {
		d.Fatal(err)
	}
	return a.StatusCode, string(got)
}

func (d *documents) want(status int, method, path, body, mediaType string) {
	d.Helper()
	if got, text := d.ask(method, path, body, mediaType); got != status {
		d.Errorf("%s %s: %d %s, want %d", method, path, got, text, status)
	}
}

// handling is how Bob is dealt with who watches Alice.
func (d *documents) handling() string {
	d.Helper()
	e, err := d.p.Explain("sip:alice@example.test", "sip:bob@example.test")
	if err != nil {
		d.Fatal(err)
	}
	for _, w := range e.Watchers {
		if w.AoR != "" {
			return w.Handling
		}
	}
	d.Fatalf("nobody watches in %+v", e)
	return ""
}

func (d *documents) dnd() bool {
	d.Helper()
	s, err := d.p.State("sip:alice@example.test")
	if err != nil {
		d.Fatal(err)
	}
	return s.DND
}

// Documents are in force when they are answered, and after a restart.
func TestDocumentsComeIntoForce(t *testing.T) {
	settings := config.Serve{Data: t.TempDir(), Domain: []string{"example.test"}, Listen: []string{"udp:127.0.0.1:0"}, LogLevel: "error",
		Role: []string{"registrar", "presence"}, Limits: "on", NotifyRate: "on"}
	people, err := cold.Open(settings.Data)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{people.AddDomain("example.test"), people.AddUser("alice@example.test", "", []string{"1001"}, "p"), people.AddUser("bob@example.test", "", nil, "p"), people.Close()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	d := &documents{T: t, settings: settings}
	d.open()
	const hard, rules = "pidf-manipulation/users/sip:alice@example.test/index", "pres-rules/users/alice@example.test/index"
	pidf := `<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:1001@example.test"><person xmlns="urn:ietf:params:xml:ns:pidf:data-model" id="p"><dnd xmlns="urn:lamplight:presence"/></person></presence>`
	block := `<ruleset xmlns="urn:ietf:params:xml:ns:common-policy" xmlns:pr="urn:ietf:params:xml:ns:pres-rules"><rule id="a"><conditions><identity><one id="sip:bob@example.test"/></identity></conditions><actions><pr:sub-handling>HOW</pr:sub-handling></actions></rule></ruleset>`
	if d.dnd() || d.handling() != "allow" {
		t.Fatalf("before: %v, %s", d.dnd(), d.handling())
	}
	d.want(201, "PUT", hard, pidf, "application/pidf+xml")
	d.want(201, "PUT", rules, strings.Replace(block, "HOW", "block", 1), "application/auth-policy+xml")
	d.want(200, "PUT", strings.Replace(rules, "alice", "1001", 1)+"/~~/ruleset/rule%5b1%5d/actions/pr:sub-handling?xmlns(pr=urn:ietf:params:xml:ns:pres-rules)", "<pr:sub-handling>polite-block</pr:sub-handling>", "application/xcap-el+xml")
	d.want(409, "PUT", hard, "<presence/>", "application/pidf+xml")
	d.want(403, "GET", "pres-rules/users/bob@example.test/index", "", "")
	for _, when := range []string{"at once", "after a restart"} {
		if !d.dnd() || d.handling() != "polite-block" {
			t.Errorf("%s: do not disturb %v, Bob: %s", when, d.dnd(), d.handling())
		}
		if _, got := d.ask("GET", hard, "", ""); got != pidf {
			t.Errorf("%s: %s", when, got)
		}
		d.close()
		d.open()
	}
	defer d.close()
	d.want(200, "DELETE", hard, "", "")
	d.want(200, "DELETE", rules, "", "")
	if d.dnd() || d.handling() != "allow" {
		t.Errorf("deleted: do not disturb %v, Bob: %s", d.dnd(), d.handling())
	}
}
