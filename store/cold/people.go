package cold

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"lamplight/event"
)

// ErrNoPerson says that nobody of the address book has an ID.
var ErrNoPerson = errors.New("nobody of the address book has this ID")

// Person is somebody of the address book, beside the users.
type Person struct {
	ID         int64  // 0: not stored yet
	Key        string // who is the same when imported again
	Name       string
	Numbers    []string
	AoR        event.AoR // the user that this is; "": maybe by a number, or none
	Department string
	Title      string
	Mail       string
	Photo      string // a web address
}

// PutPeople adds people to the address book or, where one of the same key is there,
// takes that one's place: all of them, or none where there is an error.
func (s *Store) PutPeople(list []Person) (added int, err error) {
	err = s.change(func(tx *sql.Tx) error {
		var before, after int
		if err := tx.QueryRow("SELECT count(*) FROM people").Scan(&before); err != nil {
			return err
		}
		put, err := tx.Prepare(`INSERT INTO people (key, name, numbers, aor, department, title, mail, photo) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (key) DO UPDATE SET name = excluded.name, numbers = excluded.numbers, aor = excluded.aor,
			department = excluded.department, title = excluded.title, mail = excluded.mail, photo = excluded.photo`)
		if err != nil {
			return err
		}
		for _, p := range list {
			if _, err := put.Exec(p.Key, p.Name, strings.Join(p.Numbers, "\n"), string(p.AoR), p.Department, p.Title, p.Mail, p.Photo); err != nil {
				return err
			}
		}
		if err := tx.QueryRow("SELECT count(*) FROM people").Scan(&after); err != nil {
			return err
		}
		added = after - before
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("cold store: %w", err)
	}
	return added, nil
}

// People are those of the address book, by name.
func (s *Store) People() (list []Person, err error) {
	err = each(s.db, func(scan func(...any) error) error {
		var p Person
		var numbers string
		err := scan(&p.ID, &p.Key, &p.Name, &numbers, &p.AoR, &p.Department, &p.Title, &p.Mail, &p.Photo)
		if numbers != "" {
			p.Numbers = strings.Split(numbers, "\n")
		}
		list = append(list, p)
		return err
	}, "SELECT id, key, name, numbers, aor, department, title, mail, photo FROM people ORDER BY name, id")
	if err != nil {
		return nil, fmt.Errorf("cold store: %w", err)
	}
	return list, nil
}

// RemovePerson takes somebody out of the address book. The error may be ErrNoPerson.
func (s *Store) RemovePerson(id int64) error {
	return s.change(func(tx *sql.Tx) error {
		if ok, err := changed(tx.Exec("DELETE FROM people WHERE id = ?", id)); err != nil || !ok {
			return errors.Join(err, ErrNoPerson)
		}
		return nil
	})
}
