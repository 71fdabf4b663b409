package app

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"lamplight/body/pidf"
	"lamplight/call"
	"lamplight/control"
	"lamplight/directory"
	"lamplight/event"
	"lamplight/event/presence"
	"lamplight/owner"
	"lamplight/sip"
	"lamplight/store/cold"
)

// PastCall is a call of a user's history, and what the user may see of the other
// end's state now; "" where that is nothing, or no user of ours.
type PastCall struct {
	cold.Call
	State string
}

var (
	errNoHistory = errors.New("no history is kept: --history-days 0")
	errNoUser    = errors.New("no such user")
	errResult    = errors.New("result: want answered, missed, busy, failed, cancelled or elsewhere")
)

// statesWait is how long the states of all in a page may take to be told.
const statesWait = 2 * time.Second

// History is a page of a user's calls. It is for that user alone, or for who runs
// the server: the caller sees to that.
func (p *Process) History(q cold.CallQuery) ([]PastCall, error) {
	if p.o.History == nil {
		return nil, errNoHistory
	}
	list, err := p.people.Calls(q)
	if err != nil {
		return nil, err
	}
	var others []event.AoR
	for _, c := range list {
		others = append(others, c.Other.AoR)
	}
	states := p.statesFor(q.AoR, others)
	calls := make([]PastCall, len(list))
	for i, c := range list {
		calls[i] = PastCall{c, states[c.Other.AoR]}
	}
	return calls, nil
}

// told is one user's state, as somebody else may see it.
type told struct {
	aor   event.AoR
	state string
}

// statesFor asks for users' states, as one of them may see the others. Who does
// not answer in time is left out.
func (s *spine) statesFor(watcher event.AoR, of []event.AoR) map[event.AoR]string {
	states, answers, asked := map[event.AoR]string{"": ""}, make(chan told, len(of)), 0
	for _, aor := range of {
		if _, known := states[aor]; known {
			continue
		}
		states[aor] = ""
		err := s.owners.Post(string(aor), owner.Func(func(t *owner.Turn) {
			a := told{aor, s.stateFor(t, watcher, aor)}
			t.Say(func(error) { answers <- a })
		}))
		if err == nil {
			asked++
		}
	}
	for late := time.After(statesWait); asked > 0; asked-- {
		select {
		case a := <-answers:
			states[a.aor] = a.state
		case <-late:
			return states
		}
	}
	return states
}

// stateFor is a user's state in a word as somebody may see it, in a turn of its
// owner.
func (s *spine) stateFor(t *owner.Turn, watcher, aor event.AoR) string {
	doc, _, _ := s.viewFor(t, aor, watcher, "presence")
	if doc == nil {
		return ""
	}
	state, _, _ := presence.StateOf(doc.(*pidf.Presence))
	return state.String()
}

// history answers the command of that name.
func (p *Process) history(q control.HistoryQuery) ([]control.Call, error) {
	if !isResult(q.Result) {
		return nil, errResult
	}
	aor, err := p.userOf(q.User)
	if err != nil {
		return nil, err
	}
	query := cold.CallQuery{AoR: aor, Result: call.Result(q.Result), Before: q.Before, Limit: q.Limit}
	if q.Party != "" {
		query.Number, _, _ = strings.Cut(strings.TrimPrefix(q.Party, "sip:"), "@")
		if party, err := p.userOf(q.Party); err == nil {
			query.Party = party
		}
		if strings.Contains(q.Party, "@") && query.Party != "" {
			query.Number = "" // this user, whatever others of the name there are
		}
	}
	list, err := p.History(query)
	if err != nil {
		return nil, err
	}
	calls := make([]control.Call, len(list))
	for i := range list {
		calls[i] = past(&list[i])
	}
	return calls, nil
}

func isResult(word string) bool {
	switch call.Result(word) {
	case "", call.Answered, call.Missed, call.Busy, call.Failed, call.CalledOff, call.Elsewhere:
		return true
	}
	return false
}

// userOf finds a user by a name or a number.
func (p *Process) userOf(user string) (event.AoR, error) {
	u, err := sip.ParseURI([]byte(directory.UserAoR(user, p.o.Domain[0])))
	if err != nil {
		return "", fmt.Errorf("%s: %w", user, errNoUser)
	}
	aor, _, err := p.book.Load().Resolve(u)
	if err != nil {
		return "", fmt.Errorf("%s: %w", user, errNoUser)
	}
	return aor, nil
}

// past is a call as the command shows it.
func past(c *PastCall) control.Call {
	return control.Call{Time: c.Began.UTC(), Direction: map[bool]string{true: "out", false: "in"}[c.Outgoing],
		Party: c.Other.URI, Name: c.Other.Display, User: strings.TrimPrefix(string(c.Other.AoR), "sip:"),
		Result: string(c.Result), Reason: c.Reason, PickedUpBy: cmp.Or(strings.TrimPrefix(string(c.PickedBy.AoR), "sip:"), c.PickedBy.URI),
		Duration: c.Duration.Seconds(), State: c.State, Cursor: c.Cursor}
}
