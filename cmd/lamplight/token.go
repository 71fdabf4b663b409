package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"lamplight/control"
	"lamplight/web/auth"
)

type tokenCmd struct {
	Add    tokenAddCmd    `cmd:"" help:"Make a token and print it: it is not shown again."`
	List   tokenListCmd   `cmd:"" help:"List the tokens of a user."`
	Remove tokenRemoveCmd `cmd:"" help:"End a token."`
}

func (r remote) Tokens(user string) ([]control.Token, error) {
	return r.client.Tokens(context.Background(), user)
}

func (r remote) AddToken(o control.TokenOrder) (control.Token, error) {
	return r.client.AddToken(context.Background(), o)
}

func (r remote) RemoveToken(user string, id int64) error {
	return r.client.RemoveToken(context.Background(), user, id)
}

type tokenAddCmd struct {
	User  string        `arg:"" help:"user[@domain]."`
	Scope []string      `placeholder:"SCOPE" help:"What it is good for: all, presence:read, presence:write, watchers:read, watchers:write, calls, history, people, lists:read, lists:write, registrations, xcap."`
	For   time.Duration `placeholder:"DURATION" help:"How long it holds: 720h; for ever where left out."`
	Name  string        `placeholder:"TEXT" help:"What it is for."`
	place
}

func (c *tokenAddCmd) Run() error {
	if err := auth.CheckScopes(c.Scope); err != nil {
		return usage(fmt.Errorf("--scope: %w", err))
	}
	if c.For < 0 {
		return usage(errors.New("--for: want a time that is to come"))
	}
	return c.existing(func(u control.People) error {
		t, err := u.AddToken(control.TokenOrder{User: c.User, Name: c.Name, Scopes: c.Scope, For: c.For})
		if err == nil {
			_, err = fmt.Println(t.Secret)
		}
		return err
	})
}

type tokenListCmd struct {
	User string `arg:"" help:"user[@domain]."`
	JSON bool   `help:"Print JSON, an object a line."`
	place
}

func (c *tokenListCmd) Run() error {
	return c.existing(func(u control.People) error {
		list, err := u.Tokens(c.User)
		out := json.NewEncoder(os.Stdout)
		for _, one := range list {
			if c.JSON {
				err = out.Encode(one)
			} else {
				_, err = fmt.Println(tokenLine(one))
			}
			if err != nil {
				return err
			}
		}
		return err
	})
}

// tokenLine is a token in a line with tabs.
func tokenLine(t control.Token) string {
	until := "for ever"
	if !t.Until.IsZero() {
		until = "until " + t.Until.Local().Format(time.DateTime)
	}
	return fmt.Sprintf("%d\t%s\t%s\t%s", t.ID, strings.Join(t.Scopes, ", "), until, strings.Map(printable, t.Name))
}

type tokenRemoveCmd struct {
	User string `arg:"" help:"user[@domain]."`
	ID   int64  `arg:"" help:"The number that list shows."`
	place
}

func (c *tokenRemoveCmd) Run() error {
	return c.existing(func(u control.People) error { return u.RemoveToken(c.User, c.ID) })
}
