package interop

import (
	"fmt"
	"regexp"
	"testing"
	"time"
)

// entry waits until the newest of a user's calls is as a pattern describes.
func (s *server) entry(t *testing.T, user, pattern string) {
	t.Helper()
	re := regexp.MustCompile(pattern)
	out := ""
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if out = s.does(t, "", "history", user+"@"+domain, "--limit", "1", "--json"); re.MatchString(out) {
			return
		}
	}
	t.Fatalf("the newest call of %s is %s, not %s", user, out, pattern)
}

// Ten calls, each over in its own way, as both ends remember them.
func TestHistoryOfTenCalls(t *testing.T) {
	t.Parallel()
	s := serve(t)
	alice, bob := newTelephone(t, "alice", s.at["udp"]), newTelephone(t, "bob", s.at["udp"])
	rings := func() {
		t.Helper()
		alice.calls(t, "bob")
		bob.rings(t, "alice")
	}
	talks := func() {
		t.Helper()
		rings()
		bob.answers(t)
		alice.await(t, "Call established")
	}
	says := func(placed, received string) {
		t.Helper()
		s.entry(t, "alice", `"direction":"out","party":"sip:bob@example.test".*"result":`+placed)
		s.entry(t, "bob", `"direction":"in","party":"sip:alice@example.test".*"result":`+received)
	}

	talks()
	alice.hangsUp(t)
	says(`"answered","duration":\d`, `"answered","duration":\d`)
	rings()
	alice.hangsUp(t)
	says(`"cancelled"`, `"missed"`)
	rings()
	bob.hangsUp(t)
	says(`"(busy|failed)"`, `"missed"`)
	talks()
	alice.types(t, "x")
	s.heard(t, "bob", `\n +a=sendonly\n`)
	bob.hangsUp(t)
	says(`"answered"`, `"answered"`)

	port := fmt.Sprint(portBelow(t))
	s.sippAt(t, port, "carol", "register").endsWell(t)
	for _, c := range []struct{ code, phrase, placed, received string }{
		{"486", "Busy Here", `"busy"`, `"missed","reason":"Busy Here"`},
		{"603", "Decline", `"failed","reason":"Decline"`, `"missed","reason":"Decline"`},
		{"480", "Temporarily Unavailable", `"failed","reason":"Temporarily Unavailable"`, `"missed","reason":"Temporarily Unavailable"`},
	} {
		phone := s.sippAt(t, port, "carol", "refuses", "[code]", c.code, "[phrase]", c.phrase)
		alice.calls(t, "carol")
		phone.endsWell(t)
		s.entry(t, "alice", `"direction":"out","party":"sip:carol@example.test".*"result":`+c.placed)
		s.entry(t, "carol", `"direction":"in","party":"sip:alice@example.test".*"result":`+c.received)
	}
	alice.calls(t, "4711")
	s.entry(t, "alice", `"party":"sip:4711@example.test","result":"failed","reason":"no such number"`)
	alice.calls(t, "dave")
	s.entry(t, "alice", `"party":"sip:dave@example.test".*"result":"failed"`)
	s.entry(t, "dave", `"party":"sip:alice@example.test".*"result":"missed"`)

	unknown := s.sipp(t, "carol", "call", "[to]", "sip:bob@"+domain, "[more]", "Privacy: id")
	bob.await(t, "Incoming call from")
	bob.answers(t)
	nudge(t, unknown.port, unknown.talks(t))
	unknown.endsWell(t)
	s.entry(t, "bob", `"direction":"in","party":"sip:anonymous@anonymous.invalid".*"result":"answered"`)
}
