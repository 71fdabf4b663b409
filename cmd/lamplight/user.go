package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"strings"

	"lamplight/app"
	"lamplight/config"
	"lamplight/control"
	"lamplight/store"
)

type userCmd struct {
	Add    userAddCmd    `cmd:"" help:"Add a user, or with --stdin many."`
	List   userListCmd   `cmd:"" help:"List the users."`
	Remove userRemoveCmd `cmd:"" help:"Remove a user."`
	Passwd userPasswdCmd `cmd:"" help:"Set a user's password."`
	Role   userRoleCmd   `cmd:"" help:"Say what a user may do in the web pages, and show it."`
}

// place is where the users are: of a running server, or in a directory.
type place struct {
	Data  string `default:"${data}" placeholder:"DIR" help:"The server's data directory."`
	Admin string `placeholder:"ADDR:PORT" help:"The admin listener of a server with --data memory."`
}

// server is the client of the server that runs there.
func (p *place) server() (*control.Client, error) {
	switch {
	case p.Admin != "":
		return control.AtAddress(p.Admin), nil
	case p.Data == config.Memory:
		return nil, usage(errors.New("--data memory: --admin says where the server is"))
	}
	return control.InDir(p.Data), nil
}

// users opens what manages the users: the server's, or where none runs the
// store itself. close must be called.
func (p *place) users() (u control.People, close func() error, err error) {
	c, err := p.server()
	if err != nil {
		return nil, nil, err
	}
	_, err = c.Health(context.Background())
	if errors.Is(err, control.ErrNoServer) && p.Admin == "" {
		u, close, err = app.OpenUsers(p.Data)
		if !errors.Is(err, store.ErrLocked) {
			return u, close, err
		}
		_, err = c.Health(context.Background()) // a server has started since
	}
	if err != nil {
		return nil, nil, err
	}
	return remote{c}, func() error { c.Close(); return nil }, nil
}

// with does something with the users.
func (p *place) with(do func(control.People) error) error {
	u, closeUsers, err := p.users()
	if err != nil {
		return err
	}
	return errors.Join(do(u), closeUsers())
}

// existing does something with users that are there: a directory that is not is
// a slip of the pen, and is not made.
func (p *place) existing(do func(control.People) error) error {
	if _, err := os.Stat(p.Data); err != nil && p.Admin == "" && p.Data != config.Memory {
		return err
	}
	return p.with(do)
}

// remote manages the users of a running server.
type remote struct{ client *control.Client }

func (r remote) Add(list []control.NewUser) error {
	_, err := r.client.AddUsers(context.Background(), each(list))
	return err
}

func each(list []control.NewUser) iter.Seq2[control.NewUser, error] {
	return func(yield func(control.NewUser, error) bool) {
		for _, u := range list {
			if !yield(u, nil) {
				return
			}
		}
	}
}

func (r remote) List() (list []control.User, err error) {
	err = r.client.ListUsers(context.Background(), func(u control.User) error {
		list = append(list, u)
		return nil
	})
	return list, err
}

func (r remote) Remove(aor string) error { return r.client.RemoveUser(context.Background(), aor) }

func (r remote) SetPassword(aor, password string, web bool) error {
	return r.client.SetPassword(context.Background(), aor, password, web)
}

type userAddCmd struct {
	User          string   `arg:"" optional:"" help:"user[@domain]."`
	Name          string   `help:"The name that is shown."`
	Alias         []string `help:"Another name: an extension, or a number in E.164 (+49891234)."`
	PasswordStdin bool     `help:"Read the password from standard input."`
	Stdin         bool     `help:"Read lines of user, tab, password from standard input."`
	place
}

func (c *userAddCmd) Run() error {
	list, err := c.list()
	if err != nil {
		return usage(err)
	}
	return c.with(func(u control.People) error { return u.Add(list) })
}

func (c *userAddCmd) list() ([]control.NewUser, error) {
	switch {
	case c.Stdin && c.User == "":
		return readUsers(bufio.NewScanner(os.Stdin))
	case c.Stdin || c.User == "":
		return nil, errors.New("a user, or --stdin")
	case !c.PasswordStdin:
		return nil, errors.New("--password-stdin: the password comes from standard input")
	}
	password, err := readPassword(os.Stdin)
	return []control.NewUser{{AoR: c.User, Name: c.Name, Aliases: c.Alias, Password: password}}, err
}

// readUsers reads lines of user, tab, password.
func readUsers(in *bufio.Scanner) (list []control.NewUser, err error) {
	for n := 1; in.Scan(); n++ {
		line := strings.TrimSuffix(in.Text(), "\r")
		if line == "" {
			continue
		}
		user, password, ok := strings.Cut(line, "\t")
		if !ok || user == "" || password == "" {
			return nil, fmt.Errorf("line %d: want user, tab, password", n)
		}
		list = append(list, control.NewUser{AoR: user, Password: password})
	}
	return list, in.Err()
}

type userListCmd struct {
	JSON bool `help:"Print JSON, an object a line."`
	place
}

func (c *userListCmd) Run() error {
	return c.existing(func(u control.People) error {
		list, err := u.List()
		if err != nil {
			return err
		}
		out := json.NewEncoder(os.Stdout)
		for _, one := range list {
			if c.JSON {
				err = out.Encode(one)
			} else {
				_, err = fmt.Println(strings.Join(append([]string{one.AoR, one.Name}, one.Aliases...), "\t"))
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

type userRemoveCmd struct {
	User string `arg:"" help:"user[@domain]."`
	place
}

func (c *userRemoveCmd) Run() error {
	return c.existing(func(u control.People) error { return u.Remove(c.User) })
}

type userPasswdCmd struct {
	User          string `arg:"" help:"user[@domain]."`
	PasswordStdin bool   `help:"Read the password from standard input."`
	Web           bool   `help:"That of the web pages alone."`
	place
}

func (c *userPasswdCmd) Run() error {
	if !c.PasswordStdin {
		return usage(errors.New("--password-stdin: the password comes from standard input"))
	}
	password, err := readPassword(os.Stdin)
	if err != nil {
		return usage(err)
	}
	return c.existing(func(u control.People) error { return u.SetPassword(c.User, password, c.Web) })
}
