package resolve

import (
	"sync"
	"time"

	"github.com/miekg/dns"
)

// What is remembered, and for how long at most.
const (
	maxEntries  = 4096
	maxRecords  = 16 // of one answer
	maxTTL      = time.Hour
	maxNegative = 5 * time.Minute // RFC 2308 lets it be as short as we like
	failedTTL   = 10 * time.Second
)

// question is what a name server is asked: a name, in lower case with its dot at
// the end, and a record type.
type question struct {
	name string
	kind uint16
}

// answer is what came of a question: records, or none, which is an answer too;
// another name to ask for; or a failure.
type answer struct {
	records []dns.RR
	alias   string
	err     error
	until   time.Time // it holds; zero: for who asked now
}

type cache struct {
	mu      sync.Mutex
	entries map[question]answer
}

func (c *cache) get(q question, now time.Time) (answer, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a, ok := c.entries[q]
	if ok && !now.Before(a.until) {
		delete(c.entries, q)
		return answer{}, false
	}
	return a, ok
}

// put remembers an answer; in a full cache it takes the place of one that is
// over, or of any.
func (c *cache) put(q question, a answer, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !now.Before(a.until) {
		return
	}
	if _, ok := c.entries[q]; !ok && len(c.entries) >= maxEntries {
		c.makeRoom(now)
	}
	c.entries[q] = a
}

// makeRoom looks at a few entries, and drops those that are over, one in any case.
func (c *cache) makeRoom(now time.Time) {
	seen, victim := 0, question{}
	for q, a := range c.entries {
		if victim = q; !now.Before(a.until) {
			delete(c.entries, q)
		}
		if seen++; seen == 32 {
			break
		}
	}
	delete(c.entries, victim)
}
