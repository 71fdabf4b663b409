package call

import (
	"slices"
	"strings"
	"time"
)

// fits tells whether a message's identifiers are of a length to be kept.
func fits(s *Seen) bool {
	for _, id := range [...]string{s.CallID, s.Branch, s.FromTag, s.ToTag} {
		if len(id) > maxIdentifier {
			return false
		}
	}
	return s.CallID != ""
}

// take learns what a message tells.
func (c *call) take(s *Seen, now time.Time) {
	c.touched = now
	switch s.What {
	case Invite, Progress, Answer, Refused, Cancelled:
		c.ofInvite(s, now)
	case Bye, Gone, Refreshed, Alive, Replaced:
		if d := c.dialog(s.FromTag, s.ToTag); d != nil {
			d.hear(s, now)
			if s.What == Replaced {
				c.retell(d)
			}
		}
	}
}

// retell has the history keep a call once more, which was over before it was known
// that somebody has picked it up: some phones end the one call, and answer the other
// then.
func (c *call) retell(d *dialog) {
	for _, i := range c.invitations {
		if c.branchOf(d, i) != nil {
			i.kept, i.retold = false, i.keeping
		}
	}
}

func (c *call) ofInvite(s *Seen, now time.Time) {
	i := c.invitation(s, now)
	if i == nil {
		return
	}
	i.learn(s)
	if s.Branch == "" {
		i.cancelled = i.cancelled || s.What == Cancelled
		if s.What == Refused && i.code == 0 {
			i.code, i.reason = s.Code, clip(s.Reason)
		}
		return
	}
	if b := c.branch(s, i); b != nil {
		b.learn(s, now)
		c.onBranch(b, s, now)
	}
}

func (c *call) onBranch(b *branch, s *Seen, now time.Time) {
	switch s.What {
	case Progress:
		b.provisional = true
	case Cancelled:
		b.cancelled = true
	case Refused:
		if b.code == 0 {
			b.code, b.reason = max(s.Code, 1), clip(s.Reason)
		}
		return // its tag makes no dialog
	}
	if s.ToTag == "" || s.What == Invite || s.What == Cancelled {
		return
	}
	d := c.dialog(s.FromTag, s.ToTag)
	if d == nil {
		return
	}
	if !slices.Contains(b.tags, s.ToTag) {
		b.tags = append(b.tags, s.ToTag)
	}
	d.follow(s)
	d.ends[caller].cseq = max(d.ends[caller].cseq, s.CSeq)
	if s.What == Answer {
		d.answer(s, now)
	}
	if !d.answered.IsZero() && b.of.won == nil {
		b.of.won, b.of.kept = d, false // what the history knows of it is no longer true
	}
}

// invitation is the INVITE that a message is of, a new one where it is new; nil
// where there are too many.
func (c *call) invitation(s *Seen, now time.Time) *invitation {
	for _, i := range c.invitations {
		if i.fromTag == s.FromTag && i.cseq == s.CSeq {
			return i
		}
	}
	if len(c.invitations) >= maxInvitations {
		return nil
	}
	i := &invitation{fromTag: s.FromTag, cseq: s.CSeq, began: now}
	c.invitations = append(c.invitations, i)
	return i
}

func (i *invitation) learn(s *Seen) {
	learnParty(&i.caller, s.Caller)
	learnParty(&i.callee, s.Callee)
	i.internal = i.internal || s.Internal
}

func (c *call) branch(s *Seen, i *invitation) *branch {
	for _, b := range c.branches {
		if b.id == s.Branch {
			return b
		}
	}
	if len(c.branches) >= maxBranches {
		return nil
	}
	b := &branch{id: s.Branch, of: i}
	c.branches = append(c.branches, b)
	return b
}

func (b *branch) learn(s *Seen, now time.Time) {
	learnParty(&b.callee, s.Callee)
	if b.binding == "" {
		b.binding = clip(s.CalleeBinding)
	}
	b.last, b.lost = now, time.Time{}
}

// learnParty takes over what was not known yet. Privacy that was asked for once
// is kept.
func learnParty(p *Party, s Party) {
	if p.URI == "" {
		p.AoR, p.URI = s.AoR, clip(s.URI)
	}
	if p.Display == "" {
		p.Display = clip(s.Display)
	}
	p.Private = p.Private || s.Private
}

// dialog finds a dialog by its tags, or begins one: what comes of it before the
// response that made it is kept too. It is nil where it has no tag yet, or there
// are too many.
func (c *call) dialog(fromTag, toTag string) *dialog {
	d := c.find(fromTag, toTag)
	if d == nil && toTag != "" && len(c.dialogs) < maxDialogs {
		d = &dialog{fromTag: fromTag, toTag: toTag}
		c.dialogs = append(c.dialogs, d)
	}
	return d
}

func (c *call) find(fromTag, toTag string) *dialog {
	for _, d := range c.dialogs {
		if d.fromTag == fromTag && d.toTag == toTag {
			return d
		}
	}
	return nil
}

// answer takes a 2xx in. One that comes again answers nothing anew.
func (d *dialog) answer(s *Seen, now time.Time) {
	if d.answered.IsZero() {
		d.answered = now
	}
	for e := range d.ends {
		d.ends[e].hear(now)
	}
	d.refresh(s, now)
}

// follow keeps where the ends are.
func (d *dialog) follow(s *Seen) {
	for e, target := range [...]string{s.CallerTarget, s.CalleeTarget} {
		if target != "" {
			d.ends[e].target = clip(target)
		}
	}
	for e, routes := range [...][]string{s.CallerRoutes, s.CalleeRoutes} {
		if len(routes) > 0 && len(routes) <= maxRoutes {
			d.ends[e].routes = routes
		}
	}
}

// refresh takes the session's time and what the media says.
func (d *dialog) refresh(s *Seen, now time.Time) {
	if s.SessionExpires > 0 {
		d.session = now.Add(s.SessionExpires)
	}
	f := &d.ends[sender(s)]
	if s.Hold != HoldUnsaid && s.CSeq >= f.holding {
		f.held, f.holding = s.Hold == Held, s.CSeq
	}
}

// sender is the end that a message inside a dialog comes from.
func sender(s *Seen) int {
	if s.ByCaller {
		return caller
	}
	return callee
}

// hear takes what passes inside a dialog, or what a probe was answered.
func (d *dialog) hear(s *Seen, now time.Time) {
	d.follow(s)
	f := &d.ends[sender(s)]
	if s.What != Replaced {
		f.hear(now)
	}
	switch s.What {
	case Bye:
		d.finish(map[bool]end{true: byCaller, false: byCallee}[s.ByCaller], now)
	case Gone:
		d.finish(byError, now)
	case Refreshed:
		f.cseq = max(f.cseq, s.CSeq)
		d.ends[1-sender(s)].hear(now) // which has answered
		d.refresh(s, now)
	case Alive:
		if s.Code != 0 {
			f.answers = true
			return // the CSeq is the probe's
		}
		f.cseq = max(f.cseq, s.CSeq)
		d.refresh(s, now)
	case Replaced:
		d.replaced = true
		learnParty(&d.by, s.By)
	}
}

// hear notes a sign of life.
func (f *far) hear(now time.Time) { f.heard, f.lost = now, time.Time{} }

// finish ends a dialog, which stays so.
func (d *dialog) finish(how end, now time.Time) {
	if d.end == running {
		d.end, d.ended = how, now
	}
}

// clip is a copy of a text, without what is too much of it.
func clip(s string) string {
	if len(s) > maxText {
		s = s[:maxText]
	}
	return strings.ToValidUTF8(strings.Clone(s), "")
}
