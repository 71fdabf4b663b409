// Package trace keeps the last messages that were sent and received (RFC 3261),
// for whoever asks afterwards what happened, and writes them as a capture file.
// It judges nothing, and credentials leave it masked.
package trace

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"lamplight/sip"
	"lamplight/sip/transaction"
)

// Message is one message as it went over the wire, credentials masked.
type Message struct {
	N         uint64         `json:"n"` // rises with each message, from 1
	At        time.Time      `json:"at"`
	Transport string         `json:"transport"`
	From      netip.AddrPort `json:"from"`
	To        netip.AddrPort `json:"to"`
	Bytes     []byte         `json:"message"`
}

// Ring holds the last messages. Its methods may be called from several
// goroutines.
type Ring struct {
	mu      sync.Mutex
	entries []entry // the N-th is at N modulo their number
	last    uint64
	data    []byte // made when it is needed
	size    int
	written uint64 // bytes, with those that the end of data left over
}

// entry is a message of the ring. Our own address is looked up when somebody asks.
type entry struct {
	at    time.Time
	flow  transaction.Flow
	sent  bool
	start uint64
	size  int
}

// New makes a ring of so many messages, and no more than so many bytes of them.
func New(messages, bytes int) *Ring { return &Ring{entries: make([]entry, messages), size: bytes} }

// Add takes a message in, and copies it once. It is a transaction.Trace but for
// the time.
func (r *Ring) Add(at time.Time, f transaction.Flow, sent bool, b []byte) {
	if len(b) > r.size {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.data == nil {
		r.data = make([]byte, r.size)
	}
	place := int(r.written % uint64(r.size))
	if left := r.size - place; left < len(b) {
		r.written += uint64(left)
		place = 0
	}
	copy(r.data[place:], b)
	r.last++
	r.entries[r.last%uint64(len(r.entries))] = entry{at, f, sent, r.written, len(b)}
	r.written += uint64(len(b))
}

// kept are the messages that are there, the oldest first.
func (r *Ring) kept() (entries []entry, messages []Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := min(r.last, uint64(len(r.entries)))
	for i := r.last - n + 1; i <= r.last; i++ {
		e := r.entries[i%uint64(len(r.entries))]
		if r.written-e.start > uint64(r.size) {
			continue // written over
		}
		place := int(e.start % uint64(r.size))
		entries = append(entries, e)
		messages = append(messages, Message{N: i, At: e.at, Bytes: slices.Clone(r.data[place : place+e.size])})
	}
	return entries, messages
}

// About are the messages after the N-th of all dialogs and exchanges (by
// Call-ID) in which a URI of From, To or the request line is meant.
func (r *Ring) About(means func(sip.URI) bool, after uint64) (found []Message) {
	entries, messages := r.kept()
	calls := make([]string, len(messages))
	wanted := map[string]bool{}
	for i := range messages {
		var m sip.Message
		if m.Parse(messages[i].Bytes) != nil {
			continue
		}
		calls[i] = string(m.CallID())
		wanted[calls[i]] = wanted[calls[i]] || names(&m, means)
	}
	for i, m := range messages {
		if m.N > after && calls[i] != "" && wanted[calls[i]] {
			entries[i].tell(&m)
			found = append(found, m)
		}
	}
	return found
}

// tell fills in the way that a message took.
func (e *entry) tell(m *Message) {
	m.Transport, m.From, m.To = e.flow.Transport(), e.flow.Remote(), e.flow.Local()
	if e.sent {
		m.From, m.To = m.To, m.From
	}
	m.Bytes = Mask(m.Bytes)
}

func names(m *sip.Message, means func(sip.URI) bool) bool {
	if uri, err := sip.ParseURI(m.RequestURI()); err == nil && means(uri) {
		return true
	}
	for _, party := range [...]func() (sip.NameAddr, error){m.From, m.To} {
		if n, err := party(); err == nil {
			if uri, err := n.ParseURI(); err == nil && means(uri) {
				return true
			}
		}
	}
	return false
}
