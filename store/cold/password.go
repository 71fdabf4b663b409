package cold

import (
	"cmp"
	"crypto/rand"
	"crypto/subtle"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"

	"lamplight/sip/digest"
)

// SetPassword gives a user a new password: for its phones, and for the web
// pages unless they have one of their own; with web for the pages alone, which
// have their own from then on. The error may be ErrNoUser, ErrNoDomain,
// ErrBadName or ErrBadPassword.
func (s *Store) SetPassword(aor, password string, web bool) error {
	if err := checkPassword(password); err != nil {
		return err
	}
	return s.change(func(tx *sql.Tx) error {
		id, d, err := userOf(tx, aor)
		if err != nil {
			return err
		}
		if _, err := tx.Exec("DELETE FROM sessions WHERE user = ?", id); err != nil {
			return err // who changes a password may have reason to
		}
		if web {
			return setWeb(tx, id, password, true)
		}
		if err := setCredentials(tx, id, d, password); err != nil {
			return err
		}
		var apart bool
		err = tx.QueryRow("SELECT apart FROM web_passwords WHERE user = ?", id).Scan(&apart)
		if apart || err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		return setWeb(tx, id, password, false)
	})
}

func setCredentials(tx *sql.Tx, id int64, d domain, password string) error {
	var names []string
	err := each(tx, func(scan func(...any) error) error {
		var name string
		err := scan(&name)
		names = append(names, name)
		return err
	}, "SELECT username FROM credentials WHERE user = ?", id)
	if err != nil {
		return err
	}
	for _, name := range names {
		h := digest.Hash(name, d.realm, password)
		_, err := tx.Exec("UPDATE credentials SET md5 = ?, sha256 = ? WHERE domain = ? AND username = ?",
			h.MD5[:], h.SHA256[:], d.id, name)
		if err != nil {
			return err
		}
	}
	return nil
}

func setWeb(tx *sql.Tx, id int64, password string, apart bool) error {
	_, err := tx.Exec("INSERT OR REPLACE INTO web_passwords (user, hash, apart) VALUES (?, ?, ?)",
		id, slowHash(password), apart)
	return err
}

// CheckWeb tells whether a password is that of a user for the web pages. A user
// who is not there costs the same time as one who is; and no hash is made while
// the database is held.
func (s *Store) CheckWeb(aor, password string) (ok bool, err error) {
	var hash string
	var fast bool
	err = s.change(func(tx *sql.Tx) error {
		id, d, err := userOf(tx, aor)
		if err != nil {
			return err
		}
		err = tx.QueryRow("SELECT hash FROM web_passwords WHERE user = ?", id).Scan(&hash)
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		user, _, _ := parseUser(aor)
		var stored []byte
		err = tx.QueryRow("SELECT sha256 FROM credentials WHERE domain = ? AND username = ?", d.id, user).Scan(&stored)
		h := digest.Hash(user, d.realm, password)
		fast = err == nil && subtle.ConstantTimeCompare(stored, h.SHA256[:]) == 1
		return err
	})
	slow := isSlowHash(cmp.Or(hash, nobody), password)
	if errors.Is(err, ErrNoUser) || errors.Is(err, ErrNoDomain) || errors.Is(err, ErrBadName) {
		return false, nil
	}
	return err == nil && (hash != "" && slow || fast), err
}

// nobody is the hash of a password that nobody has.
const nobody = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// argon2id's cost: 19 MiB and two passes, tens of milliseconds.
const (
	argonTime   = 2
	argonMemory = 19 << 10 // KiB
	argonLanes  = 1
	argonKey    = 32 // bytes
	argonSalt   = 16 // bytes
)

// slowHash writes argon2id with its cost and salt, so that a later version can
// raise the cost.
func slowHash(password string) string {
	salt := make([]byte, argonSalt)
	_, _ = rand.Read(salt) // never fails
	key := argon2.IDKey([]byte(password), salt, argonTime, argonMemory, argonLanes, argonKey)
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonTime, argonLanes,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(key))
}

func isSlowHash(hash, password string) bool {
	var version int
	var memory, time uint32
	var lanes uint8
	cost, rest, _ := strings.Cut(strings.TrimPrefix(hash, "$argon2id$"), "$")
	if _, err := fmt.Sscanf(cost, "v=%d", &version); err != nil || version != argon2.Version {
		return false
	}
	cost, rest, _ = strings.Cut(rest, "$")
	if _, err := fmt.Sscanf(cost, "m=%d,t=%d,p=%d", &memory, &time, &lanes); err != nil || time < 1 || lanes < 1 {
		return false
	}
	saltText, keyText, _ := strings.Cut(rest, "$")
	salt, err1 := base64.RawStdEncoding.DecodeString(saltText)
	key, err2 := base64.RawStdEncoding.DecodeString(keyText)
	if err1 != nil || err2 != nil || len(key) == 0 {
		return false
	}
	return subtle.ConstantTimeCompare(key, argon2.IDKey([]byte(password), salt, time, memory, lanes, uint32(len(key)))) == 1
}
