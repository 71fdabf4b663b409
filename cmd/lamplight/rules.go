package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"lamplight/control"
)

type watchersCmd struct {
	User string `arg:"" help:"Whose: user[@domain]."`
	JSON bool   `help:"Print JSON, an object a line."`
	place
}

// Run lists who watches a user, and who waits.
func (c *watchersCmd) Run() error {
	return c.ask(func(ctx context.Context, s *control.Client) error {
		list, err := s.Watchers(ctx, c.User)
		for _, w := range list {
			if c.JSON {
				err = errors.Join(err, json.NewEncoder(os.Stdout).Encode(w))
				continue
			}
			fmt.Printf("%-8s %-12s %s%s\n", w.Status, w.Event, strings.Map(printable, w.AoR), at(" since ", w.Since))
		}
		return err
	})
}

// ask does something with the running server.
func (p *place) ask(do func(context.Context, *control.Client) error) error {
	server, err := p.server()
	if err != nil {
		return err
	}
	defer server.Close()
	return do(context.Background(), server)
}

type allowCmd struct {
	User    string `arg:"" help:"Whose state: user[@domain]."`
	Watcher string `arg:"" help:"Who may see it: user[@domain]."`
	place
}

// Run lets somebody watch a user.
func (c *allowCmd) Run() error {
	return c.ask(func(ctx context.Context, s *control.Client) error {
		return s.Answer(ctx, control.Answer{User: c.User, Watcher: c.Watcher, Handling: "allow"})
	})
}

type blockCmd struct {
	User    string `arg:"" help:"Whose state: user[@domain]."`
	Watcher string `arg:"" help:"Who may not see it: user[@domain]."`
	Polite  bool   `help:"Show them an offline user instead."`
	place
}

// Run lets somebody watch a user no longer.
func (c *blockCmd) Run() error {
	handling := "block"
	if c.Polite {
		handling = "polite-block"
	}
	return c.ask(func(ctx context.Context, s *control.Client) error {
		return s.Answer(ctx, control.Answer{User: c.User, Watcher: c.Watcher, Handling: handling})
	})
}

type viewCmd struct {
	User  string `arg:"" help:"Whose state: user[@domain]."`
	As    string `required:"" placeholder:"WATCHER" help:"Who sees it: user[@domain]."`
	Event string `default:"presence" help:"Of which event package: presence, dialog, reg."`
	JSON  bool   `help:"Print JSON."`
	place
}

// Run shows the document that a watcher gets.
func (c *viewCmd) Run() error {
	return c.ask(func(ctx context.Context, s *control.Client) error {
		v, err := s.ViewAs(ctx, c.User, c.As, c.Event)
		switch {
		case err != nil:
			return err
		case c.JSON:
			return json.NewEncoder(os.Stdout).Encode(v)
		case v.Body == "":
			fmt.Println("nothing: " + v.Handling)
		default:
			fmt.Print(v.Body)
		}
		return nil
	})
}
