package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"lamplight/control"
)

type callCmd struct {
	User   string `arg:"" help:"Whose phone rings first: user[@domain]."`
	To     string `arg:"" help:"Whom it calls then: user[@domain], a number or a URI."`
	Anyway bool   `help:"Call also somebody who does not want to be disturbed."`
	JSON   bool   `help:"Print JSON, an object per step."`
	place
}

// Run has a user's phone call somebody, and shows how that goes until the call is
// over. An interrupt gives it up, unless both talk already.
func (c *callCmd) Run() error {
	server, err := c.server()
	if err != nil {
		return err
	}
	defer server.Close()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	talked := false
	err = server.Call(ctx, control.CallOrder{User: c.User, Target: c.To, Anyway: c.Anyway}, func(e control.CallEvent) {
		talked = talked || e.State == "connected"
		switch {
		case c.JSON:
			_ = json.NewEncoder(os.Stdout).Encode(e)
		case !e.Over(): // what is over is the error
			fmt.Println(e.Time.Local().Format("15:04:05"), e.Text)
		}
	})
	if talked && ctx.Err() != nil {
		return nil
	}
	return err
}
