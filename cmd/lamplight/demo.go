package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"lamplight/app"
	"lamplight/config"
	"lamplight/control"
	"lamplight/sip/ua"
)

type demoCmd struct {
	Listen string        `default:"udp:127.0.0.1:0" placeholder:"udp:ADDR:PORT" help:"Where the server listens; port 0 takes a free one."`
	Web    string        `default:"127.0.0.1:0" placeholder:"ADDR:PORT" help:"Where the pages are; port 0 takes a free one."`
	Pace   time.Duration `default:"4s" help:"Mean time between two changes of one person."`
	For    time.Duration `placeholder:"DURATION" help:"End by itself after this time."`
}

// The demo's domain, and the password of everybody in it.
const (
	demoDomain   = "office.test"
	demoPassword = "lamplight"
	reception    = "reception" // looks on at all lamps
)

// Run serves a simulated office until it is interrupted.
func (c *demoCmd) Run() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if c.For > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.For)
		defer cancel()
	}
	server, err := c.serve()
	if err != nil {
		return err
	}
	defer stopNow(server)
	at := server.Addrs()[0].String()
	fmt.Print(c.welcome(at, server.WebURL()))
	return c.run(ctx, at)
}

// stopNow ends a server that nobody needs any more.
func stopNow(p *app.Process) {
	over, cancel := context.WithCancel(context.Background())
	cancel()
	_ = p.Run(over)
}

// serve starts a server that keeps nothing and knows the staff.
func (c *demoCmd) serve() (*app.Process, error) {
	p, err := app.Open(config.Serve{Data: "memory", Domain: []string{demoDomain}, Listen: []string{c.Listen}, Web: c.Web, HistoryDays: 7, LogLevel: "error",
		Role: []string{"registrar", "proxy", "presence"}, CalendarEvery: config.Duration(time.Hour)}, os.Stderr)
	if err != nil {
		return nil, err
	}
	people := []control.NewUser{{AoR: reception + "@" + demoDomain, Name: "Reception", Aliases: []string{"1000"}, Password: demoPassword}}
	for _, s := range staff {
		people = append(people, control.NewUser{AoR: s.user + "@" + demoDomain, Name: s.name, Aliases: []string{s.number}, Password: demoPassword})
	}
	return p, p.People().Add(people)
}

func (c *demoCmd) welcome(addr, web string) string {
	return fmt.Sprintf(`  %s   sign in as %s, password %s

An office of %d people, whose phones register, publish, call each other and are
watched, with digest, over real sockets: udp:%s, domain %s.
Look on with another terminal:

  echo %s | lamplight watch %s --server %s --as %s --domain %s --password-stdin

Ctrl-C ends it.

`, web, reception, demoPassword, len(staff), addr, demoDomain, demoPassword, staff[0].user, addr, reception, demoDomain)
}

// run opens the office, and the reception that looks at all lamps.
func (c *demoCmd) run(ctx context.Context, addr string) error {
	v := newView()
	o := &office{server: addr, pace: c.Pace, view: v}
	desk, err := o.hire(ctx, reception, "Reception")
	if err != nil {
		return err
	}
	defer desk.agent.Close()
	if err := desk.agent.KeepRegistered(ctx, time.Hour); err != nil {
		return err
	}
	for _, s := range staff {
		_, err := desk.agent.Subscribe(ctx, demoAoR(s.user), "presence", ua.SubscribeOptions{
			Expires: time.Hour, Keep: true, OnNotify: v.notified})
		if err != nil {
			return fmt.Errorf("watch %s: %w", s.user, err)
		}
	}
	return o.open(ctx)
}

func demoAoR(user string) string { return "sip:" + user + "@" + demoDomain }
