package cold

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"lamplight/directory"
)

// AddDomain makes a domain whose realm is its name, for ever, and adds aliases
// to it. A domain or an alias that is there already stays as it is. The error
// may be ErrBadName, or ErrTaken where a name belongs to another domain.
func (s *Store) AddDomain(name string, aliases ...string) error {
	name, err := parseDomain(name)
	if err != nil {
		return err
	}
	return s.change(func(tx *sql.Tx) error {
		if owner, err := domainOf(tx, name); err == nil && owner.name != name {
			return fmt.Errorf("%s: %w by %s", name, ErrTaken, owner.name)
		}
		_, err := tx.Exec("INSERT INTO domains (name, realm) VALUES (?, ?) ON CONFLICT DO NOTHING", name, name)
		if err != nil {
			return err
		}
		d, err := domainOf(tx, name)
		if err != nil {
			return fmt.Errorf("%s: %w as a realm", name, ErrTaken)
		}
		return addDomainAliases(tx, d, aliases)
	})
}

func addDomainAliases(tx *sql.Tx, d domain, aliases []string) error {
	for _, a := range aliases {
		alias, err := parseDomain(a)
		if err != nil {
			return err
		}
		switch owner, err := domainOf(tx, alias); {
		case err == nil && owner.id == d.id:
			continue
		case err == nil:
			return fmt.Errorf("%s: %w by %s", alias, ErrTaken, owner.name)
		case !errors.Is(err, ErrNoDomain):
			return err
		}
		if _, err := tx.Exec("INSERT INTO domain_aliases (alias, domain) VALUES (?, ?)", alias, d.id); err != nil {
			return err
		}
	}
	return nil
}

// SetDomain gives a domain new settings, aliases and listed watchers; its realm
// stays. The error may be ErrNoDomain, ErrBadName, ErrBadNumber, ErrBadZone,
// ErrBadRefusal or ErrTaken.
func (s *Store) SetDomain(d directory.Domain) error {
	name, err := parseDomain(d.Name)
	if err != nil {
		return err
	}
	if err := checkDomain(d); err != nil {
		return err
	}
	return s.change(func(tx *sql.Tx) error {
		at, err := domainOf(tx, name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		for _, clear := range []string{"DELETE FROM domain_aliases WHERE domain = ?", "DELETE FROM watchers WHERE domain = ?"} {
			if _, err := tx.Exec(clear, at.id); err != nil {
				return err
			}
		}
		if _, err := tx.Exec("UPDATE domains SET country = ?, area = ?, prefix = ?, zone = ?, dnd = ?, default_state = ?, default_note = ?, rules = ? WHERE id = ?",
			d.Country, d.Area, d.Prefix, d.Zone, d.DND, d.Default, d.Note, d.Rules, at.id); err != nil {
			return err
		}
		for _, w := range d.Watchers {
			watcher, err := parseDomain(w)
			if err != nil {
				return err
			}
			if _, err := tx.Exec("INSERT INTO watchers VALUES (?, ?) ON CONFLICT DO NOTHING", at.id, watcher); err != nil {
				return err
			}
		}
		return addDomainAliases(tx, at, d.Aliases)
	})
}

// checkDomain refuses settings that mean nothing.
func checkDomain(d directory.Domain) error {
	for _, code := range []string{d.Country, d.Area, d.Prefix} {
		if len(code) > 15 || strings.Trim(code, "0123456789") != "" {
			return fmt.Errorf("%q: %w", code, ErrBadNumber)
		}
	}
	if _, err := time.LoadLocation(d.Zone); err != nil || d.Zone == "Local" {
		return fmt.Errorf("%q: %w", d.Zone, ErrBadZone)
	}
	switch d.Default {
	case "", "busy", "meeting", "away", "out-of-office":
	default:
		return fmt.Errorf("%q: %w", d.Default, ErrBadDefault)
	}
	if len(d.Note) > maxNote || !utf8.ValidString(d.Note) || strings.ContainsFunc(d.Note, unicode.IsControl) {
		return ErrBadNote
	}
	switch d.DND {
	case "", "480", "486", directory.DNDOff:
		return nil
	}
	return fmt.Errorf("%q: %w", d.DND, ErrBadRefusal)
}

// maxNote is the most bytes of a default's note.
const maxNote = 1024

type domain struct {
	id          int64
	name, realm string
}

// domainOf finds a domain by its name or an alias, the first one by none. The
// error may be ErrNoDomain.
func domainOf(tx *sql.Tx, name string) (d domain, err error) {
	err = tx.QueryRow(`SELECT id, name, realm FROM domains
		WHERE ?1 = '' OR name = ?1 OR id = (SELECT domain FROM domain_aliases WHERE alias = ?1)
		ORDER BY id LIMIT 1`, name).Scan(&d.id, &d.name, &d.realm)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNoDomain
	}
	return d, err
}
