package call

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"lamplight/event"
	"lamplight/owner"
	"lamplight/sip"
)

// Result is how a call ended, as one of its users sees it.
type Result string

const (
	Answered  Result = "answered"
	Missed    Result = "missed" // of a called user: nobody answered
	Busy      Result = "busy"   // of a caller, as what follows
	Failed    Result = "failed"
	CalledOff Result = "cancelled"
	Elsewhere Result = "elsewhere" // somebody else answered
)

// Ended is a call that is over, as one of its users sees it. AoR, CallID, FromTag
// and Outgoing name it: the same again takes the place of what was kept before.
type Ended struct {
	AoR      event.AoR
	CallID   string
	FromTag  string
	Outgoing bool
	Began    time.Time
	Other    Party // of a caller who stays unknown, who is nobody's AoR
	Result   Result
	Reason   string        // in words, "" where the result says it
	PickedBy Party         // who answered where somebody else did
	Duration time.Duration // from the answer to the end
}

// History keeps calls that are over. Keep returns at once: false where there is no
// room now, else kept is called, from any goroutine, once they are stored. What a
// crash loses of that is handed over again.
type History interface {
	Keep(calls []Ended, kept func()) bool
}

// record hands over to the history what has come to its end.
func (s *Calls) record(t *owner.Turn, c *call) {
	for _, i := range c.invitations {
		if i.kept || i.keeping || i.retry.After(t.Now) || !c.done(i, t.Now) {
			continue
		}
		if at := c.touched.Add(again); i.challenged() && at.After(t.Now) {
			i.retry = at // it may be sent once more
			continue
		}
		list := c.entries(i)
		if s.opt.History == nil || len(list) == 0 {
			i.kept = true
			continue
		}
		i.keeping, i.retry = true, time.Time{}
		s.keep(t, c.id, i.fromTag, i.cseq, list)
	}
}

// keep hands entries over once the turn is stored.
func (s *Calls) keep(t *owner.Turn, callID, fromTag string, cseq uint32, list []Ended) {
	told := func(kept bool) {
		s.opt.Return(Key(callID), owner.Func(func(t *owner.Turn) { s.kept(t, callID, fromTag, cseq, kept) }))
	}
	t.Say(func(failed error) {
		if failed == nil && !s.opt.History.Keep(list, func() { told(true) }) {
			told(false)
		}
	})
}

// kept notes whether the history has kept a call.
func (s *Calls) kept(t *owner.Turn, callID, fromTag string, cseq uint32, kept bool) {
	c := s.calls[owner.Partition(Key(callID))][Key(callID)]
	if c == nil {
		return
	}
	for _, i := range c.invitations {
		if i.fromTag != fromTag || i.cseq != cseq || !i.keeping {
			continue
		}
		i.keeping = false
		if kept {
			i.kept, i.retold = c.idle(i) && !i.retold, false
		} else {
			i.retry = t.Now.Add(again)
		}
	}
	s.settle(t, c)
}

// entries are a call as each of its users sees it; none of one that only asked for
// a password, which is sent once more with it.
func (c *call) entries(i *invitation) (list []Ended) {
	if i.internal || i.challenged() && c.repeated(i) {
		return nil
	}
	if i.caller.AoR != "" {
		list = append(list, c.placed(i))
	}
	for _, aor := range c.calledBy(i) {
		list = append(list, c.received(i, aor))
	}
	return list
}

// challenged tells that a gateway has asked for a password.
func (i *invitation) challenged() bool { return i.code == 401 || i.code == 407 }

// repeated tells that an invitation was sent once more.
func (c *call) repeated(i *invitation) bool {
	return slices.ContainsFunc(c.invitations, func(o *invitation) bool { return o.fromTag == i.fromTag && o.cseq > i.cseq })
}

