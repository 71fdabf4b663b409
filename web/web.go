// Package web is what browsers and programs speak to: signing in, the interface
// /api/v1 with its stream of lamps, and the places of the pages, of XCAP and of SIP
// over WebSocket. It answers from what it is given; the pages are package pages',
// who is signed in is package auth's. It leaves out administration.
//
// A handler learns by auth.User of the request's context who is signed in. What
// changes something comes from a page of this server (http.CrossOriginProtection),
// or from a program, which sends no Origin.
package web

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"lamplight/callcontrol"
	"lamplight/event"
	"lamplight/event/presence"
	"lamplight/web/auth"
	"lamplight/web/stream"
)

// Own is what a user has forced, and what comes of it.
type Own struct {
	State       string    `json:"state"`
	DND         bool      `json:"dnd"`
	DNDUntil    time.Time `json:"dnd_until,omitzero"`
	Status      string    `json:"status,omitempty"` // chosen by the user
	Note        string    `json:"note,omitempty"`
	StatusUntil time.Time `json:"status_until,omitzero"`
}

// Person is a user, with a lamp.
type Person struct {
	AoR     string   `json:"aor,omitempty"` // "": no user
	Name    string   `json:"name,omitempty"`
	Numbers []string `json:"numbers,omitempty"`
	State   string   `json:"state,omitempty"` // as far as who asks may see it

	Department string `json:"department,omitempty"`
	Title      string `json:"title,omitempty"`
	Mail       string `json:"mail,omitempty"`
}

// Device is a binding of a user's.
type Device struct {
	Contact   string    `json:"contact"`
	UserAgent string    `json:"user_agent,omitempty"`
	Expires   time.Time `json:"expires"`
}

// List is people that a user has put together.
type List struct {
	Name    string   `json:"name"`
	Members []string `json:"members"`
	Version int64    `json:"-"`
}

// Office is what the interface answers from. Its errors are for people; those of
// this package have a status of their own.
type Office interface {
	Resolve(by event.AoR, user string) (event.AoR, error)
	Presence(watcher, aor event.AoR) (presence.Lamp, error)
	Own(event.AoR) (Own, error)
	SetDND(aor event.AoR, on bool, until time.Time) error
	SetStatus(aor event.AoR, state, note string, until time.Time) error
	ClearStatus(event.AoR) error
	Explain(aor event.AoR, as string) (any, error)
	History(of event.AoR, party, result, before string, limit int) (list any, next string, err error)
	People(by event.AoR, query, after string, limit int) (list []Person, next string, err error)
	Devices(event.AoR) ([]Device, error)
	Lists(event.AoR) ([]List, error)
	List(aor event.AoR, name string) (List, error)
	// ChangeList puts members in (or takes the list away where there are none), or
	// one member in or out; match is the version that must be there, 0: any.
	PutList(aor event.AoR, name string, members []string, match int64) (List, error)
	PutMember(aor event.AoR, name, member string, in bool) error
	RemoveList(aor event.AoR, name string) error
	Calls() *callcontrol.Control // nil: none are made
	// Watchers are those of a user, and who waits to be one; Answer lets one in or
	// not: allow, block, polite-block.
	Watchers(event.AoR) ([]Watcher, error)
	Answer(aor event.AoR, watcher, handling string) error
	Calendar(event.AoR) (Calendar, error)
	SetCalendar(aor event.AoR, url string, titles bool) error
}

// Watcher is who watches a user, or waits to.
type Watcher struct {
	AoR    string    `json:"aor"`
	Name   string    `json:"name,omitempty"`
	Event  string    `json:"event"`
	Status string    `json:"status"` // active, pending, waiting
	Since  time.Time `json:"since,omitzero"`
}

// Calendar is what is read of a user's calendar.
type Calendar struct {
	URL    string    `json:"url"`
	Titles bool      `json:"titles"`
	Read   time.Time `json:"read,omitzero"` // only shown, like Error
	Error  string    `json:"error,omitempty"`
}

// Errors that have a status of their own.
var (
	ErrNotFound = errors.New("there is no such thing")
	ErrChanged  = errors.New("it was changed meanwhile")
)

