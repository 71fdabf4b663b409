package interop

import "testing"

// baresip, which has not subscribed, is told of messages outside of any dialog, and
// goes on as it was. (Its module for them, of 1.0, subscribes anew for ever.)
func TestMessagesWaiting(t *testing.T) {
	t.Parallel()
	s := serve(t, "--voice-mail", "*97")
	p := start(t, baresipHome(t, s, "udp"), "baresip", "-f", ".", "-t", "300")
	p.await(t, `alice@example.test: .* 200 OK .*\[1 binding\]`)
	run(t, password+"\n", lamplight, "publish", "alice", "--messages", "2/8", "--domain", domain,
		"--server", s.at["udp"], "--transport", "udp", "--password-stdin", "--expires", "600")
	s.heard(t, "alice", `NOTIFY sip:[^\n]*\n(.+\n)* +Subscription-State: terminated\n`)
	s.heard(t, "alice", `Messages-Waiting: yes\n +Message-Account: sip:\*97@example.test\n +Voice-Message: 2/8\n`)
	p.types(t, "q")
	p.quits(t)
}
