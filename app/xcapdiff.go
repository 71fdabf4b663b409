package app

import (
	"net"
	"net/netip"
	"net/url"

	bodies "lamplight/body/xcapdiff"
	"lamplight/config"
	"lamplight/event"
	"lamplight/event/xcapdiff"
	"lamplight/owner"
	"lamplight/xcap"
)

// xcapRootOf is the URI of users' documents as clients are told it (RFC 5874 §3):
// of a listener on all addresses by the first domain's name.
func xcapRootOf(s *config.Serve) string {
	a, err := netip.ParseAddrPort(s.Web)
	if err != nil {
		return xcapRoot + "/"
	}
	u := url.URL{Scheme: "http", Host: s.Web, Path: xcapRoot + "/"}
	if s.TLSCert != "" {
		u.Scheme = "https"
	}
	if _, port, err := net.SplitHostPort(s.Web); err == nil && a.Addr().IsUnspecified() && len(s.Domain) > 0 {
		u.Host = net.JoinHostPort(s.Domain[0], port)
	}
	return u.String()
}

// loadTags has the entity-tags of all stored documents known, before any turn.
func (s *Server) loadTags() error {
	if s.o.Documents == nil {
		return nil
	}
	tags, err := s.o.Documents.DocumentTags("")
	users := map[event.AoR][]xcap.Document{}
	for k, etag := range tags {
		users[k.AoR] = append(users[k.AoR], xcap.Document{Key: xcap.Key(k), ETag: etag})
	}
	for aor, list := range users {
		s.owners.Return(string(aor), owner.Func(func(t *owner.Turn) {
			for _, d := range list {
				s.esc.Put(t, aor, tagged(d))
			}
		}))
	}
	return err
}

// tagChanged tells a user's clients of a change (RFC 5875 §4.7).
func (s *Server) tagChanged(c xcap.Change) {
	s.owners.Return(string(c.AoR), owner.Func(func(t *owner.Turn) {
		if in := tagged(c.Document); c.ETag != "" {
			s.esc.Put(t, c.AoR, in)
		} else {
			s.esc.Withdraw(t, c.AoR, in.Key)
		}
	}))
}

// tagged is the input that says which version of a document is stored.
func tagged(d xcap.Document) event.Input {
	return event.Input{Key: event.Key{Event: xcapdiff.Name, Source: event.Stored, ID: d.AUID + "/" + d.Name}, Made: d.Changed,
		Doc: &bodies.Document{Sel: d.AUID + "/users/" + url.PathEscape(string(d.AoR)) + "/" + url.PathEscape(d.Name), NewETag: d.ETag}}
}
