package app

import (
	"crypto/rand"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"

	"lamplight/body/reginfo"
	"lamplight/call"
	"lamplight/event"
	"lamplight/event/dialog"
	"lamplight/owner"
	"lamplight/proxy"
	"lamplight/registrar"
	"lamplight/sip"
)

// newProxy makes the proxy, where the role is on.
func (s *spine) newProxy(o wiring) *proxy.Proxy {
	if !o.proxy {
		return nil
	}
	return proxy.New(proxy.Options{
		Users:    called{s, o.ports},
		Saw:      func(seen proxy.Seen) { s.Saw(call.Seen(seen)) },
		Trusted:  func(a netip.Addr) bool { return o.trusted.Network(a) },
		Presence: o.server, Routes: o.routes, Pickup: o.pickup, Logger: o.transport.Logger,
	})
}

// prober has the proxy ask whether calls go on.
type prober struct{ proxy *proxy.Proxy }

func (p prober) Probe(q call.Probe) { p.proxy.Probe(proxy.Probe(q)) }

// called tells the proxy who it is that is called.
type called struct {
	*spine
	ports []uint16
}

// Resolve finds the user that a URI means. An address of ours is this server only
// with a port of ours: others on the same machine are not.
func (u called) Resolve(uri sip.URI) (event.AoR, bool) {
	port := uri.PortNumber()
	if _, err := netip.ParseAddr(strings.Trim(string(uri.Host), "[]")); err == nil && port != 0 && !u.layer.ListensAt(port) && !slices.Contains(u.ports, port) {
		return "", false
	}
	aor, domain, err := u.book.Load().Resolve(uri)
	if err != nil {
		return "", domain != nil
	}
	return aor, true
}

// Registered is whose contact a URI is.
func (u called) Registered(uri sip.URI) event.AoR { return u.contacts.of(uri) }

// Locate asks a user's owner for the bindings, and what the user wants of calls.
func (u called) Locate(aor, by event.AoR, found func(proxy.Reach)) error {
	if u.registrar == nil {
		found(proxy.Reach{})
		return nil
	}
	return u.owners.Post(string(aor), owner.Func(func(t *owner.Turn) {
		a := reach(u.registrar.Lookup(aor))
		set := u.settings(aor)
		a.Forward = forward(aor, &set.Forwarding)
		if dnd, _ := u.dnd(aor, t.Now); dnd && by != aor && !slices.Contains(set.LetThrough, by) && !u.passes.has(aor, by, t.Now) {
			a.Refuse, a.Reason = u.refusal(aor), "Do Not Disturb"
		}
		t.Say(func(error) { found(a) })
	}))
}

// refusal is how calls are refused to whoever does not want to be disturbed; 0:
// they are not.
func (s *spine) refusal(aor event.AoR) int {
	status, err := strconv.Atoi(s.book.Load().DND(aor))
	if err != nil {
		return 0
	}
	return status
}

// forward is where a user's calls go, as the proxy wants it.
func forward(aor event.AoR, f *Forwarding) (to proxy.Forward) {
	for _, one := range []struct {
		uri   *string
		typed string
	}{{&to.Immediate, f.Immediate}, {&to.Busy, f.Busy}, {&to.NoAnswer, f.NoAnswer}} {
		if one.typed != "" {
			*one.uri = uriOf(aor, one.typed)
		}
	}
	to.After = f.Wait()
	return to
}

// MayPickUp lets those pick a call up who may see all of it on the user's lamp.
func (u called) MayPickUp(by, of event.AoR, decided func(bool)) error {
	return u.owners.Post(string(of), owner.Func(func(t *owner.Turn) {
		g, _ := u.decide(of, event.Subscriber{AoR: by, Authenticated: true}, "dialog", t.Now)
		t.Say(func(error) { decided(g.Handling == event.Allow && dialog.MayTake(g.Rights)) })
	}))
}

