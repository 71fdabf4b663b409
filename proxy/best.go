package proxy

import (
	"bytes"

	"lamplight/sip"
)

// best is what the branches were answered so far, as long as none was answered
// with success.
type best struct {
	list   []*sip.Message
	status int // of a failure without a response: 408 goes before 503; 0: none
}

// add keeps a final response; of those that say the same the first.
func (b *best) add(m *sip.Message) {
	c := new(sip.Message)
	_ = c.Parse(bytes.Clone(m.Bytes())) // it was read once
	b.list = append(b.list, c)
}

func (b *best) fail(status int) {
	if b.status == 0 || status < b.status {
		b.status = status
	}
}

// choose is the best response, nil where the failures are (RFC 3261 §16.7 item 6).
func (b *best) choose() (m *sip.Message) {
	for _, one := range b.list {
		if m == nil || rank(one.Status()) < rank(m.Status()) {
			m = one
		}
	}
	if m == nil || b.status == 0 || rank(m.Status()) <= rank(b.status) {
		return m
	}
	return nil
}

// rank orders final responses: a 6xx first, then the lowest class, in it those
// that tell the caller what to do otherwise, then that somebody is busy.
func rank(status int) int {
	switch status {
	case 401, 407:
		return 400
	case 415, 420, 484:
		return 401
	case 486:
		return 402
	case 408, 430, 487: // they say least
		return 499
	case 503:
		return 599
	}
	switch {
	case status >= 600:
		return 0
	case status/100 == 4:
		return 450
	}
	return status
}

// challenges are the challenges of other branches, which the caller has to answer
// as well (RFC 3261 §16.7 item 7).
func (b *best) challenges(chosen *sip.Message) (lines []byte) {
	if chosen.Status() != 401 && chosen.Status() != 407 {
		return nil
	}
	for _, m := range b.list {
		if m == chosen || m.Status() != 401 && m.Status() != 407 {
			continue
		}
		for _, h := range [...]sip.Header{sip.WWWAuthenticate, sip.ProxyAuthenticate} {
			for v := range m.Fields(h) {
				lines = append(append(append(append(lines, h.String()...), ": "...), v...), "\r\n"...)
			}
		}
	}
	return lines
}
