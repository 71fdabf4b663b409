package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// baresip registers, publishes and watches over each transport. It puts its
// person before its tuple, sends no Accept and an empty Supported, and looks for
// rpid's elements by their literal prefix; what is away it shows as Offline.
func TestBaresip(t *testing.T) {
	for _, transport := range []string{"udp", "tcp", "tls"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			baresip(t, transport)
		})
	}
}

func baresip(t *testing.T, transport string) {
	s := serve(t)
	lamp := s.watch(t, "bob", "alice", "presence")
	bob := &publisher{server: s, user: "bob"}
	bob.is(t, "available")
	p := start(t, baresipHome(t, s, transport), "baresip", "-f", ".", "-t", "300")
	p.await(t, `alice@example.test: .* 200 OK .*\[1 binding\]`)
	lamp.await(t, `"state":"available"`)

	// Loaded from the start, it publishes twice before it knows its entity-tag.
	p.types(t, "/insmod presence.so\n")
	lamp.await(t, `"state":"unknown"`)
	s.heard(t, "alice", `SUBSCRIBE sip:bob@[^\n]*\n(.+\n)* +Supported: *\n`)
	s.heard(t, "alice", `NOTIFY sip:alice-0x[0-9a-f]+@127.0.0.1:\d+[^ ]* SIP/2.0\n(.+\n)+ +\n(.+\n)*.*<basic>open`)
	for _, c := range []struct{ state, shows string }{{"busy", "Busy"}, {"away", "Offline"}, {"on-the-phone", "Busy"}, {"available", "Online"}} {
		bob.is(t, c.state)
		p.await(t, `bob@example.test> changed status from \S+ to `+c.shows)
	}

	p.types(t, "[")
	lamp.await(t, `"state":"available"`)
	s.heard(t, "alice", `<dm:person [^\n]*\n +<tuple id=`)
	p.types(t, "]")
	lamp.await(t, `"state":"offline"`)
	p.types(t, "q")
	p.quits(t)
	s.heard(t, "alice", `PUBLISH sip:alice@[^\n]*\n(.+\n)* +Expires: 0\n`)
	s.heard(t, "alice", `REGISTER sip:[^\n]*\n(.+\n)* +Contact: [^\n]*;expires=0`)
}

func baresipHome(t *testing.T, s *server, transport string) string {
	home := t.TempDir()
	for name, text := range map[string]string{
		"accounts": fmt.Sprintf("<sip:alice@%s;transport=%s>;auth_pass=%s;outbound=\"sip:%s;transport=%[2]s\";regint=600;pubint=600\n", domain, transport, password, s.at[transport]),
		"contacts": "\"Bob\" <sip:bob@" + domain + ">;presence=p2p\n",
		"config": "poll_method epoll\nsip_listen 127.0.0.1:0\nmodule_path /usr/lib/baresip/modules\nmodule stdio.so\nmodule g711.so\n" +
			"module_tmp account.so\nmodule_app contact.so\nmodule_app menu.so\n",
	} {
		if err := os.WriteFile(filepath.Join(home, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return home
}
