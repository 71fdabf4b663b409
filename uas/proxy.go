package uas

import (
	"errors"
	"strings"

	"lamplight/directory"
	"lamplight/proxy"
	"lamplight/sip"
	"lamplight/sip/transaction"
)

// proxied gives a request to the proxy, where it is one to be passed on, and tells
// whether it was. It was validated.
func (s *Server) proxied(r *transaction.Request) bool {
	if s.Proxy == nil {
		return false
	}
	m := &r.Message
	switch m.Method() {
	case sip.REGISTER, sip.CANCEL:
		return false
	case sip.PUBLISH: // never inside a dialog
		return s.begins(r)
	}
	taken, err := s.Proxy.Inside(r)
	switch {
	case err != nil && m.Method() == sip.ACK:
		r.Drop()
		return true
	case err != nil:
		s.refuse(r, "", err)
		return true
	case taken:
		return true
	}
	return s.begins(r)
}

// begins takes the requests that a proxy passes on outside of dialogs.
func (s *Server) begins(r *transaction.Request) bool {
	m := &r.Message
	to, _ := m.To()
	switch m.Method() {
	case sip.INVITE, sip.MESSAGE, sip.REFER:
	default:
		if !s.isElsewhere(m) || len(to.Tag()) > 0 {
			return false
		}
	}
	if len(to.Tag()) > 0 {
		s.turnAway(r, errNoDialog)
		return true
	}
	caller, err := s.caller(r)
	if err == nil {
		err = s.begin(r, caller)
	}
	var c *challenge
	switch {
	case err == nil:
	case asChallenge(err, &c), errors.Is(err, errGuessing), errors.Is(err, errCalledRate): // no calls of anybody's
		s.refuse(r, "", err)
	case caller.AoR == "":
		s.turnAway(r, err)
	default:
		resp := s.response(refusal{err: err, req: m})
		s.Proxy.Refused(m, caller, resp.Status, resp.Reason)
		s.refuse(r, "", err)
	}
	return true
}

// begin lets a request of a known caller pass.
func (s *Server) begin(r *transaction.Request, c proxy.Caller) error {
	switch m := &r.Message; m.Method() {
	case sip.INVITE:
		if !s.mayRing(r) {
			return errCalledRate
		}
	case sip.REFER:
		if !r.Flow.Inner() {
			return proxy.ErrOutsideDialogs
		}
	case sip.SUBSCRIBE, sip.PUBLISH:
		if err := s.mayPass(m, c); err != nil {
			return err
		}
	}
	return s.Proxy.Begin(r, c)
}

// mayRing counts a call to an own user.
func (s *Server) mayRing(r *transaction.Request) bool {
	u, err := sip.ParseURI(r.Message.RequestURI())
	if err != nil || !s.counts(r) {
		return true
	}
	aor, _, err := s.Book.Load().Resolve(u)
	return err != nil || s.rates.calls(aor)
}

// isElsewhere tells whether a request is for the presence server, which is another:
// a SUBSCRIBE or PUBLISH of what is not told here.
func (s *Server) isElsewhere(m *sip.Message) bool {
	return s.Elsewhere && (m.Method() == sip.SUBSCRIBE || m.Method() == sip.PUBLISH) && s.packages[eventName(m)] == nil
}

// mayPass tells whether a request may go on to the presence server, which believes
// what comes from here: strangers end here, and nobody publishes for others.
func (s *Server) mayPass(m *sip.Message, c proxy.Caller) error {
	if c.Peer {
		return nil
	}
	if c.AoR == "" {
		return errStranger
	}
	if m.Method() == sip.SUBSCRIBE {
		return nil
	}
	u, err := sip.ParseURI(m.RequestURI())
	if err != nil {
		return errMalformed
	}
	if aor, _, err := s.Book.Load().Resolve(u); err == nil && aor != c.AoR {
		return errNotYours
	}
	return nil
}

// caller finds out who calls, or sends a message. Users of own domains prove it;
// From must be the user, or nobody (RFC 3323 §4.1.1.3). Who is a stranger may reach
// the own users where the settings say so.
func (s *Server) caller(r *transaction.Request) (proxy.Caller, error) {
	m := &r.Message
	if r.Flow.Inner() {
		return s.inner(m), nil
	}
	from, err := m.From()
	if err != nil {
		return proxy.Caller{}, errMalformed
	}
	uri, err := from.ParseURI()
	if err != nil {
		return proxy.Caller{}, errMalformed
	}
	anonymous := strings.EqualFold(string(uri.Host), "anonymous.invalid")
	if anonymous && !s.Trusted.network(r.Flow.Remote().Addr()) {
		return s.anonymous(r)
	}
	who, err := s.sender(r)
	switch {
	case errors.Is(err, errStranger) && s.Strangers:
		return proxy.Caller{Private: anonymous}, nil
	case err != nil:
		return proxy.Caller{}, err
	}
	return s.callerOf(who, m), nil
}

// callerOf is who a sender is to the proxy. Whoever is believed is a user only
// where there is such a user.
func (s *Server) callerOf(who sender, m *sip.Message) proxy.Caller {
	c := proxy.Caller{Peer: who.peer != "", Realm: s.realm(m)}
	if book := s.Book.Load(); book.Has(who.aor) {
		c.AoR, c.Display = who.aor, book.Name(who.aor)
	}
	return c
}

// inner is for whom the server itself calls: the user whom it asserts; else it is
// nobody's call, whoever is shown as the caller.
func (s *Server) inner(m *sip.Message) proxy.Caller {
	if !m.Has(sip.PAssertedIdentity) {
		return proxy.Caller{Internal: true}
	}
	who, err := s.asserted(m, sip.URI{}, "")
	if err != nil {
		return proxy.Caller{Internal: true}
	}
	return proxy.Caller{AoR: who.aor, Display: s.Book.Load().Name(who.aor)}
}

// anonymous finds out who calls without saying so in From: by credentials of the
// domain that is called.
func (s *Server) anonymous(r *transaction.Request) (proxy.Caller, error) {
	domain := s.home(&r.Message)
	if domain == nil {
		return proxy.Caller{}, errStranger
	}
	user, err := s.credentials(r, domain)
	if err != nil {
		return proxy.Caller{}, err
	}
	if !s.rates.authenticated(r.Flow.Remote().Addr(), string(user)) && s.counts(r) {
		return proxy.Caller{}, errUserRate
	}
	c := s.callerOf(sender{aor: user}, &r.Message)
	c.Private = true
	return c, nil
}

// home is the domain of ours that a request is sent to.
func (s *Server) home(m *sip.Message) *directory.Domain {
	u, err := sip.ParseURI(m.RequestURI())
	if err != nil {
		return nil
	}
	_, domain, _ := s.Book.Load().Resolve(u)
	return domain
}

// realm is that of the credentials that were taken; "": none were.
func (s *Server) realm(m *sip.Message) string {
	from, err := m.From()
	if err != nil {
		return ""
	}
	u, err := from.ParseURI()
	if err != nil {
		return ""
	}
	_, domain, _ := s.Book.Load().Resolve(u)
	if domain == nil {
		domain = s.home(m)
	}
	if domain == nil {
		return ""
	}
	return domain.Realm
}
