package call

import (
	"bytes"
	"time"

	"lamplight/body/dialoginfo"
	"lamplight/event"
)

// Facts is what is known of one call, for tests of the state machine alone.
type Facts struct{ c *call }

func NewFacts() Facts { return Facts{&call{lamps: map[event.AoR]*lamp{}}} }

func (f Facts) Take(s Seen, now time.Time) { f.c.take(&s, now) }

// Shown is what a user's lamp shows, what has ended included.
func (f Facts) Shown(aor event.AoR) *dialoginfo.Info {
	return &dialoginfo.Info{Dialogs: f.c.shown(aor)}
}

// Reread is the same call, stored and read again; its error is that it differs.
func (f Facts) Reread() (Facts, bool) {
	b := f.c.encode()
	c, err := decode(b)
	if err != nil {
		return f, false
	}
	return Facts{c}, bytes.Equal(c.encode(), b)
}

func (f Facts) Encode() []byte { return f.c.encode() }

// Decode reads a record; it is for the fuzzer.
func Decode(b []byte) (Facts, error) {
	c, err := decode(b)
	return Facts{c}, err
}
