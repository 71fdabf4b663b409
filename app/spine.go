package app

import (
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"lamplight/calendar"
	"lamplight/call"
	"lamplight/callcontrol"
	"lamplight/directory"
	"lamplight/epa"
	"lamplight/esc"
	"lamplight/event"
	"lamplight/mwi"
	"lamplight/notifier"
	"lamplight/owner"
	"lamplight/policy"
	"lamplight/proxy"
	"lamplight/registrar"
	"lamplight/sip"
	"lamplight/sip/resolve"
	"lamplight/sip/transaction"
	"lamplight/uas"
)

// spine is the way of the data, as docs/architecture.md draws it:
//
//	wire ► transaction ► uas ► registrar ─┐
//	                         └──────────► esc ► notifier ► sink (uas) ► transaction ► wire
//	                         │     ┌────► │       └ asks policy
//	                         │   call ► history
//	                         └► proxy ► transaction ► wire
//	callcontrol ► transaction: it calls as a phone does
type spine struct {
	book      *directory.Book
	policy    *policy.Policy
	esc       *esc.Compositor
	registrar *registrar.Registrar // nil: the role is off
	proxy     *proxy.Proxy         // nil: the role is off
	epa       *epa.Agent           // nil: no other server is the presence server
	calendars *calendar.Calendars
	mwi       *mwi.Agent // nil: phones that do not subscribe are told of no messages
	contacts  contacts
	passes    passes
	token     [32]byte // the proxy's secret
	known     bool     // it was stored
	calls     *call.Calls
	control   atomic.Pointer[callcontrol.Control] // nil: the role proxy is off, or it has not started
	notifier  *notifier.Notifier
	owners    *owner.Owners
	uas       *uas.Server
	layer     *transaction.Layer
	names     *resolve.Sender
	events    []event.Name
	log       *slog.Logger
}

// connect makes all stages and ties each to its next neighbour. Nothing runs
// yet, and nothing listens.
func connect(o wiring) *spine {
	s := &spine{book: o.book, log: o.transport.Logger}
	packages := Packages(o.registrar, o.proxy, o.hideDND, o.voiceMail, o.xcapRoot, defaults{s.book})
	for _, p := range packages {
		s.events = append(s.events, p.Event())
	}

	s.policy = policy.New(policy.Options{Lists: func(domain, other string) bool { return s.book.Load().Lists(domain, other) }, Sphere: s.sphere})
	s.esc = esc.New(packages, s.means, o.publications)
	s.notifier = notifier.New(packages, s.decide, notifier.Options{
		PerAoR: o.subscriptions.PerAoR, PerUser: o.subscriptions.PerUser, Min: o.subscriptions.Min, Max: o.subscriptions.Max, RateOff: o.rateOff,
		Grace: o.grace, GraceAtStart: uas.ComesBack,
		Inputs:   s.esc,
		Document: s.esc.Document,
		Newest:   s.esc.Newest,
		Sink:     func(id string, saved []byte) notifier.Sink { return s.uas.Sink(id, saved) },
	})
	s.mwi = s.newMWI(o)
	s.esc.Tell(s.told(o.server))
	s.calls = call.New(s.esc, call.Options{History: o.history, Faded: s.faded, Return: func(key string, j owner.Job) { s.owners.Return(key, j) }})
	if o.registrar {
		s.registrar = registrar.New(registrations{s.esc, s.calls, s.mwi, &s.contacts}, s.flows(o))
	}
	s.owners = owner.New(o.journal, s, o.owners)
	s.proxy = s.newProxy(o)
	s.uas = uas.New(uas.Options{
		Owners: s.owners, ESC: s.esc, Registrar: s.registrar, Proxy: s.proxy, Strangers: o.strangers, Notifier: s.notifier, Elsewhere: o.server != "", Packages: served(packages, o.presence), Set: s.setFeature, Profiles: o.profiles, VoiceMail: o.voiceMail,
		Book: s.book, Verifier: o.verifier, NoAuth: o.noAuth, Trusted: o.trusted,
		RateOff: o.limitsOff, Limits: requestLimits(o.limits), Outbound: o.transport.Allow, Logger: o.transport.Logger,
	})
	o.transport.Lost = s.uas.Lost
	s.layer = transaction.New(s.uas, o.transport)
	s.names = resolve.NewSender(resolve.New(o.resolver), s.layer)
	s.uas.Use(s.layer, s.names)
	if s.epa != nil {
		s.epa.Use(s.layer, s.names)
	}
	if s.proxy != nil {
		s.proxy.Use(s.layer, s.names)
		s.calls.Use(prober{s.proxy})
	}
	return s
}

