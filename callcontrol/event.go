package callcontrol

import (
	"fmt"
	"strings"

	"lamplight/sip"
)

// State is how far a call has come.
type State string

// States, in the order in which they come. Asks, Failed and Ended are the last.
const (
	Asks      State = "asks"      // nothing has rung: the called does not want to be disturbed
	Calling   State = "calling"   // the user's own phone is called
	Ringing   State = "ringing"   // the target's phone rings
	Connected State = "connected" // both talk
	Ended     State = "ended"     // after that
	Failed    State = "failed"    // before that, or instead
)

// Event is a step of a call, in a word and in words.
type Event struct {
	State State
	Text  string // for a person
	Code  int    // the SIP status behind a failure; 0: there is none
}

// Failure is a call that did not come about.
type Failure struct {
	Text string
	Code int // 0: no response is behind it
}

func (f *Failure) Error() string { return f.Text }

// failure words a final response of somebody: "Bob is busy".
func failure(who string, code int, phrase string) *Failure {
	return &Failure{Text: fmt.Sprintf(reason(code), who, code, phraseOf(code, phrase)), Code: code}
}

// reason is the sentence for a status: %[1]s is who, %[2]d and %[3]s the status.
func reason(code int) string {
	switch code {
	case 486, 600:
		return "%[1]s is busy"
	case 480:
		return "%[1]s cannot be reached"
	case 408, 504:
		return "%[1]s does not answer"
	case 403, 603, 607:
		return "%[1]s does not take the call"
	case 404, 410, 484, 604:
		return "%[1]s does not exist"
	case 415, 488, 606:
		return "%[1]s and your phone have no way of talking in common"
	case 487:
		return "the call was given up"
	case 401, 407:
		return "your phone could not say who it is"
	case 0:
		return "%[1]s cannot be called"
	}
	return "%[1]s cannot be called: %[2]d %[3]s"
}

func phraseOf(code int, phrase string) string {
	if phrase = strings.TrimSpace(phrase); phrase != "" && !strings.ContainsAny(phrase, "=;") {
		return phrase
	}
	return sip.StatusText(code)
}

// name is a party as people call it.
func (p *Party) name() string {
	if p.Name != "" {
		return p.Name
	}
	_, rest, _ := strings.Cut(p.URI, ":")
	rest, _, _ = strings.Cut(rest, ";")
	return rest
}

// nameAddr is a party as From writes it.
func (p *Party) nameAddr() string {
	if p.Name == "" {
		return "<" + p.URI + ">"
	}
	return string(sip.AppendQuoted(nil, p.Name)) + " <" + p.URI + ">"
}
