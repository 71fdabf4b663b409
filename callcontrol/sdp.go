package callcontrol

import (
	"bytes"
	"math/rand/v2"
	"strconv"
	"sync"
)

// origin is the origin line of all session descriptions that one leg is shown:
// they are of one session, whoever's they are, and each is newer than the last (RFC
// 3725 §4.4, RFC 3264 §8).
type origin struct {
	mu      sync.Mutex
	id      uint32
	version uint32
	last    []byte // that it was shown
}

// line is the next origin line, of an address: "IN IP4 192.0.2.1".
func (o *origin) line(address string) string {
	if o.id == 0 {
		o.id = 1 + rand.Uint32()>>1
	}
	o.version++
	return "o=- " + strconv.Itoa(int(o.id)) + " " + strconv.Itoa(int(o.version)) + " " + address + "\r\n"
}

// silent is an offer of one stream that nothing flows on. Without media there is
// no stream in it, as RFC 3725 §4.4 has it; some phones refuse that, and a browser
// the other.
func (o *origin) silent(media bool) []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	sdp := "v=0\r\n" + o.line("IN IP4 0.0.0.0") + "s=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n"
	if media {
		sdp += "m=audio 9 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=inactive\r\n"
	}
	return []byte(sdp)
}

// of makes somebody's session description one of this leg's session.
func (o *origin) of(sdp []byte) []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	var out []byte
	for line := range bytes.Lines(sdp) {
		if fields := bytes.Fields(line); bytes.HasPrefix(line, []byte("o=")) && len(fields) == 6 {
			line = []byte(o.line(string(bytes.Join(fields[3:], []byte(" ")))))
		}
		out = append(out, line...)
	}
	o.last = out
	return out
}

// again is what it was shown last.
func (o *origin) again() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.last
}
