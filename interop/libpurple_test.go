package interop

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
)

// libpurple's SIMPLE answers challenges without qop and with a quoted nc. It
// watches with an Accept of two types, and the answer to a SUBSCRIBE has its way
// through the From that it put another parameter on. It signs off with a document
// that says closed for ten minutes, and is gone before it can be challenged.
func TestLibpurple(t *testing.T) {
	flags := strings.Fields(run(t, "", "pkg-config", "--cflags", "--libs", "purple"))
	messenger := filepath.Join(t.TempDir(), "messenger")
	run(t, "", "cc", append([]string{"-o", messenger, filepath.Join("testdata", "messenger.c")}, flags...)...)

	t.Run("digest", func(t *testing.T) {
		t.Parallel()
		s := serve(t)
		p, _ := libpurple(t, s, messenger)
		p.says(t, `PUBLISH sip:alice@[^\n]*\n(.+\n)*Authorization: [^\n]*, nc="00000001", response="[^,]*"\n`)
		bindings := s.watch(t, "alice", "alice", "reg")
		p.types(t, "quit\n")
		bindings.await(t, `"state":"terminated"`)
		s.heard(t, "alice", signOff)
	})
	t.Run("believed", func(t *testing.T) {
		t.Parallel()
		s := serve(t, "--insecure-no-auth")
		p, lamp := libpurple(t, s, messenger)
		p.types(t, "quit\n")
		lamp.await(t, `"state":"offline"`)
		s.heard(t, "alice", signOff)
		p.await(t, "signed off")
		p.quits(t)
	})
}

const signOff = `PUBLISH sip:alice@[^\n]*\n(.+\n)* +SIP-If-Match: [^\n]*\n +Expires: 600\n(.+\n)+ +\n(.+\n)*.*<basic>closed`

// libpurple signs on, is seen, and sees bob.
func libpurple(t *testing.T, s *server, messenger string) (p, lamp *program) {
	lamp = s.watch(t, "bob", "alice", "presence")
	host, port, err := net.SplitHostPort(s.at["udp"])
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	p = start(t, home, messenger, filepath.Join(home, "purple"), fmt.Sprint(portBelow(t)), "alice@"+domain, password, host, port, "sip:bob@"+domain)
	p.await(t, "(?m)^signed on")
	p.await(t, "(?m)^sip:bob@example.test is Offline")
	lamp.await(t, `"state":"available"`)
	s.heard(t, "alice", "SIP-ETag: ") // or it signs off with a publication of its own
	bob := &publisher{server: s, user: "bob"}
	bob.is(t, "available")
	p.await(t, "(?m)^sip:bob@example.test is Available")
	bob.is(t, "offline")
	p.await(t, "(?m)^sip:bob@example.test is Offline")
	return p, lamp
}
