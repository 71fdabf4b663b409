package interop

import (
	"path/filepath"
	"strings"
	"testing"
)

// Two baresips call each other through the server: whoever looks at a lamp, a
// program, a SIPp or a Linphone, sees the call ring, go on, and end.
func TestTwoPhonesAndTheirLamps(t *testing.T) {
	t.Parallel()
	s := serve(t)
	alice, bob := newTelephone(t, "alice", s.at["udp"]), newTelephone(t, "bob", s.at["udp"])
	lamp, presence, caller := s.watch(t, "carol", "bob", "dialog"), s.watch(t, "carol", "bob", "presence"), s.watch(t, "carol", "alice", "dialog")
	home := linphoneHome(t, s, "carol", "udp")
	friend := start(t, home, "linphonec", "-S", "-c", filepath.Join(home, "linphonerc"), "-d", "0")
	friend.await(t, `Friend "Bob" <sip:bob@example.test> is Online`)
	watcher := s.sipp(t, "dave", "watch", "[to]", "sip:bob@"+domain)
	watcher.await(t, "sees terminated")

	alice.calls(t, "bob")
	bob.rings(t, "alice")
	lamp.await(t, `"state":"ringing"`)
	presence.await(t, `"state":"ringing"`)
	watcher.await(t, "sees early")
	caller.await(t, `"state":"on-the-phone"`)
	bob.answers(t)
	lamp.await(t, `"state":"on-the-phone"`)
	presence.await(t, `"state":"on-the-phone"`)
	friend.await(t, `Friend "Bob" <sip:bob@example.test> is On the phone`)
	watcher.await(t, "sees confirmed")
	alice.hangsUp(t)
	watcher.await(t, "sees terminated")
	for _, l := range []*program{lamp, presence, caller} {
		l.await(t, `"state":"available"`)
	}
	friend.await(t, `Friend "Bob" <sip:bob@example.test> is Online`)
}

// A call rings at both of somebody's phones; where one answers the other stops.
func TestACallForksToTwoPhones(t *testing.T) {
	t.Parallel()
	s := serve(t)
	alice, desk, mobile := newTelephone(t, "alice", s.at["udp"]), newTelephone(t, "bob", s.at["udp"]), newTelephone(t, "bob", s.at["udp"])
	lamp := s.watch(t, "carol", "bob", "dialog")
	alice.calls(t, "bob")
	desk.rings(t, "alice")
	mobile.rings(t, "alice")
	lamp.await(t, `"state":"ringing"`)
	mobile.answers(t)
	desk.await(t, `(?i)cancel|closed`)
	lamp.await(t, `"state":"on-the-phone"`)
	alice.hangsUp(t)
	lamp.await(t, `"state":"available"`)
}

// Of three phones of SIPp's one answers, one stops to ring, and one answers as well,
// as its 200 has crossed the CANCEL: the caller hangs up on that, and the lamp is on
// until the first call is over.
func TestACallThatIsAnsweredTwice(t *testing.T) {
	t.Parallel()
	s := serve(t)
	answers, cancelled, stubborn := s.registered(t, "bob", "phone"), s.registered(t, "bob", "phone"), s.registered(t, "bob", "stubborn")
	lamp := s.watch(t, "carol", "bob", "dialog")
	caller := newSoftphone(t, s, "alice")
	caller.calls(t, "bob")
	call := answers.rings(t)
	cancelled.rings(t)
	stubborn.rings(t)
	lamp.await(t, `"state":"ringing"`)
	nudge(t, answers.port, call)
	answers.await(t, "talks")
	cancelled.await(t, "is cancelled")
	cancelled.endsWell(t)
	caller.await(t, `Call \d+ with .* connected`)
	stubborn.await(t, "is hung up on")
	stubborn.endsWell(t)
	caller.types(t, "terminate\n")
	answers.endsWell(t)
	lamp.await(t, `"state":"on-the-phone"(.*\n)+.*"state":"available"`)
	if n := strings.Count(lamp.printed(), `"state":"available"`); n != 2 {
		t.Errorf("the lamp was out %d times, before and after the call are two", n)
	}
}

// One speaks UDP and the other TCP: each finds the way back by the value of
// Record-Route that is for its side (RFC 5658).
func TestPhonesOfTwoTransports(t *testing.T) {
	t.Parallel()
	s := serve(t)
	alice, bob := telephoneOver(t, "alice", s.at["udp"], "udp"), telephoneOver(t, "bob", s.at["tcp"], "tcp")
	lamp := s.watch(t, "carol", "bob", "dialog")
	alice.calls(t, "bob")
	bob.rings(t, "alice")
	bob.answers(t)
	lamp.await(t, `"state":"on-the-phone"`)
	bob.hangsUp(t)
	lamp.await(t, `"state":"available"`)
	alice.await(t, `session closed|terminated`)
	s.heard(t, "bob", `INVITE sip:bob-0x[0-9a-f]+@127.0.0.1:[^\n]*\n(.+\n)* +Record-Route: [^\n]*\n(.+\n)* +Record-Route: `)
}
