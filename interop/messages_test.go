package interop

import (
	"os"
	"path/filepath"
	"testing"
)

// A voice mail tells of messages: baresip subscribes with its module for them, and
// without it is told all the same. That of 1.0 cannot be challenged: it subscribes
// anew at once, for ever.
func TestMessagesWaiting(t *testing.T) {
	t.Parallel()
	s := serve(t, "--insecure-no-auth", "--voice-mail", "*97")
	says := func(count string) {
		t.Helper()
		run(t, password+"\n", lamplight, "publish", "alice", "--messages", count, "--domain", domain,
			"--server", s.at["udp"], "--transport", "udp", "--password-stdin", "--expires", "600")
	}
	home := baresipHome(t, s, "udp")
	addToConfig(t, home, "module_app mwi.so\n")
	subscribes := start(t, home, "baresip", "-f", ".", "-t", "300")
	subscribes.await(t, `alice@example.test: .* 200 OK .*\[1 binding\]`)
	subscribes.await(t, `(?i)messages-waiting: no`)
	s.heard(t, "alice", `SUBSCRIBE sip:[^\n]*\n(.+\n)* +Event: message-summary`)

	registers := start(t, baresipHome(t, s, "udp"), "baresip", "-f", ".", "-t", "300")
	registers.await(t, `alice@example.test: .* 200 OK .*\[2 bindings\]`)
	says("2/8")
	subscribes.await(t, `(?i)messages-waiting: yes`)
	subscribes.await(t, `(?i)voice-message: 2/8`)
	s.heard(t, "alice", `NOTIFY sip:[^\n]*\n(.+\n)* +Subscription-State: terminated\n`)
	says("0/10")
	subscribes.await(t, `(?i)messages-waiting: no`)
	for _, p := range []*program{subscribes, registers} {
		p.types(t, "q")
		p.quits(t)
	}
}

func addToConfig(t *testing.T, home, lines string) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(home, "config"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(lines); err != nil {
		t.Fatal(err)
	}
}
