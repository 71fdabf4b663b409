package digest

import (
	"bytes"
	"slices"
	"strings"

	"lamplight/sip"
)

// Challenge is a challenge as a client keeps it: its nonce answers request after
// request until the server finds it stale (RFC 7616 §3.6).
type Challenge struct {
	Realm string
	Proxy bool // of a 407, not a 401
	Stale bool // the last answer was right, but its nonce too old

	algorithm  *algorithm
	parameters parameters
	count      int // uses of the nonce
}

// Challenges are those of a 401 or 407 that can be answered, one for each realm:
// that of the best algorithm, wherever it stands (RFC 8760 §2.4 leaves that to
// the client).
func Challenges(m *sip.Message) []*Challenge {
	h := sip.WWWAuthenticate
	if m.Status() == 407 {
		h = sip.ProxyAuthenticate
	}
	var list []*Challenge
	for value := range m.Fields(h) {
		c := parseChallenge(value)
		if c == nil {
			continue
		}
		c.Proxy = m.Status() == 407
		switch i := slices.IndexFunc(list, func(o *Challenge) bool { return o.Realm == c.Realm }); {
		case i < 0:
			list = append(list, c)
		case c.algorithm.betterThan(list[i].algorithm):
			list[i] = c
		}
	}
	return list
}

// parseChallenge reads a challenge; nil for one that cannot be answered.
func parseChallenge(value []byte) *Challenge {
	c := new(Challenge)
	p := &c.parameters // it outlives the response
	if !p.parse(bytes.Clone(value)) || len(p.nonce) == 0 {
		return nil
	}
	c.Realm, c.algorithm, c.Stale = string(p.realm), algorithmOf(p.algorithm), strings.EqualFold(string(p.stale), "true")
	if c.algorithm == nil || len(p.qop) > 0 && !offersAuth(string(p.qop)) {
		return nil
	}
	return c
}

func offersAuth(qop string) bool {
	for q := range strings.SplitSeq(qop, ",") {
		if strings.EqualFold(strings.TrimSpace(q), "auth") {
			return true
		}
	}
	return false
}

// betterThan tells by the order in which algorithms are offered.
func (a *algorithm) betterThan(b *algorithm) bool {
	for i := range algorithms {
		switch &algorithms[i] {
		case b:
			return false
		case a:
			return true
		}
	}
	return false
}

// Answer is the header field, a whole line, that answers the challenge in a
// request. Each use of the nonce is counted (RFC 7616 §3.4); it is not safe for
// concurrent use.
func (c *Challenge) Answer(method sip.Method, uri, username, password string) string {
	c.count++
	h := sip.Authorization
	if c.Proxy {
		h = sip.ProxyAuthorization
	}
	return h.String() + ": " + c.answer(method, uri, username, password, c.count) + "\r\n"
}
