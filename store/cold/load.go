package cold

import (
	"database/sql"
	"fmt"

	"lamplight/directory"
	"lamplight/event"
	"lamplight/sip/digest"
)

// Load reads all domains, in the order of their creation, and all users, in
// that of their addresses-of-record, as they are at one moment.
func (s *Store) Load() (domains []directory.Domain, users []directory.User, err error) {
	err = s.change(func(tx *sql.Tx) error {
		if domains, err = loadDomains(tx); err != nil {
			return err
		}
		users, err = loadUsers(tx)
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("cold store: %w", err)
	}
	return domains, users, nil
}

func loadDomains(tx *sql.Tx) ([]directory.Domain, error) {
	var all []directory.Domain
	at := map[int64]int{}
	err := each(tx, func(scan func(...any) error) error {
		var id int64
		var d directory.Domain
		err := scan(&id, &d.Name, &d.Realm, &d.Country, &d.Area, &d.Prefix, &d.Zone, &d.DND, &d.Default, &d.Note, &d.Rules)
		at[id] = len(all)
		all = append(all, d)
		return err
	}, "SELECT id, name, realm, country, area, prefix, zone, dnd, default_state, default_note, rules FROM domains ORDER BY id")
	if err != nil {
		return nil, err
	}
	for query, list := range map[string]func(*directory.Domain) *[]string{
		"SELECT domain, alias FROM domain_aliases ORDER BY alias": func(d *directory.Domain) *[]string { return &d.Aliases },
		"SELECT domain, watcher FROM watchers ORDER BY watcher":   func(d *directory.Domain) *[]string { return &d.Watchers },
	} {
		err := each(tx, func(scan func(...any) error) error {
			var id int64
			var name string
			err := scan(&id, &name)
			if i, ok := at[id]; ok {
				to := list(&all[i])
				*to = append(*to, name)
			}
			return err
		}, query)
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

func loadUsers(tx *sql.Tx) ([]directory.User, error) {
	all, at, err := listUsers(tx)
	if err != nil {
		return nil, err
	}
	err = each(tx, func(scan func(...any) error) error {
		var id int64
		var username string
		var md5, sha256 sql.RawBytes
		if err := scan(&id, &username, &md5, &sha256); err != nil {
			return err
		}
		var h digest.HA1s
		if copy(h.MD5[:], md5) < len(h.MD5) || copy(h.SHA256[:], sha256) < len(h.SHA256) {
			return fmt.Errorf("the hash of %s is too short", username)
		}
		i, ok := at[id]
		if !ok {
			return nil
		}
		u := &all[i]
		if u.HA1 == nil {
			u.HA1 = map[string]digest.HA1s{}
		}
		u.HA1[username] = h
		return nil
	}, "SELECT user, username, md5, sha256 FROM credentials")
	return all, err
}

// ListUsers are all users, in the order of their addresses-of-record, without
// their hashes.
func (s *Store) ListUsers() (users []directory.User, err error) {
	err = s.change(func(tx *sql.Tx) error {
		users, _, err = listUsers(tx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("cold store: %w", err)
	}
	return users, nil
}

func listUsers(tx *sql.Tx) (all []directory.User, at map[int64]int, err error) {
	at = map[int64]int{}
	err = each(tx, func(scan func(...any) error) error {
		var id int64
		var aor, name string
		err := scan(&id, &aor, &name)
		at[id] = len(all)
		all = append(all, directory.User{AoR: event.AoR(aor), Name: name})
		return err
	}, "SELECT id, aor, name FROM users ORDER BY aor")
	if err != nil {
		return nil, nil, err
	}
	err = each(tx, func(scan func(...any) error) error {
		var id int64
		var alias string
		err := scan(&id, &alias)
		if i, ok := at[id]; ok {
			all[i].Aliases = append(all[i].Aliases, alias)
		}
		return err
	}, "SELECT user, alias FROM aliases ORDER BY user, alias")
	return all, at, err
}
