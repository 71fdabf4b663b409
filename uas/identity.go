package uas

import (
	"errors"
	"net/netip"
	"slices"
	"strings"

	"lamplight/directory"
	"lamplight/event"
	"lamplight/sip"
	"lamplight/sip/digest"
	"lamplight/sip/transaction"
)

// sender is who sent a request.
type sender struct {
	aor  event.AoR
	peer string // a trusted peer's name; "": none
}

func (w sender) subscriber() event.Subscriber {
	return event.Subscriber{AoR: w.aor, Authenticated: true}
}

// by is who owns a publication: a peer's are its own, whoever they are about.
func (w sender) by() event.AoR {
	if w.peer != "" {
		return event.AoR("peer:" + w.peer)
	}
	return w.aor
}

// Trust is the list of trusted peers: addresses, and digest users.
type Trust struct {
	Networks []netip.Prefix
	Users    []event.AoR
}

// Network tells whether an address is a trusted peer's.
func (t Trust) Network(a netip.Addr) bool { return t.network(a) }

func (t Trust) network(a netip.Addr) bool {
	return slices.ContainsFunc(t.Networks, func(p netip.Prefix) bool { return p.Contains(a.Unmap()) })
}

// challenge is the error that asks for credentials of a realm.
type challenge struct {
	realm string
	stale bool
	late  bool // the answer waits, for it is one of many that were wrong
}

func (c *challenge) Error() string { return "credentials needed for " + c.realm }

func asChallenge(err error, c **challenge) bool { return errors.As(err, c) }

// sender finds out who sent a request. Users of own domains prove it by digest
// (RFC 3261 §22); those of other domains have no credentials here and are not
// asked for any; from a trusted peer the identity is believed.
func (s *Server) sender(r *transaction.Request) (sender, error) {
	m := &r.Message
	from, err := m.From()
	if err != nil {
		return sender{}, errMalformed
	}
	uri, err := from.ParseURI()
	if err != nil {
		return sender{}, errMalformed
	}
	if s.Trusted.network(r.Flow.Remote().Addr()) {
		return s.asserted(m, uri, r.Flow.Remote().Addr().String())
	}
	aor, domain, err := s.from(m, uri)
	if s.NoAuth {
		if err != nil {
			aor = canonical(uri)
		}
		return sender{aor: aor}, nil
	}
	if domain == nil {
		return sender{}, errStranger
	}
	user, err := s.credentials(r, domain)
	if err != nil {
		var c *challenge
		if asChallenge(err, &c) && c.stale {
			s.rates.returns(r.Flow.Remote().Addr())
		}
		return sender{}, err
	}
	if slices.Contains(s.Trusted.Users, user) {
		s.rates.authenticated(r.Flow.Remote().Addr(), string(user))
		return s.asserted(m, uri, string(user))
	}
	r.Flow.Lasts(s.Limits.LoginIdle)
	if !s.rates.authenticated(r.Flow.Remote().Addr(), string(user)) && s.counts(r) {
		return sender{}, errUserRate
	}
	if aor != user {
		return sender{}, errNotYou
	}
	return sender{aor: user}, nil
}

// from is the AoR that From claims. Some phones write their own IP address in
// the place of the domain: it stands for the domain that they ask, inside a dialog
// as To has it, for there the Request-URI is our address.
func (s *Server) from(m *sip.Message, uri sip.URI) (event.AoR, *directory.Domain, error) {
	aor, domain, err := s.Book.Load().Resolve(uri)
	if domain != nil || !isAddress(uri) {
		return aor, domain, err
	}
	asked, err := sip.ParseURI(m.RequestURI())
	if to, bad := m.To(); bad == nil && len(to.Tag()) > 0 {
		asked, err = to.ParseURI()
	}
	if err != nil {
		return "", nil, err
	}
	uri.Host = asked.Host
	return s.Book.Load().Resolve(uri)
}

func isAddress(u sip.URI) bool {
	_, err := netip.ParseAddr(strings.Trim(string(u.Host), "[]"))
	return err == nil
}

