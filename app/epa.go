package app

import (
	"time"

	"lamplight/epa"
	"lamplight/esc"
	"lamplight/event"
	"lamplight/owner"
	"lamplight/sip"
)

// told is who is told each composed document: the notifier and, where another
// server is the presence server, the agent that publishes to it.
func (s *spine) told(server string) esc.Next {
	if server == "" {
		return s.notifier
	}
	u, _ := sip.ParseURI([]byte(server)) // it was checked
	s.epa = epa.New(epa.Options{Server: u, Logger: s.log})
	return both{s.notifier, s.epa}
}

// both tells two.
type both struct{ one, other esc.Next }

func (b both) Watched(aor event.AoR, name event.Name) bool {
	return b.one.Watched(aor, name) || b.other.Watched(aor, name)
}

func (b both) Changed(t *owner.Turn, aor event.AoR, name event.Name, doc event.Document) {
	if b.one.Watched(aor, name) {
		b.one.Changed(t, aor, name, doc)
	}
	b.other.Changed(t, aor, name, doc)
}

// unpublish takes back what was published, which ends with the server.
func (s *spine) unpublish() {
	if s.epa != nil {
		s.epa.Close(2 * time.Second)
	}
}
