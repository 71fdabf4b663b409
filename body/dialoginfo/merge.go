package dialoginfo

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
)

// Report is what one source says of somebody's dialogs.
type Report struct {
	By   string // tells the sources apart
	Info *Info
}

// Merge makes one list of what several sources say, whatever their order.
// Reports of the same Call-ID and tags are about one dialog; it is as far as the
// source says that has it furthest, since a dialog only goes on
// (RFC 4235 §3.7.1): one that has terminated stays so whatever comes late. A
// half-dialog gives way to its branches; under the id of one it is that one (RFC
// 4235 §4.1.1): Kamailio's pua leaves the tags out once a call is answered, and is
// another source where it has no entity-tag yet. What rings comes first, then what is
// confirmed, proceeding, trying, terminated. Identifiers are new, stable, and
// tell nothing.
func Merge(reports []Report) []Dialog {
	merged := branches(correlate(reports))
	list := make([]Dialog, len(merged))
	count := map[string]int{}
	for i, e := range merged {
		list[i] = e.dialog()
		count[list[i].ID]++
	}
	for i := range list {
		if d := &list[i]; count[d.ID] > 1 { // a source gave one id to several
			d.ID = opaque(d.ID, d.CallID, d.LocalTag, d.RemoteTag)
		}
	}
	slices.SortFunc(list, func(a, b Dialog) int {
		return cmp.Or(cmp.Compare(place(a.State), place(b.State)), cmp.Compare(a.ID, b.ID))
	})
	return list
}

// place in a list: what can be picked up comes first.
func place(state string) int {
	return slices.Index([]string{Early, Confirmed, Proceeding, Trying, Terminated}, state)
}

// progress is how far a dialog has come.
func progress(state string) int {
	return slices.Index([]string{Trying, Proceeding, Early, Confirmed, Terminated}, state)
}

// identity is what tells a dialog from others: Call-ID and tags, or where there
// is no Call-ID, who reports it and under which id.
type identity struct{ callID, local, remote, by, id string }

func (i identity) isHalf() bool { return i.callID != "" && (i.local == "" || i.remote == "") }

// branchOf tells whether a dialog came of that half-dialog.
func (i identity) branchOf(half identity) bool {
	return i.callID == half.callID && !i.isHalf() &&
		(half.local == "" || half.local == i.local) && (half.remote == "" || half.remote == i.remote)
}

// entry is a dialog, and all that is said of it.
type entry struct {
	identity identity
	said     []said
}

type said struct {
	by string
	Dialog
}

func correlate(reports []Report) map[identity]*entry {
	all := map[identity]*entry{}
	for _, r := range reports {
		for _, d := range r.Info.Dialogs {
			if d.State == "" {
				continue
			}
			k := identity{callID: d.CallID, local: d.LocalTag, remote: d.RemoteTag}
			if d.CallID == "" {
				k = identity{by: r.By, id: d.ID}
			}
			if all[k] == nil {
				all[k] = &entry{identity: k}
			}
			all[k].said = append(all[k].said, said{r.By, d})
		}
	}
	return all
}

// branches leaves out the half-dialogs that have a branch. What goes on under a
// branch's id is said of that branch.
func branches(all map[identity]*entry) []*entry {
	whole := map[string][]*entry{} // by Call-ID
	for k, e := range all {
		if k.callID != "" && !k.isHalf() {
			whole[k.callID] = append(whole[k.callID], e)
		}
	}
	var list []*entry
	for k, e := range all {
		of := slices.DeleteFunc(slices.Clone(whole[k.callID]), func(b *entry) bool { return !b.identity.branchOf(k) })
		if !k.isHalf() || len(of) == 0 {
			list = append(list, e)
			continue
		}
		for _, s := range e.said {
			goesOn(of, s)
		}
	}
	return list
}

// goesOn adds what is said of a half-dialog to the one branch with its id.
func goesOn(branches []*entry, s said) {
	same := slices.DeleteFunc(slices.Clone(branches), func(b *entry) bool {
		return !slices.ContainsFunc(b.said, func(o said) bool { return o.ID == s.ID })
	})
	if s.ID != "" && len(same) == 1 {
		same[0].said = append(same[0].said, s)
	}
}

// dialog is what is said of a dialog as one: its furthest state, and where that
// source is silent, what another says.
func (e *entry) dialog() Dialog {
	slices.SortStableFunc(e.said, func(a, b said) int {
		return cmp.Or(cmp.Compare(progress(b.State), progress(a.State)), cmp.Compare(a.by, b.by), cmp.Compare(a.ID, b.ID),
			cmp.Compare(b.LocalTag, a.LocalTag), cmp.Compare(b.RemoteTag, a.RemoteTag))
	})
	d := e.said[0].Dialog
	d.LocalTag, d.RemoteTag = e.identity.local, e.identity.remote
	least := e.said[0]
	for _, s := range e.said[1:] {
		if cmp.Or(cmp.Compare(s.by, least.by), cmp.Compare(s.ID, least.ID)) < 0 {
			least = s
		}
		d.Doubtful = d.Doubtful && (s.Doubtful || s.State != d.State)
		d.Direction = cmp.Or(d.Direction, s.Direction)
		d.Local.fill(s.Local)
		d.Remote.fill(s.Remote)
	}
	d.ID, d.Duration = opaque(least.by, least.ID), 0 // a length that was told has grown since
	return d
}

func (p *Party) fill(other Party) {
	if p.Identity == "" {
		p.Identity, p.Display = other.Identity, other.Display
	}
	if p.Target == "" {
		p.Target, p.Params = other.Target, other.Params
	}
}

// opaque is an identifier from which nobody learns what it was made of, such as
// a Call-ID. It begins with a letter, as an xs:ID must.
func opaque(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write([]byte(p))
		h.Write([]byte{0})
	}
	return "d" + hex.EncodeToString(h.Sum(nil)[:8])
}
