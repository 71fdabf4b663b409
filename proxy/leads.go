package proxy

import (
	"lamplight/event"
	"lamplight/sip"
)

// Leads finds who is called where a user calls a URI, without calling: an own user;
// "" along a route or by a pickup code. ErrNoUser and ErrForeign are for where the
// call would be refused.
func (p *Proxy) Leads(by event.AoR, u sip.URI) (event.AoR, error) {
	cx := &context{proxy: p, invite: true, caller: Caller{AoR: by}}
	if _, err := cx.called(u); err != nil {
		return "", err
	}
	if aor, ours := p.o.Users.Resolve(u); aor != "" || ours || u.IsTel() {
		return aor, nil
	}
	return p.o.Users.Registered(u), nil
}
