package cold

import (
	"database/sql"
	"fmt"

	"lamplight/event"
)

// Calendar is where a user's calendar is.
type Calendar struct {
	URL    string
	Titles bool // others may see what meetings are called
}

// Calendars are those of all users that have one.
func (s *Store) Calendars() (map[event.AoR]Calendar, error) {
	all := map[event.AoR]Calendar{}
	err := each(s.db, func(scan func(...any) error) error {
		var aor event.AoR
		var c Calendar
		err := scan(&aor, &c.URL, &c.Titles)
		all[aor] = c
		return err
	}, "SELECT aor, url, titles FROM calendars JOIN users ON users.id = calendars.user")
	if err != nil {
		return nil, fmt.Errorf("cold store: %w", err)
	}
	return all, nil
}

// SetCalendar keeps where a user's calendar is; without a URL there is none any
// more. The error may be ErrNoUser, ErrNoDomain or ErrBadName.
func (s *Store) SetCalendar(aor event.AoR, c Calendar) error {
	return s.change(func(tx *sql.Tx) error {
		id, _, err := userOf(tx, string(aor))
		if err != nil {
			return err
		}
		if c.URL == "" {
			_, err = tx.Exec("DELETE FROM calendars WHERE user = ?", id)
		} else {
			_, err = tx.Exec("INSERT INTO calendars (user, url, titles) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET url = excluded.url, titles = excluded.titles",
				id, c.URL, c.Titles)
		}
		return err
	})
}
