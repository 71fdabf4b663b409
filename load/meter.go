package load

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// meter counts what a run sees.
type meter struct {
	completed atomic.Uint64
	notifies  atomic.Uint64
	stale     atomic.Uint64 // NOTIFYs that came after a newer one
	lost      atomic.Uint64 // lamps that were not told in time
	skipped   atomic.Uint64 // lamps that were told of a call's end only
	lit, dark latencies

	mu       sync.Mutex
	failures map[string]int // calls, by why
}

func (m *meter) reset() {
	m.notifies.Store(0)
	m.failures = map[string]int{}
}

func (m *meter) failed(why string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failures[why]++
}

// latencies are how long lamps took to follow: each, and the last of a party's.
type latencies struct {
	mu         sync.Mutex
	each, last []time.Duration
}

func (l *latencies) took(d time.Duration, last bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.each = append(l.each, d)
	if last {
		l.last = append(l.last, d)
	}
}

// Latency is how long lamps took to follow what was said: the last of a party's
// watchers, and the share of all lamps that followed within 50 ms.
type Latency struct {
	Median   Milliseconds `json:"median_ms"`
	P99      Milliseconds `json:"p99_ms"`
	Within50 float64      `json:"within_50ms"`
	Lamps    int          `json:"lamps"`
}

// Milliseconds is a time in JSON.
type Milliseconds float64

const prompt = 50 * time.Millisecond

func (l *latencies) report() Latency {
	l.mu.Lock()
	defer l.mu.Unlock()
	slices.Sort(l.last)
	r := Latency{Median: quantile(l.last, 0.5), P99: quantile(l.last, 0.99), Lamps: len(l.each)}
	for _, d := range l.each {
		if d <= prompt {
			r.Within50++
		}
	}
	if len(l.each) > 0 {
		r.Within50 /= float64(len(l.each))
	}
	return r
}

// quantile is that of a sorted list, 0 of an empty one.
func quantile(list []time.Duration, q float64) Milliseconds {
	if len(list) == 0 {
		return 0
	}
	return Milliseconds(list[int(q*float64(len(list)-1)+0.5)].Seconds() * 1000)
}

// Report is what came of a run.
type Report struct {
	Calls     int            `json:"calls"`
	Completed int            `json:"completed"`
	Failures  map[string]int `json:"failures"`
	Seconds   float64        `json:"seconds"`
	PerSecond float64        `json:"calls_per_second"`
	Lit       Latency        `json:"from_180"`
	Dark      Latency        `json:"from_bye"`
	Notifies  uint64         `json:"notifies"`
	Stale     uint64         `json:"stale_notifies"`
	Lost      uint64         `json:"lost_lamps"`
	Skipped   uint64         `json:"skipped_lamps"`  // told of a call only when it was over
	Resent    uint64         `json:"resent"`         // requests of the phones
	Absorbed  uint64         `json:"received_again"` // requests of the server
	CPU       float64        `json:"cpu_seconds,omitempty"`
	CPUPer    float64        `json:"cpu_us_per_call,omitempty"`
	PerCPU    float64        `json:"calls_per_cpu_second,omitempty"`
}

func (r *run) report(took, cpu time.Duration) *Report {
	m := &r.meter
	o := &Report{Calls: r.begun, Completed: int(m.completed.Load()), Failures: m.failures, Seconds: took.Seconds(),
		Lit: m.lit.report(), Dark: m.dark.report(), Notifies: m.notifies.Load(), Stale: m.stale.Load(), Lost: m.lost.Load(), Skipped: m.skipped.Load(), CPU: cpu.Seconds()}
	o.PerSecond = float64(o.Completed) / o.Seconds
	if cpu > 0 && o.Completed > 0 {
		o.PerCPU = float64(o.Completed) / cpu.Seconds()
		o.CPUPer = 1e6 / o.PerCPU
	}
	for _, s := range []*side{r.callers, r.callees, r.watchers} {
		o.Resent += s.layer.Resent.Load()
		o.Absorbed += s.layer.Absorbed.Load()
	}
	return o
}
