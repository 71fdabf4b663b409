package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"lamplight/control"
)

// end is when what is said of a user ends.
type end struct {
	Until string        `placeholder:"TIME" xor:"end" help:"Until then, in the time zone of the user's domain: 15:00, 2026-11-30T15:00."`
	For   time.Duration `placeholder:"DURATION" xor:"end" help:"For so long: 90m, 2h."`
}

func (e *end) when() control.When { return control.When{Until: e.Until, For: e.For} }

type dndCmd struct {
	User string `arg:"" help:"Whom: user[@domain]."`
	Set  string `arg:"" optional:"" enum:"on,off," default:"" help:"on or off; what holds is shown where left out."`
	end
	LetThrough *[]string `placeholder:"USER" help:"Whose calls ring all the same; empty for nobody's."`
	JSON       bool      `help:"Print JSON."`
	place
}

// Run says whether a user wants to be disturbed.
func (c *dndCmd) Run() error {
	return c.state(c.User, c.JSON, func(ctx context.Context, s *control.Client) (control.UserState, error) {
		if c.Set == "" {
			return s.State(ctx, c.User)
		}
		return s.DND(ctx, control.DNDOrder{User: c.User, On: c.Set == "on", When: c.when(), LetThrough: c.LetThrough})
	})
}

// state shows a user's state after something was done.
func (p *place) state(user string, asJSON bool, do func(context.Context, *control.Client) (control.UserState, error)) error {
	server, err := p.server()
	if err != nil {
		return err
	}
	defer server.Close()
	u, err := do(context.Background(), server)
	if err != nil {
		return err
	}
	if asJSON {
		return json.NewEncoder(os.Stdout).Encode(u)
	}
	for _, line := range stateLines(&u) {
		fmt.Println(line)
	}
	return nil
}

// stateLines are a user's state in words.
func stateLines(u *control.UserState) []string {
	lines := []string{u.AoR + " is " + u.State}
	if u.DND.On {
		lines = append(lines, "does not want to be disturbed"+untilWhen(u.DND.Until))
	}
	if s := u.Status; s != nil {
		line := "has chosen " + s.State
		if s.Note != "" {
			line += " (" + strings.Map(printable, s.Note) + ")"
		}
		lines = append(lines, line+untilWhen(s.Until))
	}
	if u.LetThrough != nil {
		lines = append(lines, "lets through "+strings.Join(u.LetThrough, ", "))
	}
	if f := u.Forwarding; f != nil {
		for _, one := range []struct{ what, to string }{{"all calls", f.Immediate}, {"calls while busy", f.Busy},
			{fmt.Sprintf("calls that nobody answers in %gs", f.After), f.NoAnswer}} {
			if one.to != "" {
				lines = append(lines, "forwards "+one.what+" to "+strings.Map(printable, one.to))
			}
		}
	}
	return lines
}

// untilWhen says when something ends, in the zone that the time came in.
func untilWhen(at *time.Time) string {
	if at == nil {
		return ""
	}
	return " until " + at.Format("2006-01-02 15:04 -0700")
}
