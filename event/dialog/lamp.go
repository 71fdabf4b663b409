package dialog

import (
	"cmp"
	"encoding/json"
	"strings"

	"lamplight/body/dialoginfo"
)

// LampType is how a page in a browser is told of calls. No subscriber over SIP can
// ask for it.
const LampType = "application/vnd.lamplight.calls+json"

// Lamp is what a page shows of somebody's calls.
type Lamp struct {
	AoR   string `json:"aor"` // user@domain
	Calls []Call `json:"calls"`
}

// Call is a live dialog, as far as it may be seen.
type Call struct {
	State     string `json:"state"`               // trying, proceeding, early, confirmed
	Direction string `json:"direction,omitempty"` // initiator, recipient
	With      string `json:"with,omitempty"`      // the other party's name, or their URI without its scheme
}

func lampJSON(doc *dialoginfo.Info) []byte {
	l := Lamp{AoR: strings.TrimPrefix(doc.Entity, "sip:"), Calls: []Call{}}
	for i := range doc.Dialogs {
		if d := &doc.Dialogs[i]; isLive(d.State) {
			l.Calls = append(l.Calls, Call{d.State, d.Direction, cmp.Or(d.Remote.Display, strings.TrimPrefix(d.Remote.Identity, "sip:"))})
		}
	}
	b, err := json.Marshal(l)
	if err != nil { // of strings alone
		return nil
	}
	return b
}
