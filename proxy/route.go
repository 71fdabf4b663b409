package proxy

import (
	"slices"
	"strings"

	"lamplight/sip"
	"lamplight/sip/transaction"
)

// inside is what our values of Route tell of a request: of which dialog it is, and
// to which end it goes.
type inside struct {
	ends     ends
	toCaller bool     // it comes from the end that was called
	routes   []string // what of Route is beyond us
	uri      string   // where a strict router has put the target elsewhere; "": as it came
	ours     []string // our own values, as they came
}

// to is the end that the request goes to.
func (in *inside) to() *end {
	if in.toCaller {
		return &in.ends.caller
	}
	return &in.ends.callee
}

// inside reads Route (RFC 3261 §16.4); ok is false where none of its first values
// is a token of this dialog.
func (p *Proxy) inside(m *sip.Message) (in inside, ok bool) {
	routes := elements(m, sip.Route)
	if p.open(m, &in, string(m.RequestURI())) {
		// A strict router has taken our Record-Route for its target, and put the
		// target behind all others.
		if ok = true; len(routes) > 0 {
			last := len(routes) - 1
			in.uri, routes = uriOf(routes[last]), routes[:last]
		}
	}
	for len(routes) > 0 {
		uri := uriOf(routes[0])
		switch {
		case p.open(m, &in, uri):
			ok = true
		case !p.isOurs(uri):
			in.routes = routes
			return in, ok
		}
		in.ours = append(in.ours, routes[0])
		routes = routes[1:]
	}
	return in, ok
}

// open reads the token of a URI by either of a request's tags: the one that fits
// is the caller's.
func (p *Proxy) open(m *sip.Message, in *inside, uri string) bool {
	u, err := sip.ParseURI([]byte(uri))
	if err != nil || len(u.User) < encoding.EncodedLen(macLength) {
		return false
	}
	for _, field := range [...]sip.Header{sip.From, sip.To} {
		n, err := sip.ParseNameAddr(m.Value(field))
		if err != nil || len(n.Tag()) == 0 {
			continue
		}
		if e, ok := p.key.Load().open(string(u.User), string(m.CallID()), string(n.Tag())); ok {
			in.ends, in.toCaller = e, field == sip.To
			return true
		}
	}
	return false
}

// ownRoutes are the first values of Route that name this server, as phones put
// them that are told of an outbound proxy, and the others.
func (p *Proxy) ownRoutes(m *sip.Message) (own, foreign []string) {
	routes := elements(m, sip.Route)
	for i, r := range routes {
		if !p.isOurs(uriOf(r)) {
			return routes[:i], routes[i:]
		}
	}
	return routes, nil
}

// isOurs tells whether a route's URI names this server.
func (p *Proxy) isOurs(uri string) bool {
	u, err := sip.ParseURI([]byte(uri))
	if err != nil {
		return false
	}
	_, ours := p.o.Users.Resolve(u)
	return ours
}

// elements are the elements of a list header field.
func elements(m *sip.Message, h sip.Header) (list []string) {
	for e := range m.Elements(h) {
		list = append(list, string(e))
	}
	return list
}

// uriOf is the URI of a name-addr; "": it cannot be read.
func uriOf(value string) string {
	n, err := sip.ParseNameAddr([]byte(value))
	if err != nil {
		return ""
	}
	return string(n.URI)
}

// recordRoute keeps us on the way of a dialog (RFC 3261 §16.6 item 4): by one value
// or, where the two sides do not speak alike, by one for each (RFC 5658 §3). The
// token for both comes with them.
func (cx *context) recordRoute(m *sip.Message, f transaction.Flow, secure bool) (values []string) {
	from, _ := m.From() // it was validated
	e := ends{endOf(cx.request.Flow), endOf(f)}
	token := cx.proxy.key.Load().token(&e, string(m.CallID()), string(from.Tag()))
	values = []string{routeURI(token, f, secure)}
	if theirs := routeURI(token, cx.request.Flow, secure); theirs != values[0] {
		values = append(values, theirs)
	}
	return values
}

// again are our own values of Route as Record-Route, for a request inside a dialog
// that may be all that an end still knows of it.
func (in *inside) again() []string {
	values := slices.Clone(in.ours)
	slices.Reverse(values)
	return values
}

// recordsRoute are the requests that make a dialog, or refresh its target.
func recordsRoute(m sip.Method) bool {
	switch m {
	case sip.INVITE, sip.SUBSCRIBE, sip.REFER:
		return true
	}
	return false
}

func isSecure(uri string) bool { return len(uri) > 5 && strings.EqualFold(uri[:5], "sips:") }
