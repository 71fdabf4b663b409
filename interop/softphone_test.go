package interop

import (
	"path/filepath"
	"testing"
)

// softphone is a Linphone that makes and takes calls, without sound.
type softphone struct{ *program }

func newSoftphone(t *testing.T, s *server, user string) *softphone {
	t.Helper()
	home := linphoneHome(t, s, user, "udp")
	p := &softphone{start(t, home, "linphonec", "-S", "-c", filepath.Join(home, "linphonerc"), "-d", "0")}
	s.heard(t, user, `200 OK\n(.+\n)* +CSeq: \d+ REGISTER\n`)
	p.types(t, "soundcard use files\n")
	return p
}

func (p *softphone) calls(t *testing.T, user string) {
	t.Helper()
	p.types(t, "call sip:"+user+"@"+domain+"\n")
}
