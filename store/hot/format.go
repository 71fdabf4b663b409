package hot

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// formatKey holds the version of the layout of keys. No record of an owner has
// a key of one byte.
var formatKey = []byte{0}

const format = "lamplight 1"

// checkFormat tells whether a database is ours, and marks a new one.
func checkFormat(db *pebble.DB, readOnly bool) error {
	v, closer, err := db.Get(formatKey)
	if err == nil {
		found := string(v)
		if err := closer.Close(); err != nil {
			return err
		}
		if found != format {
			return fmt.Errorf("%w: it says %q, not %q", ErrFormat, found, format)
		}
		return nil
	}
	if !errors.Is(err, pebble.ErrNotFound) {
		return err
	}
	empty, err := isEmpty(db)
	switch {
	case err != nil:
		return err
	case !empty:
		return fmt.Errorf("%w: it has no mark", ErrFormat)
	case readOnly:
		return nil
	}
	return db.Set(formatKey, []byte(format), pebble.Sync)
}

func isEmpty(db *pebble.DB) (bool, error) {
	it, err := db.NewIter(nil)
	if err != nil {
		return false, err
	}
	found := it.First()
	return !found, errors.Join(it.Error(), it.Close())
}
