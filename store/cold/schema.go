package cold

import (
	"database/sql"
	"fmt"
)

// migrations bring a database from the version of their index to the next.
var migrations = []string{`
CREATE TABLE domains (
	id      INTEGER PRIMARY KEY, -- in the order of their creation
	name    TEXT NOT NULL UNIQUE,
	realm   TEXT NOT NULL UNIQUE, -- fixed: all hashes hold it
	country TEXT NOT NULL DEFAULT '',
	area    TEXT NOT NULL DEFAULT '',
	prefix  TEXT NOT NULL DEFAULT ''
);
CREATE TABLE domain_aliases (
	alias  TEXT PRIMARY KEY,
	domain INTEGER NOT NULL REFERENCES domains ON DELETE CASCADE
) WITHOUT ROWID;
CREATE TABLE watchers (
	domain  INTEGER NOT NULL REFERENCES domains ON DELETE CASCADE,
	watcher TEXT NOT NULL,
	PRIMARY KEY (domain, watcher)
) WITHOUT ROWID;
CREATE TABLE users (
	id     INTEGER PRIMARY KEY,
	aor    TEXT NOT NULL UNIQUE,
	domain INTEGER NOT NULL REFERENCES domains,
	name   TEXT NOT NULL
);
CREATE TABLE aliases (
	user  INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
	alias TEXT NOT NULL,
	PRIMARY KEY (user, alias)
) WITHOUT ROWID;
CREATE UNIQUE INDEX numbers ON aliases (alias) WHERE alias LIKE '+%';
CREATE TABLE credentials (
	domain   INTEGER NOT NULL REFERENCES domains,
	username TEXT NOT NULL,
	user     INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
	md5      BLOB NOT NULL,
	sha256   BLOB NOT NULL,
	PRIMARY KEY (domain, username)
) WITHOUT ROWID;
CREATE INDEX credentials_of_user ON credentials (user);
CREATE TABLE web_passwords (
	user  INTEGER PRIMARY KEY REFERENCES users ON DELETE CASCADE,
	hash  TEXT NOT NULL,    -- argon2id
	apart INTEGER NOT NULL  -- 1: not the password of the phone
);
PRAGMA user_version = 1;
`}

func migrate(db *sql.DB) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	var version int
	if err := tx.QueryRow("PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if version > len(migrations) {
		return fmt.Errorf("%w: %d, not %d", ErrFormat, version, len(migrations))
	}
	for _, m := range migrations[version:] {
		if _, err := tx.Exec(m); err != nil {
			return fmt.Errorf("migrate: %w", err)
		}
	}
	return tx.Commit()
}
