package cold

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"lamplight/directory"
	"lamplight/event"
)

// ErrNoGroup says that there is no such group.
var ErrNoGroup = errors.New("no such group")

// The most groups, and the members of one.
const (
	maxGroups  = 1000
	maxMembers = 10_000
)

var errGroupTooMany = errors.New("too many groups or members")

// Groups are all groups of people by their names, each with its members by theirs.
func (s *Store) Groups() (all []directory.Group, err error) {
	err = s.change(func(tx *sql.Tx) error {
		at := map[string]int{}
		err := each(tx, func(scan func(...any) error) error {
			var g directory.Group
			err := scan(&g.Name, &g.Pickup)
			at[g.Name] = len(all)
			all = append(all, g)
			return err
		}, "SELECT name, pickup FROM people_groups ORDER BY name")
		if err != nil {
			return err
		}
		return each(tx, func(scan func(...any) error) error {
			var name string
			var member event.AoR
			err := scan(&name, &member)
			g := &all[at[name]]
			g.Members = append(g.Members, member)
			return err
		}, "SELECT people_group, member FROM group_members ORDER BY people_group, member")
	})
	if err != nil {
		return nil, fmt.Errorf("cold store: %w", err)
	}
	return all, nil
}

// SetGroup makes a group, or says of one whether its members pick up each other's
// calls, and adds members to it. The error may be ErrBadName, or ErrNoUser where a
// member of an own domain is nobody.
func (s *Store) SetGroup(g directory.Group) error {
	if !isUserName(g.Name) {
		return fmt.Errorf("%q is %w of a group", g.Name, ErrBadName)
	}
	return s.change(func(tx *sql.Tx) error {
		_, err := tx.Exec("INSERT INTO people_groups VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET pickup = ?2", g.Name, g.Pickup)
		if err != nil {
			return err
		}
		for _, m := range g.Members {
			member, err := memberOf(tx, string(m))
			if err != nil {
				return err
			}
			if _, err := tx.Exec("INSERT INTO group_members VALUES (?, ?) ON CONFLICT DO NOTHING", g.Name, member); err != nil {
				return err
			}
		}
		var groups, members int
		err = tx.QueryRow("SELECT (SELECT count(*) FROM people_groups), (SELECT count(*) FROM group_members WHERE people_group = ?)", g.Name).Scan(&groups, &members)
		if err == nil && (groups > maxGroups || members > maxMembers) {
			err = errGroupTooMany
		}
		return err
	})
}

// memberOf is a person as members are stored: of an own domain a user, else
// whoever has the name.
func memberOf(tx *sql.Tx, aor string) (string, error) {
	user, host, err := parseUser(aor)
	if err != nil {
		return "", err
	}
	if _, err := domainOf(tx, host); errors.Is(err, ErrNoDomain) {
		return "sip:" + user + "@" + host, nil
	}
	_, d, err := userOf(tx, aor)
	return "sip:" + user + "@" + d.name, err
}

// RemoveGroup takes a group away. The error may be ErrNoGroup.
func (s *Store) RemoveGroup(name string) error {
	return s.change(func(tx *sql.Tx) error {
		ok, err := changed(tx.Exec("DELETE FROM people_groups WHERE name = ?", name))
		if err == nil && !ok {
			err = fmt.Errorf("%s: %w", name, ErrNoGroup)
		}
		return err
	})
}

// LeaveGroup takes somebody out of a group. The error may be ErrNoGroup, or
// ErrNoUser where the group has no such member.
func (s *Store) LeaveGroup(name string, member event.AoR) error {
	return s.change(func(tx *sql.Tx) error {
		ok, err := changed(tx.Exec("DELETE FROM group_members WHERE people_group = ? AND member = ?", name, string(member)))
		if err == nil && !ok {
			err = fmt.Errorf("%s in group %s: %w", strings.TrimPrefix(string(member), "sip:"), name, ErrNoUser)
		}
		return err
	})
}
