// Package mwi tells phones of waiting messages that are registered and have not
// subscribed: by a NOTIFY outside of any dialog (RFC 3842), as voice mails do that
// are older than subscriptions, and many phones expect it. It leaves alone whoever
// subscribes, and keeps nothing over a restart.
package mwi

import (
	"bytes"
	"hash/fnv"
	"time"

	"lamplight/body/messagesummary"
	"lamplight/event"
	summary "lamplight/event/messagesummary"
	"lamplight/owner"
	"lamplight/registrar"
	"lamplight/sip"
	"lamplight/sip/transaction"
)

const (
	settles  = 2 * time.Second // a phone that has registered may take to subscribe
	spread   = time.Minute     // over which all are told after a restart
	least    = time.Second     // between two notifications of a phone (RFC 3842 §3.11)
	tryAgain = time.Minute     // after the first that got no answer; then twice as long each time
	failures = 6               // that count for more and more patience
)

// Options of New. All are needed.
type Options struct {
	Package    event.Package
	Document   func(*owner.Turn, event.AoR, event.Name) event.Document
	Bindings   func(event.AoR) []registrar.Binding
	Subscribes func(event.AoR, event.Name, *registrar.Binding) bool // whether the phone has subscribed
	Profile    func(userAgent string) uint8                         // how it wants documents written
	Flow       func(*registrar.Binding) (transaction.Flow, error)
	Send       func(transaction.Flow, *sip.Request, transaction.Exchange) error
	Return     func(aor string, j owner.Job)
}

// Agent tells phones. Its methods run in a turn of the AoR's owner.
type Agent struct {
	o      Options
	shares [owner.Partitions]map[event.AoR]*user
}

// user is who has phones registered.
type user struct {
	aor    event.AoR
	phones map[string]*phone // by their binding
	alarm  owner.Alarm
	asked  bool // telling is asked for in this turn
}

// phone is what one was told.
type phone struct {
	told   []byte    // nil: nothing, or it may not have come
	hold   time.Time // nothing is sent before
	flying bool
	deaf   bool // it has refused to be told
	failed int
}

// New makes an agent that has told nobody.
func New(o Options) *Agent {
	a := &Agent{o: o}
	for i := range a.shares {
		a.shares[i] = map[event.AoR]*user{}
	}
	return a
}

// Watched tells whether somebody would be told of a change.
func (a *Agent) Watched(aor event.AoR, name event.Name) bool {
	return name == summary.Event && a.shares[owner.Partition(string(aor))][aor] != nil
}

// Changed takes that an AoR's messages are others than before.
func (a *Agent) Changed(t *owner.Turn, aor event.AoR, name event.Name, _ event.Document) {
	if name == summary.Event {
		a.Registered(t, aor)
	}
}

// Registered takes that an AoR's bindings may be others than before.
func (a *Agent) Registered(t *owner.Turn, aor event.AoR) {
	share := a.shares[owner.Partition(string(aor))]
	u := share[aor]
	if u == nil {
		u = &user{aor: aor, phones: map[string]*phone{}}
		share[aor] = u
	}
	if !u.asked {
		u.asked = true
		t.End(func() { a.tell(t, u) })
	}
}

// Forget drops what memory holds of an AoR.
func (a *Agent) Forget(t *owner.Turn, key string) {
	share := a.shares[owner.Partition(key)]
	if u := share[event.AoR(key)]; u != nil {
		t.Wake(&u.alarm, key, time.Time{}, nil)
		delete(share, u.aor)
	}
}

// tell tells all phones of a user that have something to be told.
func (a *Agent) tell(t *owner.Turn, u *user) {
	share := a.shares[owner.Partition(string(u.aor))]
	if u.asked = false; share[u.aor] != u {
		return // forgotten since
	}
	bindings := a.o.Bindings(u.aor)
	phones := make(map[string]*phone, len(bindings))
	for i := range bindings {
		b := &bindings[i]
		if phones[b.ID] = u.phones[b.ID]; phones[b.ID] == nil {
			phones[b.ID] = &phone{hold: begins(b, t.Now)}
		}
	}
	if u.phones = phones; len(phones) == 0 {
		t.Wake(&u.alarm, string(u.aor), time.Time{}, nil)
		delete(share, u.aor)
		return
	}
	doc := a.o.Document(t, u.aor, summary.Event)
	next := time.Time{}
	for i := range bindings {
		next = event.Sooner(next, a.consider(t, u, &bindings[i], doc), t.Now)
	}
	t.Wake(&u.alarm, string(u.aor), next, owner.Func(func(t *owner.Turn) { a.tell(t, u) }))
}

