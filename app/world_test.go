package app_test

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"lamplight/app"
	"lamplight/esc"
	"lamplight/event"
	"lamplight/notifier"
	"lamplight/owner"
	"lamplight/policy"
	"lamplight/store/fault"
)

// world is one server's stages, connected as spine.go connects them, without a
// wire and without a goroutine: the clock is moved by hand, commits fail when a
// script says so, and phones write down what they are told.
type world struct {
	t        testing.TB
	owned    int // the number of owners
	packages []event.Package
	began    time.Time
	now      time.Time
	journal  *fault.Journal
	stages
	rules   map[event.AoR]policy.Rules // as the cold store has them
	phones  map[string]*phone
	etags   []esc.ETag // E1 is the first
	out     strings.Builder
	timed   bool // lines begin with the time
	mute    bool // nothing is written down
	rateOff bool
}

// stages are what a crash takes away.
type stages struct {
	policy   *policy.Policy
	esc      *esc.Compositor
	notifier *notifier.Notifier
	owners   *owner.Owners
}

func newWorld(t testing.TB, owners int) *world {
	noon := time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)
	w := &world{t: t, owned: owners, began: noon, now: noon, journal: &fault.Journal{},
		rules: map[event.AoR]policy.Rules{}, phones: map[string]*phone{}}
	w.start()
	return w
}

// start makes empty stages and loads what is stored.
func (w *world) start() {
	w.packages = app.Packages(true, true, false, "", "/xcap-root/", nil)
	w.policy = policy.New(policy.Options{Lists: func(domain, other string) bool { return domain == "example.test" && other == "partner.test" }})
	w.esc = esc.New(w.packages, func(a event.AoR, entity string) bool { return string(a) == entity }, esc.Limits{})
	w.notifier = notifier.New(w.packages, w.policy.Decide, notifier.Options{
		PerAoR: 5, PerUser: 7, Grace: 30 * time.Second, GraceAtStart: 150 * time.Second, RateOff: w.rateOff, Inputs: w.esc, Document: w.esc.Document, Newest: w.esc.Newest,
		Sink: func(_ string, saved []byte) notifier.Sink { return w.phones[string(saved)] }})
	w.esc.Tell(w.notifier)
	w.owners = owner.New(w.journal, w, owner.Options{Owners: w.owned})
	for aor, rs := range w.rules {
		w.policy.Set(aor, rs)
	}
	if err := w.owners.Load(w.now); err != nil {
		w.t.Fatal(err)
	}
}

// Forget and Restore are the spine's.
func (w *world) Forget(t *owner.Turn, key string) {
	w.esc.Forget(t, key)
	w.notifier.Forget(t, key)
}

func (w *world) Restore(t *owner.Turn, key string, kind byte, id string, value []byte) error {
	if kind == notifier.KindSubscription {
		return w.notifier.Restore(t, key, kind, id, value)
	}
	return w.esc.Restore(t, key, kind, id, value)
}

// say writes one line of what a script prints.
func (w *world) say(format string, args ...any) {
	if w.timed {
		fmt.Fprintf(&w.out, "%s: ", w.now.Sub(w.began))
	}
	fmt.Fprintf(&w.out, format+"\n", args...)
}

// post has a job done by the owner of a user in the next turn.
func (w *world) post(aor event.AoR, f func(*owner.Turn)) {
	if err := w.owners.Post(string(aor), owner.Func(f)); err != nil {
		w.t.Fatal(err)
	}
}

// settle lets the owners turn until nothing is left to do at this moment.
func (w *world) settle() {
	for range 10_000 {
		did := false
		for i := range w.owners.Len() {
			d, err := w.owners.Turn(i, w.now)
			if err != nil {
				w.t.Fatal(err)
			}
			did = did || d
		}
		if !did {
			return
		}
	}
	w.t.Fatalf("the owners never come to rest:\n%s", w.out.String())
}

// advance moves the clock from one alarm to the next.
func (w *world) advance(d time.Duration) {
	end := w.now.Add(d)
	for {
		w.settle()
		next := w.owners.Next()
		if next.IsZero() || next.After(end) {
			break
		}
		w.now = next
	}
	w.now = end
	w.settle()
}

// etag gives tags the names E1, E2 in the order in which they appear.
func (w *world) etag(e esc.ETag) string {
	for i, known := range w.etags {
		if known == e {
			return fmt.Sprintf("E%d", i+1)
		}
	}
	w.etags = append(w.etags, e)
	return fmt.Sprintf("E%d", len(w.etags))
}

// phone is a subscriber's end of a subscription. It outlives the server.
type phone struct {
	w       *world
	name    string
	aor     event.AoR // watched
	request notifier.Request
	browser bool // its subscriptions are not kept
	silent  bool // answers only when a script says so
	flying  int
	next    uint32
	crashed bool // numbers may have been left out
	last    []byte
}

func (p *phone) Save() []byte {
	if p.browser {
		return nil
	}
	return []byte(p.name)
}

// Notify writes down what the subscriber is told, and checks what holds in
// each script: one in flight, and numbers that rise by one, over a crash only
// rise.
func (p *phone) Notify(n notifier.Notification) {
	w := p.w
	if p.flying++; p.flying > 1 {
		w.t.Errorf("%s: two notifications in flight", p.name)
	}
	if n.Seq != p.next && !(p.crashed && n.Seq > p.next) {
		w.t.Errorf("%s: seq %d after %d", p.name, n.Seq, int(p.next)-1)
	}
	p.next, p.crashed = n.Seq+1, false
	p.last = bytes.Clone(n.Body.Head)
	if n.Body.Versioned {
		p.last = append(strconv.AppendUint(p.last, uint64(n.Seq), 10), n.Body.Tail...)
	}
	if w.mute {
		p.answer(notifier.Delivered)
		return
	}
	line := fmt.Sprintf("notify %s seq=%d %s", p.name, n.Seq, n.State)
	if n.State == notifier.Terminated {
		line += " reason=" + n.Reason
	} else {
		line += fmt.Sprintf(" expires=%d", int(n.Left/time.Second))
	}
	w.say("%s %s", line, w.look(n.Type, p.last))
	if !p.silent {
		p.answer(notifier.Delivered)
	}
}

func (p *phone) answer(o notifier.Outcome) {
	p.flying--
	w, aor, id := p.w, p.aor, p.name
	w.owners.Return(string(aor), owner.Func(func(t *owner.Turn) { w.notifier.Done(t, aor, id, o) }))
}
