// Package pages is what people see in a browser: the directory with a lamp beside
// every number, the call history, the operator's panel and one's own state, in
// Korean and English. Pages are made by the server and read well without scripts;
// one module keeps their lamps true by the stream of the API and makes changes
// through it. Who is signed in, and the API, are package web's.
package pages

import (
	"context"
	"net/http"
	"time"

	"lamplight/event"
)

// Person is somebody in the directory, as one user may see them.
type Person struct {
	AoR        event.AoR // "": no user of ours, who has no lamp
	State      string    // a word of presence.State; "": nothing may be seen
	Name       string
	Call       string   // what a click calls
	Numbers    []string // as people write them
	Department string
	Title      string
	Mail       string
	Favourite  bool
	With       string // with whom they talk, where that may be seen
}

// Call is an entry of a history.
type Call struct {
	AoR        event.AoR // of the other party; "": no user of ours
	State      string
	Name       string
	Number     string
	Call       string // what calls back; "": nothing does
	Outgoing   bool
	Result     string // a call.Result
	Reason     string
	PickedUpBy string
	At         time.Time
	Length     time.Duration
}

// Group is people on the panel.
type Group struct {
	ID, Name string
	People   []Person
	Own      bool // the user's own, whose order the user chooses
}

// Watcher is who watches a user, or waits to.
type Watcher struct {
	AoR    event.AoR
	Name   string
	Status string // active, pending, waiting, terminated
}

// Device is one of a user's bindings.
type Device struct {
	Name, Address string
	Expires       time.Time
	Asleep        bool
}

// Calendar is what is read of a user's calendar.
type Calendar struct {
	URL    string
	Titles bool
	Read   time.Time
	Error  string
}

// Me is a user as that user sees it.
type Me struct {
	Person
	DND         bool
	DNDUntil    time.Time
	Status      string // chosen by the user; "": none is
	StatusUntil time.Time
	Note        string
	Why         []string // the state is as it is
	Watchers    []Watcher
	Rules       []string // in plain words; nil: the domain's hold
	Devices     []Device
	Calendar    Calendar
}

// Office is what the pages show. Its methods may be called from any goroutine.
type Office interface {
	// People are those whom a query finds, the best first; all where it is empty.
	People(ctx context.Context, as event.AoR, query string, limit int) ([]Person, error)
	// Calls is a page of a user's history, and what stands before it; ErrOff where
	// none is kept.
	Calls(ctx context.Context, of event.AoR, before string, missed bool) (list []Call, more string, err error)
	// Groups are the people of a user's panel.
	Groups(ctx context.Context, of event.AoR) ([]Group, error)
	Me(ctx context.Context, aor event.AoR) (Me, error)
	// ViewAs is a user's state as somebody else would get it: its word and the document.
	ViewAs(ctx context.Context, aor event.AoR, watcher string) (state, document string, err error)
	// Zone is where a user's clock stands.
	Zone(event.AoR) *time.Location
}

// Most people on one page.
const most = 200

// Options of New; all must be there.
type Options struct {
	Office Office
	User   func(*http.Request) (event.AoR, bool) // who is signed in
	Admin  func(*http.Request) bool              // whether the pages of administrators are in reach
}

// Pages answers for the pages.
type Pages struct {
	o   Options
	mux *http.ServeMux
}

// New makes them.
func New(o Options) *Pages {
	p := &Pages{o: o, mux: http.NewServeMux()}
	p.mux.HandleFunc("GET /{$}", p.signedIn(p.directory))
	p.mux.HandleFunc("GET /history", p.signedIn(p.history))
	p.mux.HandleFunc("GET /panel", p.signedIn(p.panel))
	p.mux.HandleFunc("GET /me", p.signedIn(p.me))
	p.mux.HandleFunc("POST /settings", p.signedIn(p.settings))
	p.mux.HandleFunc("GET /static/{hash}/{name}", static)
	p.mux.HandleFunc("GET /", p.signedIn(func(w http.ResponseWriter, r *http.Request, as event.AoR) {
		p.fail(w, r, as, http.StatusNotFound)
	}))
	return p
}

// ServeHTTP is all of the pages but signing in, which is SignIn's.
func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.mux.ServeHTTP(w, r) }
