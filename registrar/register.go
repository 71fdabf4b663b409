package registrar

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"lamplight/body/reginfo"
	"lamplight/event"
	"lamplight/owner"
	"lamplight/sip"
)

// Unasked stands for an interval that a request does not name.
const Unasked time.Duration = -1

// Request is a REGISTER request (RFC 3261 §10.2), its sender known.
type Request struct {
	AoR       event.AoR
	Peer      bool // from a trusted peer: no least interval
	CallID    string
	CSeq      uint32
	Contacts  []Contact
	Star      bool          // Contact held "*"
	Expires   time.Duration // the header field; Unasked: none
	Path      []string
	Flow      uint64 // names the connection that the request came by; 0: none
	Source    netip.AddrPort
	Local     netip.AddrPort // our address that the request came to
	UserAgent string
}

// Contact is one value of Contact.
type Contact struct {
	URI         string
	DisplayName string
	Expires     time.Duration // the parameter; Unasked: none
	Q           string
	Params      []reginfo.Param // without expires and q, values as written
	Instance    string          // both, where a flow is registered (RFC 5626 §6)
	RegID       string
}

// Register does what RFC 3261 §10.3 lists from step 6 on, wholly or not at all,
// and gives the bindings for the answer. Without contacts it only lists them.
// Errors are the package's.
func (r *Registrar) Register(t *owner.Turn, req Request) ([]Binding, error) {
	l := r.location(req.AoR)
	r.expire(t, l)
	if len(req.Contacts) == 0 && !req.Star {
		return r.Lookup(req.AoR), nil
	}
	bindings, err := r.plan(t, l, &req)
	if err != nil {
		return nil, err
	}
	r.commit(t, l, bindings)
	return r.Lookup(req.AoR), nil
}

// plan is the bindings after a request; nothing is changed yet.
func (r *Registrar) plan(t *owner.Turn, l *location, req *Request) ([]*Binding, error) {
	if req.Star {
		return nil, l.removable(req)
	}
	bindings := slices.Clone(l.bindings)
	for i := range req.Contacts {
		var err error
		if bindings, err = r.planOne(t, l, req, &req.Contacts[i], bindings); err != nil {
			return nil, err
		}
	}
	if len(bindings) > max(r.opt.PerAoR, len(l.bindings)) {
		return nil, ErrTooMany
	}
	return bindings, nil
}

// removable checks a request to remove all bindings (RFC 3261 §10.3 step 6).
func (l *location) removable(req *Request) error {
	if len(req.Contacts) > 0 || req.Expires != 0 {
		return ErrWildcard
	}
	for _, b := range l.bindings {
		if !req.newer(b) {
			return ErrOutOfOrder
		}
	}
	return nil
}

// planOne adds, renews or removes what one contact names (RFC 3261 §10.3 step
// 7). What the same request did before is not compared by CSeq.
func (r *Registrar) planOne(t *owner.Turn, l *location, req *Request, c *Contact, bindings []*Binding) ([]*Binding, error) {
	interval, err := r.interval(t, req, c)
	if err != nil {
		return nil, err
	}
	uri, err := r.contactURI(c)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(bindings, func(b *Binding) bool { return b.means(c, uri) })
	if i >= 0 && slices.Contains(l.bindings, bindings[i]) && !req.newer(bindings[i]) {
		return nil, ErrOutOfOrder
	}
	switch {
	case interval == 0 && i < 0:
	case interval == 0:
		bindings = slices.Delete(bindings, i, i+1)
	case i < 0:
		bindings = append(bindings, req.bind(c, uri, nil, t.Now, interval))
	default:
		bindings[i] = req.bind(c, uri, bindings[i], t.Now, interval)
	}
	return bindings, nil
}

// interval is what is granted (RFC 3261 §10.3 step 7): never more than asked.
func (r *Registrar) interval(t *owner.Turn, req *Request, c *Contact) (time.Duration, error) {
	asked := c.Expires
	if asked < 0 {
		asked = req.Expires
	}
	if asked < 0 {
		asked = r.opt.Default
	}
	least := r.opt.Min
	if req.Peer {
		least = 0
	}
	if asked > 0 && asked < least && asked < time.Hour {
		return 0, &TooBriefError{least}
	}
	asked = min(asked, r.opt.Max)
	return event.Spread(asked, min(least, asked), string(req.AoR), t.Now), nil
}

func (r *Registrar) contactURI(c *Contact) (sip.URI, error) {
	if len(c.URI) > r.opt.URI {
		return sip.URI{}, ErrBadContact
	}
	return sipURI(c.URI)
}

func sipURI(text string) (sip.URI, error) {
	uri, err := sip.ParseURI([]byte(text))
	if err != nil || !strings.EqualFold(string(uri.Scheme), "sip") && !strings.EqualFold(string(uri.Scheme), "sips") {
		return sip.URI{}, ErrBadContact
	}
	return uri, nil
}

// bind makes a binding, or the next state of an old one.
func (r *Request) bind(c *Contact, uri sip.URI, old *Binding, now time.Time, interval time.Duration) *Binding {
	b := &Binding{ID: sip.NewTag(), URI: c.URI, Q: c.Q, DisplayName: c.DisplayName, Params: c.Params,
		Instance: c.Instance, RegID: c.RegID, Path: r.Path, Flow: r.Flow, Source: r.Source, Local: r.Local, UserAgent: r.UserAgent,
		CallID: r.CallID, CSeq: r.CSeq, Since: now, Until: now.Add(interval), uri: uri, event: registered}
	if old != nil {
		b.ID, b.Since, b.event = old.ID, old.Since, refreshed
	}
	return b
}

// commit makes planned bindings those of an AoR.
func (r *Registrar) commit(t *owner.Turn, l *location, bindings []*Binding) {
	before := l.bindings
	l.bindings = bindings
	r.count.Add(int64(len(bindings) - len(before)))
	for _, b := range before {
		if !slices.ContainsFunc(bindings, func(n *Binding) bool { return n.ID == b.ID }) {
			r.end(t, l, b, unregistered)
		}
	}
	for _, b := range bindings {
		if !slices.Contains(before, b) {
			r.inputs.Put(t, l.aor, b.input())
			r.save(t, l.aor, b)
		}
	}
	r.settle(t, l)
}
