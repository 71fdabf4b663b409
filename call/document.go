package call

import (
	"strconv"

	"lamplight/body/dialoginfo"
	"lamplight/event"
)

// What is shown of a caller who wants to stay unknown (RFC 3323 §4.1).
const (
	anonymousURI  = "sip:anonymous@anonymous.invalid"
	anonymousName = "Anonymous"
)

// users are those of our own who are in the call.
func (c *call) users() (list []event.AoR) {
	seen := map[event.AoR]bool{"": true}
	add := func(p *Party) {
		if !seen[p.AoR] {
			seen[p.AoR] = true
			list = append(list, p.AoR)
		}
	}
	for _, i := range c.invitations {
		add(&i.caller)
	}
	for _, b := range c.branches {
		add(&b.callee)
	}
	return list
}

// shown is what a user's lamp shows of the call: dialogs as the user's end sees
// them, those that have ended among them.
func (c *call) shown(aor event.AoR) (list []dialoginfo.Dialog) {
	for n, i := range c.invitations {
		if i.caller.AoR == aor {
			list = append(list, c.calling(n, i)...)
		}
		list = append(list, c.called(aor, i)...)
	}
	return list
}

// view gathers the dialogs that came of one INVITE as one end sees them.
type view struct {
	live, ended, halves, endedHalves []dialoginfo.Dialog
}

// list is what is told: a half-dialog stands for branches without a tag only
// while there is no dialog, since it gives way to the first (RFC 4235 §3.7.1).
func (v *view) list() []dialoginfo.Dialog {
	switch {
	case len(v.live) > 0:
		return append(v.live, v.ended...)
	case len(v.halves) > 0:
		return v.halves[:1]
	case len(v.ended) > 0:
		return v.ended
	}
	return v.endedHalves[:min(len(v.endedHalves), 1)]
}

func (v *view) add(d dialoginfo.Dialog) {
	switch ended, half := d.State == dialoginfo.Terminated, d.LocalTag == "" || d.RemoteTag == ""; {
	case half && ended:
		v.endedHalves = append(v.endedHalves, d)
	case half:
		v.halves = append(v.halves, d)
	case ended:
		v.ended = append(v.ended, d)
	default:
		v.live = append(v.live, d)
	}
}

// calling is an INVITE as its caller sees it: one dialog for each tag, whatever
// branches it came by.
func (c *call) calling(n int, i *invitation) []dialoginfo.Dialog {
	var v view
	id, first := "c"+strconv.Itoa(n), true
	for _, b := range c.branches {
		if b.of == i && len(b.tags) == 0 {
			v.add(c.half(b, id, dialoginfo.Initiator))
		}
	}
	for _, d := range c.dialogs {
		if b := c.branchOf(d, i); b != nil {
			v.add(c.whole(b, d, named(id, d, !first), dialoginfo.Initiator))
			first = false
		}
	}
	return v.list()
}

// branchOf is the branch of an INVITE (nil: of any) that a dialog came by, one on
// which it goes on where there are several; nil: there is none.
func (c *call) branchOf(d *dialog, i *invitation) (by *branch) {
	for _, b := range c.branches {
		if (i == nil || b.of == i) && b.made(d) && (by == nil || b.live(d)) {
			by = b
		}
	}
	return by
}

// called is an INVITE as a called user sees it: one dialog for each branch and
// tag.
func (c *call) called(aor event.AoR, i *invitation) []dialoginfo.Dialog {
	var v view
	for n, b := range c.branches {
		if b.of != i || b.callee.AoR != aor {
			continue
		}
		id := "b" + strconv.Itoa(n)
		if len(b.tags) == 0 {
			v.add(c.half(b, id, dialoginfo.Recipient))
		}
		for _, d := range c.dialogs {
			if b.made(d) {
				v.add(c.whole(b, d, named(id, d, b.tags[0] != d.toTag), dialoginfo.Recipient))
			}
		}
	}
	return v.list()
}

