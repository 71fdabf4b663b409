package cold

import (
	"database/sql"
	"errors"
	"fmt"
	"time"

	"lamplight/event"
)

var (
	// ErrNoDocument says that there is no such document.
	ErrNoDocument = errors.New("no such document")
	// ErrStale says that a document is not the one that was to be changed.
	ErrStale = errors.New("the document was changed meanwhile")
)

// DocumentKey names a document of a user's: one of an application usage of RFC
// 4825, by its path in the user's tree.
type DocumentKey struct {
	AoR        event.AoR
	AUID, Name string
}

// Document is what a user keeps with the server, byte for byte.
type Document struct {
	DocumentKey
	ETag    string // another one for every content
	Body    []byte
	Changed time.Time // to the millisecond
}

// Document reads a document. The error may be ErrNoDocument.
func (s *Store) Document(k DocumentKey) (Document, error) {
	list, err := s.documents("aor = ? AND auid = ? AND name = ?", string(k.AoR), k.AUID, k.Name)
	if err == nil && len(list) == 0 {
		err = ErrNoDocument
	}
	if err != nil {
		return Document{}, err
	}
	return list[0], nil
}

// Documents reads the documents of one application usage: of one user, or of
// all where the AoR is "", by user and name.
func (s *Store) Documents(aor event.AoR, auid string) ([]Document, error) {
	if aor == "" {
		return s.documents("auid = ?", auid)
	}
	return s.documents("aor = ? AND auid = ?", string(aor), auid)
}

func (s *Store) documents(where string, args ...any) (list []Document, err error) {
	err = each(s.db, func(scan func(...any) error) error {
		var d Document
		var at int64
		err := scan(&d.AoR, &d.AUID, &d.Name, &d.ETag, &d.Body, &at)
		d.Changed = time.UnixMilli(at)
		list = append(list, d)
		return err
	}, "SELECT aor, auid, name, etag, body, changed FROM documents WHERE "+where+" ORDER BY aor, name", args...)
	if err != nil {
		return nil, fmt.Errorf("cold store: %w", err)
	}
	return list, nil
}

// DocumentTags reads the entity-tags of a user's documents, whatever usage they
// are of, or with "" of all users'.
func (s *Store) DocumentTags(aor event.AoR) (map[DocumentKey]string, error) {
	tags := map[DocumentKey]string{}
	where, args := "aor = ?", []any{string(aor)}
	if aor == "" {
		where, args = "true", nil
	}
	err := each(s.db, func(scan func(...any) error) error {
		var k DocumentKey
		var tag string
		err := scan(&k.AoR, &k.AUID, &k.Name, &tag)
		tags[k] = tag
		return err
	}, "SELECT aor, auid, name, etag FROM documents WHERE "+where, args...)
	if err != nil {
		return nil, fmt.Errorf("cold store: %w", err)
	}
	return tags, nil
}

// PutDocument keeps a document in the place of the one whose entity-tag is was,
// or as a new one where was is "". The error is ErrStale where something else
// is there, and ErrNoUser where there is no such user.
func (s *Store) PutDocument(d Document, was string) error {
	return s.change(func(tx *sql.Tx) error {
		var users int
		if err := tx.QueryRow("SELECT count(*) FROM users WHERE aor = ?", string(d.AoR)).Scan(&users); err != nil {
			return err
		}
		if users == 0 {
			return fmt.Errorf("%s: %w", d.AoR, ErrNoUser)
		}
		query := "UPDATE documents SET etag = ?4, body = ?5, changed = ?6 WHERE aor = ?1 AND auid = ?2 AND name = ?3 AND etag = ?7"
		if was == "" {
			query = "INSERT INTO documents VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING"
		}
		args := []any{string(d.AoR), d.AUID, d.Name, d.ETag, d.Body, d.Changed.UnixMilli(), was}
		if was == "" {
			args = args[:6]
		}
		return notStale(changed(tx.Exec(query, args...)))
	})
}

// DeleteDocument forgets the document whose entity-tag is was. The error is
// ErrStale where there is another one or none.
func (s *Store) DeleteDocument(k DocumentKey, was string) error {
	return s.change(func(tx *sql.Tx) error {
		return notStale(changed(tx.Exec("DELETE FROM documents WHERE aor = ? AND auid = ? AND name = ? AND etag = ?",
			string(k.AoR), k.AUID, k.Name, was)))
	})
}

func notStale(ok bool, err error) error {
	if err == nil && !ok {
		return ErrStale
	}
	return err
}
