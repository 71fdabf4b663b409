package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// Two baresips call each other, one over UDP and one over TCP, and a watcher sees
// both lamps: ringing, talking, held, off. Neither publishes anything.
func TestBaresipCallsBaresip(t *testing.T) {
	s := serve(t)
	caller, called := s.watch(t, "bob", "alice", "dialog"), s.watch(t, "alice", "bob", "dialog")
	alice := start(t, callingHome(t, s, "alice", "udp"), "baresip", "-f", ".", "-t", "300")
	bob := start(t, callingHome(t, s, "bob", "tcp"), "baresip", "-f", ".", "-t", "300")
	for _, p := range []*program{alice, bob} {
		p.await(t, `200 OK .*\[1 binding\]`)
	}
	alice.types(t, "/dial bob@"+domain+"\n")
	caller.await(t, `"state":"on-the-phone"`)
	called.await(t, `"state":"ringing"`)
	bob.await(t, `Incoming call from`)
	bob.types(t, "/accept\n")
	called.await(t, `"state":"on-the-phone"`)
	alice.await(t, `Call established`)
	bob.await(t, `Call established`)
	bob.types(t, "/hangup\n")
	caller.await(t, `"state":"available"`)
	called.await(t, `"state":"available"`)
	alice.await(t, `session closed|Call with .* terminated`)
	s.heard(t, "bob", `INVITE sip:bob-0x[0-9a-f]+@127.0.0.1:[^\n]*\n(.+\n)* +Record-Route: [^\n]*\n(.+\n)* +Record-Route: `)
	for _, p := range []*program{alice, bob} {
		p.types(t, "/quit\n")
		p.quits(t)
	}
}

// callingHome is a baresip's that has a sound card which leads to itself.
func callingHome(t *testing.T, s *server, user, transport string) string {
	home := t.TempDir()
	for name, text := range map[string]string{
		"accounts": fmt.Sprintf("<sip:%s@%s;transport=%s>;auth_pass=%s;outbound=\"sip:%s;transport=%[3]s\";regint=600\n", user, domain, transport, password, s.at[transport]),
		"contacts": "",
		"config": "poll_method epoll\nsip_listen 127.0.0.1:0\naudio_player aubridge,a\naudio_source aubridge,a\naudio_alert aubridge,b\nmodule_path /usr/lib/baresip/modules\n" +
			"module stdio.so\nmodule g711.so\nmodule aubridge.so\nmodule_tmp account.so\nmodule_app contact.so\nmodule_app menu.so\n",
	} {
		if err := os.WriteFile(filepath.Join(home, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return home
}
