package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"lamplight/app"
	"lamplight/config"
	"lamplight/directory"
	"lamplight/event"
	"lamplight/sip/digest"
	"lamplight/sip/ua"
)

type demoCmd struct {
	Listen string        `default:"udp:127.0.0.1:0" placeholder:"udp:ADDR:PORT" help:"Where the server listens; port 0 takes a free one."`
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
	defer server.Stop()
	fmt.Print(c.welcome(server.Addrs()[0].String()))
	return c.run(ctx, server.Addrs()[0].String())
}

// serve starts a server that keeps nothing and knows the staff.
func (c *demoCmd) serve() (*app.Server, error) {
	settings := config.Serve{Data: "memory", Domain: []string{demoDomain}, Listen: []string{c.Listen},
		Role: []string{"registrar", "proxy", "presence"}}
	server, err := app.New(app.Options{Serve: settings, People: staffBook{},
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	if err != nil {
		return nil, err
	}
	return server, server.Start()
}

func (c *demoCmd) welcome(addr string) string {
	return fmt.Sprintf(`An office of %d people on a server at udp:%s, domain %s.
Each has a user agent that registers, publishes and is watched, with digest, over real sockets.
Look on with another terminal:

  echo %s | lamplight watch %s --server %s --as reception --domain %s --password-stdin

Ctrl-C ends it.

`, len(staff), addr, demoDomain, demoPassword, staff[0].user, addr, demoDomain)
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

// staffBook is the staff as a server's users.
type staffBook struct{}

func (staffBook) Load() ([]directory.Domain, []directory.User, error) {
	users := []directory.User{demoUser(reception, "Reception", "1000")}
	for _, s := range staff {
		users = append(users, demoUser(s.user, s.name, s.number))
	}
	return []directory.Domain{{Name: demoDomain, Realm: demoDomain}}, users, nil
}

func demoUser(user, name, number string) directory.User {
	u := directory.User{AoR: event.AoR(demoAoR(user)), Name: name,
		HA1: map[string]digest.HA1s{user: digest.Hash(user, demoDomain, demoPassword)}}
	if number != "" {
		u.Aliases = []string{number}
	}
	return u
}
