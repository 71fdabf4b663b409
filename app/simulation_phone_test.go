package app

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"lamplight/body/dialoginfo"
	"lamplight/body/pidf"
	"lamplight/event"
	"lamplight/sip"
	"lamplight/sip/transaction"
	"lamplight/sip/ua"
	"lamplight/sip/wire"
)

// simPhone is a user's phone. It is there, cut off from the network, or gone.
type simPhone struct {
	s       *simulation
	n       int
	aor     event.AoR
	addr    netip.AddrPort
	agent   *ua.Agent // nil: gone
	line    *line
	made    int // documents
	slots   map[string]*slot
	watches []*watch
	busy    atomic.Bool // registering
}

// slot is a phone's publication of one event.
type slot struct {
	event string
	busy  bool
	tag   string
	until time.Time
	call  int // of the dialog that is told
}

// watch is a phone's subscription, and what it holds.
type watch struct {
	phone      *simPhone
	aor, event string
	sub        *ua.Subscription
	busy       bool
	callID     string
	state      string
	body       []byte
}

// line is a phone's socket, which can be cut off.
type line struct {
	*wire.Socket
	cut atomic.Bool
}

func (l *line) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	if l.cut.Load() {
		return len(b), nil
	}
	return l.Socket.WriteToUDPAddrPort(b, to)
}

func (l *line) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	for {
		n, from, err := l.Socket.ReadFromUDPAddrPort(b)
		if err != nil || !l.cut.Load() {
			return n, from, err
		}
	}
}

func newSimPhone(s *simulation, n int) *simPhone {
	p := &simPhone{s: s, n: n, aor: simAoR(n % simUsers),
		addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(n + 1)}), 5060)}
	p.open()
	return p
}

// open puts the phone on, with an empty memory.
func (p *simPhone) open() {
	var err error
	p.line = &line{}
	p.agent, err = ua.New(ua.Options{User: string(p.aor), Server: simServer.String(), Password: p.s.secret, Local: p.addr.String(),
		Listen: func(_, addr string) (transaction.PacketConn, error) {
			socket, err := p.s.net.Listen(addr)
			p.line.Socket = socket
			return p.line, err
		}})
	if err != nil {
		p.s.t.Fatal(err)
	}
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	p.slots = map[string]*slot{"presence": {event: "presence"}, "dialog": {event: "dialog"}}
	p.watches = nil
}

// close is a crash of the phone's.
func (p *simPhone) close() {
	if p.agent != nil {
		_ = p.agent.Close()
	}
	p.agent = nil
}

func (p *simPhone) String() string { return fmt.Sprintf("phone %d", p.n) }

func (p *simPhone) away() bool { return p.agent == nil || p.line.cut.Load() }

// vanishes lets the phone crash, or cuts its line.
func (p *simPhone) vanishes() {
	switch {
	case p.away():
	case p.s.random.IntN(2) == 0:
		p.line.cut.Store(true)
		p.s.logf("%v is off the line", p)
	default:
		p.close()
		p.s.logf("%v is gone", p)
	}
}

// returns brings the phone back.
func (p *simPhone) returns() {
	if p.agent == nil {
		p.open()
	}
	p.line.cut.Store(false)
	p.s.logf("%v is back", p)
}

// publishes begins, refreshes, modifies or removes a publication, or changes it
// several times while those before are still being told.
func (p *simPhone) publishes() {
	name := []string{"presence", "presence", "dialog"}[p.s.random.IntN(3)]
	expires := time.Duration(60+p.s.random.IntN(1800)) * time.Second
	how, state, times := p.s.random.IntN(6), p.s.random.IntN(4), 1
	if p.s.random.IntN(4) == 0 {
		times = 2 + p.s.random.IntN(8)
	}
	sl := p.slots[name]
	if p.agent == nil || !p.s.take(&sl.busy) {
		return
	}
	if time.Now().After(sl.until) && how > 1 {
		sl.tag = "" // it has expired; some don't know that
	}
	var documents [][]byte
	switch {
	case sl.tag != "" && how == 0:
		expires, times = 0, 0
	case sl.tag != "" && how == 1:
		times = 0
	}
	for i := range times {
		documents = append(documents, p.document(sl, (state+i)%4))
	}
	agent := p.agent
	p.s.background(func(ctx context.Context) {
		_ = sl.publish(ctx, agent, expires, documents...)
		p.s.mu.Lock()
		defer p.s.mu.Unlock()
		sl.busy = false
	})
}

