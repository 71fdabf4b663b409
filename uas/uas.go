// Package uas is the server's side of SIP (RFC 3261 §8.2): it takes requests
// from the transaction layer, finds out who sent them, gives PUBLISH (RFC 3903),
// SUBSCRIBE (RFC 6665) and REGISTER (RFC 3261 §10.3) to the owners of the AoRs
// they concern, and answers when the turn is durable. It holds no state but the
// dialogs inside its sinks, and forwards nothing: that is the proxy's.
package uas

import (
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"lamplight/body/limits"
	"lamplight/directory"
	"lamplight/esc"
	"lamplight/event"
	"lamplight/notifier"
	"lamplight/owner"
	"lamplight/proxy"
	"lamplight/registrar"
	"lamplight/sip"
	"lamplight/sip/digest"
	"lamplight/sip/resolve"
	"lamplight/sip/transaction"
)

// Options of New. All stages but the registrar are needed.
type Options struct {
	Owners    *owner.Owners
	ESC       *esc.Compositor
	Notifier  *notifier.Notifier
	Registrar *registrar.Registrar // nil: the role is off
	Proxy     *proxy.Proxy         // likewise
	Elsewhere bool                 // another is the presence server, by the proxy
	Strangers bool                 // users of other domains may call and write to the own ones
	Packages  []event.Package
	// Set does what a user's device wants of an event.Setter, in a turn of the
	// user's owner. Nil: no package is one.
	Set       func(t *owner.Turn, aor event.AoR, name event.Name, want event.Document) error
	Profiles  []Profile // those that go before the table's
	VoiceMail string    // the number by which users ask for their own messages; "": none

	Book     *directory.Book
	Verifier *digest.Verifier
	NoAuth   bool  // From is believed
	Trusted  Trust // peers
	RateOff  bool  // requests are not counted: for measuring
	Limits   Limits
	Outbound func(netip.AddrPort) bool // where requests may go; nil: anywhere
	Logger   *slog.Logger
}

// Server answers requests.
type Server struct {
	Options
	layer    *transaction.Layer
	names    *resolve.Sender
	packages map[event.Name]event.Package
	lines    lines
	rates    rates
	leaving  atomic.Bool
	guesses  guesses
	flows    flows
	draining atomic.Bool
	log      *slog.Logger
	brake    brake
}

// lines are header lines that many responses carry.
type lines struct{ allow, allowEvents, accept string }

// New makes a server; Use must follow before the first request.
func New(o Options) *Server {
	s := &Server{Options: o, packages: map[event.Name]event.Package{}, log: o.Logger}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.Limits = o.Limits.orDefault()
	s.rates.limits, s.guesses.limits = &s.Limits, &s.Limits
	var names, types []string
	for _, p := range o.Packages {
		s.packages[p.Event()] = p
		names = append(names, string(p.Event()))
		if pub, ok := p.(event.Publisher); ok {
			types = append(types, pub.AcceptTypes()...)
		}
	}
	methods := "OPTIONS, SUBSCRIBE, PUBLISH"
	if o.Proxy != nil {
		methods = "INVITE, ACK, BYE, CANCEL, PRACK, UPDATE, INFO, MESSAGE, REFER, NOTIFY, " + methods
	}
	if o.Registrar != nil {
		methods += ", REGISTER"
	}
	s.lines = lines{
		allow:       "Allow: " + methods + "\r\n",
		allowEvents: lineOf("Allow-Events", names),
		accept:      lineOf("Accept", types),
	}
	return s
}

// lineOf is a header line with a list; "" where that is empty.
func lineOf(field string, list []string) string {
	if len(list) == 0 {
		return ""
	}
	return field + ": " + strings.Join(list, ", ") + "\r\n"
}

// Use names the transaction layer that the notifications go out on, and what
// sends them where names lead.
func (s *Server) Use(l *transaction.Layer, names *resolve.Sender) { s.layer, s.names = l, names }

