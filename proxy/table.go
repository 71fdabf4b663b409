package proxy

import (
	"strings"

	"lamplight/sip"
)

// Route is one row of what leaves the own domains.
type Route struct {
	Pattern string // a number, "+49*" or "0*" for what begins so; or a domain
	Target  string // the URI of whom it goes to
	Strip   int    // so many digits are taken off the number's front
	Prepend string // and these put there
}

// routeOf is where a URI that is none of the users' goes: the first row that fits.
func (p *Proxy) routeOf(u sip.URI, ours bool) (Target, bool) {
	number := numberOf(u)
	for i := range p.o.Routes {
		r := &p.o.Routes[i]
		next, err := sip.ParseURI([]byte(r.Target))
		switch {
		case err != nil:
			continue
		case r.isNumber() && (ours || u.IsTel()) && r.fits(number):
			return Target{URI: r.uri(number, next), Q: 1000, next: &next}, true
		case !r.isNumber() && !u.IsTel() && strings.EqualFold(r.Pattern, u.HostLower()):
			u.Headers = nil
			return Target{URI: u.String(), Q: 1000, next: &next}, true
		}
	}
	return Target{}, false
}

func (r *Route) isNumber() bool { return strings.Trim(r.Pattern, "+0123456789*#") == "" }

func (r *Route) fits(number string) bool {
	if number == "" {
		return false
	}
	prefix, open := strings.CutSuffix(r.Pattern, "*")
	return number == r.Pattern || open && strings.HasPrefix(number, prefix)
}

// uri is a number as the target is asked for it.
func (r *Route) uri(number string, next sip.URI) string {
	next.User = []byte(r.Prepend + number[min(r.Strip, len(number)):])
	next.Password, next.Headers = nil, nil
	return next.String()
}

// numberOf is the number that a URI dials, without what only makes it readable
// (RFC 3966 §5.1.1); "": it dials none.
func numberOf(u sip.URI) string {
	user, _, _ := strings.Cut(u.UserUnescaped(), ";")
	number := strings.Map(func(r rune) rune {
		if strings.ContainsRune("-.() ", r) {
			return -1
		}
		return r
	}, user)
	if strings.Trim(number, "+0123456789*#") != "" {
		return ""
	}
	return number
}
