// Package control is how the command speaks to the running server: HTTP with
// JSON over a unix socket in the data directory or, where there is no
// directory, over a listener on loopback. It manages users and domains
// and shows what the server remembers; it knows neither how they are kept nor anything of SIP.
package control

import (
	"context"
	"errors"
	"time"

	"lamplight/sip/trace"
)

// SocketName is the socket's name in the data directory.
const SocketName = "lamplight.sock"

var (
	// ErrNoServer says that nobody listens where the server should.
	ErrNoServer = errors.New("no server runs here")
	// ErrInUse says that a server listens already.
	ErrInUse = errors.New("a server runs here already")
)

// NewUser is what a user is made of.
type NewUser struct {
	AoR      string   `json:"aor"` // alice@example.test; alice: in the first domain
	Name     string   `json:"name,omitempty"`
	Aliases  []string `json:"aliases,omitempty"`
	Password string   `json:"password"`
}

// User is what is shown of a user.
type User struct {
	AoR     string   `json:"aor"`
	Name    string   `json:"name,omitempty"`
	Aliases []string `json:"aliases,omitempty"`
}

// Domain is what can be set of a domain; its realm is fixed for ever.
type Domain struct {
	Name     string   `json:"name"`
	Realm    string   `json:"realm,omitempty"`    // only shown
	Aliases  []string `json:"aliases,omitempty"`  // other names it answers to
	Watchers []string `json:"watchers,omitempty"` // other domains whose users may watch
	Country  string   `json:"country,omitempty"`  // code of national numbers: 49
	Area     string   `json:"area,omitempty"`     // code of local numbers: 89
	Prefix   string   `json:"prefix,omitempty"`   // what national numbers begin with: 0
	Zone     string   `json:"zone,omitempty"`     // time zone: Asia/Seoul
	Default  string   `json:"default,omitempty"`  // state of whom nothing else is said: away
	Note     string   `json:"note,omitempty"`     // that goes with it
	DND      string   `json:"dnd,omitempty"`      // how calls are refused: 480, 486, off
	Rules    string   `json:"rules,omitempty"`    // who sees what by default: a document of RFC 4745
}

// Health is how the server is.
type Health struct {
	Version string `json:"version"`
	Ready   bool   `json:"ready"`
}

// People are managed by what serves. Its methods are called from several
// goroutines; the text of their errors is for the person at the command.
type People interface {
	// Add makes all users, or none and gives an error. It keeps nothing of the
	// slice.
	Add([]NewUser) error
	List() ([]User, error)
	Remove(aor string) error
	// SetPassword sets the password or, with web, that of the web pages alone.
	SetPassword(aor, password string, web bool) error
	Domains() ([]Domain, error)
	// SetDomain replaces all that can be set of a domain that is there.
	SetDomain(Domain) error
	// Import reads people of a CSV or vCard file into the address book, all or none.
	Import(file []byte, dry bool) (Imported, error)
	Contacts() ([]Contact, error)
	RemoveContact(id int64) error
	// Groups are all groups of people. SetGroup makes one, or says whether its
	// members pick up each other's calls and adds members; LeaveGroup takes one out.
	Groups() ([]Group, error)
	SetGroup(Group) error
	RemoveGroup(name string) error
	LeaveGroup(name, member string) error
	// Role is what a user may do in the web pages: viewer, operator or admin.
	Role(user string) (string, error)
	SetRole(user, role string) error
	// Tokens are what programs sign in with as a user, without their secrets;
	// AddToken makes one, and gives its secret.
	Tokens(user string) ([]Token, error)
	AddToken(TokenOrder) (Token, error)
	RemoveToken(user string, id int64) error
}

// Operations are what else a running server does at a command's word.
type Operations struct {
	// SetLogLevel is given debug, info, warn or error, else it gives an error.
	SetLogLevel func(level string) error
	// Trace is what was said last of a user, after the N-th message. The error
	// says that nothing is kept.
	Trace func(user string, after uint64) ([]trace.Message, error)
	// History is a page of a user's calls, the newest first.
	History func(HistoryQuery) ([]Call, error)
	// Call has a user's phone call somebody, and gives each step to tell until the
	// call is over, or could not be made. Where the context ends before both talk,
	// the call is given up. An error that no step told is for the person.
	Call func(ctx context.Context, o CallOrder, tell func(CallEvent)) error
	// State is what a user has forced, and what comes of it.
	State func(user string) (UserState, error)
	// Explain is why a user's state is as it is, and what others see, and one of
	// them: as, "" for none.
	Explain func(user, as string) (Explained, error)
	// Calendar is what is known of a user's calendar; SetCalendar says where it is.
	Calendar    func(user string) (Calendar, error)
	SetCalendar func(CalendarOrder) (Calendar, error)
	// Watchers are those who watch a user, and who wait; Answer says of one what
	// they may; ViewAs is what one gets in an event package.
	Watchers func(user string) ([]Watcher, error)
	Answer   func(Answer) error
	ViewAs   func(user, watcher, event string) (Viewed, error)
	// DND and Status force something, and give what comes of it.
	DND        func(DNDOrder) (UserState, error)
	Status     func(StatusOrder) (UserState, error)
	Forwarding func(ForwardingOrder) (UserState, error)
}

