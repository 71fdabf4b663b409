package proxy

import (
	"net/netip"
	"slices"
	"strings"

	"lamplight/event"
	"lamplight/sip"
	"lamplight/sip/resolve"
	"lamplight/sip/transaction"
)

// Target is a place that a request can be sent to: a binding of a user, or what a
// route names.
type Target struct {
	URI      string // the Request-URI
	AoR      event.AoR
	Q        int    // thousandths; 1,000 where none is said
	Instance string // with others of the same it is one device, with several ways to it (RFC 5626 §7); "": none
	Path     []string
	Flow     uint64         // the connection that it registered by; 0: none
	Source   netip.AddrPort // where it registered from
	Local    netip.AddrPort // and our address that it came to

	flow   *transaction.Flow // known already; nil: it is not
	next   *sip.URI          // looked up to find the way; nil: no need to
	others []Target          // ways to the same device, for when this one fails
	header []byte            // more header lines
	narrow bool              // a connection for large requests has failed
}

// The most users that one request is passed on for, where some have registered
// the address of another.
const maxUsers = 20

// destination finds out where a request goes (RFC 3261 §16.5). What it returns
// does the asking, and the rest.
func (cx *context) destination(u sip.URI) (find func(), err error) {
	if m := cx.request.Message.Method(); m == sip.SUBSCRIBE || m == sip.PUBLISH {
		aor, ours := cx.proxy.o.Users.Resolve(u)
		return cx.presence(u, aor, ours)
	}
	return cx.called(u)
}

// called finds out who is called, or gets a message.
func (cx *context) called(u sip.URI) (find func(), err error) {
	p := cx.proxy
	aor, ours := p.o.Users.Resolve(u)
	own := cx.caller.AoR != ""
	if code, ok := cx.pickup(u, ours); ok && own {
		return code, nil
	}
	if aor != "" {
		return func() { cx.locate(aor, "") }, nil
	}
	if !ours && !u.IsTel() {
		if aor := p.o.Users.Registered(u); aor != "" { // some pick up a call by its caller's address
			return func() { cx.locate(aor, u.String()) }, nil
		}
	}
	if t, ok := p.routeOf(u, ours); ok && own {
		return func() { cx.start([]Target{t}) }, nil
	}
	switch {
	case ours:
		return nil, ErrNoUser
	case u.IsTel() && own:
		return nil, ErrNoUser
	}
	return nil, ErrForeign
}

// presence leads to the presence server: there it is known who may watch whom.
func (cx *context) presence(u sip.URI, aor event.AoR, ours bool) (find func(), err error) {
	next, err := sip.ParseURI([]byte(cx.proxy.o.Presence))
	switch {
	case !ours, err != nil:
		return nil, ErrForeign
	case aor == "":
		return nil, ErrNoUser
	}
	return func() { cx.start([]Target{{URI: u.String(), Q: 1000, next: &next}}) }, nil
}

// locate asks a user's owner, and begins when the answer is there. Where a contact
// is named it is the only target.
func (cx *context) locate(aor event.AoR, contact string) {
	cx.mu.Lock()
	if cx.stage.was == nil {
		cx.begin.Callee.AoR, cx.stage.was = aor, map[event.AoR]bool{}
	}
	cx.stage.was[aor] = true
	cx.mu.Unlock()
	s := &search{cx: cx, seen: map[event.AoR]bool{aor: true}, contact: contact}
	s.wait([]event.AoR{aor})
}

// search collects the targets of a user, and of those users whose addresses that
// one has registered: a loop of such ends here.
type search struct {
	cx      *context
	contact string
	seen    map[event.AoR]bool
	found   []Target
}

// wait asks the first of some users, then the others.
func (s *search) wait(users []event.AoR) {
	if len(users) == 0 {
		s.cx.start(s.found)
		return
	}
	aor := users[0]
	by := s.cx.caller.AoR
	if s.cx.caller.Internal { // it is the user's own call
		by = aor
	}
	err := s.cx.proxy.o.Users.Locate(aor, by, func(a Reach) {
		switch first := len(s.seen) == 1; {
		case first && s.cx.turnedAway(aor, &a):
			return
		case !first && a.Refuse != 0 && s.cx.invite: // who has the other's calls ring there is not asked
			s.wait(users[1:])
		default:
			s.wait(append(users[1:], s.take(aor, a)...))
		}
	})
	if err != nil {
		s.cx.refuse(500, "Too Much To Do") // of one user, not of the server
	}
}

