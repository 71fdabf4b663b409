package uas

import (
	"strings"

	"lamplight/body/pidf"
	"lamplight/body/xpidf"
	"lamplight/event"
	"lamplight/sip"
)

// Profile is what phones of one make need otherwise than the standards have it.
// It is chosen when they subscribe; it changes how a state is written, never the
// state.
type Profile struct {
	Agent  string   // in their User-Agent, in lower case
	Render uint8    // bits of event.Format
	Prefer string   // the content type to send wherever they accept it
	CPIM   string   // the content type to send to who accepts cpim-pidf+xml only
	Says   []string // the same in words
}

const (
	saysOne     = "one call at most, the one that rings first"
	saysTalking = "an outgoing call as answered at once"
)

// Profiles is all that is known of phones' peculiarities. The first row that
// fits counts.
var Profiles = []Profile{
	{Agent: "grandstream", Render: event.CallingIsTalking | event.OfflineState, Says: []string{saysTalking, `who cannot be reached as "offline"`}},
	{Agent: "fanvil", Render: event.CallingIsTalking | event.FailedState, Says: []string{saysTalking, `who cannot be reached as "failed"`}},
	{Agent: "yealink", Render: event.CallingIsTalking, Says: []string{saysTalking}},
	{Agent: "polycom", Render: event.CallingIsTalking, Prefer: xpidf.Type, Says: []string{saysTalking, "presence as xpidf where they take it"}},
	{Agent: "polyedge", Render: event.CallingIsTalking, Says: []string{saysTalking}},
	{Agent: "cisco-cp", Render: event.CiscoActivities, CPIM: pidf.Type, Says: []string{"presence in their own dialect, labelled PIDF"}},
	{Agent: "/spa9", Render: event.OneDialog | event.CallingIsTalking, Says: []string{saysOne, saysTalking}},
	{Agent: "pjsua", Render: event.OneDialog, Says: []string{saysOne}},
	{Agent: "pjsip", Render: event.OneDialog, Says: []string{saysOne}},
	{Agent: "microsip", Render: event.OneDialog, Says: []string{saysOne}},
	{Agent: "technicolor", Render: event.NoIdleDialog, Says: []string{"a list of calls that is empty where there is none"}},
}

// profile is a request's row of the table; one that says nothing where none fits.
func profile(m *sip.Message) *Profile {
	agent := strings.ToLower(string(m.Value(sip.UserAgent)))
	for i := range Profiles {
		if strings.Contains(agent, Profiles[i].Agent) {
			return &Profiles[i]
		}
	}
	return &Profile{}
}

// label is the content type for a phone that likes best one of its package's;
// preferred tells that it accepts the one it should get.
func (p *Profile) label(best string, preferred bool) string {
	switch {
	case preferred:
		return p.Prefer
	case p.CPIM != "" && best == cpim:
		return p.CPIM
	}
	return best
}

// cpim is what PIDF was called before it had its own name.
const cpim = "application/cpim-pidf+xml"
