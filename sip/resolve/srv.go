package resolve

import (
	"cmp"
	"math/rand/v2"
	"slices"

	"github.com/miekg/dns"
)

// ordered are SRV records in the order in which they are to be tried (RFC 2782):
// by priority, and within one by chance, as their weights say.
func (r *Resolver) ordered(records []dns.RR) []*dns.SRV {
	list := make([]*dns.SRV, 0, len(records))
	for _, rr := range records {
		if s, ok := rr.(*dns.SRV); ok {
			list = append(list, s)
		}
	}
	// Those of weight 0 come first in the draw, so that they have a chance at all.
	slices.SortStableFunc(list, func(a, b *dns.SRV) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(a.Weight, b.Weight))
	})
	for i := range list {
		same := list[i:]
		if end := slices.IndexFunc(same, func(s *dns.SRV) bool { return s.Priority != list[i].Priority }); end > 0 {
			same = same[:end]
		}
		drawn := r.draw(same)
		s := same[drawn]
		copy(same[1:], same[:drawn]) // the rest keeps its order
		same[0] = s
	}
	return list
}

// draw is the index of one record, by the weights.
func (r *Resolver) draw(list []*dns.SRV) int {
	sum := 0
	for _, s := range list {
		sum += int(s.Weight)
	}
	n := r.random(sum + 1)
	for i, s := range list {
		if n -= int(s.Weight); n <= 0 {
			return i
		}
	}
	return 0
}

func (r *Resolver) random(n int) int {
	if r.o.Random == nil {
		return rand.IntN(n)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.o.Random.IntN(n)
}
