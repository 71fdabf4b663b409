package callcontrol

import (
	"strings"

	"lamplight/call"
	"lamplight/event"
)

// report is how a call goes: a status, or gone.
type report struct {
	status int
	reason string
}

const gone = 0 // it has ended

// follow is a call that a phone was told to make, as the server sees it pass.
// Phones differ in what they tell of it themselves: some tell nothing but that they
// try, and none its end.
type follow struct {
	by      event.AoR
	to      *Party
	callID  string // "": it has not been seen yet
	tag     string
	reports chan report
}

func (c *Control) follow(by event.AoR, to *Party) *follow {
	f := &follow{by: by, to: to, reports: make(chan report, 16)}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.follows[f] = struct{}{}
	return f
}

func (c *Control) unfollow(f *follow) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.follows, f)
}

// known tells whether the call was seen.
func (c *Control) known(f *follow) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return f.callID != ""
}

// Saw is told of each message of a call that passes the server. It does not wait.
func (c *Control) Saw(s *call.Seen) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for f := range c.follows {
		if f.callID == "" && f.begins(s) {
			f.callID, f.tag = s.CallID, s.FromTag
		}
		if f.callID == s.CallID && f.tag == s.FromTag {
			f.saw(s)
		}
	}
}

// begins tells whether a message is the INVITE that the phone was asked for.
func (f *follow) begins(s *call.Seen) bool {
	if s.What != call.Invite || s.Internal || s.Caller.AoR != f.by {
		return false
	}
	if f.to.AoR != "" {
		return s.Callee.AoR == f.to.AoR
	}
	return digits(s.Callee.URI) == digits(f.to.URI)
}

// digits is what of a URI names who is called, however it is written.
func digits(uri string) string {
	_, rest, _ := strings.Cut(uri, ":")
	rest, _, _ = strings.Cut(rest, ";")
	rest, _, _ = strings.Cut(rest, "@")
	return rest
}

func (f *follow) saw(s *call.Seen) {
	r := report{status: s.Code, reason: s.Reason}
	switch s.What {
	case call.Progress:
	case call.Answer:
		r.status = 200
	case call.Refused:
		if s.Branch != "" {
			return // another may be better
		}
	case call.Bye, call.Gone:
		r.status = gone
	default:
		return
	}
	select {
	case f.reports <- r:
	default: // nobody reads, as the call is over for them
	}
}