// Leave refuses OPTIONS from now on: by it a balancer sees that the server is
// about to drain. Everything else is served.
func (s *Server) Leave() { s.leaving.Store(true) }

// Drain refuses whatever comes from now on: the server is about to stop.
func (s *Server) Drain() { s.draining.Store(true) }

// retryAfter spreads those that were refused together over some seconds.
func (s *Server) retryAfter() int { return 5 + rand.IntN(10) }

// Request takes one request in. What it refuses before it knows the sender
// keeps no transaction (RFC 3261 §26.3.2.4): a retransmission is refused anew.
func (s *Server) Request(r *transaction.Request) {
	m := &r.Message
	if s.Trusted.network(r.Flow.Remote().Addr()) {
		r.Flow.Keep()
	}
	if m.Method() == sip.ACK {
		if m.Validate() != nil || !s.proxied(r) {
			r.Drop()
		}
		return
	}
	if m.Method() == sip.CANCEL && s.cancels(r) {
		return
	}
	err := s.readable(m)
	if err == nil && s.counts(r) && !s.isInside(m) && !s.rates.admits(r.Flow.Remote().Addr(), m.Has(sip.Authorization) || m.Has(sip.ProxyAuthorization)) {
		err = errSourceRate
	}
	if err == nil && s.proxied(r) {
		return
	}
	if err == nil {
		err = s.acceptable(m)
	}
	if err != nil {
		s.turnAway(r, err)
		return
	}
	switch m.Method() {
	case sip.OPTIONS:
		s.options(r)
	case sip.PUBLISH:
		s.publish(r)
	case sip.SUBSCRIBE:
		s.subscribe(r)
	case sip.REGISTER:
		s.register(r)
	}
}

// turnAway refuses the request of somebody who is not known: once each time that
// it comes, and as small as it must be.
func (s *Server) turnAway(r *transaction.Request, err error) {
	s.reached(err)
	resp := s.response(refusal{err: err, req: &r.Message})
	s.sayRefused(r, resp.Status, err)
	s.fit(r, &resp)
	r.RespondStateless(&resp)
}

// cancels answers a CANCEL for what there is (RFC 3261 §9.2): it ends what was
// passed on; for anything else it is too late.
func (s *Server) cancels(r *transaction.Request) bool {
	if s.Proxy != nil && r.Message.Validate() == nil && s.Proxy.Cancel(r) {
		return true
	}
	if !r.CancelsAnother() {
		return false
	}
	r.RespondStateless(&sip.Response{Status: 200})
	return true
}

// counts tells whether requests of a source are counted. Where everybody is
// believed nobody can authenticate, and be let off.
func (s *Server) counts(r *transaction.Request) bool {
	return !s.RateOff && !s.NoAuth && !r.Flow.Inner() && !s.Trusted.network(r.Flow.Remote().Addr())
}

// isInside tells whether a request belongs to a call that passes through here: it
// shows what none but its ends know, and is one of few.
func (s *Server) isInside(m *sip.Message) bool {
	to, err := m.To()
	return s.Proxy != nil && err == nil && len(to.Tag()) > 0 && s.Proxy.Knows(m)
}

// readable makes the checks that are the same for what is for this server and
// what is passed on.
func (s *Server) readable(m *sip.Message) error {
	if s.draining.Load() || s.leaving.Load() && m.Method() == sip.OPTIONS {
		return errUnavailable
	}
	if err := m.Validate(); err != nil {
		return err
	}
	_, err := sip.ParseURI(m.RequestURI()) // its scheme may not be one of ours
	return err
}

// acceptable makes the checks of RFC 3261 §8.2 that need no state.
func (s *Server) acceptable(m *sip.Message) error {
	switch m.Method() {
	case sip.OPTIONS, sip.PUBLISH, sip.SUBSCRIBE:
	case sip.NOTIFY, sip.BYE, sip.CANCEL, sip.INFO, sip.UPDATE, sip.PRACK:
		return errNoDialog // we began none that they could belong to
	case sip.REGISTER:
		if s.Registrar == nil {
			return errMethod
		}
	case sip.INVITE, sip.MESSAGE, sip.REFER:
		return errMethod
	default:
		return errUnknownMethod
	}
	for tag := range m.Elements(sip.Require) {
		if !supports(string(tag)) {
			return errExtension
		}
	}
	if coding := m.Value(sip.ContentEncoding); len(coding) > 0 && !strings.EqualFold(string(coding), "identity") {
		return errContentCoding
	}
	return nil
}