// calledBy are the users that a call was for.
func (c *call) calledBy(i *invitation) (list []event.AoR) {
	add := func(aor event.AoR) {
		if aor != "" && !slices.Contains(list, aor) {
			list = append(list, aor)
		}
	}
	add(i.callee.AoR)
	for _, b := range c.branches {
		if b.of == i {
			add(b.callee.AoR)
		}
	}
	return list
}

func (c *call) entry(i *invitation, aor event.AoR) Ended {
	return Ended{AoR: aor, CallID: c.id, FromTag: i.fromTag, Began: i.began}
}

// placed is a call as its caller sees it.
func (c *call) placed(i *invitation) Ended {
	e := c.entry(i, i.caller.AoR)
	e.Outgoing, e.Other = true, i.callee
	code, reason := c.refusal(i)
	switch by, elsewhere := c.replacedBy(i); {
	case i.won != nil:
		e.Other = c.branchOf(i.won, i).callee
		c.talked(&e, i, func(*branch) bool { return true })
	case elsewhere:
		e.Result, e.PickedBy = Elsewhere, by
	case i.cancelled || code == 487:
		e.Result = CalledOff
	case code == 486 || code == 600:
		e.Result = Busy
	default:
		e.Result, e.Reason = Failed, cmp.Or(reason, words(code))
	}
	return e
}

// received is a call as somebody sees it whom it was for.
func (c *call) received(i *invitation, aor event.AoR) Ended {
	e := c.entry(i, aor)
	if e.Other = i.caller; e.Other.Private {
		e.Other = Party{URI: anonymousURI, Display: anonymousName, Private: true}
	}
	if c.talked(&e, i, func(b *branch) bool { return b.callee.AoR == aor }) {
		return e
	}
	by, elsewhere := c.replacedBy(i)
	if i.won != nil {
		by, elsewhere = c.branchOf(i.won, i).callee, true
	}
	if elsewhere {
		e.Result, e.PickedBy = Elsewhere, by
		return e
	}
	code, reason := c.refusal(i)
	e.Result, e.Reason = Missed, cmp.Or(reason, words(code))
	return e
}

// talked fills in an entry of a call that was answered on one of some branches,
// and tells whether it was.
func (c *call) talked(e *Ended, i *invitation, on func(*branch) bool) bool {
	var began, ended time.Time
	for _, d := range c.dialogs {
		if b := c.branchOf(d, i); b == nil || d.answered.IsZero() || !on(b) {
			continue
		}
		if began.IsZero() || d.answered.Before(began) {
			began = d.answered
		}
		if d.ended.After(ended) {
			ended, e.Reason = d.ended, d.end.words()
		}
	}
	if began.IsZero() {
		return false
	}
	e.Result, e.Duration = Answered, max(ended.Sub(began), 0)
	return true
}

// replacedBy is who picked a call up by another (RFC 3891).
func (c *call) replacedBy(i *invitation) (Party, bool) {
	for _, d := range c.dialogs {
		if d.replaced && c.branchOf(d, i) != nil {
			return d.by, true
		}
	}
	return Party{}, false
}

// refusal is by which response and in which words a call was refused: what the
// caller was told, else the last of its branches.
func (c *call) refusal(i *invitation) (code int, reason string) {
	code, reason = i.code, i.reason
	for _, b := range c.branches {
		if b.of == i && i.code == 0 && b.code != 0 {
			code, reason = b.code, b.reason
		}
	}
	return code, reason
}

// words are a response in words.
func words(code int) string {
	switch code {
	case 0, 408, 480:
		return "no answer"
	case 486, 600:
		return "busy"
	case 487:
		return ""
	case 603:
		return "declined"
	case 404, 410, 484, 604:
		return "no such number"
	}
	if text := sip.StatusText(code); text != "" {
		return text
	}
	return fmt.Sprintf("response %d", code)
}

// words are why a dialog ended that nobody hung up.
func (e end) words() string {
	switch e {
	case byError:
		return "a phone no longer knew of the call"
	case byTimeout:
		return "nothing more was heard of the call"
	case byLoss:
		return "the phone's registration was lost"
	}
	return ""
}
