// Package event is the contract between the stages of the server: what an
// address-of-record's event state is made of (RFC 3903, RFC 6665) and what an
// event package (RFC 6665 §7) has to say about it. It knows nothing of SIP
// messages, of storage, or of any one package.
package event

import (
	"errors"
	"time"
)

type (
	// AoR is a canonical address-of-record, "sip:alice@example.test": scheme
	// sip, host in lower case, no port and no parameters.
	AoR string
	// Name is an event package's name as in the Event header field: "presence".
	Name string
	// Rights is what a watcher may see of a document: a canonical list of words
	// separated by spaces, so that it can be compared and read. RightsAll grants
	// everything; the empty Rights grant nothing.
	Rights string
	// Document is event state in its package's own vocabulary, a pointer to a
	// type of body/* or of the package. It is never changed once it was handed on.
	Document any
)

// RightsAll is the right to see a whole document.
const RightsAll Rights = "all"

// Source says who made an input.
type Source uint8

const (
	EPA       Source = iota + 1 // by PUBLISH (RFC 3903)
	Registrar                   // a binding
	Call                        // a call that was seen
	Calendar
	User    // forced by the user
	Default // hard state
	Watcher // a subscription, for watcher information (RFC 3857)
	Stored  // a document that the user keeps by XCAP (RFC 4825)
)

// Handling is a policy's answer to a subscription (RFC 5025 §3.2.1), in rising
// order of what it gives.
type Handling uint8

const (
	Block Handling = iota
	Confirm
	PoliteBlock
	Allow
)

// Key names an input of an AoR. ID is unique among those of one Event and Source.
type Key struct {
	Event  Name
	Source Source
	ID     string
}

// Input is one document of a bag that an AoR's state is composed from.
type Input struct {
	Key
	Made  time.Time // when its maker made it
	From  time.Time // it counts from then on; zero: at once
	Until time.Time // and no longer than that; zero: until it is withdrawn
	Doc   Document
}

// Format is how a document is written for a subscriber.
type Format struct {
	Type    string // content type, one of the package's Types
	Profile uint8  // the phone's peculiarities, of those below; 0: none
}

// What phones want otherwise than the standards have it, as bits of a Format's
// Profile. They change how a state is written, never the state. They are kept
// with subscriptions: a bit never gets another meaning.
const (
	OneDialog        uint8 = 1 << iota // of several dialogs the most telling one
	NoIdleDialog                       // no dialog where there is none, not one that has terminated
	CallingIsTalking                   // who calls somebody is in a confirmed dialog at once
	OfflineState                       // who can't be reached has the dialog state "offline"
	FailedState                        // and here "failed"
	CiscoActivities                    // presence in the dialect of Cisco's enterprise phones
	DigiumPresence                     // presence with a second tuple in Digium's words
	NoUrgent                           // waiting messages without how many are urgent
)

// Body is an encoded document that many subscriptions share. Where Versioned,
// the subscription's own version number stands between Head and Tail.
type Body struct {
	Head, Tail []byte
	Versioned  bool
	Type       string // its content type, where that is not the Format's
}

// Lifetime is a package's subscription intervals and notification rate.
type Lifetime struct {
	Min, Default, Max time.Duration // of a subscription
	Refill            time.Duration // one more NOTIFY each
	Burst             int           // and so many at once
}

// Subscriber is who asks to see an AoR's state.
type Subscriber struct {
	AoR           AoR
	Authenticated bool
}

// Grant is what policy gives to a subscriber.
type Grant struct {
	Handling Handling
	Rights   Rights
}

// ErrUnsupportedType says that a package doesn't know a document's content type.
var ErrUnsupportedType = errors.New("content type not supported by the event package")

// MalformedError says what is wrong with a document. Its text is for the peer.
type MalformedError struct{ Reason string }

func (e *MalformedError) Error() string { return "malformed document: " + e.Reason }

// Package is an event package (RFC 6665 §7). All methods are pure: they keep
// nothing, read no clock, and may be called from several goroutines at once.
type Package interface {
	Event() Name
	// Reads lists the events whose inputs the package is composed from.
	Reads() []Name
	// Types lists the content types of its documents, the default first.
	Types() []string
	Lifetime() Lifetime
	// Parse reads a published document. The error is ErrUnsupportedType or a
	// *MalformedError.
	Parse(contentType string, body []byte) (Document, error)
	// Compose makes one document of the inputs, whatever their order, and says
	// when it will change without a new input (zero: never). No input gives the
	// domain's empty look.
	Compose(aor AoR, in []Input, now time.Time) (doc Document, next time.Time)
	// Encode writes a document. entity is the URI that was watched.
	Encode(entity string, doc Document, f Format) (Body, error)
}

// Publisher is a Package that takes documents by PUBLISH.
type Publisher interface {
	// AcceptTypes lists the content types that Parse reads.
	AcceptTypes() []string
	// Entity is the URI that a parsed document is about, "" where it names none.
	Entity(Document) string
}

// Viewer is a Package that can withhold parts of a document. Without it a
// watcher sees all or, with no Rights, the document composed from no input.
type Viewer interface {
	View(doc Document, r Rights) Document
}

// Urger is a Package some of whose changes must not wait for the notification
// rate: ringing, answer and end.
type Urger interface {
	Urgent(old, new Document) bool
}

// Differ is a Package that can tell only what changed.
type Differ interface {
	Diff(old, new Document) Document
}

// Setter is a Package by which a user's own devices may set something: the body of
// a SUBSCRIBE to their user says what.
type Setter interface {
	// Set reads a body, for whoever can do what it wants, and gives the body of the
	// answer. The error is ErrUnsupportedType or a *MalformedError.
	Set(contentType string, body []byte) (want Document, reply Body, err error)
}

// RefusedError says why what somebody wants is not done. Its text is for them.
type RefusedError struct{ Reason string }

func (e *RefusedError) Error() string { return e.Reason }

// Aging is a Package whose documents tell how long something has lasted or will
// last: its documents hold times, Encode leaves the lengths out, so that a
// document that merely grew older is the same, and EncodeAt writes them as of
// the moment of the notification.
type Aging interface {
	EncodeAt(entity string, doc Document, f Format, now time.Time) (Body, error)
}

// Quieter is a Package some of whose changes are told to nobody: who asks next
// sees them.
type Quieter interface {
	Quiet(old, new Document) bool
}

// Successor is a Package in whose documents a publisher could go back on what it
// said before, and must not.
type Successor interface {
	// Succeed is what counts of a document that takes the place of another of
	// the same publication. body is that document where it is not the published
	// one, in the package's first type, and nil where it is.
	Succeed(before, now Document) (doc Document, body []byte)
}
