package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// Profile is what phones of one make need otherwise than the standards have it:
// a table [[profile]] of the file, or "agent=NAME;KEY;KEY=VALUE" as a flag. A
// key that is not set is as the standards have it.
type Profile struct {
	Agent            string `toml:"agent" json:"agent"`                           // in their User-Agent, in any case
	OneDialog        bool   `toml:"one-dialog" json:"one-dialog"`                 // one call at most
	NoIdleDialog     bool   `toml:"no-idle-dialog" json:"no-idle-dialog"`         // no dummy dialog where there is no call
	CallingIsTalking bool   `toml:"calling-is-talking" json:"calling-is-talking"` // an outgoing call as answered
	Unreachable      string `toml:"unreachable" json:"unreachable"`               // "offline" or "failed": the dialog state of who can't be reached
	XPIDF            bool   `toml:"xpidf" json:"xpidf"`                           // presence as xpidf where they take it
	CPIMLabel        string `toml:"cpim-label" json:"cpim-label"`                 // the content type for who asks for cpim-pidf+xml
	Cisco            bool   `toml:"cisco" json:"cisco"`                           // presence in Cisco's dialect
	Digium           bool   `toml:"digium" json:"digium"`                         // presence with Digium's second tuple
	NoUrgent         bool   `toml:"no-urgent" json:"no-urgent"`                   // waiting messages without how many are urgent
	MD5              bool   `toml:"md5" json:"md5"`                               // no challenge but MD5's
	AutoAnswer       string `toml:"auto-answer" json:"auto-answer"`               // "call-info", "alert-info" or "ring-answer": what has them answer by themselves
}

// UnmarshalText reads the form of the flag.
func (p *Profile) UnmarshalText(b []byte) error {
	var file strings.Builder
	for word := range strings.SplitSeq(string(b), ";") {
		key, value, ok := strings.Cut(strings.TrimSpace(word), "=")
		switch {
		case !ok || value == "true" || value == "false":
			fmt.Fprintf(&file, "%s = %t\n", strings.TrimSpace(key), value != "false")
		default:
			fmt.Fprintf(&file, "%s = %q\n", strings.TrimSpace(key), value)
		}
	}
	err := toml.NewDecoder(strings.NewReader(file.String())).DisallowUnknownFields().Decode((*profileTable)(p))
	var unknown *toml.StrictMissingError
	switch {
	case errors.As(err, &unknown):
		return fmt.Errorf("profile %q: unknown key %q", b, strings.Join(unknown.Errors[0].Key(), "."))
	case err != nil:
		return fmt.Errorf("profile %q: %w", b, err)
	}
	return nil
}

// UnmarshalJSON reads a table of the file, as it comes from there.
func (p *Profile) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, (*profileTable)(p)) }

// profileTable is a Profile that is read key by key.
type profileTable Profile

var mediaType = regexp.MustCompile(`^[a-z0-9.+-]+/[a-z0-9.+-]+$`)

func (p *Profile) check() error {
	switch {
	case strings.TrimSpace(p.Agent) == "":
		return fmt.Errorf("profile: it has no agent, and would be every phone's")
	case p.Unreachable != "" && p.Unreachable != "offline" && p.Unreachable != "failed":
		return fmt.Errorf("profile %s: unreachable is %q, want offline or failed", p.Agent, p.Unreachable)
	case p.AutoAnswer != "" && p.AutoAnswer != "call-info" && p.AutoAnswer != "alert-info" && p.AutoAnswer != "ring-answer":
		return fmt.Errorf("profile %s: auto-answer is %q, want call-info, alert-info or ring-answer", p.Agent, p.AutoAnswer)
	case p.CPIMLabel != "" && !mediaType.MatchString(p.CPIMLabel):
		return fmt.Errorf("profile %s: cpim-label is %q, want a content type", p.Agent, p.CPIMLabel)
	}
	return nil
}
