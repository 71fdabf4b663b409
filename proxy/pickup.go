package proxy

import (
	"strings"
	"time"

	"lamplight/event"
	"lamplight/sip"
)

// pickup reads a number behind the code that picks up its call. What comes of it is
// an INVITE to the caller that takes the ringing call's place there: a proxy cannot
// answer for the phone that rings (RFC 3891 §3 has only who began an early dialog
// replace it).
func (cx *context) pickup(u sip.URI, ours bool) (find func(), ok bool) {
	p := cx.proxy
	number, ok := strings.CutPrefix(u.UserUnescaped(), p.o.Pickup)
	if p.o.Pickup == "" || !ours || !ok || !cx.invite {
		return nil, false
	}
	if number == "" {
		return nil, false
	}
	u.User, u.Password = []byte(number), nil
	aor, _ := p.o.Users.Resolve(u)
	if aor == "" {
		return nil, false
	}
	return func() {
		err := p.o.Users.MayPickUp(cx.caller.AoR, aor, func(may bool) {
			if !may {
				cx.refuse(403, "Not Your Pickup Group")
				return
			}
			cx.pick(aor)
		})
		if err != nil {
			cx.refuse(500, "Too Much To Do")
		}
	}, true
}

// pick sends the INVITE to the caller of a call that rings.
func (cx *context) pick(of event.AoR) {
	r := cx.proxy.ringing(of)
	if r == nil {
		cx.refuse(404, "No Call To Pick Up")
		return
	}
	s := r.seen
	cx.mu.Lock()
	cx.picked = &Seen{CallID: s.CallID, What: Replaced, FromTag: s.FromTag, ToTag: s.ToTag, By: cx.begin.Caller}
	cx.mu.Unlock()
	f, err := cx.proxy.flow(&r.caller)
	if err != nil || s.CallerTarget == "" {
		cx.refuse(480, "")
		return
	}
	t := Target{URI: s.CallerTarget, AoR: s.Caller.AoR, Q: 1000, flow: &f, Path: r.routes}
	t.header = []byte("Require: replaces\r\nReplaces: " + s.CallID + ";to-tag=" + s.FromTag + ";from-tag=" + s.ToTag + ";early-only\r\n")
	cx.start([]Target{t})
}

// ringing is a call that rings at a user's phones.
type ringing struct {
	seen   Seen
	since  time.Time
	caller end
	routes []string
}

// ringing finds the call that has rung longest at a user's phones; nil: none does.
func (p *Proxy) ringing(at event.AoR) *ringing {
	p.mu.Lock()
	var all []*context
	for _, cx := range p.contexts {
		all = append(all, cx)
	}
	p.mu.Unlock()
	var oldest *ringing
	for _, cx := range all {
		if r := cx.rings(at); r != nil && (oldest == nil || r.since.Before(oldest.since)) {
			oldest = r
		}
	}
	return oldest
}

// rings is what of a context rings at a user's phone in an early dialog.
func (cx *context) rings(at event.AoR) *ringing {
	cx.mu.Lock()
	defer cx.mu.Unlock()
	if cx.final || cx.inside != nil || cx.request == nil {
		return nil
	}
	for _, b := range cx.branches {
		if !b.ended && !b.given && b.early != "" && b.target.AoR == at {
			r := &ringing{seen: b.seen, since: b.since, caller: endOf(cx.request.Flow), routes: elements(&cx.request.Message, sip.RecordRoute)}
			r.seen.ToTag = b.early
			return r
		}
	}
	return nil
}
