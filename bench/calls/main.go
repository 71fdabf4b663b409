// Command calls measures calls through Lamplight beside calls through Kamailio, on
// the same machine and one after the other: each party's busy lamp has watchers,
// and what is compared is the server's CPU time for a call. It leaves out what
// differs: neither asks for a password, and both may notify as often as they like.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"text/tabwriter"
	"time"

	"lamplight/load"
)

type settings struct {
	lamplight, kamailio, config, tables string

	pairs, watchers, rounds int
	length                  time.Duration
}

func main() {
	var s settings
	flag.StringVar(&s.lamplight, "lamplight", "./lamplight", "the program")
	flag.StringVar(&s.kamailio, "kamailio", "kamailio", "the program")
	flag.StringVar(&s.config, "config", "bench/kamailio.cfg", "Kamailio's settings")
	flag.StringVar(&s.tables, "tables", "/usr/share/kamailio/dbtext/kamailio", "Kamailio's empty text database")
	flag.IntVar(&s.pairs, "pairs", 50, "callers, and as many callees")
	flag.IntVar(&s.watchers, "watchers", 10, "watchers of each party")
	flag.IntVar(&s.rounds, "rounds", 2, "how often all is measured")
	flag.DurationVar(&s.length, "for", 3*time.Second, "how long each measurement lasts")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := s.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "calls:", err)
		os.Exit(1)
	}
}

// measured is what one server did: as fast as it could, and at half of that.
type measured struct {
	name       string
	peak, half *load.Report
}

// run measures in rounds, so that what else the machine does meets all alike, and
// takes each server's best round: that which was disturbed least.
func (s *settings) run(ctx context.Context) error {
	servers := []func(*settings) (*server, error){startKamailio, startInMemory, startDurable}
	best := make([]measured, len(servers))
	for range s.rounds {
		for i, start := range servers {
			m, err := s.measure(ctx, start)
			if err != nil {
				return err
			}
			best[i] = better(best[i], m)
		}
	}
	return show(best)
}

func better(a, b measured) measured {
	if a.peak == nil || b.peak.PerCPU > a.peak.PerCPU {
		a.name, a.peak = b.name, b.peak
	}
	if a.half == nil || b.half.PerCPU > a.half.PerCPU {
		a.half = b.half
	}
	return a
}

// measure starts a server for each of the two, so that none inherits anything.
func (s *settings) measure(ctx context.Context, start func(*settings) (*server, error)) (m measured, err error) {
	if m.name, m.peak, err = s.once(ctx, start, 0); err != nil {
		return m, err
	}
	_, m.half, err = s.once(ctx, start, m.peak.PerSecond/2)
	return m, err
}

func (s *settings) once(ctx context.Context, start func(*settings) (*server, error), rate float64) (string, *load.Report, error) {
	server, err := start(s)
	if err != nil {
		return "", nil, err
	}
	defer server.stop()
	o := s.calls()
	o.Server, o.Rate, o.PIDs = server.addr, rate, []int{server.pid()}
	r, err := load.Run(ctx, o)
	if err != nil {
		return "", nil, fmt.Errorf("%s: %w", server.name, err)
	}
	return server.name, r, nil
}

func (s *settings) calls() load.Calls {
	return load.Calls{Domain: domain, Calls: 1_000_000, For: s.length, Pairs: s.pairs, Watchers: s.watchers,
		Ring: 50 * time.Millisecond, Talk: 50 * time.Millisecond, Patience: 4 * time.Second}
}

func show(all []measured) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	row := func(name, load string, r, first *load.Report) {
		failed := r.Calls - r.Completed
		fmt.Fprintf(w, "%s\t%s\t%.0f\t%d\t%.0f\t%.0f\t%.1f\t%.1f / %.1f\t%.1f / %.1f\t%.1f\n", name, load, r.PerSecond, failed, r.CPUPer, r.PerCPU,
			r.PerCPU/first.PerCPU, r.Lit.Median, r.Lit.P99, r.Dark.Median, r.Dark.P99, 100*(r.Lit.Within50+r.Dark.Within50)/2)
	}
	fmt.Fprintln(w, "server\tload\tcalls/s\tfailed\tCPU us/call\tcalls/CPU s\tratio\t180 to last lamp, ms: median / p99\tBYE, the same\tlamps within 50 ms, %")
	for _, m := range all {
		row(m.name, "peak", m.peak, all[0].peak)
		row(m.name, "half", m.half, all[0].half)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, m := range all {
		for _, r := range []*load.Report{m.peak, m.half} {
			for why, n := range r.Failures {
				fmt.Printf("%s: %d × %s\n", m.name, n, why)
			}
		}
	}
	return nil
}
