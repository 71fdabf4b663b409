package cold

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"lamplight/event"
)

var (
	// ErrNoSession says that a session or a token is not known, or over.
	ErrNoSession = errors.New("not signed in")
	// ErrNoToken says that there is no such token of the user's.
	ErrNoToken = errors.New("no such token")
	// ErrBadRole says that a word is no role.
	ErrBadRole = errors.New("not a role: want viewer, operator or admin")
)

// Roles are those of users in the web pages, the least first.
var Roles = []string{"viewer", "operator", "admin"}

// Session is one of a browser.
type Session struct {
	AoR         event.AoR
	Role        string
	Began, Seen time.Time
}

// The most sessions and tokens of one user; of sessions the oldest goes.
const (
	maxSessions = 50
	maxTokens   = 100
)

// AddSession begins a session, of which a hash is kept. The error may be ErrNoUser.
func (s *Store) AddSession(hash []byte, aor event.AoR, now time.Time) error {
	return s.change(func(tx *sql.Tx) error {
		id, _, err := userOf(tx, string(aor))
		if err != nil {
			return err
		}
		if _, err := tx.Exec("INSERT INTO sessions (hash, user, began, seen) VALUES (?, ?, ?, ?)", hash, id, now.Unix(), now.Unix()); err != nil {
			return err
		}
		_, err = tx.Exec("DELETE FROM sessions WHERE user = ?1 AND hash NOT IN (SELECT hash FROM sessions WHERE user = ?1 ORDER BY seen DESC, began DESC LIMIT ?2)", id, maxSessions)
		return err
	})
}

// Session finds a session. The error may be ErrNoSession.
func (s *Store) Session(hash []byte) (one Session, err error) {
	var began, seen int64
	err = s.db.QueryRow("SELECT aor, role, began, seen FROM sessions JOIN users ON users.id = user WHERE hash = ?", hash).Scan(&one.AoR, &one.Role, &began, &seen)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNoSession
	}
	one.Began, one.Seen = time.Unix(began, 0), time.Unix(seen, 0)
	return one, err
}

// SeeSession says that a session is in use.
func (s *Store) SeeSession(hash []byte, now time.Time) error {
	_, err := s.db.Exec("UPDATE sessions SET seen = ? WHERE hash = ?", now.Unix(), hash)
	return err
}

// EndSession ends one session.
func (s *Store) EndSession(hash []byte) error {
	_, err := s.db.Exec("DELETE FROM sessions WHERE hash = ?", hash)
	return err
}

// EndSessions ends those that began, or were seen last, before a time each.
func (s *Store) EndSessions(began, seen time.Time) error {
	_, err := s.db.Exec("DELETE FROM sessions WHERE began < ? OR seen < ?", began.Unix(), seen.Unix())
	return err
}

// Role is a user's, the least where the user is not stored.
func (s *Store) Role(aor event.AoR) (string, error) {
	role := Roles[0]
	err := s.db.QueryRow("SELECT role FROM users WHERE aor = ?", string(aor)).Scan(&role)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return role, err
}

// Known is a stored user's address-of-record as it is kept. The error may be
// ErrNoUser, ErrNoDomain or ErrBadName.
func (s *Store) Known(aor string) (known event.AoR, err error) {
	return known, s.change(func(tx *sql.Tx) error {
		id, _, err := userOf(tx, aor)
		if err != nil {
			return err
		}
		return tx.QueryRow("SELECT aor FROM users WHERE id = ?", id).Scan(&known)
	})
}

// SetRole gives a user one of Roles. The error may be ErrNoUser or ErrBadRole.
func (s *Store) SetRole(aor, role string) error {
	if role != Roles[0] && role != Roles[1] && role != Roles[2] {
		return fmt.Errorf("%q: %w", role, ErrBadRole)
	}
	return s.change(func(tx *sql.Tx) error {
		id, _, err := userOf(tx, aor)
		if err != nil {
			return err
		}
		_, err = tx.Exec("UPDATE users SET role = ? WHERE id = ?", role, id)
		return err
	})
}

// HasAdmin tells whether anybody has the role admin.
func (s *Store) HasAdmin() (has bool, err error) {
	err = s.db.QueryRow("SELECT EXISTS (SELECT 1 FROM users WHERE role = 'admin')").Scan(&has)
	return has, err
}

// Token is what a program signs in with as a user.
type Token struct {
	ID     int64
	AoR    event.AoR
	Role   string
	Name   string // what it is for
	Scopes []string
	Made   time.Time
	Until  time.Time // zero: for ever
}

// AddToken keeps a token's hash. The error may be ErrNoUser or ErrBadName.
func (s *Store) AddToken(hash []byte, t Token) (id int64, err error) {
	if err := checkDisplay(t.Name); err != nil {
		return 0, err
	}
	until := int64(0)
	if !t.Until.IsZero() {
		until = t.Until.Unix()
	}
	err = s.change(func(tx *sql.Tx) error {
		user, _, err := userOf(tx, string(t.AoR))
		if err != nil {
			return err
		}
		r, err := tx.Exec("INSERT INTO tokens (hash, user, name, scopes, made, until) SELECT ?, ?2, ?, ?, ?, ? WHERE (SELECT count(*) FROM tokens WHERE user = ?2) < ?",
			hash, user, t.Name, strings.Join(t.Scopes, " "), t.Made.Unix(), until, maxTokens)
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, fmt.Errorf("a user has at most %d tokens", maxTokens))
		}
		id, err = r.LastInsertId()
		return err
	})
	return id, err
}

const tokenColumns = "SELECT tokens.id, aor, role, tokens.name, scopes, made, until FROM tokens JOIN users ON users.id = user "

func scanToken(scan func(...any) error) (t Token, err error) {
	var scopes string
	var made, until int64
	err = scan(&t.ID, &t.AoR, &t.Role, &t.Name, &scopes, &made, &until)
	t.Scopes, t.Made = strings.Fields(scopes), time.Unix(made, 0)
	if until != 0 {
		t.Until = time.Unix(until, 0)
	}
	return t, err
}

// Token finds a token by its hash. The error may be ErrNoSession.
func (s *Store) Token(hash []byte) (Token, error) {
	t, err := scanToken(s.db.QueryRow(tokenColumns+"WHERE hash = ?", hash).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNoSession
	}
	return t, err
}

// Tokens are those of a user, or of all where there is none.
func (s *Store) Tokens(aor event.AoR) (list []Token, err error) {
	err = each(s.db, func(scan func(...any) error) error {
		t, err := scanToken(scan)
		list = append(list, t)
		return err
	}, tokenColumns+"WHERE ?1 = '' OR aor = ?1 ORDER BY tokens.id", string(aor))
	return list, err
}

// RemoveToken ends a token. The error may be ErrNoToken.
func (s *Store) RemoveToken(id int64) error {
	ok, err := changed(s.db.Exec("DELETE FROM tokens WHERE id = ?", id))
	if err == nil && !ok {
		err = ErrNoToken
	}
	return err
}