// publish publishes documents one after the other; without any it refreshes, or
// removes.
func (sl *slot) publish(ctx context.Context, agent *ua.Agent, expires time.Duration, documents ...[]byte) error {
	for i := range max(len(documents), 1) {
		one := ua.Publication{Event: sl.event, Expires: expires, IfMatch: sl.tag}
		if i < len(documents) {
			one.Type, one.Body = bodyTypes[sl.event], documents[i]
		}
		r, err := agent.Publish(ctx, one)
		switch {
		case err == nil:
			sl.tag, sl.until = r.ETag, time.Now().Add(r.Expires)
		case !hasStatus(err, 412):
			return err
		}
		if err != nil || expires == 0 {
			sl.tag = ""
		}
	}
	return nil
}

// document is a document that nobody has published before.
func (p *simPhone) document(sl *slot, state int) []byte {
	p.made++
	if sl.event == "presence" {
		tuple := pidf.Tuple{ID: []string{"t", fmt.Sprint("t", p.n)}[state%2], Basic: []string{"open", "open", "open", "closed"}[state],
			Notes: []pidf.Note{{Text: fmt.Sprintf("m%d-%dx", p.n, p.made)}}}
		person := pidf.Person{ID: "p", Activities: []string{"busy", "meeting", "away", "lunch"}[state : state+1],
			Notes: []pidf.Note{{Text: fmt.Sprint("note ", p.made%3)}}, Timestamp: time.Now().Truncate(time.Second)}
		return (&pidf.Presence{Entity: string(p.aor), Tuples: []pidf.Tuple{tuple}, Persons: []pidf.Person{person}}).Append(nil)
	}
	if sl.tag == "" || state == 0 {
		sl.call++
	}
	states := []string{dialoginfo.Trying, dialoginfo.Early, dialoginfo.Confirmed, dialoginfo.Terminated}
	d := dialoginfo.Dialog{ID: "d", CallID: fmt.Sprintf("c%d-%d-%dx", p.n, sl.call, p.made), LocalTag: "l", RemoteTag: "r",
		Direction: dialoginfo.Initiator, State: states[state]}
	return (&dialoginfo.Info{Entity: string(p.aor), Dialogs: []dialoginfo.Dialog{d}}).Append(nil, uint32(p.made))
}

// registers binds the phone, refreshes that, or takes it away.
func (p *simPhone) registers() {
	expires := time.Duration(60+p.s.random.IntN(3000)) * time.Second
	if p.s.random.IntN(5) == 0 {
		expires = 0
	}
	agent := p.agent
	if agent == nil || p.busy.Swap(true) {
		return
	}
	p.s.background(func(ctx context.Context) {
		defer p.busy.Store(false)
		_, _ = agent.Register(ctx, expires)
	})
}

// subscribes watches somebody, or fetches the state once.
func (p *simPhone) subscribes() {
	name := []string{"presence", "presence", "presence", "dialog", "dialog", "reg", "presence.winfo"}[p.s.random.IntN(7)]
	of := simAoR(min(p.s.random.IntN(simUsers), p.s.random.IntN(simUsers)))
	if (name == "reg" || name == "presence.winfo") && p.s.random.IntN(8) > 0 {
		of = p.aor // others are refused
	}
	o := ua.SubscribeOptions{Expires: time.Duration(60+p.s.random.IntN(3000)) * time.Second, NoRefresh: p.s.random.IntN(2) == 0}
	if p.s.random.IntN(10) == 0 {
		o.Expires = 0
	}
	if p.agent == nil || len(p.watches) >= 8 || p.watching(string(of), name) && p.s.random.IntN(10) > 0 {
		return
	}
	w := p.newWatch(string(of), name)
	agent := p.agent
	p.s.background(func(ctx context.Context) { w.begin(ctx, agent, o) })
}

