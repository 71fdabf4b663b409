package app

import (
	"time"

	"lamplight/epa"
	"lamplight/esc"
	"lamplight/event"
	"lamplight/owner"
	"lamplight/sip"
)

// told is who is told each composed document: the notifier, the agent that tells
// phones that did not subscribe and, where another server is the presence server,
// the one that publishes to it.
func (s *spine) told(server string) (next esc.Next) {
	next = bySphere{s}
	if s.mwi != nil {
		next = both{next, s.mwi}
	}
	if server != "" {
		u, _ := sip.ParseURI([]byte(server)) // it was checked
		s.epa = epa.New(epa.Options{Server: u, Logger: s.log, Keep: s.keepPublication})
		next = both{next, s.epa}
	}
	return next
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
	if b.other.Watched(aor, name) {
		b.other.Changed(t, aor, name, doc)
	}
}

// kindPublished is the record of what is published at the presence server.
const kindPublished = 'e'

// keepPublication stores what the agent has to know after a crash.
func (s *spine) keepPublication(aor event.AoR, name event.Name, b []byte) {
	s.owners.Return(string(aor), owner.Func(func(t *owner.Turn) {
		t.Save(owner.Record{Key: owner.Key(string(aor), kindPublished, string(name)), Value: b})
	}))
}

// unpublish takes back what was published, which ends with the server.
func (s *spine) unpublish() {
	if s.epa != nil {
		s.epa.Close(2 * time.Second)
	}
}
