package ua

import (
	"slices"
	"sync"

	"lamplight/sip"
	"lamplight/sip/digest"
)

// maxRealms bounds the challenges that are kept.
const maxRealms = 8

// credentials answer the server's challenges, and keep them: the next request
// carries the answer before it is asked for (RFC 3261 §22.2). They answer only
// responses to our own requests, so that nobody can have a password's hash for a
// challenge of his own making.
type credentials struct {
	realm, username, password string

	mu   sync.Mutex
	kept []*digest.Challenge
}

func (c *credentials) init(realm, username, password string) {
	c.realm, c.username, c.password = realm, username, password
}

// answers are the header fields for a request, for every challenge kept.
func (c *credentials) answers(method sip.Method, uri string) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	var b []byte
	for _, k := range c.kept {
		b = append(b, k.Answer(method, uri, c.username, c.password)...)
	}
	return b
}

// challenged keeps what a 401 or 407 asks for, and tells whether it is worth to
// try again, and whether it only was a matter of time.
func (c *credentials) challenged(m *sip.Message) (again, stale bool) {
	if c.password == "" {
		return false, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range digest.Challenges(m) {
		if c.realm == "" || k.Realm == c.realm {
			c.keep(k)
			again, stale = true, stale || k.Stale
		}
	}
	return again, stale
}

func (c *credentials) keep(k *digest.Challenge) {
	c.kept = slices.DeleteFunc(c.kept, func(o *digest.Challenge) bool { return o.Realm == k.Realm && o.Proxy == k.Proxy })
	if len(c.kept) == maxRealms {
		c.kept = slices.Delete(c.kept, 0, 1)
	}
	c.kept = append(c.kept, k)
}
