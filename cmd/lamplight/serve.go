package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"lamplight/app"
	"lamplight/config"
)

type serveCmd struct {
	Config kong.ConfigFlag `placeholder:"FILE" help:"Settings file (TOML)."`
	config.Serve
}

// Run serves until a signal ends it, and drains then.
func (c *serveCmd) Run() error {
	if err := c.Check(); err != nil {
		return usage(err)
	}
	p, err := app.Open(c.Serve, os.Stderr)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	context.AfterFunc(ctx, stop) // a second signal ends it at once
	defer stop()
	if link := p.SetupLink(); link != "" { // not logged: it must be seen whatever is logged
		fmt.Fprintln(os.Stderr, "nobody is administrator yet: this link makes the first one, once:", link)
	}
	fmt.Fprintln(os.Stderr, "ready", strings.Join(p.Addresses(), " "))
	return p.Run(ctx)
}

func usage(err error) error { return &usageError{err} }
