// Package proxy passes requests on (RFC 3261 §16): calls and messages to the
// registered users of the own domains and along configured routes, and whatever
// belongs to a dialog that was begun through it. It is stateful, stays on the way
// by Record-Route, and tells what it sees of calls. It does not know who may do
// what but by what the edge tells of the caller, forwards calls where their user
// wants that, and touches no session description.
package proxy

import (
	"errors"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"

	"lamplight/event"
	"lamplight/sip"
	"lamplight/sip/resolve"
	"lamplight/sip/transaction"
)

// Why a request is not passed on.
var (
	ErrMalformed      = errors.New("a header field that a proxy reads is malformed")
	ErrTooManyHops    = errors.New("the request has come too far")
	ErrLoop           = errors.New("the request was here before")
	ErrBreadth        = errors.New("the request may not be forked any more")
	ErrProxyRequire   = errors.New("an extension that the proxy does not support is required of it")
	ErrNoUser         = errors.New("no such user")
	ErrForeign        = errors.New("the request would leave the own domains")
	ErrNotReady       = errors.New("the server has not begun yet")
	ErrOutsideDialogs = errors.New("not outside of a dialog")
)

// Caller is who sends a request, as the edge found out.
type Caller struct {
	AoR     event.AoR // of an own user; "": a stranger
	Display string    // the user's name; "": as From has it
	Peer    bool      // a trusted peer has sent it, and its identities are believed
	Realm   string    // whose credentials were taken, and go no further; "": none were
	Private bool      // From does not tell who it is
	// Internal is the server's own agent, whose leg is no call of a user's.
	Internal bool
}

// Reach is how a user can be reached.
type Reach struct {
	Targets []Target
	Refuse  int    // a status that refuses a call instead, as the user wants it; 0: none
	Reason  string // in words, with Refuse
	Forward Forward
}

// Users knows the own domains and their users.
type Users interface {
	// Resolve finds the user that a URI means; ours tells whether its domain is
	// an own one, and its address and port are where this server listens.
	Resolve(u sip.URI) (aor event.AoR, ours bool)
	// Registered is whose registered contact a URI is; "": nobody's, or of several.
	Registered(u sip.URI) event.AoR
	// Locate asks a user's owner how the user can be reached by another ("": by a
	// stranger). found is called once, on a goroutine that it must not block; not
	// where there is an error.
	Locate(aor, by event.AoR, found func(Reach)) error
	// MayPickUp asks a user's owner whether another may take a call that rings there;
	// likewise.
	MayPickUp(by, of event.AoR, decided func(bool)) error
}

// Options of New. Users and Saw must be there.
type Options struct {
	Users    Users
	Saw      func(Seen)                // is told of each message of a call
	Trusted  func(netip.Addr) bool     // whether an address is a trusted peer's; nil: none is
	Outside  func(netip.AddrPort) bool // where requests may be sent; nil: anywhere
	Presence string                    // the URI of whom SUBSCRIBE and PUBLISH for own users go to; "": nobody
	Routes   []Route                   // what leaves the own domains
	Pickup   string                    // the code before a number that picks up its call; "": there is none
	Logger   *slog.Logger
}

// Proxy passes requests on. Use must be called before the first
// request; until Key is called all are refused.
type Proxy struct {
	o     Options
	log   *slog.Logger
	layer *transaction.Layer
	names *resolve.Sender
	key   atomic.Pointer[key]
	marks marks
	Counters

	mu       sync.Mutex
	contexts map[*transaction.Request]*context // of INVITEs that have no final response
}

// New makes a proxy.
func New(o Options) *Proxy {
	p := &Proxy{o: o, log: o.Logger, contexts: map[*transaction.Request]*context{}}
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	if p.o.Trusted == nil {
		p.o.Trusted = func(netip.Addr) bool { return false }
	}
	p.marks.init()
	return p
}

// Use names what requests go out on.
func (p *Proxy) Use(l *transaction.Layer, names *resolve.Sender) { p.layer, p.names = l, names }

// Key names the secret of the tokens that stand in Record-Route. Dialogs that were
// begun with another cannot go on.
func (p *Proxy) Key(secret [32]byte) { p.key.Store((*key)(&secret)) }

// Begin passes a request on that is outside of any dialog, of a caller who may do
// so. Where there is an error the request is its sender's to answer; else it is
// the proxy's.
func (p *Proxy) Begin(r *transaction.Request, c Caller) error {
	m := &r.Message
	if p.key.Load() == nil {
		return ErrNotReady
	}
	cx := &context{proxy: p, request: r, caller: c, invite: m.Method() == sip.INVITE}
	if err := cx.check(m); err != nil {
		return err
	}
	if _, foreign := p.ownRoutes(m); len(foreign) > 0 {
		return ErrForeign
	}
	u, err := sip.ParseURI(m.RequestURI())
	if err != nil {
		return err
	}
	find, err := cx.destination(u)
	if err != nil {
		return err
	}
	cx.tellOf(m)
	p.keep(cx)
	find()
	return nil
}

// keep lets CANCEL find an INVITE.
func (p *Proxy) keep(cx *context) {
	if !cx.invite {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.contexts[cx.request] = cx
}

func (p *Proxy) drop(cx *context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.contexts, cx.request)
}

// Pending is how many INVITEs wait for a final response.
func (p *Proxy) Pending() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.contexts)
}

// Cancel takes a CANCEL, and tells whether it is for an INVITE that was passed on
// (RFC 3261 §16.10).
func (p *Proxy) Cancel(r *transaction.Request) bool {
	invite := r.Cancels()
	p.mu.Lock()
	cx := p.contexts[invite]
	p.mu.Unlock()
	if invite == nil || cx == nil {
		return false
	}
	reason := reasonLines(&r.Message)
	r.Respond(&sip.Response{Status: 200})
	cx.cancelled(reason)
	return true
}
