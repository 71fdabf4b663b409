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
`, `
CREATE TABLE calls ( -- those that are over, as each user sees them
	id         INTEGER PRIMARY KEY,
	aor        TEXT NOT NULL, -- whose
	call_id    TEXT NOT NULL,
	from_tag   TEXT NOT NULL,
	outgoing   INTEGER NOT NULL,
	began      INTEGER NOT NULL, -- Unix time in ms
	duration   INTEGER NOT NULL, -- ms
	result     TEXT NOT NULL,
	reason     TEXT NOT NULL,
	other_aor  TEXT NOT NULL,
	other_uri  TEXT NOT NULL,
	other_user TEXT NOT NULL, -- of the URI: a number or a name
	other_name TEXT NOT NULL,
	picked_aor  TEXT NOT NULL,
	picked_uri  TEXT NOT NULL,
	picked_name TEXT NOT NULL,
	UNIQUE (aor, call_id, from_tag, outgoing)
);
CREATE INDEX calls_of_user ON calls (aor, began, id);
CREATE INDEX calls_by_age ON calls (began);
CREATE TRIGGER calls_end_with_user AFTER DELETE ON users BEGIN
	DELETE FROM calls WHERE aor = OLD.aor;
END;
PRAGMA user_version = 2;
`, `
ALTER TABLE domains ADD COLUMN zone TEXT NOT NULL DEFAULT ''; -- of IANA's names
ALTER TABLE domains ADD COLUMN dnd TEXT NOT NULL DEFAULT '';  -- how calls are refused
PRAGMA user_version = 3;
`, `
CREATE TABLE documents ( -- what users keep by XCAP
	aor     TEXT NOT NULL, -- whose
	auid    TEXT NOT NULL,
	name    TEXT NOT NULL, -- its path in the user's tree
	etag    TEXT NOT NULL,
	body    BLOB NOT NULL,
	changed INTEGER NOT NULL, -- Unix time in ms
	PRIMARY KEY (aor, auid, name)
) WITHOUT ROWID;
CREATE INDEX documents_of_usage ON documents (auid);
CREATE TRIGGER documents_end_with_user AFTER DELETE ON users BEGIN
	DELETE FROM documents WHERE aor = OLD.aor;
END;
PRAGMA user_version = 4;
`, `
CREATE TABLE calendars (
	user   INTEGER PRIMARY KEY REFERENCES users ON DELETE CASCADE,
	url    TEXT NOT NULL,    -- a secret: whoever knows it can read the calendar
	titles INTEGER NOT NULL  -- 1: others may see what meetings are called
);
CREATE TABLE people ( -- of the address book, beside users
	id         INTEGER PRIMARY KEY,
	key        TEXT NOT NULL UNIQUE, -- who is the same when imported again
	name       TEXT NOT NULL,
	numbers    TEXT NOT NULL, -- as they are written, one a line
	aor        TEXT NOT NULL, -- the user that this is; '': by a number, or none
	department TEXT NOT NULL,
	title      TEXT NOT NULL,
	mail       TEXT NOT NULL,
	photo      TEXT NOT NULL  -- URI
);
PRAGMA user_version = 5;
`, `
ALTER TABLE domains ADD COLUMN default_state TEXT NOT NULL DEFAULT ''; -- of whom nothing else is said
ALTER TABLE domains ADD COLUMN default_note TEXT NOT NULL DEFAULT '';
PRAGMA user_version = 6;
`, `
CREATE TABLE people_groups ( -- groups of people
	name   TEXT PRIMARY KEY,
	pickup INTEGER NOT NULL -- 1: members pick up each other's calls
) WITHOUT ROWID;
CREATE TABLE group_members (
	people_group TEXT NOT NULL REFERENCES people_groups ON DELETE CASCADE,
	member       TEXT NOT NULL, -- an AoR
	PRIMARY KEY (people_group, member)
) WITHOUT ROWID;
CREATE TRIGGER membership_ends_with_user AFTER DELETE ON users BEGIN
	DELETE FROM group_members WHERE member = OLD.aor;
END;
ALTER TABLE domains ADD COLUMN rules TEXT NOT NULL DEFAULT ''; -- a document of RFC 4745
PRAGMA user_version = 7;
`, `
ALTER TABLE users ADD COLUMN role TEXT NOT NULL DEFAULT 'viewer'; -- in the web pages
CREATE TABLE sessions ( -- of browsers
	hash  BLOB PRIMARY KEY, -- SHA-256 of what the cookie says
	user  INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
	began INTEGER NOT NULL, -- Unix time in s
	seen  INTEGER NOT NULL  -- likewise
) WITHOUT ROWID;
CREATE INDEX sessions_of_user ON sessions (user);
CREATE TABLE tokens ( -- of programs
	id     INTEGER PRIMARY KEY AUTOINCREMENT,
	hash   BLOB NOT NULL UNIQUE, -- SHA-256 of the token
	user   INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
	name   TEXT NOT NULL,
	scopes TEXT NOT NULL,   -- separated by spaces
	made   INTEGER NOT NULL, -- Unix time in s
	until  INTEGER NOT NULL  -- likewise; 0: for ever
);
CREATE INDEX tokens_of_user ON tokens (user);
CREATE TABLE lists ( -- favourites and groups of a user's own
	user    INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
	name    TEXT NOT NULL,
	members TEXT NOT NULL, -- one a line, in the user's order
	version INTEGER NOT NULL,
	PRIMARY KEY (user, name)
) WITHOUT ROWID;
PRAGMA user_version = 8;
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
