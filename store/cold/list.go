package cold

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"lamplight/event"
)

var (
	// ErrNoList says that a user has no such list.
	ErrNoList = errors.New("no such list")
	// ErrChanged says that a list is not what the writer has read.
	ErrChanged = errors.New("changed by somebody else meanwhile")
	// ErrTooMany says that a user would have more, or longer, lists than may be.
	ErrTooMany = errors.New("too many lists, or members of one")
)

// The most lists of one user, and members of one.
const (
	maxLists  = 50
	maxListed = 500
)

// List is people that a user has put together, in the user's order.
type List struct {
	Name    string
	Members []event.AoR
	Version int64 // another after each change; 0: it is not there
}

// Lists are a user's, by their names.
func (s *Store) Lists(aor event.AoR) (list []List, err error) {
	err = each(s.db, func(scan func(...any) error) error {
		one, err := scanList(scan)
		list = append(list, one)
		return err
	}, "SELECT lists.name, members, version FROM lists JOIN users ON users.id = user WHERE aor = ? ORDER BY lists.name", string(aor))
	return list, err
}

// List is one of a user's. The error may be ErrNoList.
func (s *Store) List(aor event.AoR, name string) (List, error) {
	one, err := scanList(s.db.QueryRow("SELECT lists.name, members, version FROM lists JOIN users ON users.id = user WHERE aor = ? AND lists.name = ?", string(aor), name).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNoList
	}
	return one, err
}

func scanList(scan func(...any) error) (l List, err error) {
	var members string
	err = scan(&l.Name, &members, &l.Version)
	for _, m := range strings.Fields(members) {
		l.Members = append(l.Members, event.AoR(m))
	}
	return l, err
}

// ChangeList gives a list as it is, empty where it is not there, to change, and
// keeps what comes of it; without members left by remove it is gone. The error may
// be ErrNoUser, ErrBadName, ErrTooMany or one of change.
func (s *Store) ChangeList(aor event.AoR, name string, change func(l *List) (remove bool, err error)) (l List, err error) {
	if name == "" || len(name) > maxName || !isText(name) {
		return l, fmt.Errorf("%q is %w of a list", name, ErrBadName)
	}
	err = s.change(func(tx *sql.Tx) error {
		id, _, err := userOf(tx, string(aor))
		if err != nil {
			return err
		}
		l, err = scanList(tx.QueryRow("SELECT name, members, version FROM lists WHERE user = ? AND name = ?", id, name).Scan)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		l.Name = name
		remove, err := change(&l)
		if err != nil {
			return err
		}
		if remove {
			_, err = tx.Exec("DELETE FROM lists WHERE user = ? AND name = ?", id, name)
			return err
		}
		return putList(tx, id, &l)
	})
	return l, err
}

func putList(tx *sql.Tx, user int64, l *List) error {
	var others int
	if err := tx.QueryRow("SELECT count(*), coalesce(max(version), 0) FROM lists WHERE user = ? AND name <> ?", user, l.Name).Scan(&others, new(int64)); err != nil {
		return err
	}
	if others >= maxLists || len(l.Members) > maxListed {
		return ErrTooMany
	}
	var members strings.Builder
	for _, m := range l.Members {
		if strings.ContainsAny(string(m), " \t\r\n") || len(m) > maxName+maxDomain {
			return fmt.Errorf("%q is %w of a member", m, ErrBadName)
		}
		members.WriteString(string(m) + "\n")
	}
	l.Version++
	_, err := tx.Exec("INSERT OR REPLACE INTO lists (user, name, members, version) VALUES (?, ?, ?, ?)", user, l.Name, members.String(), l.Version)
	return err
}