// mayPublish tells whether a sender may publish for an AoR: users for
// themselves, a peer with credentials for all of its domain, and one that is
// trusted by its address for every domain served.
func (w sender) mayPublish(aor event.AoR) bool {
	switch {
	case w.peer == "":
		return w.aor == aor
	case strings.HasPrefix(w.peer, "sip:"):
		return directory.SameDomain(event.AoR(w.peer), aor)
	}
	return true
}

// asserted believes a trusted peer: P-Asserted-Identity, else From.
func (s *Server) asserted(m *sip.Message, from sip.URI, peer string) (sender, error) {
	uri := from
	for pai := range m.Elements(sip.PAssertedIdentity) {
		if n, err := sip.ParseNameAddr(pai); err == nil {
			if u, err := n.ParseURI(); err == nil {
				uri = u
				break
			}
		}
	}
	aor, _, err := s.Book.Load().Resolve(uri)
	if err != nil {
		aor = canonical(uri)
	}
	return sender{aor: aor, peer: peer}, nil
}

// credentials checks the digest of a request against a domain's users. A user
// who does not exist gets the same answer as a wrong password.
func (s *Server) credentials(r *transaction.Request, d *directory.Domain) (event.AoR, error) {
	var p phone
	book := s.Book.Load()
	field := sip.Authorization
	if s.asksProxy(&r.Message) {
		field = sip.ProxyAuthorization
	}
	aor, err := s.Verifier.Verify(&r.Message, field, d.Realm, func(username string) (digest.HA1s, string, bool) {
		p = phoneOf(username, r.Flow.Remote())
		h, aor, ok := book.Credentials(d.Realm, username)
		return h, string(aor), ok
	})
	switch {
	case errors.Is(err, digest.ErrNoCredentials):
		return "", &challenge{realm: d.Realm}
	case !s.RateOff && s.guesses.paused(p):
		return "", errGuessing
	case errors.Is(err, digest.ErrStale):
		return "", &challenge{realm: d.Realm, stale: true}
	case err != nil:
		return "", &challenge{realm: d.Realm, late: !s.RateOff && s.guesses.wrong(p)}
	}
	s.guesses.right(p)
	return event.AoR(aor), nil
}

// asksProxy tells whether a request is for others, and its credentials for the
// proxy (RFC 3261 §22.3).
func (s *Server) asksProxy(m *sip.Message) bool {
	switch m.Method() {
	case sip.INVITE, sip.MESSAGE, sip.REFER:
		return true
	}
	return s.isElsewhere(m)
}

// canonical is the AoR of a URI of a domain that is not ours.
func canonical(u sip.URI) event.AoR {
	return event.AoR("sip:" + u.UserUnescaped() + "@" + u.HostLower())
}

// resource finds the AoR that a request is about: the Request-URI, or To where
// that names no user, as some phones send it. The entity is the URI as it was
// written, without parameters.
func (s *Server) resource(m *sip.Message) (aor event.AoR, about string, err error) {
	uri, err := sip.ParseURI(m.RequestURI())
	if err != nil {
		return "", "", errMalformed
	}
	if len(uri.User) == 0 && !strings.EqualFold(string(uri.Scheme), "tel") {
		if to, err := m.To(); err == nil {
			if u, err := to.ParseURI(); err == nil {
				uri = u
			}
		}
	}
	aor, _, err = s.Book.Load().Resolve(uri)
	if err != nil {
		return "", "", errNoUser
	}
	return aor, entity(uri), nil
}

// entity is a URI without parameters.
func entity(uri sip.URI) string {
	if strings.EqualFold(string(uri.Scheme), "tel") {
		return "tel:" + string(uri.User)
	}
	return strings.ToLower(string(uri.Scheme)) + ":" + string(uri.User) + "@" + uri.HostLower()
}

// serves tells whether a URI is of an own domain.
func (s *Server) serves(uri sip.URI) bool {
	_, domain, _ := s.Book.Load().Resolve(uri)
	return domain != nil
}
