package interop

import (
	"testing"
)

// The program has a baresip call another, which leaves an ordinary call between
// them, and tells each step until they hang up.
func TestClickToCall(t *testing.T) {
	t.Parallel()
	s := serve(t)
	alice, bob := newTelephone(t, "alice", s.at["udp"]), newTelephone(t, "bob", s.at["udp"])
	lamp := s.watch(t, "carol", "bob", "dialog")
	click := start(t, t.TempDir(), lamplight, s.asks("call", "alice@"+domain, "bob@"+domain, "--json")...)
	click.await(t, `"state":"calling"`)
	alice.await(t, `Incoming call from`)
	alice.answers(t)
	bob.rings(t, "alice")
	click.await(t, `"state":"ringing"`)
	lamp.await(t, `"state":"ringing"`)
	bob.answers(t)
	click.await(t, `"state":"connected"`)
	lamp.await(t, `"state":"on-the-phone"`)
	bob.hangsUp(t)
	click.await(t, `"state":"ended"`)
	lamp.await(t, `"state":"available"`)
	click.endsWell(t)
}

// Where the phone refuses the REFER, each in the words of its maker, the server
// connects the two itself (RFC 3725 §4.4).
func TestClickToCallOfAPhoneThatRefusesREFER(t *testing.T) {
	for _, code := range []string{"405", "501", "603"} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			s := serve(t)
			alice, bob := s.registered(t, "alice", "clicked", "[code]", code), newTelephone(t, "bob", s.at["udp"])
			lamp := s.watch(t, "carol", "alice", "dialog")
			click := start(t, t.TempDir(), lamplight, s.asks("call", "alice@"+domain, "bob@"+domain, "--json")...)
			click.await(t, `"state":"calling"`)
			bob.rings(t, "alice")
			click.await(t, `"state":"ringing"`)
			bob.answers(t)
			click.await(t, `"state":"connected"`)
			alice.await(t, "talks")
			lamp.await(t, `"state":"on-the-phone"`)
			bob.hangsUp(t)
			click.await(t, `"state":"ended"`)
			lamp.await(t, `"state":"available"`)
			alice.endsWell(t)
			click.endsWell(t)
		})
	}
}

// A called phone's refusal is the command's, in words.
func TestClickToCallIsRefused(t *testing.T) {
	t.Parallel()
	s := serve(t)
	alice := newTelephone(t, "alice", s.at["udp"])
	s.registered(t, "bob", "refuses", "[code]", "486", "[phrase]", "Busy Here")
	click := start(t, t.TempDir(), lamplight, s.asks("call", "alice@"+domain, "bob@"+domain)...)
	click.await(t, "calling your phone")
	alice.await(t, `Incoming call from`)
	alice.answers(t)
	click.await(t, "bob@example.test is busy")
	click.quits(t)
	if status := click.cmd.ProcessState.ExitCode(); status != 1 {
		t.Errorf("the command ends with status %d", status)
	}
}