// reach are bindings as the proxy's targets, the newest first.
func reach(bindings []registrar.Binding) (a proxy.Reach) {
	slices.SortStableFunc(bindings, func(a, b registrar.Binding) int { return b.Since.Compare(a.Since) })
	for _, b := range bindings {
		t := proxy.Target{URI: b.URI, Q: thousandths(b.Q), Path: b.Path, Flow: b.Flow, Source: b.Source, Local: b.Local}
		if b.RegID != "" {
			t.Instance = b.Instance
		}
		a.Targets = append(a.Targets, t)
	}
	return a
}

// thousandths is a q value, which is 1 where none is said.
func thousandths(q string) int {
	f, err := strconv.ParseFloat(q, 64)
	if err != nil {
		return 1000
	}
	return int(f*1000 + 0.5)
}

// contacts knows whose registered contact a URI is. It is asked from outside of
// any turn.
type contacts struct {
	mu   sync.RWMutex
	all  map[string]map[event.AoR]int
	keys map[contactKey]string
}

type contactKey struct {
	aor event.AoR
	id  string
}

func (c *contacts) put(aor event.AoR, in event.Input) {
	contact, ok := in.Doc.(*reginfo.Contact)
	k := contactKey{aor, in.ID}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remove(k)
	if !ok || contact.State != reginfo.Active {
		return
	}
	uri := placeOf([]byte(contact.URI))
	if c.all == nil {
		c.all, c.keys = map[string]map[event.AoR]int{}, map[contactKey]string{}
	}
	if c.all[uri] == nil {
		c.all[uri] = map[event.AoR]int{}
	}
	c.all[uri][aor]++
	c.keys[k] = uri
}

func (c *contacts) withdraw(aor event.AoR, k event.Key) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remove(contactKey{aor, k.ID})
}

func (c *contacts) remove(k contactKey) {
	uri, ok := c.keys[k]
	if !ok {
		return
	}
	delete(c.keys, k)
	if c.all[uri][k.aor]--; c.all[uri][k.aor] == 0 {
		delete(c.all[uri], k.aor)
	}
	if len(c.all[uri]) == 0 {
		delete(c.all, uri)
	}
}

// of is whose contact it is. One that several have registered is nobody's: whoever
// registers the address of another does not get the other's calls.
func (c *contacts) of(uri sip.URI) event.AoR {
	c.mu.RLock()
	defer c.mu.RUnlock()
	owners := c.all[placeOf(uri.Append(nil))]
	if len(owners) != 1 {
		return ""
	}
	for aor := range owners {
		return aor
	}
	return ""
}

// placeOf is what of a contact names the phone: user, host and port.
func placeOf(uri []byte) string {
	u, err := sip.ParseURI(uri)
	if err != nil {
		return ""
	}
	port := u.PortNumber()
	if port == 0 {
		port = 5060
	}
	return u.UserUnescaped() + "@" + u.HostLower() + ":" + strconv.Itoa(int(port))
}

// kindSecret is the record of the secret that the tokens of calls are made with: a
// call goes on after a restart.
const (
	kindSecret = 'k'
	secretKey  = "secret"
	secretName = "proxy"
)

// restoreSecret takes the stored one.
func (s *spine) restoreSecret(value []byte) error {
	if len(value) != len(s.token) {
		return errForeignKind
	}
	if s.known {
		return nil
	}
	copy(s.token[:], value)
	s.known = true
	return nil
}

// useSecret gives the proxy its secret, a new one where none is stored.
func (s *spine) useSecret() error {
	if s.proxy == nil {
		return nil
	}
	if !s.known {
		rand.Read(s.token[:]) // never fails
		s.known = true
		err := s.owners.Post(secretKey, owner.Func(func(t *owner.Turn) {
			t.Save(owner.Record{Key: owner.Key(secretKey, kindSecret, secretName), Value: s.token[:]})
		}))
		if err != nil {
			return err
		}
	}
	s.proxy.Key(s.token)
	return nil
}
