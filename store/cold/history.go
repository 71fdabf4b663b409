package cold

import (
	"database/sql"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"lamplight/call"
	"lamplight/event"
	"lamplight/sip"
)

// ErrBadCursor says that a place in a history is none.
var ErrBadCursor = errors.New("not a place in the history")

// MaxPage is how many calls are given at once.
const MaxPage = 500

// CallQuery asks for calls of one user, the newest first.
type CallQuery struct {
	AoR    event.AoR
	Party  event.AoR   // only those with this user of ours; or
	Number string      // with who has this number or name
	Result call.Result // only those that ended so
	Before string      // only what stands behind this Cursor; "": from the newest
	Limit  int         // at most so many, 1 to MaxPage
}

// Call is one call of a history. Cursor is its place in it.
type Call struct {
	call.Ended
	Cursor string
}

// Calls answers a query. The error may be ErrBadCursor.
func (s *Store) Calls(q CallQuery) (list []Call, err error) {
	began, id := int64(math.MaxInt64), int64(0)
	if q.Before != "" {
		if began, id, err = parseCursor(q.Before); err != nil {
			return nil, err
		}
	}
	err = each(s.db, func(scan func(...any) error) error {
		c, err := scanCall(scan)
		list = append(list, c)
		return err
	}, `SELECT id, aor, call_id, from_tag, outgoing, began, duration, result, reason,
		other_aor, other_uri, other_name, picked_aor, picked_uri, picked_name FROM calls
		WHERE aor = ?1 AND (began, id) < (?2, ?3) AND (?4 = '' OR result = ?4)
		AND (?5 = '' AND ?6 = '' OR ?5 <> '' AND other_aor = ?5 OR ?6 <> '' AND other_user = ?6)
		ORDER BY began DESC, id DESC LIMIT ?7`,
		string(q.AoR), began, id, string(q.Result), string(q.Party), strings.ToLower(q.Number), min(max(q.Limit, 1), MaxPage))
	if err != nil {
		return nil, fmt.Errorf("cold store: %w", err)
	}
	return list, nil
}

func scanCall(scan func(...any) error) (c Call, err error) {
	var id, began, duration int64
	err = scan(&id, &c.AoR, &c.CallID, &c.FromTag, &c.Outgoing, &began, &duration, &c.Result, &c.Reason,
		&c.Other.AoR, &c.Other.URI, &c.Other.Display, &c.PickedBy.AoR, &c.PickedBy.URI, &c.PickedBy.Display)
	c.Began, c.Duration = time.UnixMilli(began), time.Duration(duration)*time.Millisecond
	c.Cursor = strconv.FormatInt(began, 36) + "-" + strconv.FormatInt(id, 36)
	return c, err
}

func parseCursor(s string) (began, id int64, err error) {
	at, n, _ := strings.Cut(s, "-")
	began, err1 := strconv.ParseInt(at, 36, 64)
	id, err2 := strconv.ParseInt(n, 36, 64)
	if err1 != nil || err2 != nil {
		return 0, 0, ErrBadCursor
	}
	return began, id, nil
}

// AddCalls keeps calls: the same again takes the place of what was kept before.
func (s *Store) AddCalls(list []call.Ended) error {
	return s.change(func(tx *sql.Tx) error {
		add, err := tx.Prepare(`INSERT INTO calls (aor, call_id, from_tag, outgoing, began, duration, result, reason,
			other_aor, other_uri, other_user, other_name, picked_aor, picked_uri, picked_name)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (aor, call_id, from_tag, outgoing) DO UPDATE SET began = excluded.began, duration = excluded.duration,
			result = excluded.result, reason = excluded.reason, other_aor = excluded.other_aor, other_uri = excluded.other_uri,
			other_user = excluded.other_user, other_name = excluded.other_name,
			picked_aor = excluded.picked_aor, picked_uri = excluded.picked_uri, picked_name = excluded.picked_name`)
		if err != nil {
			return err
		}
		for _, c := range list {
			if _, err := add.Exec(string(c.AoR), c.CallID, c.FromTag, c.Outgoing, c.Began.UnixMilli(), c.Duration.Milliseconds(),
				string(c.Result), c.Reason, string(c.Other.AoR), c.Other.URI, userOfURI(c.Other.URI), c.Other.Display,
				string(c.PickedBy.AoR), c.PickedBy.URI, c.PickedBy.Display); err != nil {
				return err
			}
		}
		return nil
	})
}

// userOfURI is the number or name that a URI dials.
func userOfURI(uri string) string {
	u, err := sip.ParseURI([]byte(uri))
	if err != nil {
		return ""
	}
	return strings.ToLower(u.UserUnescaped())
}

// dropped is how many calls are dropped in one transaction, so that nobody waits
// long for it.
const dropped = 1000

// DropCalls forgets what began before some time.
func (s *Store) DropCalls(before time.Time) error {
	for again := true; again; {
		err := s.change(func(tx *sql.Tx) error {
			r, err := tx.Exec("DELETE FROM calls WHERE id IN (SELECT id FROM calls WHERE began < ? LIMIT ?)", before.UnixMilli(), dropped)
			again, err = changed(r, err)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
