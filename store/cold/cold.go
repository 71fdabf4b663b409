// Package cold keeps what people set up in one SQLite file: domains, users,
// their aliases, and the hashes that digest authentication compares with (RFC
// 3261 §22, RFC 7616), and the documents that users keep (RFC 4825). Passwords are never stored; and whoever reads the file
// can sign in with the hashes, so it is for its owner's eyes only.
package cold

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite" // the driver
)

// File is the database's name in the data directory.
const File = "lamplight.db"

var (
	// ErrExists says that a user is there already.
	ErrExists = errors.New("the user exists already")
	// ErrNoUser says that there is no such user.
	ErrNoUser = errors.New("no such user")
	// ErrNoDomain says that there is no such domain.
	ErrNoDomain = errors.New("no such domain")
	// ErrBadName says that a name can't be one of a user, an alias or a domain.
	ErrBadName = errors.New("not a name")
	// ErrBadNumber says that a code that is dialled has other signs than digits.
	ErrBadNumber = errors.New("not digits")
	// ErrBadZone says that there is no such time zone.
	ErrBadZone = errors.New("no time zone like Asia/Seoul")
	// ErrBadDefault refuses a state that is nobody's unless they choose it.
	ErrBadDefault = errors.New("want busy, meeting, away, out-of-office, or none")
	// ErrBadNote refuses a note that is too long or no text.
	ErrBadNote = errors.New("a note is up to 1,024 bytes of text, without control characters")
	// ErrBadRefusal says that calls cannot be refused in such a way.
	ErrBadRefusal = errors.New("want 480, 486 or off")
	// ErrTaken says that a name or a number belongs to somebody else.
	ErrTaken = errors.New("taken already")
	// ErrBadPassword says that a password is empty, too long or holds control
	// characters.
	ErrBadPassword = errors.New("not a password")
	// ErrFormat says that the file was written by a later version.
	ErrFormat = errors.New("the database was written by a later version")
)

// Store is the open database. Its methods may be called from several
// goroutines.
type Store struct{ db *sql.DB }

// Open opens the database in a data directory, and makes it where it isn't
// there. Several processes may have it open. The error may be ErrFormat.
func Open(dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("cold store: %w", err)
	}
	path, err := filepath.Abs(filepath.Join(dir, File))
	if err != nil {
		return nil, fmt.Errorf("cold store: %w", err)
	}
	// SQLite gives the files beside it the mode of the database.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cold store: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("cold store: %w", err)
	}
	return open(path)
}

// OpenMemory opens a database that ends with Close.
func OpenMemory() (*Store, error) { return open(":memory:") }

func open(path string) (*Store, error) {
	options := url.Values{"_txlock": {"immediate"}, "_pragma": {
		"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)",
	}}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+options.Encode())
	if err != nil {
		return nil, fmt.Errorf("cold store: %w", err)
	}
	db.SetMaxOpenConns(1) // what is in memory belongs to its connection
	if err := migrate(db); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), db.Close())
	}
	return &Store{db}, nil
}

// Close ends the use of the database.
func (s *Store) Close() error { return s.db.Close() }

// change runs f in a transaction that is kept if f gives no error.
func (s *Store) change(f func(*sql.Tx) error) error {
	tx, err := s.db.BeginTx(context.Background(), nil)
	if err != nil {
		return fmt.Errorf("cold store: %w", err)
	}
	if err := f(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// each runs a query and scans its rows, one after the other, by f.
func each(q interface {
	Query(string, ...any) (*sql.Rows, error)
}, f func(scan func(...any) error) error, query string, args ...any) error {
	rows, err := q.Query(query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// changed tells whether a statement changed a row.
func changed(r sql.Result, err error) (bool, error) {
	if err != nil {
		return false, err
	}
	n, err := r.RowsAffected()
	return n > 0, err
}