// flows are the registrar's options, with what it needs to know of connections.
func (s *spine) flows(o wiring) registrar.Options {
	r := o.registrations
	r.Grace, r.GraceAtStart, r.PingEvery = o.grace, uas.ComesBack, o.natPing
	r.Alive = func(flow uint64) bool { return s.uas.Alive(flow) }
	r.Ask = func(aor event.AoR, b *registrar.Binding, within time.Duration) { s.uas.Ask(aor, b, within) }
	r.Ping = func(b *registrar.Binding) { s.uas.Ping(b) }
	return r
}

// decide asks policy. A user who was removed sees nothing more, and is not shown.
func (s *spine) decide(aor event.AoR, w event.Subscriber, name event.Name, now time.Time) (event.Grant, time.Time) {
	if book := s.book.Load(); book.Gone(w.AoR) || !book.Has(aor) {
		return event.Grant{}, time.Time{}
	}
	return s.policy.Decide(aor, w, name, now)
}

// means tells whether a document's entity is another way to write an AoR. A
// pres URI means its sip URI (RFC 3859 §3, RFC 3856 §5); one without a scheme is
// one of sip, as some products leave it out.
func (s *spine) means(aor event.AoR, entity string) bool {
	if scheme, rest, ok := strings.Cut(entity, ":"); ok && strings.EqualFold(scheme, "pres") {
		entity = rest
	}
	if e, err := sip.ParseURI([]byte(entity)); err == nil {
		return s.resolves(e, aor)
	}
	e, err := sip.ParseURI([]byte("sip:" + entity))
	return err == nil && s.resolves(e, aor)
}

func (s *spine) resolves(u sip.URI, aor event.AoR) bool {
	found, _, err := s.book.Load().Resolve(u)
	return err == nil && found == aor
}

// Forget drops what memory holds of a key, in every stage that stores.
func (s *spine) Forget(t *owner.Turn, key string) {
	s.esc.Forget(t, key)
	if s.registrar != nil {
		s.registrar.Forget(t, key)
	}
	s.notifier.Forget(t, key)
	if s.mwi != nil {
		s.mwi.Forget(t, key)
	}
	s.calls.Forget(t, key)
}

// errForeignKind says that a record is of none of our stages.
var errForeignKind = errors.New("of an unknown kind")

// Restore gives a record back to the stage that stored it. One that cannot be
// read is left out, and stays stored: a server without it is better than none.
func (s *spine) Restore(t *owner.Turn, key string, kind byte, id string, value []byte) error {
	if err := s.restore(t, key, kind, id, value); err != nil {
		s.log.Error("a stored record cannot be read", "key", key, "kind", string(kind), "id", id, "error", err)
	}
	return nil
}

func (s *spine) restore(t *owner.Turn, key string, kind byte, id string, value []byte) error {
	switch kind {
	case esc.KindBody, esc.KindPublication, esc.KindForced:
		return s.esc.Restore(t, key, kind, id, value)
	case registrar.KindBinding:
		if s.registrar == nil {
			return nil // kept for when the role is on again
		}
		return s.registrar.Restore(t, key, kind, id, value)
	case call.KindCall:
		return s.calls.Restore(t, key, kind, id, value)
	case kindPublished:
		if s.epa == nil {
			return nil // kept for when there is a presence server again
		}
		return s.epa.Restore(event.AoR(key), event.Name(id), value)
	case kindSecret:
		return s.restoreSecret(value)
	case notifier.KindSubscription:
		return s.notifier.Restore(t, key, kind, id, value)
	}
	return errForeignKind
}
