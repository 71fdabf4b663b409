package interop

import "testing"

// A call rings at a SIPp; another takes its place at the caller's, a Linphone, by
// what the lamp says of the dialog (RFC 3891).
func TestAThirdPicksUp(t *testing.T) {
	t.Parallel()
	s := serve(t)
	alice, bob := newSoftphone(t, s, "alice"), s.registered(t, "bob", "phone")
	lamp := s.watch(t, "dave", "bob", "dialog")
	alice.calls(t, "bob")
	call := bob.rings(t)
	lamp.await(t, `"state":"ringing"`)
	tags := s.heard(t, "bob", `SIP/2.0 180 Ringing\n(?:.+\n)* +From: [^\n]*;tag=(\S+)\n +To: [^\n]*;tag=(\S+)\n`)
	carol := s.sipp(t, "carol", "pickup", "[to]", "sip:alice@"+domain, "[replaces]", call+";to-tag="+tags[1]+";from-tag="+tags[2]+";early-only")
	alice.await(t, "Receiving new incoming call from sip:carol")
	alice.types(t, "answer 2\n")
	carol.talks(t)
	bob.await(t, "is cancelled")
	lamp.await(t, `"state":"available"`)
	alice.types(t, "terminate\n")
	carol.endsWell(t)
	s.entry(t, "bob", `"result":"elsewhere",.*"picked_up_by":".*carol`)
}
