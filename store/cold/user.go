package cold

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"lamplight/sip/digest"
)

// NewUser is what a user is made of. The password is not kept.
type NewUser struct {
	AoR      string // alice@example.test, with "sip:" or without; alice: in the first domain
	Name     string // as it is shown
	Aliases  []string
	Password string
	// Web makes the slow hash for the web pages, tens of milliseconds each.
	// Without it the pages check the password by the fast hash.
	Web bool
}

// AddUser makes a user. The error may be ErrExists, ErrNoDomain, ErrBadName,
// ErrBadPassword, or ErrTaken where the name or an alias is somebody else's.
func (s *Store) AddUser(aor, name string, aliases []string, password string) error {
	return s.AddUsers([]NewUser{{aor, name, aliases, password, true}})
}

// AddUsers makes all users or, with an error of AddUser that begins with the
// user's name, none.
func (s *Store) AddUsers(users []NewUser) error {
	return s.change(func(tx *sql.Tx) error {
		a, err := newAdder(tx)
		if err != nil {
			return err
		}
		for _, u := range users {
			if err := a.add(u); err != nil {
				return fmt.Errorf("%s: %w", u.AoR, err)
			}
		}
		return nil
	})
}

// adder adds users by prepared statements, which end with the transaction.
type adder struct {
	tx                      *sql.Tx
	domains                 map[string]domain
	user, alias, credential *sql.Stmt
}

func newAdder(tx *sql.Tx) (*adder, error) {
	a := &adder{tx: tx, domains: map[string]domain{}}
	for to, query := range map[**sql.Stmt]string{
		&a.user:  "INSERT INTO users (aor, domain, name) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
		&a.alias: "INSERT INTO aliases (user, alias) VALUES (?, ?) ON CONFLICT DO NOTHING",
		&a.credential: `INSERT INTO credentials (domain, username, user, md5, sha256)
			VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
	} {
		var err error
		if *to, err = tx.Prepare(query); err != nil {
			return nil, err
		}
	}
	return a, nil
}

func (a *adder) add(u NewUser) error {
	user, host, err := parseUser(u.AoR)
	if err != nil {
		return err
	}
	aliases, err := parseAliases(u.Aliases)
	if err := errors.Join(err, checkDisplay(u.Name), checkPassword(u.Password)); err != nil {
		return err
	}
	d, err := a.domain(host)
	if err != nil {
		return err
	}
	r, err := a.user.Exec("sip:"+user+"@"+d.name, d.id, u.Name)
	if ok, err := changed(r, err); err != nil {
		return err
	} else if !ok {
		return ErrExists
	}
	id, err := r.LastInsertId()
	if err != nil {
		return err
	}
	if err := a.credentials(id, d, user, u.Password); err != nil {
		return err
	}
	for _, alias := range aliases {
		if ok, err := changed(a.alias.Exec(id, alias)); err != nil {
			return err
		} else if !ok {
			return fmt.Errorf("%s: %w", alias, ErrTaken)
		}
		if err := a.credentials(id, d, alias, u.Password); err != nil {
			return err
		}
	}
	if u.Web {
		return setWeb(a.tx, id, u.Password, false)
	}
	return nil
}

func (a *adder) domain(host string) (domain, error) {
	if d, ok := a.domains[host]; ok {
		return d, nil
	}
	d, err := domainOf(a.tx, host)
	if err != nil {
		return d, err
	}
	a.domains[host] = d
	return d, nil
}

// credentials stores the hashes of both digest usernames that a name makes,
// "alice" and "alice@example.test": phones differ in which they send.
func (a *adder) credentials(id int64, d domain, name, password string) error {
	for _, username := range []string{name, name + "@" + d.name} {
		h := digest.Hash(username, d.realm, password)
		ok, err := changed(a.credential.Exec(d.id, username, id, h.MD5[:], h.SHA256[:]))
		if err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("%s: %w", name, ErrTaken)
		}
	}
	return nil
}

// RemoveUser takes a user away with all that hangs on it. The error may be
// ErrNoUser, ErrNoDomain or ErrBadName.
func (s *Store) RemoveUser(aor string) error {
	return s.change(func(tx *sql.Tx) error {
		id, _, err := userOf(tx, aor)
		if err != nil {
			return err
		}
		_, err = tx.Exec("DELETE FROM users WHERE id = ?", id)
		return err
	})
}

// userOf finds a user by its name. The error may be ErrNoUser, ErrNoDomain or
// ErrBadName.
func userOf(tx *sql.Tx, aor string) (id int64, d domain, err error) {
	user, host, err := parseUser(aor)
	if err != nil {
		return 0, d, err
	}
	if d, err = domainOf(tx, host); err != nil {
		return 0, d, fmt.Errorf("%s: %w", aor, err)
	}
	err = tx.QueryRow("SELECT id FROM users WHERE aor = ?", "sip:"+user+"@"+d.name).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		err = fmt.Errorf("%s: %w", strings.TrimPrefix(aor, "sip:"), ErrNoUser)
	}
	return id, d, err
}
