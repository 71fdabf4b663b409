package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"lamplight/load"
)

type loadCmd struct {
	Calls loadCallsCmd `cmd:"" help:"Calls through the proxy, with busy lamps on both ends."`
}

type loadCallsCmd struct {
	Server   string        `default:"127.0.0.1:5060" placeholder:"ADDR[:PORT]" help:"The server's address; UDP."`
	Domain   string        `default:"localhost" help:"The users' domain."`
	Calls    int           `default:"1000" help:"How many calls in all."`
	For      time.Duration `placeholder:"TIME" help:"No call begins later."`
	Rate     float64       `default:"0" help:"Calls a second; 0: as many as go."`
	Pairs    int           `default:"50" help:"Callers, and as many callees. The users are caller0, callee0 and so on."`
	Watchers int           `default:"10" help:"Watchers of each party's lamp: watcher0 and so on."`
	Ring     time.Duration `default:"50ms" help:"How long a phone rings."`
	Talk     time.Duration `default:"50ms" help:"How long a call lasts after that."`
	Patience time.Duration `default:"10s" help:"How long a call may take, and a lamp."`
	PID      []int         `name:"pid" help:"The server's process, of which the CPU time is read, with that of its children."`

	PasswordStdin bool `help:"Read the password of all of them from standard input."`
	Insecure      bool `help:"Answer no challenge: the server believes From (--insecure-no-auth)."`
	Names         bool `help:"Only print the users, a name and a tab a line with the password, as user add --stdin reads them."`
	JSON          bool `help:"Print JSON."`
}

// Run places the calls and prints what came of them.
func (c *loadCallsCmd) Run() error {
	o, err := c.options()
	if err != nil {
		return usage(err)
	}
	if c.Names {
		for _, name := range o.Names() {
			fmt.Printf("%s@%s\t%s\n", name, o.Domain, o.Password)
		}
		return nil
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	report, err := load.Run(ctx, o)
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(os.Stdout).Encode(report)
	}
	fmt.Print(loadWords(report))
	return nil
}

func (c *loadCallsCmd) options() (o load.Calls, err error) {
	o = load.Calls{Domain: c.Domain, Calls: c.Calls, For: c.For, Rate: c.Rate, Pairs: c.Pairs, Watchers: c.Watchers,
		Ring: c.Ring, Talk: c.Talk, Patience: c.Patience, PIDs: c.PID}
	if o.Server, err = load.ParseServer(c.Server); err != nil {
		return o, fmt.Errorf("--server: %w", err)
	}
	switch {
	case c.PasswordStdin && c.Insecure || !c.PasswordStdin && !c.Insecure:
		return o, fmt.Errorf("either --password-stdin or --insecure")
	case c.PasswordStdin:
		if o.Password, err = readPassword(os.Stdin); err != nil {
			return o, err
		}
	}
	return o, o.Check()
}

// loadWords is a report for people.
func loadWords(r *load.Report) string {
	var b strings.Builder
	fmt.Fprintf(&b, "calls            %d of %d in %.1f s: %.1f a second\n", r.Completed, r.Calls, r.Seconds, r.PerSecond)
	var failures []string
	for why, n := range r.Failures {
		failures = append(failures, fmt.Sprintf("%d × %s", n, why))
	}
	slices.Sort(failures)
	if len(failures) > 0 {
		fmt.Fprintf(&b, "failures         %s\n", strings.Join(failures, ", "))
	}
	lamps := func(from string, l load.Latency) {
		fmt.Fprintf(&b, "from the %s to the last NOTIFY: median %.1f ms, p99 %.1f ms; %.1f %% of %d lamps within 50 ms\n",
			from, l.Median, l.P99, 100*l.Within50, l.Lamps)
	}
	lamps("180", r.Lit)
	lamps("BYE", r.Dark)
	fmt.Fprintf(&b, "NOTIFYs          %d; %d after a newer one, %d lamps not told in time, %d of the end only\n", r.Notifies, r.Stale, r.Lost, r.Skipped)
	fmt.Fprintf(&b, "retransmitted    %d by the phones, %d by the server\n", r.Resent, r.Absorbed)
	if r.CPU > 0 {
		fmt.Fprintf(&b, "server CPU       %.2f s, %.0f us a call: %.0f calls a second of CPU\n", r.CPU, r.CPUPer, r.PerCPU)
	}
	return b.String()
}
