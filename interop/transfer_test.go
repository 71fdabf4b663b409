package interop

import "testing"

// Linphones transfer a call, blind and after a question: what is left is a call of
// the other two, and the history has it.
func TestTransfers(t *testing.T) {
	for _, attended := range []bool{false, true} {
		t.Run(map[bool]string{false: "blind", true: "attended"}[attended], func(t *testing.T) {
			t.Parallel()
			s := serve(t)
			alice, bob, carol := newSoftphone(t, s, "alice"), newSoftphone(t, s, "bob"), newSoftphone(t, s, "carol")
			lamps := map[string]*program{}
			for _, user := range []string{"alice", "bob", "carol"} {
				lamps[user] = s.watch(t, "dave", user, "dialog")
			}
			lights := func(user, state string) {
				t.Helper()
				lamps[user].await(t, `"state":"`+state+`"`)
			}
			bob.types(t, "autoanswer enable\n")
			carol.types(t, "autoanswer enable\n")
			alice.calls(t, "bob")
			alice.await(t, `Call 1 with .* connected`)
			lights("bob", "on-the-phone")
			if attended {
				alice.types(t, "pause\n")
				alice.await(t, `Call 1 with .* paused`)
				alice.calls(t, "carol")
				alice.await(t, `Call 2 with .* connected`)
				lights("carol", "on-the-phone")
				alice.types(t, "transfer 1 --to-call 2\n")
			} else {
				alice.types(t, "transfer sip:carol@"+domain+"\n")
				lights("carol", "on-the-phone")
			}
			carol.await(t, `(?i)incoming call from sip:bob`)
			alice.types(t, "terminate all\n")
			lights("alice", "available")
			bob.types(t, "terminate all\n")
			lights("bob", "available")
			lights("carol", "available")
			s.entry(t, "carol", `"direction":"in","party":"sip:bob@example.test".*"result":"answered"`)
		})
	}
}
