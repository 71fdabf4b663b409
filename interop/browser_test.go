package interop

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// origin is the page that the browsers' phones came with.
const origin = "https://phone.example.test"

// browsers is a server that takes phones of that page.
func browsers(t *testing.T) *server {
	return serve(t, "--listen", "ws:127.0.0.1:0", "--listen", "wss:127.0.0.1:0", "--ws-origin", origin)
}

// page is a phone of a browser. `make tools` installs what it needs.
type page struct{ *program }

func openPage(t *testing.T, script, url, user, origin string) page {
	t.Helper()
	dir, err := filepath.Abs("browser")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules")); err != nil {
		t.Fatalf("%v: make tools", err)
	}
	return page{start(t, t.TempDir(), "node", filepath.Join(dir, script), url, user, password, domain, origin)}
}

// does has the phone do something, and waits until it says what a pattern
// describes.
func (p page) does(t *testing.T, says string, what ...any) {
	t.Helper()
	b, err := json.Marshal(what)
	if err != nil {
		t.Fatal(err)
	}
	p.types(t, string(b)+"\n")
	p.await(t, says)
}

// withPIDF and withDialog are documents as a phone publishes them.
func withPIDF(activity string) string {
	return fmt.Sprintf(`<?xml version="1.0"?><presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model"`+
		` xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" entity="sip:alice@%s"><tuple id="t1"><status><basic>open</basic></status></tuple>`+
		`<dm:person id="p1"><rpid:activities><rpid:%s/></rpid:activities></dm:person></presence>`, domain, activity)
}

func withDialog(state string) string {
	return fmt.Sprintf(`<?xml version="1.0"?><dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="0" state="full" entity="sip:alice@%s">`+
		`<dialog id="d1" call-id="c1" local-tag="l" remote-tag="r" direction="recipient"><state>%s</state></dialog></dialog-info>`, domain, state)
}

// SIP.js and JsSIP, as a page has them: Via and Contact are in .invalid, so what
// they are told comes back on their WebSocket, to the user part of their Contact.
func TestBrowsers(t *testing.T) {
	for _, transport := range []string{"ws", "wss"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			twoBrowsers(t, transport)
		})
	}
}

func twoBrowsers(t *testing.T, transport string) {
	s := browsers(t)
	url := transport + "://" + s.at[transport] + "/sip"
	alice, bob := openPage(t, "sipjs.mjs", url, "alice", origin), openPage(t, "jssip.mjs", url, "bob", origin)
	alice.does(t, `"connected":true`, "start")
	bob.does(t, `"connected":true`, "start")

	alice.does(t, `"notify":"presence".*"state":"active;expires=.*<basic>closed`, "watch", "bob", "presence")
	bob.does(t, `"registration":"Registered"`, "register")
	alice.await(t, `"notify":"presence","uri":"sip:[^@"]+@[^"]+\.invalid;transport=ws.*entity=\\"sip:bob@.*<basic>open`)
	alice.does(t, `"registration":"Registered"`, "register")

	bob.does(t, `"notify":"presence","uri":"sip:[^@"]+@[^"]+\.invalid;transport=ws.*entity=\\"sip:alice@.*<basic>open`, "watch", "alice", "presence")
	bob.does(t, `"notify":"dialog".*entity=\\"sip:alice@.*<state>terminated`, "watch", "alice", "dialog")
	alice.does(t, `"notify":"dialog".*<state>terminated`, "watch", "alice", "dialog")

	alice.does(t, `"publication":"Published"`, "publish", "presence", "application/pidf+xml", withPIDF("meeting"))
	bob.await(t, `"notify":"presence".*<rpid:meeting/>`)
	alice.does(t, `"done":"publish"`, "publish", "presence", "application/pidf+xml", withPIDF("away"))
	bob.await(t, `"notify":"presence".*<rpid:away/>`)
	alice.does(t, `"publication":"Published"`, "publish", "dialog", "application/dialog-info+xml", withDialog("early"))
	bob.await(t, `"notify":"dialog".*<state>early`)
	alice.await(t, `"notify":"dialog".*<state>early`)
	(&publisher{server: s, user: "bob"}).is(t, "busy")
	alice.await(t, `"notify":"presence".*<rpid:busy/>`)

	s.heard(t, "alice", ` → [0-9.:]+ +`+transport+` +NOTIFY sip:[^@ ]+@\S+\.invalid;transport=ws SIP/2.0\n(.+\n)* +Via: SIP/2.0/`+
		map[string]string{"ws": "WS", "wss": "WSS"}[transport]+` 127.0.0.1:\d+;`)
	s.heard(t, "alice", `NOTIFY [^\n]*\n(.+\n)* +Contact: <sip:127.0.0.1:\d+;transport=ws>`)
	s.heard(t, "alice", `SUBSCRIBE sip:alice@[^\n]*\n(.+\n)* +Accept: application/dialog-info\+xml\n`)

	alice.does(t, `"publication":"Unpublished"`, "unpublish", "presence")
	bob.does(t, `"subscription":"Terminated","event":"presence"`, "unwatch", "presence")
	alice.does(t, `"subscription":"Terminated","event":"presence"`, "unwatch", "presence")
	bob.does(t, `"registration":"Unregistered"`, "unregister")
	alice.does(t, `"registration":"Unregistered"`, "unregister")
	for _, p := range []page{alice, bob} {
		p.does(t, "", "stop")
		p.quits(t)
	}
}

// A page of somebody else does not get as far as digest.
func TestABrowserWithSomebodyElsesPage(t *testing.T) {
	s := browsers(t)
	for script, refused := range map[string]string{"sipjs.mjs": `"failed":"start"`, "jssip.mjs": `"disconnected"`} {
		openPage(t, script, "ws://"+s.at["ws"]+"/", "alice", "https://evil.test").does(t, refused, "start")
	}
}