// Options of New. Auth, Office and Watch must be there.
type Options struct {
	Auth   *auth.Auth
	Office Office
	Watch  stream.Watch // who is told of lamps
	Secure bool         // it is spoken to by HTTPS

	SIP   http.Handler // SIP over WebSocket (RFC 7118)
	XCAP  http.Handler // at /xcap-root (RFC 4825)
	Pages http.Handler
	// SignIn shows the page where people sign in.
	SignIn func(w http.ResponseWriter, r *http.Request, name, next string, refused bool)
	Setup  http.Handler // makes the first administrator, by a link

	Phonebook http.Handler // directories for desk phones, under /phonebook/
}

// Server is the web listener's handler.
type Server struct {
	o       Options
	lamps   *stream.Streams
	ending  chan struct{} // closed by Close
	close   sync.Once
	orders  orders
	handler http.Handler
}

// New makes it.
func New(o Options) *Server {
	s := &Server{o: o, ending: make(chan struct{})}
	s.lamps = stream.New(stream.Options{Watch: o.Watch, User: func(r *http.Request) (event.AoR, bool) { return auth.User(r.Context()) }, Still: o.Auth.Holds,
		Resolve: func(user string) (event.AoR, bool) {
			aor, err := o.Office.Resolve("", user)
			return aor, err == nil
		}})
	s.orders.calls = map[string]*order{}
	mux := http.NewServeMux()
	s.api(mux)
	mux.HandleFunc("GET /login", s.login)
	mux.HandleFunc("POST /login", s.signIn)
	mux.HandleFunc("POST /logout", s.signOut)
	for path, h := range map[string]http.Handler{"/sip": o.SIP, "/setup": o.Setup, "/phonebook/": o.Phonebook, "/": o.Pages} {
		if h != nil {
			mux.Handle(path, h)
		}
	}
	documents := o.Auth.Handler(http.NewCrossOriginProtection().Handler(ownOrigin(o.XCAP)))
	inner := o.Auth.Handler(http.NewCrossOriginProtection().Handler(ownOrigin(mux)))
	s.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/xcap-root/") && o.XCAP != nil { // its paths are not cleaned: a selector holds //
			s.protect(w.Header())
			documents.ServeHTTP(w, r)
			return
		}
		if r.URL.Path == "/sip" && o.SIP != nil { // who asks is proved inside, and Origin is checked there
			o.SIP.ServeHTTP(w, r)
			return
		}
		s.protect(w.Header())
		inner.ServeHTTP(w, r)
	})
	return s
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Streams is how many streams are open.
func (s *Server) Streams() int { return s.lamps.Open() }

// Close ends all streams and the calls that nobody has answered yet.
func (s *Server) Close() {
	s.close.Do(func() { close(s.ending) })
	s.lamps.Close()
	s.orders.close()
}

// protect says what a browser may do with an answer: nothing of another server's
// is shown, and no other page shows this one.
func (s *Server) protect(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	if s.o.Secure {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// ownOrigin refuses pages of other servers, also where they only read.
func ownOrigin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if o := r.Header.Get("Origin"); o != "" {
			if u, err := url.Parse(o); err != nil || !strings.EqualFold(u.Host, r.Host) {
				http.Error(w, "a page of another server may not do that", http.StatusForbidden)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Server) login(w http.ResponseWriter, r *http.Request) {
	s.o.SignIn(w, r, "", r.FormValue("next"), false)
}

// signIn takes the form of the page, and leads back to where somebody came from.
func (s *Server) signIn(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 8<<10)
	user, next := r.PostFormValue("user"), r.PostFormValue("next")
	if err := s.o.Auth.SignIn(w, r, user, r.PostFormValue("password")); err != nil {
		s.o.SignIn(w, r, user, next, true)
		return
	}
	if !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n") {
		next = "/"
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
}

func (s *Server) signOut(w http.ResponseWriter, r *http.Request) {
	if err := s.o.Auth.SignOut(w, r); err != nil {
		http.Error(w, "it could not be written down", http.StatusServiceUnavailable)
		return
	}
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}