func (p *simPhone) watching(of, name string) bool {
	for _, w := range p.live() {
		if w.aor == of && w.event == name {
			return true
		}
	}
	return false
}

func (p *simPhone) newWatch(of, name string) *watch {
	w := &watch{phone: p, aor: of, event: name, busy: true}
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	p.watches = append(p.watches, w)
	return w
}

func (w *watch) begin(ctx context.Context, agent *ua.Agent, o ua.SubscribeOptions) {
	o.OnNotify = w.heardOf
	sub, err := agent.Subscribe(ctx, w.aor, w.event, o)
	w.phone.s.mu.Lock()
	defer w.phone.s.mu.Unlock()
	w.busy = false
	if err != nil {
		w.phone.drop(w)
		return
	}
	w.sub, w.callID = sub, sub.Dialog().CallID
}

func (p *simPhone) drop(w *watch) {
	for i := range p.watches {
		if p.watches[i] == w {
			p.watches = append(p.watches[:i:i], p.watches[i+1:]...)
			return
		}
	}
}

func (w *watch) heardOf(n ua.Notify) {
	w.phone.s.mu.Lock()
	defer w.phone.s.mu.Unlock()
	w.state, w.body = n.State, n.Body
}

// live are the subscriptions that the phone believes in.
func (p *simPhone) live() (list []*watch) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	for _, w := range append([]*watch(nil), p.watches...) {
		switch {
		case w.busy:
		case ended(w.sub):
			p.drop(w)
		default:
			list = append(list, w)
		}
	}
	return list
}

func ended(sub *ua.Subscription) bool {
	select {
	case <-sub.Done():
		return true
	default:
		return false
	}
}

// resubscribes refreshes a subscription.
func (p *simPhone) resubscribes() {
	which, expires := p.s.random.Uint32(), time.Duration(60+p.s.random.IntN(3000))*time.Second
	if w := p.pick(which); w != nil {
		p.s.background(func(ctx context.Context) { w.does(func() { _ = w.sub.Refresh(ctx, expires) }) })
	}
}

// unsubscribes ends a subscription.
func (p *simPhone) unsubscribes() {
	if w := p.pick(p.s.random.Uint32()); w != nil {
		p.s.background(func(ctx context.Context) { w.does(func() { _ = w.sub.Unsubscribe(ctx) }) })
	}
}

func (p *simPhone) pick(which uint32) *watch {
	if p.agent == nil {
		return nil
	}
	list := p.live()
	if len(list) == 0 {
		return nil
	}
	w := list[int(which)%len(list)]
	p.s.take(&w.busy)
	return w
}

func (w *watch) does(f func()) {
	f()
	w.phone.s.mu.Lock()
	defer w.phone.s.mu.Unlock()
	w.busy = false
}

// take sets a mark unless it is set.
func (s *simulation) take(mark *bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if *mark {
		return false
	}
	*mark = true
	return true
}

func hasStatus(err error, code int) bool {
	var status *ua.StatusError
	return errors.As(err, &status) && status.Code == code
}

// bindings asks the registrar for all of the user's.
func (p *simPhone) bindings(ctx context.Context) error {
	m, err := p.agent.Do(ctx, sip.Request{Method: sip.REGISTER, URI: "sip:" + simDomain, To: "<" + string(p.aor) + ">"})
	if err == nil && m.Status() != 200 {
		err = fmt.Errorf("%d %s", m.Status(), m.ReasonPhrase())
	}
	return err
}