// take sorts what a user has registered into targets and further users.
func (s *search) take(aor event.AoR, a Reach) (more []event.AoR) {
	for _, t := range a.Targets {
		u, err := sip.ParseURI([]byte(t.URI))
		if err != nil || s.contact != "" && !same(u, s.contact) {
			continue
		}
		if other, ours := s.cx.proxy.o.Users.Resolve(u); ours {
			if other != "" && !s.seen[other] && len(s.seen) < maxUsers {
				s.seen[other] = true
				more = append(more, other)
			}
			continue
		}
		t.AoR = aor
		if !s.cx.isCaller(&t) {
			s.found = append(s.found, t)
		}
	}
	return more
}

func same(u sip.URI, other string) bool {
	v, err := sip.ParseURI([]byte(other))
	return err == nil && sip.Equal(u, v)
}

// isCaller tells whether a target is the very phone that calls.
func (cx *context) isCaller(t *Target) bool {
	f := cx.request.Flow
	if t.AoR != cx.caller.AoR || len(t.Path) > 0 {
		return false
	}
	if t.Flow != 0 {
		return t.Flow == f.Token()
	}
	return f.Token() == 0 && t.Source == f.Remote()
}

// groups sorts targets by q, those of one value together (RFC 3261 §16.6), and
// what is one device is one target (RFC 5626 §7). What cannot be secret is left
// out where secrecy is asked for (RFC 3261 §26.2.2, RFC 5630 §3.1).
func groups(list []Target, secure bool) (sets [][]Target) {
	list = slices.DeleteFunc(devices(list), func(t Target) bool { return secure && !isSecure(t.URI) })
	slices.SortStableFunc(list, func(a, b Target) int { return b.Q - a.Q })
	for _, t := range list {
		if n := len(sets); n > 0 && sets[n-1][0].Q == t.Q {
			sets[n-1] = append(sets[n-1], t)
			continue
		}
		sets = append(sets, []Target{t})
	}
	return sets
}

// devices puts the ways to one device behind the first of them.
func devices(list []Target) (one []Target) {
	for _, t := range list {
		i := slices.IndexFunc(one, func(o Target) bool { return t.Instance != "" && o.Instance == t.Instance && o.AoR == t.AoR })
		if i < 0 {
			one = append(one, t)
			continue
		}
		one[i].others = append(one[i].others, t)
	}
	return one
}

// way is the flow to a target whose address is known. A user's phone is always
// reached by the way that it registered by, whatever its Contact says: behind a
// NAT there is no other, and so nobody is called who has not registered.
func (p *Proxy) way(t *Target) (transaction.Flow, error) {
	switch {
	case t.flow != nil:
		return *t.flow, nil
	case t.Flow == 0:
		return p.layer.FlowFrom("UDP", t.Local, t.Source)
	}
	f, err := p.layer.FlowOf(t.Flow)
	if err == nil && f.Alive() {
		return f, nil
	}
	if len(t.Path) > 0 { // of a proxy, which can be connected to
		return p.near(uriOf(t.Path[0]), t.Source, t.Local)
	}
	return p.near(t.URI, t.Source, t.Local) // some phones listen
}

// near is a flow to a URI that is an address of one host, but not that of a
// connection which is gone.
func (p *Proxy) near(uri string, gone, local netip.AddrPort) (transaction.Flow, error) {
	u, err := sip.ParseURI([]byte(uri))
	if err != nil {
		return transaction.Flow{}, transaction.ErrFlowLost
	}
	t, err := p.names.Resolver.Direct(u)
	if err != nil || t.Addr.Addr() != gone.Addr() || t.Addr == gone {
		return transaction.Flow{}, transaction.ErrFlowLost
	}
	return p.layer.FlowTo(t.Transport, t.Name, local, t.Addr)
}

// lookUp is the way to look a target's address up.
func (t *Target) lookUp() resolve.Way { return resolve.Way{URI: *t.next} }

// dialled is a URI as people know it: without password, parameters and headers.
func dialled(u sip.URI) string {
	if u.IsTel() {
		return "tel:" + string(u.User)
	}
	u.Password, u.Params, u.Headers = nil, nil, nil
	u.Scheme = []byte(strings.ToLower(string(u.Scheme)))
	return u.String()
}