// supports tells whether an option tag may be required of the server.
func supports(tag string) bool {
	switch strings.ToLower(tag) {
	case "path", "outbound":
		return true
	}
	return false
}

// options tells what the server can do (RFC 3261 §11.2).
func (s *Server) options(r *transaction.Request) {
	resp := sip.Response{Status: 200}
	s.fit(r, &resp, s.lines.allow, s.lines.accept, s.lines.allowEvents, "Supported: path, outbound\r\n")
	r.RespondStateless(&resp)
}

// refuse answers with the response to an error, in the request's transaction.
func (s *Server) refuse(r *transaction.Request, name event.Name, err error) {
	s.reached(err)
	s.countRefused(r, err)
	var c *challenge
	switch {
	case errors.Is(err, errGuessing):
		s.sayRefused(r, 0, err)
		r.Drop()
		return
	case asChallenge(err, &c) && c.late:
		s.guesses.wait(func() { s.challenge(r, c) })
		return
	case asChallenge(err, &c):
		s.challenge(r, c)
		return
	}
	resp := s.response(refusal{err: err, req: &r.Message, event: name})
	s.sayRefused(r, resp.Status, err)
	r.Respond(&resp)
}

// countRefused counts what is worth an operator's eye by itself: wrong
// credentials, and documents that cannot be read.
func (s *Server) countRefused(r *transaction.Request, err error) {
	var c *challenge
	var malformed *event.MalformedError
	switch {
	case errors.Is(err, errGuessing), asChallenge(err, &c) && !c.stale && (r.Message.Has(sip.Authorization) || r.Message.Has(sip.ProxyAuthorization)):
		s.layer.AuthFailures.Add(1)
	case errors.As(err, &malformed):
		s.layer.BadBodies.Add(1)
		if limits.Exceeded(r.Message.Body(), s.Limits.XML) {
			s.layer.Reached("xml")
		}
	}
}

func (s *Server) challenge(r *transaction.Request, c *challenge) {
	status, field := 401, sip.WWWAuthenticate
	if s.asksProxy(&r.Message) {
		status, field = 407, sip.ProxyAuthenticate
	}
	s.sayRefused(r, status, c)
	offer := s.Verifier.Challenge
	switch {
	case s.profile(&r.Message).MD5:
		offer = s.Verifier.ChallengeMD5
	case r.Flow.IsWebSocket(): // SIP.js and JsSIP read the last, and what a page calls itself tells nobody
		offer = s.Verifier.ChallengeMD5Last
	}
	resp := sip.Response{Status: status, Header: offer(field, c.realm, c.stale)}
	s.fitChallenge(r, &resp)
	r.RespondStateless(&resp)
}

// post gives a job to the owner of an AoR, or refuses the request.
func (s *Server) post(r *transaction.Request, aor event.AoR, j owner.Job) {
	err := errAoRRate
	if !s.counts(r) || s.rates.about(aor) {
		err = s.Owners.Post(string(aor), j)
	}
	if err != nil {
		s.refuse(r, "", err)
	}
}

// answer says a response once the turn is durable; where it is not, 503. What ok
// returns beside the response is how long lasts what was made.
func (s *Server) answer(t *owner.Turn, r *transaction.Request, name event.Name, err error, ok func() (sip.Response, time.Duration)) {
	t.Say(func(failed error) {
		switch {
		case failed != nil:
			s.refuse(r, name, errUnavailable)
		case err != nil:
			s.refuse(r, name, err)
		default:
			resp, lasts := ok()
			r.Flow.Lasts(lasts)
			r.Respond(&resp)
		}
	})
}
