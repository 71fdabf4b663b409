package presence

import (
	"encoding/json"
	"strings"
	"time"

	"lamplight/body/pidf"
)

// LampType is how a page in a browser is told of a state. No subscriber over SIP
// can ask for it.
const LampType = "application/vnd.lamplight.lamp+json"

// Lamp is what a lamp shows of somebody.
type Lamp struct {
	AoR   string     `json:"aor"`             // user@domain
	State string     `json:"state"`           // a token of the states
	Text  string     `json:"text"`            // the state in words
	Note  string     `json:"note,omitempty"`  // in the person's own words
	Since *time.Time `json:"since,omitempty"` // as far as it is known
}

// LampOf reads a document.
func LampOf(doc *pidf.Presence) Lamp {
	s, note, since := StateOf(doc)
	l := Lamp{AoR: strings.TrimPrefix(doc.Entity, "sip:"), State: s.Token(), Text: s.Words(), Note: note}
	if !since.IsZero() {
		l.Since = &since
	}
	return l
}

func lampJSON(doc *pidf.Presence) []byte {
	b, err := json.Marshal(LampOf(doc))
	if err != nil { // of strings and a time between the years 1 and 9999
		return nil
	}
	return b
}
