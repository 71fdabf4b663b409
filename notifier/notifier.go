// Package notifier is the notifier of RFC 6665: it holds the subscriptions,
// asks policy what each may see, and tells every one the newest state, one
// notification in flight at a time. It does not compose state, and it knows
// nothing of SIP messages: a Sink is a dialog, a browser's stream or a list.
package notifier

import (
	"errors"
	"time"

	"lamplight/event"
	"lamplight/owner"
)

var (
	// ErrBadEvent refuses an event package that is not known.
	ErrBadEvent = errors.New("event package not known")
	// ErrForbidden says that policy blocks the subscriber.
	ErrForbidden = errors.New("not allowed to watch")
	// ErrNoSubscription says that there is no subscription to refresh.
	ErrNoSubscription = errors.New("no such subscription")
	// ErrNotTheSubscriber refuses a refresh by somebody else.
	ErrNotTheSubscriber = errors.New("the subscription is somebody else's")
	// ErrTooMany refuses one more subscription to an AoR.
	ErrTooMany = errors.New("too many subscriptions")
)

// TooBriefError refuses an interval under the least one.
type TooBriefError struct{ Min time.Duration }

func (e *TooBriefError) Error() string { return "interval too brief, least is " + e.Min.String() }

// Decide is policy's answer to one subscriber, and when to ask again (zero:
// when the rules change).
type Decide func(aor event.AoR, w event.Subscriber, name event.Name, now time.Time) (event.Grant, time.Time)

// Outcome is how a notification ended.
type Outcome uint8

const (
	Delivered Outcome = iota + 1
	Later             // no answer, or a passing error
	NoDialog          // the subscriber does not know the subscription
	Gone              // the subscription is over
	Lost              // there is no way to the subscriber any more
)

// The subscription states and reasons of RFC 6665 §4.1.3.
const (
	Active     = "active"
	Pending    = "pending"
	Terminated = "terminated"

	ReasonTimeout     = "timeout"
	ReasonRejected    = "rejected"
	ReasonDeactivated = "deactivated"
	ReasonNoResource  = "noresource"
)

// Notification is what a sink tells its subscriber.
type Notification struct {
	State  string
	Reason string        // of Terminated
	Left   time.Duration // of Active and Pending
	Type   string        // content type; "": no body
	Body   event.Body
	Seq    uint32 // rises with each notification of the subscription, from 0
}

// Sink is where a subscription's notifications go. Notify returns at once; one
// Done of the notifier follows.
type Sink interface {
	Notify(Notification)
	// Save is what a restart needs to make the sink again; nil: the
	// subscription is not kept.
	Save() []byte
}

// Request is a SUBSCRIBE (RFC 6665 §4.2.1), its sender known.
type Request struct {
	ID      string // of the subscription: dialog, event and event id
	Refresh bool   // inside a dialog: the subscription must be there
	AoR     event.AoR
	Entity  string // the URI watched
	Event   event.Name
	Watcher event.Subscriber
	Peer    bool   // a trusted peer: no least interval
	Device  string // what a rebooted phone would send again; "": unknown
	Format  event.Format
	Expires time.Duration // 0: the end, or a fetch
	Default bool          // no interval was asked for
	Sink    Sink          // of a refresh: takes the place of the old one
}

// Inputs is where changes of subscriptions go as inputs of watcher information.
type Inputs interface {
	Put(t *owner.Turn, aor event.AoR, in event.Input)
	Withdraw(t *owner.Turn, aor event.AoR, k event.Key)
}

// Options of New; a zero field takes its default.
type Options struct {
	PerAoR    int                                // subscriptions to one event: 10,000
	PerUser   int                                // subscriptions of one subscriber: 2,000
	Min, Max  time.Duration                      // of an interval, in the place of the packages'; 0: theirs
	RateOff   bool                               // no notification rate: for measuring
	Inputs    Inputs                             // nil: no watcher information
	Sink      func(id string, saved []byte) Sink // makes a saved sink again
	EveryTurn int                                // notifications of one AoR and event in a turn: 1,024

	Grace        time.Duration // a subscription is kept after the way to it is lost; 0: it ends at once
	GraceAtStart time.Duration // as long at least where it comes from before a restart

	// Document composes an AoR's state as it is now.
	Document func(t *owner.Turn, aor event.AoR, name event.Name) event.Document
	// Newest is when an AoR's state last changed: whose watchers are told first
	// after a start. Nil: those who subscribed last.
	Newest func(aor event.AoR) time.Time
}

// Notifier holds all subscriptions. Its methods run in a turn of the AoR's
// owner.
type Notifier struct {
	packages map[event.Name]event.Package
	counters map[event.Name]*Counters
	names    []event.Name // of packages, in a fixed order
	decide   Decide
	quota    quota
	opt      Options
	shares   [owner.Partitions]share
}

