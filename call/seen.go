package call

import (
	"time"

	"lamplight/event"
)

// What is one thing that happens to a call, as who forwards its messages sees it.
// The types here are aliases, so that a stage that declares the same can hand its
// own over by a conversion.
type What = uint8

const (
	// Invite: an INVITE was forwarded on a branch.
	Invite What = iota + 1
	// Progress: a provisional response above 100 came on a branch, with a To tag
	// or without one.
	Progress
	// Answer: a 2xx came on a branch. A retransmission may be told again.
	Answer
	// Refused: a final response from 300 came on a branch, or time was up for it
	// (408). Without a Branch: what the caller was answered, the last word on the
	// whole INVITE; also where no branch was ever made.
	Refused
	// Cancelled: a CANCEL was sent on a branch, for the caller or because another
	// branch has won. Without a Branch: the caller's CANCEL, for all of them.
	Cancelled
	// Bye: a BYE inside the dialog was answered, but not with a challenge, or got no
	// answer in a second.
	Bye
	// Gone: a request inside the dialog, or a probe, was answered with 481.
	Gone
	// Refreshed: an INVITE or UPDATE inside the dialog was answered with a 2xx.
	Refreshed
	// Alive: a request inside the dialog passed, or, where Code says how, a probe
	// was answered with anything but 481 and 408.
	Alive
	// Replaced: an INVITE with Replaces for this dialog was answered with a 2xx
	// (RFC 3891), or somebody picked the call up by a code; By is who.
	Replaced
)

// Hold is what the media that a party offers says.
type Hold = uint8

const (
	HoldUnsaid Hold = iota
	Held            // it does not listen: sendonly or inactive (RFC 3264 §8.4)
	NotHeld
)

// Party is one end of a call.
type Party = struct {
	AoR     event.AoR // "" where it is no user of ours
	URI     string    // as the other end knows it; of a user that was dialled by a number, the number
	Display string
	Private bool // asked that its identity is kept from the other end (RFC 3323 §4.2, RFC 3325 §9.3)
}

// Seen is one message of a call, as it passed. Each tells all that is known by
// then, so that they may come in any order, and more than once. What is not known
// is empty. Strings are kept: they must not share a message's bytes.
type Seen = struct {
	CallID  string
	What    What
	Branch  string // unique over all time; "": the whole call, or a message inside a dialog
	FromTag string // of the INVITE that made the dialog, whoever sent this message
	ToTag   string // of the other end; "" while there is none
	CSeq    uint32 // of the request: the INVITE's, or that inside the dialog
	// ByCaller tells who sent a request inside the dialog, or who answered a
	// probe: the caller of the INVITE that made it.
	ByCaller bool

	Caller Party
	Callee Party // whom the branch is for

	// Where requests inside the dialog are sent to (RFC 3261 §12.1): the last
	// Contact of each end, and what of the route set lies beyond this server. Of
	// the called end it is the address that the branch was sent to, until it has
	// told its own. The routes are handed back in a Probe as they are.
	CallerTarget, CalleeTarget string
	CallerRoutes, CalleeRoutes []string
	// CalleeBinding is the registered address that the branch was sent to.
	CalleeBinding string

	Code           int           // of a response
	Reason         string        // in words: of the Reason header field, or the phrase
	SessionExpires time.Duration // of a 2xx (RFC 4028 §4); 0: none
	Hold           Hold          // of the end that ByCaller tells, of Answer, Refreshed and Alive
	By             Party         // with Replaced
	Internal       bool          // the server's own leg, which is no call of a user's: kept out of the history
}
