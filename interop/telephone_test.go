package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// telephone is a baresip that makes and takes calls, and sounds into nothing.
type telephone struct {
	*program
	user string
}

// telephone registers a user's phone at a server or proxy over UDP.
func newTelephone(t *testing.T, user, at string) *telephone {
	t.Helper()
	return telephoneOver(t, user, at, "udp")
}

func telephoneOver(t *testing.T, user, at, transport string) *telephone {
	t.Helper()
	home := t.TempDir()
	for name, text := range map[string]string{
		"accounts": fmt.Sprintf("<sip:%s@%s;transport=%s>;auth_pass=%s;outbound=\"sip:%s;transport=%[3]s\";regint=600\n", user, domain, transport, password, at),
		"contacts": "",
		"config": "poll_method epoll\nsip_listen 127.0.0.1:0\nmodule_path /usr/lib/baresip/modules\nmodule stdio.so\nmodule g711.so\nmodule aubridge.so\n" +
			"module_tmp account.so\nmodule_app contact.so\nmodule_app menu.so\n" +
			"audio_source aubridge,nothing\naudio_player aubridge,nothing\naudio_alert aubridge,nothing\n",
	} {
		if err := os.WriteFile(filepath.Join(home, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := &telephone{start(t, home, "baresip", "-f", ".", "-t", "300"), user}
	p.await(t, user+`@example.test: .* 200 OK .*\[\d bindings?\]`)
	return p
}

// calls begins a call to another user.
func (p *telephone) calls(t *testing.T, user string) {
	t.Helper()
	p.types(t, "/dial sip:"+user+"@"+domain+"\n")
}

// rings waits for a call.
func (p *telephone) rings(t *testing.T, from string) {
	t.Helper()
	p.await(t, `Incoming call from: .*sip:`+from+`@example.test`)
}

// answers takes the call that rings.
func (p *telephone) answers(t *testing.T) {
	t.Helper()
	p.types(t, "/accept\n")
	p.await(t, `Call (established|answered)`)
}

// hangsUp ends the call.
func (p *telephone) hangsUp(t *testing.T) {
	t.Helper()
	p.types(t, "/hangup\n")
}
