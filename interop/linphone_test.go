package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// linphone registers, publishes and watches over each transport. It subscribes
// without Accept, writes To without brackets, and takes its publication back
// without a Content-Length where it need not have one.
func TestLinphone(t *testing.T) {
	for _, transport := range []string{"udp", "tcp", "tls"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			linphone(t, transport)
		})
	}
}

func linphone(t *testing.T, transport string) {
	s := serve(t)
	lamp, bindings := s.watch(t, "bob", "alice", "presence"), s.watch(t, "alice", "alice", "reg")
	home := linphoneHome(t, s, "alice", transport)
	p := start(t, home, "linphonec", "-S", "-c", filepath.Join(home, "linphonerc"), "-d", "0")
	bindings.await(t, `"state":"active"`)
	lamp.await(t, `"state":"available"`)
	s.heard(t, "alice", `PUBLISH sip:alice@[^\n]*\n(.+\n)* +To: sip:alice@example.test\n(.+\n)+ +\n(.+\n)*.*pidfonline:online`)
	s.heard(t, "alice", `NOTIFY sip:alice@[^\n]*\n(.+\n)* +Content-Type: application/pidf\+xml\n`)
	s.heard(t, "alice", "SIP-ETag: ")

	bob := &publisher{server: s, user: "bob"}
	for _, c := range []struct{ state, shows string }{{"available", "Online"}, {"busy", "Busy"}, {"away", "Away"}, {"on-the-phone", "On the phone"}} {
		bob.is(t, c.state)
		p.await(t, `Friend "Bob" <sip:bob@example.test> is `+c.shows)
	}

	p.types(t, "quit\n")
	lamp.await(t, `"state":"offline"`)
	p.quits(t)
	length := ` +Content-Length: 0\n`
	if transport == "udp" {
		length = ""
	}
	s.heard(t, "alice", `PUBLISH sip:alice@[^\n]*\n(.+\n)* +Expires: 0\n(.+\n)* +Authorization: masked\n`+length+`\n`)
}

func linphoneHome(t *testing.T, s *server, user, transport string) string {
	home := t.TempDir()
	proxy := fmt.Sprintf("<sip:%s;transport=%s", s.at[transport], transport)
	settings := strings.Join([]string{
		"[sip]", "sip_port=-1", "sip_tcp_port=-1", "sip_tls_port=-1", "verify_server_certs=0", "verify_server_cn=0",
		"use_ipv6=0", "publish_presence=1", "default_proxy=0",
		"[proxy_0]", "reg_proxy=" + proxy + ">", "reg_route=" + proxy + ";lr>", "reg_identity=sip:" + user + "@" + domain,
		"reg_expires=600", "reg_sendregister=1", "publish=1",
		"[auth_info_0]", "username=" + user, "passwd=" + password, "realm=" + domain, "domain=" + domain,
		"[friend_0]", `url="Bob" <sip:bob@` + domain + ">", "pol=accept", "subscribe=1", "",
	}, "\n")
	err := os.WriteFile(filepath.Join(home, "linphonerc"), []byte(settings), 0o600)
	for _, dir := range []string{"linphone", ".local/share/linphone"} { // it does not make them
		if err == nil {
			err = os.MkdirAll(filepath.Join(home, dir), 0o700)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return home
}
