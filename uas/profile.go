package uas

import (
	"slices"
	"strings"

	"lamplight/body/pidf"
	"lamplight/body/xpidf"
	"lamplight/event"
	"lamplight/sip"
)

// Profile is what phones of one make need otherwise than the standards have it.
// It is chosen when they subscribe or are challenged; it changes how a state is
// written, never the state.
type Profile struct {
	Agent  string // in their User-Agent, in lower case
	Render uint8  // bits of event.Format
	Prefer string // the content type to send wherever they accept it
	CPIM   string // the content type to send to who accepts cpim-pidf+xml only
	MD5    bool   // they give up when they are offered SHA-256 as well
	Answer string // what has them answer by themselves: call-info, alert-info or ring-answer; "": it is not known
}

// Profiles is all that is known of phones' peculiarities. Of these and those of
// the settings, which stand before them, the first row that fits counts.
var Profiles = []Profile{
	{Agent: "grandstream", Render: event.CallingIsTalking | event.OfflineState, Answer: "call-info"},
	{Agent: "fanvil", Render: event.CallingIsTalking | event.FailedState, Answer: "call-info"},
	{Agent: "yealink", Render: event.CallingIsTalking, Answer: "call-info"},
	{Agent: "polycom", Render: event.CallingIsTalking, Prefer: xpidf.Type, Answer: "ring-answer"},
	{Agent: "polyedge", Render: event.CallingIsTalking, Answer: "ring-answer"},
	{Agent: "cisco-cp", Render: event.CiscoActivities, CPIM: pidf.Type, Answer: "call-info"},
	{Agent: "/spa9", Render: event.OneDialog | event.CallingIsTalking | event.NoUrgent, Answer: "call-info"},
	{Agent: "digium", Render: event.DigiumPresence, Answer: "alert-info"},
	{Agent: "sangoma", Render: event.DigiumPresence, Answer: "alert-info"},
	{Agent: "snom", Answer: "alert-info"},
	{Agent: "pjsua", Render: event.OneDialog},
	{Agent: "pjsip", Render: event.OneDialog},
	{Agent: "microsip", Render: event.OneDialog},
	{Agent: "baresip v", MD5: true}, // before 3.12
	{Agent: "twinkle/", MD5: true},
	{Agent: "technicolor", Render: event.NoIdleDialog},
}

// words say what each bit does.
var words = []struct {
	bit  uint8
	text string
}{
	{event.OneDialog, "one call at most, the one that rings first"},
	{event.NoIdleDialog, "a list of calls that is empty where there is none"},
	{event.CallingIsTalking, "an outgoing call as answered at once"},
	{event.OfflineState, `who cannot be reached as "offline"`},
	{event.FailedState, `who cannot be reached as "failed"`},
	{event.CiscoActivities, "presence in the dialect of Cisco's enterprise phones"},
	{event.DigiumPresence, "presence with a second tuple in Digium's words"},
	{event.NoUrgent, "waiting messages without how many are urgent"},
}

// Says is what the phones are shown, in words.
func (p *Profile) Says() (list []string) {
	for _, w := range words {
		if p.Render&w.bit != 0 {
			list = append(list, w.text)
		}
	}
	if p.Prefer != "" {
		list = append(list, "presence as "+p.Prefer+" where they take it")
	}
	if p.CPIM != "" {
		list = append(list, "presence labelled "+p.CPIM+" where they ask for "+cpim)
	}
	if p.MD5 {
		list = append(list, "no challenge but MD5's")
	}
	if p.Answer != "" {
		list = append(list, "calls that the server makes for them as ones to answer at once, by "+p.Answer)
	}
	if list == nil {
		list = []string{"everything as the standards have it"}
	}
	return list
}

// profile is a request's row of the table; one that says nothing where none fits.
func (s *Server) profile(m *sip.Message) *Profile {
	return ProfileOf(string(m.Value(sip.UserAgent)), s.Profiles)
}

// ProfileOf is the row of a User-Agent: of some that go first, else of the table.
func ProfileOf(userAgent string, first []Profile) *Profile {
	agent := strings.ToLower(userAgent)
	for _, table := range [][]Profile{first, Profiles} {
		if i := slices.IndexFunc(table, func(p Profile) bool { return strings.Contains(agent, p.Agent) }); i >= 0 {
			return &table[i]
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
