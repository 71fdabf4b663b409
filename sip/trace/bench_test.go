package trace

import (
	"testing"
	"time"

	"lamplight/sip/transaction"
)

// BenchmarkAdd is what each message that passes pays.
func BenchmarkAdd(b *testing.B) {
	r, m, now := New(4096, 8<<20), message(1, "alice", "call", ""), time.Now()
	b.ReportAllocs()
	for b.Loop() {
		r.Add(now, transaction.Flow{}, true, m)
	}
}
