package transaction

import (
	"slices"
	"sync/atomic"
	"time"

	"lamplight/sip"
)

// Counters count what passed; each is read by Load.
type Counters struct {
	Requests   atomic.Uint64 // received, retransmissions left out
	Responses  atomic.Uint64 // received
	Absorbed   atomic.Uint64 // retransmitted requests
	Malformed  atomic.Uint64 // datagrams that could not be read
	Unmatched  atomic.Uint64 // responses to nothing
	Overloaded atomic.Uint64 // requests refused for want of room
	Sent       atomic.Uint64 // requests of ours
	Resent     atomic.Uint64 // retransmissions of ours
	TimedOut   atomic.Uint64 // requests of ours without an answer
	NotAllowed atomic.Uint64 // requests of ours that the outbound list held back
	Large      atomic.Uint64 // requests of ours that went over UDP, for there was no other way, though too large for it
	Refused    atomic.Uint64 // connections, for there are too many
	STUN       atomic.Uint64 // STUN messages received
	Unframed   atomic.Uint64 // connections on which nobody knows where the next message begins

	// These are counted by whoever handles requests.
	AuthFailures atomic.Uint64 // wrong credentials
	BadBodies    atomic.Uint64 // documents that could not be read

	byMethod [len(methods) + 1]methodCounters // the last: methods that are not known
	byLimit  [len(limits)]atomic.Uint64
}

// methodCounters count the requests and answers of one method.
type methodCounters struct {
	received [len(transports)]atomic.Uint64
	answered [7]atomic.Uint64 // by status class
	took     durations
}

var methods = [...]sip.Method{sip.ACK, sip.BYE, sip.CANCEL, sip.INFO, sip.INVITE, sip.MESSAGE, sip.NOTIFY, sip.OPTIONS,
	sip.PRACK, sip.PUBLISH, sip.REFER, sip.REGISTER, sip.SUBSCRIBE, sip.UPDATE}

// Limits that are the layer's own, beside those of messages; and those of what
// is above it.
const (
	LimitTransactions = "transactions"
	LimitConnections  = "connections"
	LimitSlow         = "slow" // a connection that took too long
)

// limits are the names of all, so that there is a bounded number.
var limits = [...]string{sip.LimitHead, sip.LimitFields, sip.LimitSameField, sip.LimitURI, sip.LimitCallID, sip.LimitTag, sip.LimitDisplay, sip.LimitMessage,
	LimitTransactions, LimitConnections, LimitSlow, "document", "xml", "interval", "subscriptions", "contacts", "publications",
	"source", "user", "aor", "called", "guesses", "nonce", "intake"}

var transports = [...]string{"UDP", "TCP", "TLS", "WS", "WSS"}

func (c *Counters) of(m sip.Method) *methodCounters {
	i := slices.Index(methods[:], m)
	if i < 0 {
		i = len(methods)
	}
	return &c.byMethod[i]
}

func (c *Counters) request(m sip.Method, transport string) {
	c.Requests.Add(1)
	if i := slices.Index(transports[:], transport); i >= 0 {
		c.of(m).received[i].Add(1)
	}
}

// answer counts a final response to a request that came at a time.
func (c *Counters) answer(m sip.Method, status int, began time.Time) {
	of := c.of(m)
	if class := status / 100; 0 < class && class < 7 {
		of.answered[class].Add(1)
	}
	of.took.add(time.Since(began))
}

// method is the name of the i-th of byMethod.
func (c *Counters) method(i int) string {
	if i < len(methods) {
		return string(methods[i])
	}
	return "other"
}

// Reached counts that a limit was reached; "", and what is no limit, is none.
func (c *Counters) Reached(limit string) {
	if i := slices.Index(limits[:], limit); i >= 0 {
		c.byLimit[i].Add(1)
	}
}

// EachLimit tells how often each limit was reached.
func (c *Counters) EachLimit(each func(limit string, n uint64)) {
	for i := range limits {
		each(limits[i], c.byLimit[i].Load())
	}
}

// EachMethod tells of every method the requests received, by transport, and how
// they were answered, by status class (2: 2xx). What is nothing yet is left out,
// and methods that are not known are "other".
func (c *Counters) EachMethod(requests func(method, transport string, n uint64), answers func(method string, class int, n uint64)) {
	for i := range c.byMethod {
		name := c.method(i)
		for j := range transports {
			if n := c.byMethod[i].received[j].Load(); n > 0 {
				requests(name, transports[j], n)
			}
		}
		for class := range c.byMethod[i].answered {
			if n := c.byMethod[i].answered[class].Load(); n > 0 {
				answers(name, class, n)
			}
		}
	}
}

// Open is how many server transactions are open or kept, and how many client
// transactions wait for their answer.
func (l *Layer) Open() (servers, clients int) {
	l.clients.mu.Lock()
	defer l.clients.mu.Unlock()
	return int(l.servers.open.Load()), l.clients.open
}

// EachConnection tells how many connections there are of each transport that has
// any.
func (l *Layer) EachConnection(each func(transport string, n int)) {
	for transport, n := range l.streams.byTransport() {
		each(transport, n)
	}
}