// begins is when a phone is told first: not before it could have subscribed; and
// after a restart not all of them at once.
func begins(b *registrar.Binding, now time.Time) time.Time {
	at := now.Add(settles)
	if now.Sub(b.Since) > settles {
		h := fnv.New32a()
		h.Write([]byte(b.ID))
		at = at.Add(time.Duration(h.Sum32()) % spread)
	}
	return at
}

// consider tells one phone what it was not told yet, and says when to come back;
// zero: when something happens. Nothing is told where nobody has ever said that
// there is a mailbox.
func (a *Agent) consider(t *owner.Turn, u *user, b *registrar.Binding, doc event.Document) time.Time {
	p := u.phones[b.ID]
	if p.flying || p.deaf || p.told == nil && doc.(*messagesummary.Summary).Unknown {
		return time.Time{}
	}
	body, err := a.o.Package.Encode(string(u.aor), doc, event.Format{Type: messagesummary.Type, Profile: a.o.Profile(b.UserAgent)})
	switch {
	case err == nil && a.o.Subscribes(u.aor, summary.Event, b):
		p.told = body.Head // by its subscription
		return time.Time{}
	case err != nil || bytes.Equal(p.told, body.Head):
		return time.Time{}
	case p.hold.After(t.Now):
		return p.hold
	}
	a.send(t, u, p, b, body.Head)
	return time.Time{}
}

// send sends a NOTIFY once the turn is durable.
func (a *Agent) send(t *owner.Turn, u *user, p *phone, b *registrar.Binding, body []byte) {
	p.told, p.hold, p.flying = body, t.Now.Add(least), true
	x := &exchange{a, u.aor, b.ID}
	t.Say(func(failed error) {
		if failed != nil {
			return // the user is forgotten
		}
		flow, err := a.o.Flow(b)
		if err == nil {
			err = a.o.Send(flow, request(u.aor, b, flow, body), x)
		}
		if err != nil {
			x.Failed(err)
		}
	})
}

// request is a NOTIFY that belongs to no subscription, and says so.
func request(aor event.AoR, b *registrar.Binding, f transaction.Flow, body []byte) *sip.Request {
	return &sip.Request{Method: sip.NOTIFY, URI: b.URI, Routes: b.Path, From: "<" + string(aor) + ">;tag=" + sip.NewTag(), To: "<" + string(aor) + ">",
		CallID: sip.NewCallID(), CSeq: 1, ContentType: messagesummary.Type, Body: body,
		Header: []byte("Event: " + string(summary.Event) + "\r\nSubscription-State: terminated\r\nContact: <sip:" + f.Local().String() + f.URIParameter() + ">\r\n")}
}

// exchange is a NOTIFY under way.
type exchange struct {
	agent   *Agent
	aor     event.AoR
	binding string
}

// Response takes the answer. Who does not know the event, or wants to have
// subscribed, is not told again.
func (x *exchange) Response(m *sip.Message) {
	status := m.Status()
	x.done(func(p *phone, now time.Time) {
		switch {
		case status < 300:
			p.failed = 0
		case status < 500 && status != 408 && status != 480, status == 501:
			p.deaf = true
		default:
			p.fails(now)
		}
	})
}

// Failed takes that there was none.
func (x *exchange) Failed(error) { x.done((*phone).fails) }

func (p *phone) fails(now time.Time) {
	p.told, p.hold = nil, now.Add(tryAgain<<p.failed)
	p.failed = min(p.failed+1, failures)
}

func (x *exchange) done(ends func(*phone, time.Time)) {
	x.agent.o.Return(string(x.aor), owner.Func(func(t *owner.Turn) {
		u := x.agent.shares[owner.Partition(string(x.aor))][x.aor]
		if u == nil || u.phones[x.binding] == nil {
			return
		}
		p := u.phones[x.binding]
		p.flying = false
		ends(p, t.Now)
		x.agent.Registered(t, x.aor)
	}))
}