// share is what one partition holds.
type share struct {
	topics  map[topicKey]*topic
	subs    map[string]*subscription
	devices map[deviceKey]*subscription
	waiting map[topicKey][]*waiter

	paced   []*subscription          // read back at the start, to be told one after the other
	reading map[event.AoR]bool       // read again in this turn, after a failed commit
	past    map[string]*subscription // what memory held of them before
}

type topicKey struct {
	aor  event.AoR
	name event.Name
}

// deviceKey is what a phone that rebooted shares with itself (behaviour: same
// user, resource, event and id, instance or Contact).
type deviceKey struct {
	topic   topicKey
	watcher event.AoR
	device  string
}

// New makes a notifier without subscriptions.
func New(packages []event.Package, decide Decide, o Options) *Notifier {
	if o.PerAoR == 0 {
		o.PerAoR = 10_000
	}
	if o.PerUser == 0 {
		o.PerUser = 2000
	}
	if o.EveryTurn == 0 {
		o.EveryTurn = 1024
	}
	n := &Notifier{packages: map[event.Name]event.Package{}, counters: map[event.Name]*Counters{}, decide: decide, opt: o, quota: quota{limit: o.PerUser, held: map[event.AoR]int{}}}
	for _, p := range packages {
		n.packages[p.Event()] = p
		n.names = append(n.names, p.Event())
		n.counters[p.Event()] = &Counters{}
	}
	for i := range n.shares {
		n.shares[i] = share{topics: map[topicKey]*topic{}, subs: map[string]*subscription{},
			devices: map[deviceKey]*subscription{}, waiting: map[topicKey][]*waiter{}, reading: map[event.AoR]bool{}, past: map[string]*subscription{}}
	}
	return n
}

func (n *Notifier) share(aor event.AoR) *share { return &n.shares[owner.Partition(string(aor))] }

// Find is a subscription's AoR, format and sink, by a partition and its id.
func (n *Notifier) Find(partition byte, id string) (event.AoR, event.Format, Sink, bool) {
	s := n.shares[partition].subs[id]
	if s == nil || s.ending != "" {
		return "", event.Format{}, nil, false
	}
	return s.topic.key.aor, s.format, s.sink, true
}

// Sinks are those of the live subscriptions to an AoR's state.
func (n *Notifier) Sinks(aor event.AoR, name event.Name) (list []Sink) {
	tp := n.share(aor).topics[topicKey{aor, name}]
	if tp == nil {
		return nil
	}
	for _, s := range tp.subs {
		if s.ending == "" {
			list = append(list, s.sink)
		}
	}
	return list
}

// Watched tells whether anybody watches an AoR's state.
func (n *Notifier) Watched(aor event.AoR, name event.Name) bool {
	return n.share(aor).topics[topicKey{aor, name}] != nil
}

// Changed takes a newly composed document in and tells it to whom it concerns.
func (n *Notifier) Changed(t *owner.Turn, aor event.AoR, name event.Name, doc event.Document) {
	tp := n.share(aor).topics[topicKey{aor, name}]
	if tp == nil {
		return
	}
	if q, ok := tp.pkg.(event.Quieter); ok && q.Quiet(tp.doc, doc) {
		tp.hush(t.Now, doc)
		return
	}
	tp.change(t.Now, doc)
	gathered := n.tellsWatchers(tp) // after a start, watchers come back: no news
	for _, s := range tp.subs {
		if s.paced && !gathered {
			s.paced, s.hold = false, time.Time{}
		}
		n.queue(t, s)
	}
}

// AllChanged takes in what everybody's state of a partition is now, where something
// other than inputs has changed.
func (n *Notifier) AllChanged(t *owner.Turn, partition byte) {
	for k := range n.shares[partition].topics {
		t.Touch(string(k.aor))
		n.Changed(t, k.aor, k.name, n.opt.Document(t, k.aor, k.name))
	}
}

// AllRulesChanged asks policy again about everybody of a partition.
func (n *Notifier) AllRulesChanged(t *owner.Turn, partition byte) {
	for k := range n.shares[partition].topics {
		t.Touch(string(k.aor))
		n.RulesChanged(t, k.aor)
	}
	for k := range n.shares[partition].waiting {
		t.Touch(string(k.aor))
		n.waitersDecided(t, k)
	}
}

// RulesChanged asks policy again about everybody who watches an AoR.
func (n *Notifier) RulesChanged(t *owner.Turn, aor event.AoR) {
	for _, name := range n.names {
		k := topicKey{aor, name}
		n.waitersDecided(t, k)
		tp := n.share(aor).topics[k]
		if tp == nil {
			continue
		}
		for _, s := range tp.subs {
			n.decideAgain(t, s)
			n.queue(t, s)
		}
	}
}
