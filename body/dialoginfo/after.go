package dialoginfo

import "slices"

// maxEnded is how many ended dialogs of one source are remembered.
const maxEnded = 32

// After is what a source says now, in the light of what it said before: a dialog
// that has terminated stays so, whatever comes late (RFC 4235 §3.7.1). One
// without a Call-ID may come again: its id may be another call's. changed tells
// whether what is said now was not to be believed.
func (i *Info) After(before *Info) (now *Info, changed bool) {
	ended := slices.Clone(before.ended)
	for _, d := range before.Dialogs {
		if k := d.identity(); d.State == Terminated && k.callID != "" && !slices.Contains(ended, k) {
			ended = append(ended, k)
		}
	}
	if len(ended) == 0 {
		return i, false
	}
	out := *i
	out.ended = ended[max(0, len(ended)-maxEnded):]
	out.Dialogs = slices.Clone(i.Dialogs)
	for n := range out.Dialogs {
		d := &out.Dialogs[n]
		if d.State != Terminated && slices.ContainsFunc(out.ended, d.identity().goesOn) {
			d.State, changed = Terminated, true
		}
	}
	return &out, changed
}

// identity is that of a dialog with a Call-ID; without one it is no other's.
func (d *Dialog) identity() identity {
	return identity{callID: d.CallID, local: d.LocalTag, remote: d.RemoteTag}
}

// goesOn tells whether a dialog is that one, or came of it where it is half.
func (i identity) goesOn(ended identity) bool {
	return i == ended || ended.isHalf() && i.branchOf(ended)
}
