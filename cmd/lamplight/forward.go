package main

import (
	"context"
	"errors"
	"time"

	"lamplight/control"
)

type forwardCmd struct {
	User     string         `arg:"" help:"Whose calls: user[@domain]."`
	Always   *string        `placeholder:"USER|NUMBER" help:"Where all of them go; empty: nowhere. What is not named stays."`
	Busy     *string        `placeholder:"USER|NUMBER" help:"Where those go that come while the user is busy."`
	NoAnswer *string        `placeholder:"USER|NUMBER" help:"Where those go that nobody answers in time."`
	After    *time.Duration `placeholder:"DURATION" help:"That time: 6s to 2m."`
	Off      bool           `help:"Forward none any more."`
	JSON     bool           `help:"Print JSON."`
	place
}

var errOffAlone = errors.New("--off goes with nothing else that is forwarded")

// Run says where a user's calls go, or shows it.
func (c *forwardCmd) Run() error {
	said := c.Always != nil || c.Busy != nil || c.NoAnswer != nil || c.After != nil
	o := control.ForwardingOrder{User: c.User, Immediate: c.Always, Busy: c.Busy, NoAnswer: c.NoAnswer, After: c.After}
	if c.Off {
		if said {
			return usage(errOffAlone)
		}
		o.Immediate, o.Busy, o.NoAnswer, o.After = new(string), new(string), new(string), new(time.Duration)
	}
	return c.state(c.User, c.JSON, func(ctx context.Context, s *control.Client) (control.UserState, error) {
		if !said && !c.Off {
			return s.State(ctx, c.User)
		}
		return s.Forwarding(ctx, o)
	})
}
