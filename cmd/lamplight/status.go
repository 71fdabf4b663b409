package main

import (
	"context"
	"errors"

	"lamplight/control"
)

type statusCmd struct {
	User  string `arg:"" help:"Whose: user[@domain]."`
	State string `arg:"" optional:"" enum:"available,busy,meeting,away,out-of-office,clear," default:"" help:"available, busy, meeting, away or out-of-office; clear takes it away. What holds is shown where left out."`
	Note  string `placeholder:"TEXT" help:"A remark that others may see."`
	end
	JSON bool `help:"Print JSON."`
	place
}

var errNothingToSay = errors.New("--note, --until and --for go with a state")

// Run says what a user has chosen to be, or shows it.
func (c *statusCmd) Run() error {
	if (c.State == "" || c.State == "clear") && (c.Note != "" || c.Until != "" || c.For != 0) {
		return usage(errNothingToSay)
	}
	return c.state(c.User, c.JSON, func(ctx context.Context, s *control.Client) (control.UserState, error) {
		switch c.State {
		case "":
			return s.State(ctx, c.User)
		case "clear":
			return s.Status(ctx, control.StatusOrder{User: c.User})
		}
		return s.Status(ctx, control.StatusOrder{User: c.User, State: c.State, Note: c.Note, When: c.when()})
	})
}
