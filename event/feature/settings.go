package feature

import (
	"encoding/json"
	"time"

	"lamplight/body/csta"
	"lamplight/event"
)

// SettingsType is the media type of settings as they are kept.
const SettingsType = "application/json"

// Settings are a user's, beside do not disturb itself.
type Settings struct {
	Forwarding
	LetThrough []event.AoR `json:"let_through,omitempty"` // whose calls do not disturb
}

// Forwarding is where a user's calls go instead, as people dial it; "": nowhere.
type Forwarding struct {
	Immediate string        `json:"immediate,omitempty"` // all of them
	Busy      string        `json:"busy,omitempty"`      // those that come while the user is busy
	NoAnswer  string        `json:"no_answer,omitempty"` // those that nobody answers in time
	After     time.Duration `json:"after,omitempty"`     // that time
}

// ring is how long a telephone takes to ring once, as their makers reckon where
// they count rings.
const ring = 6 * time.Second

// The time in which a call is to be answered, where it is forwarded else.
const (
	DefaultAfter = 3 * ring
	MinAfter     = ring
	MaxAfter     = 20 * ring
)

// With is the forwarding after a telephone has set one. Without a number the one
// that there is stays; off, it is forgotten.
func (f Forwarding) With(set *csta.Feature) Forwarding {
	to := set.To
	target := map[csta.Kind]*string{csta.Immediate: &f.Immediate, csta.Busy: &f.Busy, csta.NoAnswer: &f.NoAnswer}[set.Kind]
	switch {
	case target == nil:
		return f
	case !set.On:
		to = ""
	case to == "":
		to = *target
	}
	*target = to
	if set.Kind == csta.NoAnswer && set.Rings > 0 {
		f.After = min(max(time.Duration(set.Rings)*ring, MinAfter), MaxAfter)
	}
	return f
}

// Wait is the time in which a call is to be answered.
func (f *Forwarding) Wait() time.Duration {
	if f.After == 0 {
		return DefaultAfter
	}
	return f.After
}

// features are the forwardings as telephones are told them.
func (s *Settings) features() []csta.Feature {
	list := []csta.Feature{{Kind: csta.Immediate, To: s.Immediate}, {Kind: csta.Busy, To: s.Busy},
		{Kind: csta.NoAnswer, To: s.NoAnswer, Rings: int((s.Wait() + ring/2) / ring)}}
	for i := range list {
		list[i].On = list[i].To != ""
	}
	return list
}

// Append prints settings to be kept.
func (s *Settings) Append(b []byte) []byte {
	text, err := json.Marshal(s)
	if err != nil {
		return b // there is nothing in it that JSON has no words for
	}
	return append(b, text...)
}

func parseSettings(b []byte) (*Settings, error) {
	s := &Settings{}
	return s, json.Unmarshal(b, s)
}
