package app

import (
	"time"

	"lamplight/body/pidf"
	"lamplight/directory"
	"lamplight/event"
	"lamplight/event/presence"
)

// defaults are what domains have set for those of whom nothing else is said.
type defaults struct{ book *directory.Book }

// Default is a user's; nil: none is set.
func (d defaults) Default(aor event.AoR) *pidf.Presence {
	word, note := d.book.Load().Default(aor)
	state, ok := presence.ParseState(word)
	if !ok {
		return nil
	}
	doc := presence.Publication(string(aor), "", state, note, time.Time{})
	doc.Tuples = nil
	return doc
}
