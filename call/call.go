package call

import (
	"slices"
	"time"

	"lamplight/event"
	"lamplight/owner"
)

// Bounds of what is kept of one call; what is over them is not looked at.
const (
	maxInvitations = 16
	maxBranches    = 64
	maxDialogs     = 64
	maxRoutes      = 16
	maxIdentifier  = 512  // bytes of a Call-ID, a tag, a branch
	maxText        = 1024 // bytes of a URI, a name, a reason
)

// call is what was seen under one Call-ID. Its facts only ever become more, so
// that they may be learned in any order; state is what follows from them.
type call struct {
	id          string
	invitations []*invitation
	branches    []*branch
	dialogs     []*dialog
	lamps       map[event.AoR]*lamp
	touched     time.Time // when something was last seen of it
	alarm       owner.Alarm
	saved       uint64 // of what is stored; 0: nothing
}

// invitation is one INVITE that makes dialogs.
type invitation struct {
	fromTag   string
	cseq      uint32
	caller    Party
	callee    Party // of one that had no branch
	began     time.Time
	internal  bool
	cancelled bool      // by the caller
	code      int       // of the response that the caller was given; 0: none, or a 2xx
	reason    string    // in words
	won       *dialog   // that a 2xx made first; nil: none yet
	keeping   bool      // handed to the history, which has not kept it yet
	retry     time.Time // when it is offered again; zero: it was taken
	kept      bool
	retold    bool // what it is keeping is no longer true
}

// branch is an INVITE on its way to one place.
type branch struct {
	id          string
	of          *invitation
	callee      Party
	binding     string
	tags        []string // To tags that came of it
	provisional bool     // a response above 100 without a tag came
	cancelled   bool
	expired     bool // nothing was heard of it for too long
	code        int  // of its final response from 300
	reason      string
	last        time.Time // when something was heard of it
	lost        time.Time // when the registration of its address was
}

// end is how a dialog ended for good.
type end uint8

const (
	running   end = iota
	byCaller      // BYE
	byCallee      // BYE
	byError       // 481 inside it
	byTimeout     // nobody said any more that it goes on
	byLoss        // nor did a phone whose registration was lost
)

// The two ends of a dialog.
const (
	caller = 0
	callee = 1
)

// dialog is a whole one: the Call-ID and both tags (RFC 3261 §12).
type dialog struct {
	fromTag, toTag string
	answered       time.Time
	end            end
	ended          time.Time
	by             Party // who replaced the called end (RFC 3891)
	replaced       bool
	ends           [2]far
	session        time.Time // until when its session lasts (RFC 4028); zero: no timer
	probed         time.Time
	ask            time.Time // when its ends are asked, whatever was heard; zero: in their turn
	grace          time.Time // it is not over before, since they have to be asked first
	doubtful       bool      // for some time nothing was heard of it
}

// far is what is known of one end of a dialog.
type far struct {
	target  string
	routes  []string
	cseq    uint32 // the highest seen from it
	held    bool   // it does not listen
	holding uint32 // the CSeq that said so
	heard   time.Time
	answers bool // it answered a probe once
	lost    time.Time
}

// over tells whether nothing more can become of an INVITE than what was answered.
func (i *invitation) over() bool { return i.cancelled || i.code != 0 || i.won != nil }

// made tells whether a dialog came of a branch.
func (b *branch) made(d *dialog) bool {
	return b.of.fromTag == d.fromTag && slices.Contains(b.tags, d.toTag)
}

func (b *branch) over() bool { return b.cancelled || b.expired || b.code != 0 || b.of.over() }

// live tells whether a dialog has begun and not ended, on a branch. That of a
// branch that lost goes on where its 2xx crossed the CANCEL (RFC 3261 §9.1).
func (b *branch) live(d *dialog) bool {
	return d.end == running && (!d.answered.IsZero() || !b.over())
}

// idle tells whether nothing of an INVITE goes on.
func (c *call) idle(i *invitation) bool {
	for _, b := range c.branches {
		if b.of == i && c.branchLives(b) {
			return false
		}
	}
	return true
}

func (c *call) branchLives(b *branch) bool {
	if len(b.tags) == 0 {
		return !b.over()
	}
	return slices.ContainsFunc(c.dialogs, func(d *dialog) bool { return b.made(d) && b.live(d) })
}

// done tells whether an INVITE has come to its end: everything of it has ended,
// and either the caller was told, or a dialog was made, or nothing came after.
func (c *call) done(i *invitation, now time.Time) bool {
	if !c.idle(i) {
		return false
	}
	return i.code != 0 || i.won != nil || !now.Before(c.touched.Add(lingering))
}
