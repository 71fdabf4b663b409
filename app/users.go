package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"lamplight/control"
	"lamplight/directory"
	"lamplight/policy"
	"lamplight/store"
	"lamplight/store/cold"
)

// users manages the stored users for the command, in the running server or
// beside it.
type users struct {
	store   *cold.Store
	changed func() error // the server takes them in
	domains bool         // a domain that is new is made with its first user
}

// People manages the process's users and domains.
func (p *Process) People() control.People { return &users{p.people, p.PeopleChanged, false} }

var errWhichDomain = errors.New("no domain is known yet: write user@domain")

// aor completes a user written without a domain by the first one.
func (u *users) aor(user string) (string, error) {
	if strings.Contains(user, "@") {
		return user, nil
	}
	domains, _, err := u.store.Load()
	if err != nil {
		return "", err
	}
	if len(domains) == 0 {
		return "", errWhichDomain
	}
	return string(directory.UserAoR(user, domains[0].Name)), nil
}

// Add makes all users, or none.
func (u *users) Add(list []control.NewUser) error {
	made := make([]cold.NewUser, len(list))
	for i, one := range list {
		aor, err := u.aor(one.AoR)
		if err != nil {
			return fmt.Errorf("%s: %w", one.AoR, err)
		}
		if err := u.domain(aor); err != nil {
			return err
		}
		made[i] = cold.NewUser{AoR: aor, Name: one.Name, Aliases: one.Aliases, Password: one.Password, Web: len(list) == 1}
	}
	if err := u.store.AddUsers(made); err != nil {
		return err
	}
	return u.changed()
}

func (u *users) domain(aor string) error {
	_, host, _ := strings.Cut(aor, "@")
	if !u.domains {
		return nil
	}
	return u.store.AddDomain(host)
}

func (u *users) List() ([]control.User, error) {
	stored, err := u.store.ListUsers()
	if err != nil {
		return nil, err
	}
	list := make([]control.User, len(stored))
	for i, one := range stored {
		list[i] = control.User{AoR: strings.TrimPrefix(string(one.AoR), "sip:"), Name: one.Name, Aliases: one.Aliases}
	}
	return list, nil
}

func (u *users) Remove(user string) error {
	aor, err := u.aor(user)
	if err != nil {
		return err
	}
	if err := u.store.RemoveUser(aor); err != nil {
		return err
	}
	return u.changed()
}

func (u *users) SetPassword(user, password string, web bool) error {
	aor, err := u.aor(user)
	if err != nil {
		return err
	}
	if err := u.store.SetPassword(aor, password, web); err != nil {
		return err
	}
	return u.changed()
}

// Domains lists the domains with their settings.
func (u *users) Domains() ([]control.Domain, error) {
	stored, _, err := u.store.Load()
	if err != nil {
		return nil, err
	}
	list := make([]control.Domain, len(stored))
	for i, d := range stored {
		list[i] = control.Domain{Name: d.Name, Realm: d.Realm, Aliases: d.Aliases, Watchers: d.Watchers,
			Country: d.Country, Area: d.Area, Prefix: d.Prefix, Zone: d.Zone, DND: d.DND, Default: d.Default, Note: d.Note, Rules: d.Rules}
	}
	return list, nil
}

// SetDomain sets a domain's settings, but for its realm.
func (u *users) SetDomain(d control.Domain) error {
	if d.Rules != "" {
		if _, err := policy.Parse([]byte(d.Rules)); err != nil {
			return fmt.Errorf("rules of %s: %w", d.Name, err)
		}
	}
	if err := u.domain("@" + d.Name); err != nil {
		return err
	}
	err := u.store.SetDomain(directory.Domain{Name: d.Name, Aliases: d.Aliases, Watchers: d.Watchers,
		Country: d.Country, Area: d.Area, Prefix: d.Prefix, Zone: d.Zone, DND: d.DND, Default: d.Default, Note: d.Note, Rules: d.Rules})
	if err != nil {
		return err
	}
	return u.changed()
}

// lockWait is how long a command waits for another one, and a server for a
// command.
const lockWait = 5 * time.Second

// OpenUsers opens the users of a data directory for a command, where no server
// runs. The error is store.ErrLocked where one does. close must be called.
func OpenUsers(dir string) (u control.People, close func() error, err error) {
	wait, cancel := context.WithTimeout(context.Background(), lockWait)
	defer cancel()
	lock, err := store.Lock(wait, dir)
	if err != nil {
		return nil, nil, err
	}
	people, err := cold.Open(dir)
	if err != nil {
		return nil, nil, errors.Join(err, lock.Close())
	}
	return &users{people, func() error { return nil }, true},
		func() error { return errors.Join(people.Close(), lock.Close()) }, nil
}
