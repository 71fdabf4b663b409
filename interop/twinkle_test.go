package interop

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// twinkle registers, publishes and watches its buddies. It is challenged for each
// PUBLISH anew; to be offline is a document that says closed.
func TestTwinkle(t *testing.T) {
	t.Parallel()
	s := serve(t)
	lamp := s.watch(t, "bob", "alice", "presence")
	home := twinkleHome(t, s)
	p := start(t, home, "twinkle-console", "alice.cfg")
	log := start(t, home, "tail", "-n", "+1", "-F", filepath.Join(".twinkle", "twinkle.log"))
	p.await(t, "registration succeeded")
	lamp.await(t, `"state":"available"`)

	log.await(t, `\nNOTIFY sip:alice@(.+\n)+\n(.+\n)*.*<basic>closed`)
	bob := &publisher{server: s, user: "bob"}
	for _, c := range []struct{ state, basic string }{{"available", "open"}, {"offline", "closed"}} {
		bob.is(t, c.state)
		log.await(t, `\nNOTIFY sip:alice@(.+\n)+\n(.+\n)*.*<basic>`+c.basic)
	}

	p.types(t, "presence -b offline\n")
	lamp.await(t, `"state":"offline"`)
	s.heard(t, "alice", `PUBLISH sip:alice@[^\n]*\n(.+\n)* +SIP-If-Match: (.+\n)+ +\n(.+\n)*.*<basic>closed`)
	p.types(t, "presence -b online\n")
	lamp.await(t, `"state":"available"`)
	p.types(t, "quit\n")
	p.await(t, "de-registration succeeded")
	lamp.await(t, `"state":"offline"`)
	p.quits(t)
}

func twinkleHome(t *testing.T, s *server) string {
	home := t.TempDir()
	for name, lines := range map[string][]string{
		"alice.cfg": {"user_name=alice", "user_domain=" + domain, "auth_name=alice", "auth_pass=" + password,
			"outbound_proxy=" + s.at["udp"], "all_requests_to_proxy=yes", "registration_time=600", "sip_transport=udp",
			"pres_publication_time=600", "pres_subscription_time=600", "pres_publish_startup=yes"},
		"alice.bud": {"Bob|sip:bob@" + domain + "|y"},
		"twinkle.sys": {"dev_ringtone=alsa:null", "dev_speaker=alsa:null", "dev_mic=alsa:null", "validate_audio_dev=no",
			fmt.Sprint("sip_port=", portBelow(t))},
	} {
		name = filepath.Join(home, ".twinkle", name)
		err := os.MkdirAll(filepath.Dir(name), 0o700)
		if err == nil {
			err = os.WriteFile(name, []byte(strings.Join(lines, "\n")+"\n"), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return home
}

// portBelow is a port that is free, and below those that the system gives to who
// asks for none.
func portBelow(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := 20_000 + rand.IntN(10_000)
		u, err := net.ListenUDP("udp4", &net.UDPAddr{Port: port})
		if err != nil {
			continue
		}
		u.Close()
		if l, err := net.ListenTCP("tcp4", &net.TCPAddr{Port: port}); err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}
