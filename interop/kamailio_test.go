package interop

import (
	"fmt"
	"math/rand/v2"
	"net"
	"path/filepath"
	"testing"
)

// kamailio is a proxy with an address of its own, whose phones are SIPp, and the
// server that its pua modules publish to.
type kamailio struct {
	*program
	server *server
	at     string
}

func startKamailio(t *testing.T, trusted bool) *kamailio {
	t.Helper()
	host := fmt.Sprintf("127.%d.%d.%d", 1+rand.IntN(250), rand.IntN(256), 1+rand.IntN(250)) // nobody else's
	k := &kamailio{at: fmt.Sprint(host, ":", portBelow(t))}
	if trusted {
		k.server = serve(t, "--trust", host)
	} else {
		k.server = serve(t)
	}
	cfg, err := filepath.Abs("testdata/kamailio/kamailio.cfg")
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	k.program = start(t, home, "kamailio", "-DD", "-E", "-f", cfg, "-w", home, "-Y", home, "-P", filepath.Join(home, "pid"), "-m", "32", "-M", "4",
		"-A", "HERE=udp:"+k.at, "-A", `SERVER="sip:`+k.server.at["udp"]+`"`)
	k.await(t, "Aliases:")
	return k
}

// phone is SIPp with a scenario, which must end well.
func (k *kamailio) phone(t *testing.T, scenario, port string, args ...string) *program {
	t.Helper()
	file, err := filepath.Abs(filepath.Join("testdata", "kamailio", scenario))
	if err != nil {
		t.Fatal(err)
	}
	return start(t, t.TempDir(), "sipp", append([]string{"-sf", file, "-m", "1", "-nostdin", "-i", "127.0.0.1", "-p", port, "-timeout", "60s", "-timeout_error",
		"-trace_err", "-error_file", "/dev/stderr", k.at}, args...)...)
}

// pua_usrloc publishes for whom registers, with an entity that has no scheme and
// a tuple id that is no id, a second longer than asked for; pua_dialoginfo the
// calls, and their end with an Expires of 11 seconds.
func TestKamailioPublishesWhatItSees(t *testing.T) {
	t.Parallel()
	k := startKamailio(t, true)
	presence, lamp := k.server.watch(t, "bob", "alice", "presence"), k.server.watch(t, "bob", "alice", "dialog")

	callee := fmt.Sprint(portBelow(t))
	answer := k.phone(t, "answer.xml", callee)
	k.phone(t, "register.xml", fmt.Sprint(portBelow(t)), "-key", "expires", "600", "-key", "listens", callee).endsWell(t)
	presence.await(t, `"state":"available"`)
	k.server.heard(t, "alice", `PUBLISH sip:alice@[^\n]*\n(.+\n)* +Expires: 601\n(.+\n)+ +\n(.+\n)*.* entity="alice@example.test"(.*\n)+.*<tuple *id="0x`)

	bob := fmt.Sprint(portBelow(t))
	call := k.phone(t, "call.xml", bob, "-cid_str", "call@127.0.0.1")
	lamp.await(t, `"state":"ringing"`)
	presence.await(t, `"state":"ringing"`)
	nudge(t, callee, "call@127.0.0.1")
	lamp.await(t, `"state":"on-the-phone"`)
	presence.await(t, `"state":"on-the-phone"`)
	call.await(t, "the call is answered")
	nudge(t, bob, "call@127.0.0.1")
	call.endsWell(t)
	answer.endsWell(t)
	lamp.await(t, `"state":"available"`)
	presence.await(t, `"state":"available"`)
	k.server.heard(t, "alice", `PUBLISH sip:alice@[^\n]*\n(.+\n)* +Expires: 11\n(.+\n)+ +\n(.+\n)*.*<state>terminated`)

	k.phone(t, "register.xml", fmt.Sprint(portBelow(t)), "-key", "expires", "0", "-key", "listens", callee).endsWell(t)
	presence.await(t, `"state":"offline"`)
	k.server.heard(t, "alice", `PUBLISH sip:alice@[^\n]*\n(.+\n)* +Expires: 0\n`)
}

// nudge sends a phone what makes it answer, or hang up.
func nudge(t *testing.T, port, callID string) {
	t.Helper()
	c, err := net.Dial("udp", net.JoinHostPort("127.0.0.1", port))
	if err == nil {
		_, err = fmt.Fprintf(c, "INFO sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKinfo\r\nFrom: <sip:t@127.0.0.1>;tag=t\r\n"+
			"To: <sip:127.0.0.1>\r\nCall-ID: %s\r\nCSeq: 1 INFO\r\nContent-Length: 0\r\n\r\n", callID)
		c.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// uac_auth answers a challenge with the CSeq, Call-ID and tag of the request that
// was challenged, on a new branch: no merged request (RFC 3261 §8.2.2.2).
func TestKamailioAnswersAChallenge(t *testing.T) {
	t.Parallel()
	k := startKamailio(t, false)
	lamp := k.server.watch(t, "alice", "bob", "presence")
	k.phone(t, "publish.xml", fmt.Sprint(portBelow(t))).endsWell(t)
	lamp.await(t, `"state":"available"`)
	k.server.heard(t, "bob", `401 Unauthorized\n(.+\n)* +CSeq: 1 PUBLISH(.*\n)* +PUBLISH sip:bob@[^\n]*\n(.+\n)* +CSeq: 1 PUBLISH\n(.+\n)* +Authorization: masked`)
}