// When is when something ends: a time as people write it in the user's time zone,
// "15:00", or a length of time from now. Empty: until it is taken off.
type When struct {
	Until string        `json:"until,omitempty"`
	For   time.Duration `json:"for,omitempty"` // nanoseconds
}

// DNDOrder says of a user that they do not want to be disturbed, or that they do.
type DNDOrder struct {
	User string `json:"user"` // user[@domain]
	On   bool   `json:"on"`
	When
	LetThrough *[]string `json:"let_through,omitempty"` // whose calls do not disturb; nil: as before
}

// ForwardingOrder says where a user's calls go; nil: as before, "": nowhere.
type ForwardingOrder struct {
	User      string         `json:"user"`
	Immediate *string        `json:"immediate,omitempty"` // all of them
	Busy      *string        `json:"busy,omitempty"`
	NoAnswer  *string        `json:"no_answer,omitempty"`
	After     *time.Duration `json:"after,omitempty"` // nanoseconds in which a call is to be answered
}

// StatusOrder says of a user what they have chosen to be.
type StatusOrder struct {
	User  string `json:"user"`
	State string `json:"state"` // available, busy, meeting, away, out-of-office; "": nothing any more
	Note  string `json:"note,omitempty"`
	When
}

// UserState is what a user has forced, and what comes of it.
type UserState struct {
	AoR    string  `json:"aor"`
	State  string  `json:"state"` // as the user sees it
	DND    DND     `json:"dnd"`
	Status *Status `json:"status,omitempty"`

	LetThrough []string    `json:"let_through,omitempty"`
	Forwarding *Forwarding `json:"forwarding,omitempty"`
}

// Forwarding is where a user's calls go, as it was typed.
type Forwarding struct {
	Immediate string  `json:"immediate,omitempty"`
	Busy      string  `json:"busy,omitempty"`
	NoAnswer  string  `json:"no_answer,omitempty"`
	After     float64 `json:"after"` // seconds in which a call is to be answered
}

// DND tells whether a user does not want to be disturbed.
type DND struct {
	On    bool       `json:"on"`
	Until *time.Time `json:"until,omitempty"`
}

// Status is what a user has chosen to be.
type Status struct {
	State string     `json:"state"`
	Note  string     `json:"note,omitempty"`
	Until *time.Time `json:"until,omitempty"`
}

// CallOrder asks for a call to be made.
type CallOrder struct {
	User   string `json:"user"`             // whose phone rings first: user[@domain]
	Target string `json:"target"`           // whom it calls then: user[@domain], a number or a URI
	Anyway bool   `json:"anyway,omitempty"` // also where that one does not want to be disturbed
}

// CallEvent is a step of a call that is made.
type CallEvent struct {
	Time  time.Time `json:"time"`
	State string    `json:"state"` // calling, ringing, connected, ended; failed; asks
	Text  string    `json:"text"`
	Code  int       `json:"code,omitempty"` // the SIP status behind a failure
}

// Over tells whether the call did not come about.
func (e *CallEvent) Over() bool { return e.State == "failed" || e.State == "asks" }

// HistoryQuery asks for calls of a user: user[@domain]. What is empty or 0 does
// not narrow it.
type HistoryQuery struct {
	User   string
	Party  string // the other end: user[@domain] or a number
	Result string // answered, missed, busy, failed, cancelled, elsewhere
	Before string // the cursor of the last call of the page before
	Limit  int    // 50 where it is 0
}

// Call is a call that is over, as one of its users sees it.
type Call struct {
	Time       time.Time `json:"time"`
	Direction  string    `json:"direction"` // in, out
	Party      string    `json:"party"`     // the other end's URI
	Name       string    `json:"name,omitempty"`
	User       string    `json:"user,omitempty"` // where it is one of ours
	Result     string    `json:"result"`
	Reason     string    `json:"reason,omitempty"`
	PickedUpBy string    `json:"picked_up_by,omitempty"`
	Duration   float64   `json:"duration"`        // seconds from the answer to the end
	State      string    `json:"state,omitempty"` // of the other end now
	Cursor     string    `json:"cursor"`          // its place in the history
}

// Error is what the server said when it did not do what it was asked for, and
// how many users it had added before.
type Error struct {
	Text  string
	Added int
}

func (e *Error) Error() string { return e.Text }

// answer is the server's to all but a list.
type answer struct {
	Error string `json:"error,omitempty"`
	Added int    `json:"added,omitempty"`
}

// level is the body of a request to log more or less.
type level struct {
	Level string `json:"level"`
}

// password is the body of a request to change one.
type password struct {
	Password string `json:"password"`
	Web      bool   `json:"web,omitempty"`
}

const root = "/control/v1/"

const (
	maxLine = 64 << 10 // bytes of a user
	batch   = 2000     // users that are added at once
	page    = 50       // calls that are shown where nothing else is asked for
)
