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

type groupCmd struct {
	Add    groupAddCmd    `cmd:"" help:"Make a group of people, or add people to one."`
	List   groupListCmd   `cmd:"" help:"List the groups and who is in them."`
	Remove groupRemoveCmd `cmd:"" help:"Remove a group."`
	Member groupMemberCmd `cmd:"" help:"Take people out of a group."`
}

func (r remote) Groups() ([]control.Group, error) { return r.client.Groups(context.Background()) }

func (r remote) SetGroup(g control.Group) error { return r.client.SetGroup(context.Background(), g) }

func (r remote) RemoveGroup(name string) error {
	return r.client.RemoveGroup(context.Background(), name)
}

func (r remote) LeaveGroup(name, member string) error {
	return r.client.LeaveGroup(context.Background(), name, member)
}

type groupAddCmd struct {
	Name   string   `arg:"" help:"The group."`
	User   []string `arg:"" optional:"" help:"Who is in it too: user[@domain]."`
	Pickup *bool    `negatable:"" help:"Its members pick up each other's calls, and see whose they are."`
	place
}

// Run makes a group, or adds to it.
func (c *groupAddCmd) Run() error {
	return c.existing(func(p control.People) error {
		g := control.Group{Name: c.Name, Members: c.User}
		all, err := p.Groups()
		if err != nil {
			return err
		}
		for _, one := range all {
			if one.Name == c.Name {
				g.Pickup = one.Pickup
			}
		}
		set(&g.Pickup, c.Pickup)
		return p.SetGroup(g)
	})
}

type groupListCmd struct {
	JSON bool `help:"Print JSON, an object a line."`
	place
}

// Run lists the groups.
func (c *groupListCmd) Run() error {
	return c.existing(func(p control.People) error {
		all, err := p.Groups()
		for _, g := range all {
			if c.JSON {
				err = errors.Join(err, json.NewEncoder(os.Stdout).Encode(g))
				continue
			}
			pickup := ""
			if g.Pickup {
				pickup = " (pickup)"
			}
			fmt.Println(g.Name + pickup + "\t" + strings.Join(g.Members, ", "))
		}
		return err
	})
}

type groupRemoveCmd struct {
	Name string `arg:"" help:"The group."`
	place
}

// Run removes a group.
func (c *groupRemoveCmd) Run() error {
	return c.existing(func(p control.People) error { return p.RemoveGroup(c.Name) })
}

type groupMemberCmd struct {
	Remove groupLeaveCmd `cmd:"" help:"Take people out of a group."`
}

type groupLeaveCmd struct {
	Name string   `arg:"" help:"The group."`
	User []string `arg:"" help:"Who leaves it: user[@domain]."`
	place
}

// Run takes people out of a group.
func (c *groupLeaveCmd) Run() error {
	return c.existing(func(p control.People) error {
		for _, u := range c.User {
			if err := p.LeaveGroup(c.Name, u); err != nil {
				return err
			}
		}
		return nil
	})
}