// named is a dialog's id: the first that comes of a half-dialog keeps its id.
func named(id string, d *dialog, another bool) string {
	if another {
		return id + "-" + d.toTag
	}
	return id
}

// half is a branch that has no tag yet.
func (c *call) half(b *branch, id, direction string) dialoginfo.Dialog {
	d := dialoginfo.Dialog{ID: id, CallID: c.id, Direction: direction, State: dialoginfo.Trying}
	switch {
	case b.over():
		d.State = dialoginfo.Terminated
		d.Event, d.Code = b.cause()
	case b.provisional:
		d.State = dialoginfo.Proceeding
	}
	if direction == dialoginfo.Initiator {
		d.LocalTag, d.Local, d.Remote = b.of.fromTag, own(&b.of.caller), other(&b.callee)
	} else {
		d.RemoteTag, d.Local, d.Remote = b.of.fromTag, own(&b.callee), other(&b.of.caller)
	}
	return d
}

// whole is a dialog on a branch as one of its ends sees it.
func (c *call) whole(b *branch, d *dialog, id, direction string) dialoginfo.Dialog {
	out := c.half(b, id, direction)
	out.Event, out.Code = "", ""
	switch {
	case !b.live(d):
		out.State = dialoginfo.Terminated
		out.Event, out.Code = d.cause(b, direction == dialoginfo.Initiator)
	case d.answered.IsZero():
		out.State = dialoginfo.Early
	default:
		out.State, out.Doubtful = dialoginfo.Confirmed, d.doubtful
	}
	out.LocalTag, out.RemoteTag = d.fromTag, d.toTag
	local, remote := caller, callee
	if direction == dialoginfo.Recipient {
		out.LocalTag, out.RemoteTag, local, remote = d.toTag, d.fromTag, callee, caller
	}
	out.Local.Target, out.Local.Params = d.ends[local].target, d.ends[local].rendering()
	if remote == callee || !b.of.caller.Private {
		out.Remote.Target, out.Remote.Params = d.ends[remote].target, d.ends[remote].rendering()
	}
	return out
}

// rendering tells of an end that does not listen (RFC 4235 §5.2).
func (f *far) rendering() []dialoginfo.Param {
	if !f.held || f.target == "" {
		return nil
	}
	return []dialoginfo.Param{{Name: "+sip.rendering", Value: "no"}}
}

// own is an end as it sees itself: a user by the address-of-record.
func own(p *Party) dialoginfo.Party {
	uri := p.URI
	if p.AoR != "" {
		uri = string(p.AoR)
	}
	return dialoginfo.Party{Identity: uri, Display: p.Display}
}

// other is an end as the other sees it.
func other(p *Party) dialoginfo.Party {
	if p.Private {
		return dialoginfo.Party{Identity: anonymousURI, Display: anonymousName}
	}
	return dialoginfo.Party{Identity: p.URI, Display: p.Display}
}

// cause is why a branch ended, as RFC 4235 §4.1.2 has it, and by which response.
func (b *branch) cause() (event, code string) {
	switch i := b.of; {
	case b.code == 408 || b.code == 0 && b.expired:
		return "timeout", ""
	case b.code == 487 || b.cancelled || i.cancelled || i.won != nil && b.code == 0:
		return "cancelled", ""
	case b.code >= 300:
		return "rejected", strconv.Itoa(b.code)
	case i.code >= 300:
		return "rejected", strconv.Itoa(i.code)
	}
	return "error", ""
}

// cause is why a dialog ended, as the caller or the called end sees it.
func (d *dialog) cause(b *branch, ofCaller bool) (event, code string) {
	switch {
	case d.replaced:
		return "replaced", ""
	case d.end == running:
		return b.cause()
	case d.end == byError:
		return "error", ""
	case d.end == byCaller || d.end == byCallee:
		if ofCaller == (d.end == byCaller) {
			return "local-bye", ""
		}
		return "remote-bye", ""
	}
	return "timeout", ""
}
