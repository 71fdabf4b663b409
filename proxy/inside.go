package proxy

import (
	"errors"
	"time"

	"lamplight/sip"
	"lamplight/sip/transaction"
)

// Inside passes a request on that belongs to a dialog begun through this server:
// whoever shows its token is one of its ends, as nobody else has seen it, and is
// not asked for credentials. taken is false where it shows none. With an error the
// request is its sender's to answer.
func (p *Proxy) Inside(r *transaction.Request) (taken bool, err error) {
	m := &r.Message
	if p.key.Load() == nil {
		return false, nil
	}
	in, ok := p.inside(m)
	if !ok {
		return false, nil
	}
	if in.uri == "" {
		in.uri = string(m.RequestURI())
	}
	cx := &context{proxy: p, request: r, invite: m.Method() == sip.INVITE, inside: &in}
	if err := cx.check(m); err != nil {
		return true, err
	}
	cx.tellOf(m)
	cx.hold = holds(m)
	if in.toCaller {
		to, _ := m.To()
		cx.begin.FromTag, cx.begin.ToTag = string(to.Tag()), cx.begin.FromTag
	} else {
		to, _ := m.To()
		cx.begin.ToTag = string(to.Tag())
	}
	if m.Method() == sip.ACK {
		p.acknowledge(cx)
		return true, nil
	}
	p.keep(cx)
	cx.follow(func(t Target, err error) {
		if err != nil {
			cx.refuse(430, "Flow Failed") // RFC 5626 §5.3
			return
		}
		cx.start([]Target{t})
	})
	return true, nil
}

// Knows tells whether a request belongs to a dialog begun through this server.
func (p *Proxy) Knows(m *sip.Message) bool {
	if p.key.Load() == nil {
		return false
	}
	_, ok := p.inside(m)
	return ok
}

// acknowledge passes the ACK of a 2xx on (RFC 3261 §16.11).
func (p *Proxy) acknowledge(cx *context) {
	r := cx.request
	cx.follow(func(t Target, err error) {
		if err == nil {
			err = p.layer.ForwardACK(*t.flow, r, &sip.Edit{URI: t.URI, Routes: t.Path, MaxForwards: cx.hops})
		}
		if err != nil {
			p.log.Debug("an ACK was not passed on", "call_id", cx.begin.CallID, "error", err)
		}
		r.Drop()
	})
}

// follow finds the way of a request inside its dialog. It goes to the end that the
// token names and to no other place, wherever Route and Request-URI point; where
// that end's connection is gone, to the one by which it has registered since.
func (cx *context) follow(found func(Target, error)) {
	p, in := cx.proxy, cx.inside
	t := Target{URI: in.uri, Q: 1000, Path: in.routes}
	if uri, routes, strict := strictly(t.URI, t.Path); strict {
		t.URI, t.Path = uri, routes
	}
	to := in.to()
	f, err := p.flow(to)
	if err == nil || !errors.Is(err, transaction.ErrFlowLost) {
		t.flow = &f
		found(t, err)
		return
	}
	next := in.uri
	if len(in.routes) > 0 {
		next = uriOf(in.routes[0])
	}
	cx.back(in.uri, func(f transaction.Flow, ok bool) {
		if !ok {
			f, err = p.near(next, to.remote, to.local)
		} else {
			err = nil
		}
		t.flow = &f
		found(t, err)
	})
}

// back finds the flow of a phone that has come back, by its contact.
func (cx *context) back(contact string, found func(f transaction.Flow, ok bool)) {
	p := cx.proxy
	u, err := sip.ParseURI([]byte(contact))
	if err != nil {
		found(transaction.Flow{}, false)
		return
	}
	aor := p.o.Users.Registered(u)
	if aor == "" {
		found(transaction.Flow{}, false)
		return
	}
	err = p.o.Users.Locate(aor, aor, func(a Reach) {
		for i := range a.Targets {
			if same(u, a.Targets[i].URI) {
				f, err := p.way(&a.Targets[i])
				found(f, err == nil)
				return
			}
		}
		found(transaction.Flow{}, false)
	})
	if err != nil {
		found(transaction.Flow{}, false)
	}
}

// strictly is how a request is written to a strict router: its URI takes the place
// of the Request-URI, which goes behind all other routes (RFC 3261 §16.6 item 6).
func strictly(uri string, routes []string) (string, []string, bool) {
	if len(routes) == 0 {
		return uri, routes, false
	}
	u, err := sip.ParseURI([]byte(uriOf(routes[0])))
	if _, lr := u.Params.Get("lr"); err != nil || lr {
		return uri, routes, false
	}
	return u.String(), append(append([]string(nil), routes[1:]...), "<"+uri+">"), true
}

// passed tells of a request inside a dialog.
func (cx *context) passed() {
	m := &cx.request.Message
	s := cx.begin
	s.Caller, s.Callee = Party{}, Party{}
	s.ByCaller = !cx.inside.toCaller
	cx.target(&s, m, s.ByCaller)
	s.What, s.Reason = Alive, reasonOf(m)
	if m.Method() == sip.BYE {
		cx.ends(s)
		return
	}
	cx.proxy.o.Saw(s)
}

// patience is how long the answer to a BYE may take. Who says BYE ends the call,
// whatever comes back (RFC 3261 §15.1.1), unless he is to say it again with
// credentials: then the call goes on until he does.
const patience = time.Second

// bye is a BYE that waits for its answer.
type bye struct {
	seen  Seen
	timer *time.Timer
}

// ends tells of a BYE once it is answered, or will not be soon. The mutex is held,
// here and below.
func (cx *context) ends(s Seen) {
	if cx.bye != nil {
		return
	}
	s.What = Bye
	cx.bye = &bye{seen: s, timer: time.AfterFunc(patience, func() {
		cx.mu.Lock()
		defer cx.mu.Unlock()
		cx.hangUp()
	})}
}

// hangUp tells of the BYE, once.
func (cx *context) hangUp() {
	if b := cx.bye; b != nil && b.timer != nil {
		b.timer.Stop()
		b.timer = nil
		cx.proxy.o.Saw(b.seen)
	}
}

// forget is for a BYE that ends nothing.
func (b *bye) forget() {
	if b != nil && b.timer != nil {
		b.timer.Stop()
		b.timer = nil
	}
}

// target notes a remote target that a message may change.
func (cx *context) target(s *Seen, m *sip.Message, caller bool) {
	s.CallerTarget, s.CalleeTarget = "", ""
	if method := m.Method(); method != sip.INVITE && method != sip.UPDATE {
		return
	}
	if uri := uriOf(string(m.Value(sip.Contact))); caller {
		s.CallerTarget = uri
	} else {
		s.CalleeTarget = uri
	}
}

// answeredInside tells of a response inside a dialog: that the session was changed,
// or that there is none.
func (cx *context) answeredInside(m *sip.Message) {
	s := cx.begin
	s.Caller, s.Callee = Party{}, Party{}
	s.ByCaller, s.Code, s.Reason = !cx.inside.toCaller, m.Status(), reasonOf(m)
	method := m.Method()
	switch {
	case method == sip.BYE && (m.Status() == 401 || m.Status() == 407):
		cx.bye.forget()
		return
	case method == sip.BYE:
		cx.hangUp()
		return
	case m.Status() == 481:
		s.What = Gone
	case m.Status()/100 == 2 && (method == sip.INVITE || method == sip.UPDATE):
		s.What, s.SessionExpires = Refreshed, sessionExpires(m)
		s.Hold = cx.hold
		cx.target(&s, m, !s.ByCaller)
	default:
		return
	}
	cx.proxy.o.Saw(s)
}
