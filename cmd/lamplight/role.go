package main

import (
	"context"
	"fmt"

	"lamplight/control"
)

func (r remote) Role(user string) (string, error) { return r.client.Role(context.Background(), user) }

func (r remote) SetRole(user, role string) error {
	return r.client.SetRole(context.Background(), user, role)
}

type userRoleCmd struct {
	User string `arg:"" help:"user[@domain]."`
	Role string `arg:"" optional:"" enum:",viewer,operator,admin" default:"" help:"viewer, operator or admin; shown where left out."`
	place
}

func (c *userRoleCmd) Run() error {
	return c.existing(func(u control.People) error {
		if c.Role != "" {
			return u.SetRole(c.User, c.Role)
		}
		role, err := u.Role(c.User)
		if err == nil {
			_, err = fmt.Println(role)
		}
		return err
	})
}
