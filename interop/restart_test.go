package interop

import (
	"path/filepath"
	"testing"
)

// The server is killed in the middle of a call and while another rings, and starts
// again on what it had kept: the lamp of the call is on without a phone having said
// anything, goes out by the BYE that a phone sends then, and the call is in the
// history.
func TestCallsOverAKill(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	for _, user := range []string{"alice", "bob", "carol", "dave"} {
		run(t, password+"\n", lamplight, "user", "add", user+"@"+domain, "--password-stdin", "--data", data)
	}
	s := serveFrom(t, data, "--listen", "udp:127.0.0.1:0")
	alice, bob, dave := newTelephone(t, "alice", s.at["udp"]), newTelephone(t, "bob", s.at["udp"]), newTelephone(t, "dave", s.at["udp"])
	lamp, other := s.watch(t, "carol", "bob", "dialog"), s.watch(t, "carol", "dave", "dialog")
	alice.calls(t, "bob")
	bob.rings(t, "alice")
	bob.answers(t)
	lamp.await(t, `"state":"on-the-phone"`)
	caller := s.sipp(t, "carol", "call", "[to]", "sip:dave@"+domain, "[more]", "X-Phone: SIPp")
	dave.rings(t, "carol")
	other.await(t, `"state":"ringing"`)

	s.kill()
	s = serveFrom(t, data, "--listen", "udp:"+s.at["udp"])
	s.watch(t, "carol", "bob", "dialog").says(t, `"state":"on-the-phone"`)
	s.watch(t, "carol", "alice", "dialog").says(t, `"state":"on-the-phone"`)
	lamp = s.watch(t, "alice", "bob", "dialog")
	other = s.watch(t, "alice", "dave", "dialog")
	other.says(t, `"state":"ringing"`)
	caller.kill()
	dave.hangsUp(t)
	alice.hangsUp(t)
	lamp.await(t, `"state":"available"`)
	bob.await(t, `session closed|terminated`)
	s.entry(t, "alice", `"direction":"out".*"result":"answered"`)
	s.entry(t, "bob", `"direction":"in".*"result":"answered"`)
}
