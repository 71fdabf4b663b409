package interop

import "testing"

// A phone that talks is gone: within a minute of its registration's loss the lamps
// of both ends are out, though nobody hangs up, and the history says why.
func TestAPhoneIsLostInACall(t *testing.T) {
	t.Parallel()
	s := serve(t, "--flow-grace", "1s")
	alice, bob := newTelephone(t, "alice", s.at["udp"]), telephoneOver(t, "bob", s.at["tcp"], "tcp")
	lamp, caller := s.watch(t, "carol", "bob", "dialog"), s.watch(t, "carol", "alice", "dialog")
	alice.calls(t, "bob")
	bob.rings(t, "alice")
	bob.answers(t)
	lamp.await(t, `"state":"on-the-phone"`)
	bob.kill()
	lamp.await(t, `"state":"available"`)
	caller.await(t, `"state":"available"`)
	s.entry(t, "bob", `"result":"answered","reason":"the phone's registration was lost"`)
}

// A phone is gone, and hears neither the other's BYE nor its repetitions.
func TestABYEIsLost(t *testing.T) {
	t.Parallel()
	s := serve(t)
	alice, bob := newTelephone(t, "alice", s.at["udp"]), s.registered(t, "bob", "phone")
	lamp := s.watch(t, "carol", "bob", "dialog")
	alice.calls(t, "bob")
	nudge(t, bob.port, bob.rings(t))
	lamp.await(t, `"state":"on-the-phone"`)
	bob.kill()
	alice.hangsUp(t)
	lamp.await(t, `"state":"available"`)
	s.entry(t, "bob", `"result":"answered"`)
}
