// Package auth tells who sends an HTTP request: a browser by the cookie of its
// session, a program by a bearer token or by digest with the
// credentials that phones use (RFC 7616). It knows neither pages nor what may be
// asked for; of passwords and tokens it keeps hashes in a store, and it leaves out
// sign-in by other servers.
package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"lamplight/directory"
	"lamplight/event"
	"lamplight/sip"
	"lamplight/sip/digest"
)

// How long a session lasts without being used, and at all.
const (
	Idle     = 24 * time.Hour
	Lifetime = 30 * 24 * time.Hour
)

// tokenPrefix is how tokens begin, so that one that leaked is known for what it is.
const tokenPrefix = "lamplight_"

var (
	// ErrRefused says that a user or a password is wrong, not which.
	ErrRefused = errors.New("the user or the password is wrong")
	// ErrBusy says that too many sign in at once.
	ErrBusy = errors.New("too many sign in at once")
	// ErrNobody says that a request has no credentials, or none that hold.
	ErrNobody = errors.New("sign in first")
)

// Session is what is kept of one of a browser, or of a program's token.
type Session struct {
	AoR         event.AoR
	Role        string
	Began, Seen time.Time
	Until       time.Time // zero: for ever; of tokens
	Scopes      []string  // of tokens
}

// Store keeps sessions and tokens by hashes, and checks passwords. What is not
// known is an error.
type Store interface {
	CheckWeb(aor, password string) (bool, error)
	Role(event.AoR) (string, error)
	AddSession(hash []byte, aor event.AoR, now time.Time) error
	Session(hash []byte) (Session, error)
	SeeSession(hash []byte, now time.Time) error
	EndSession(hash []byte) error
	Token(hash []byte) (Session, error)
}

// Options of New; all but Logger must be there.
type Options struct {
	Store    Store
	Book     *directory.Book
	Domain   string // of users who write none
	Verifier *digest.Verifier
	Secure   bool // browsers come by HTTPS
	Limits   Limits
	Logger   *slog.Logger
	Now      func() time.Time
}

// Auth signs people and programs in.
type Auth struct {
	o       Options
	guesses guesses
	hashing chan struct{} // one for each password that may be hashed at a time
}

// New makes it.
func New(o Options) *Auth {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Auth{o: o, guesses: guesses{limits: o.Limits.orDefault(), seen: map[guesser]*guess{}}, hashing: make(chan struct{}, 2)}
}

// Identity is who sends a request. All scopes hold where there are none.
type Identity struct {
	AoR    event.AoR
	Role   string
	Scopes []string

	session, token []byte // their hashes; nil: another means
}

// May tells whether a scope is granted.
func (i Identity) May(scope string) bool {
	return i.Scopes == nil || slices.Contains(i.Scopes, scope) || slices.Contains(i.Scopes, All)
}

type key struct{}

// With is a context in which somebody is signed in.
func With(ctx context.Context, i Identity) context.Context { return context.WithValue(ctx, key{}, i) }

// Who is signed in in a context.
func Who(ctx context.Context) (Identity, bool) {
	i, ok := ctx.Value(key{}).(Identity)
	return i, ok
}

// User is the address-of-record of who is signed in in a context.
func User(ctx context.Context) (event.AoR, bool) {
	i, ok := Who(ctx)
	return i.AoR, ok
}

// Role is that of who is signed in: viewer, operator or admin; "": nobody is.
func Role(ctx context.Context) string {
	i, _ := Who(ctx)
	return i.Role
}

// Handler puts who sends a request into its context. Credentials that do not hold
// are refused at once, with a challenge for programs; a cookie that does not is none.
func (a *Auth) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i, err := a.identify(r)
		switch {
		case err == nil:
			r = r.WithContext(With(r.Context(), i))
		case r.Header.Get("Authorization") != "":
			a.Challenge(w, r, errors.Is(err, digest.ErrStale))
			http.Error(w, http.StatusText(http.StatusUnauthorized), http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Required lets those alone pass who are signed in, with a scope.
func (a *Auth) Required(scope string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch i, ok := Who(r.Context()); {
		case !ok:
			a.Challenge(w, r, false)
			http.Error(w, http.StatusText(http.StatusUnauthorized), http.StatusUnauthorized)
		case !i.May(scope):
			http.Error(w, "the token has no scope "+scope, http.StatusForbidden)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func (a *Auth) identify(r *http.Request) (Identity, error) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		return a.token(hashOf(strings.TrimSpace(token)))
	case strings.EqualFold(scheme, "Digest"):
		return a.digest(r)
	case scheme != "":
		return Identity{}, ErrNobody
	}
	c, err := r.Cookie(a.cookie())
	if err != nil {
		return Identity{}, ErrNobody
	}
	return a.session(hashOf(c.Value))
}

// Holds tells whether who sent a request a while ago would still be let in.
func (a *Auth) Holds(r *http.Request) bool {
	i, ok := Who(r.Context())
	if !ok || !a.o.Book.Load().Has(i.AoR) {
		return false
	}
	var err error
	switch {
	case i.session != nil:
		_, err = a.session(i.session)
	case i.token != nil:
		_, err = a.token(i.token)
	}
	return err == nil
}

func (a *Auth) session(hash []byte) (Identity, error) {
	s, err := a.o.Store.Session(hash)
	now := a.o.Now()
	switch {
	case err != nil:
		return Identity{}, ErrNobody
	case now.Sub(s.Seen) >= Idle, now.Sub(s.Began) >= Lifetime, !a.o.Book.Load().Has(s.AoR):
		_ = a.o.Store.EndSession(hash) // it does not hold whether or not that succeeds
		return Identity{}, ErrNobody
	case now.Sub(s.Seen) >= seenEvery:
		if err := a.o.Store.SeeSession(hash, now); err != nil {
			return Identity{}, err
		}
	}
	return Identity{AoR: s.AoR, Role: s.Role, session: hash}, nil
}

// seenEvery is how often it is written down that a session is in use.
const seenEvery = 5 * time.Minute

func (a *Auth) token(hash []byte) (Identity, error) {
	s, err := a.o.Store.Token(hash)
	if err != nil || !s.Until.IsZero() && !a.o.Now().Before(s.Until) || !a.o.Book.Load().Has(s.AoR) {
		return Identity{}, ErrNobody
	}
	if s.Scopes == nil {
		s.Scopes = []string{}
	}
	return Identity{AoR: s.AoR, Role: s.Role, Scopes: s.Scopes, token: hash}, nil
}

// digest checks credentials of whichever of our realms they are for.
func (a *Auth) digest(r *http.Request) (Identity, error) {
	book := a.o.Book.Load()
	var g guesser
	for _, realm := range book.Realms() {
		aor, err := a.o.Verifier.VerifyHTTP(r.Method, r.RequestURI, r.Header["Authorization"], realm, func(username string) (digest.HA1s, string, bool) {
			g = guesserOf(username, r)
			h, aor, ok := book.Credentials(realm, username)
			return h, string(aor), ok
		})
		switch {
		case errors.Is(err, digest.ErrNoCredentials):
			continue
		case a.guesses.paused(g, a.o.Now()):
			return Identity{}, ErrNobody
		case errors.Is(err, digest.ErrWrong):
			a.guesses.wrong(g, a.o.Now())
			return Identity{}, err
		case err != nil:
			return Identity{}, err
		}
		a.guesses.right(g)
		role, err := a.o.Store.Role(event.AoR(aor))
		return Identity{AoR: event.AoR(aor), Role: role}, err
	}
	return Identity{}, ErrNobody
}

// Challenge asks a program for credentials. A page of a browser gets no challenge:
// the browser would ask for a password in a window of its own.
func (a *Auth) Challenge(w http.ResponseWriter, r *http.Request, stale bool) {
	if r.Header.Get("Sec-Fetch-Site") != "" || r.Header.Get("Origin") != "" {
		return
	}
	for _, c := range a.o.Verifier.ChallengesHTTP(a.realm(r), stale) {
		w.Header().Add("WWW-Authenticate", c)
	}
	w.Header().Add("WWW-Authenticate", `Bearer realm="lamplight"`)
}

// realm is that of the user whom a path is about, else of the first domain.
func (a *Auth) realm(r *http.Request) string {
	book := a.o.Book.Load()
	for part := range strings.SplitSeq(r.URL.Path, "/") {
		if _, host, ok := strings.Cut(part, "@"); ok {
			if realm, ok := book.Realm(strings.ToLower(host)); ok {
				return realm
			}
		}
	}
	realm, _ := book.Realm(a.o.Domain)
	return realm
}

// SignIn begins a session where the password is the user's, and gives the browser
// its cookie. The error is ErrRefused, whatever is wrong, or ErrBusy.
func (a *Auth) SignIn(w http.ResponseWriter, r *http.Request, user, password string) error {
	g, now := guesserOf(user, r), a.o.Now()
	if a.guesses.paused(g, now) {
		return ErrRefused
	}
	select {
	case a.hashing <- struct{}{}:
	case <-time.After(hashingWait):
		return ErrBusy
	}
	aor := a.userOf(user)
	ok, err := a.o.Store.CheckWeb(strings.TrimPrefix(string(aor), "sip:"), password)
	<-a.hashing
	if err != nil || !ok {
		a.guesses.wrong(g, now)
		return ErrRefused
	}
	a.guesses.right(g)
	return a.Begin(w, r, aor)
}

// hashingWait is how long a password may wait to be hashed.
const hashingWait = 5 * time.Second

// userOf is whom somebody means who signs in: by a name, an alias or a number.
func (a *Auth) userOf(user string) event.AoR {
	aor := directory.UserAoR(strings.TrimSpace(user), a.o.Domain)
	if u, err := sip.ParseURI([]byte(aor)); err == nil {
		if found, _, err := a.o.Book.Load().Resolve(u); err == nil {
			return found
		}
	}
	return aor
}

// Begin begins a session of somebody whose right to it is known.
func (a *Auth) Begin(w http.ResponseWriter, r *http.Request, aor event.AoR) error {
	secret := random()
	if err := a.o.Store.AddSession(hashOf(secret), aor, a.o.Now()); err != nil {
		return err
	}
	if c, err := r.Cookie(a.cookie()); err == nil {
		_ = a.o.Store.EndSession(hashOf(c.Value)) // the one before; else it ends by itself
	}
	http.SetCookie(w, a.cookieOf(secret, int(Lifetime/time.Second)))
	return nil
}

// SignOut ends the session of a request.
func (a *Auth) SignOut(w http.ResponseWriter, r *http.Request) error {
	http.SetCookie(w, a.cookieOf("", -1))
	c, err := r.Cookie(a.cookie())
	if err != nil {
		return nil
	}
	return a.o.Store.EndSession(hashOf(c.Value))
}

// cookie is the name of the session's. Browsers let one of the prefix be set by
// HTTPS alone, and by no other host.
func (a *Auth) cookie() string {
	if a.o.Secure {
		return "__Host-lamplight"
	}
	return "lamplight"
}

func (a *Auth) cookieOf(value string, age int) *http.Cookie {
	return &http.Cookie{Name: a.cookie(), Value: value, Path: "/", MaxAge: age, Secure: a.o.Secure, HttpOnly: true, SameSite: http.SameSiteLaxMode}
}

// NewToken makes a token, and what is kept of it.
func NewToken() (token string, hash []byte) {
	token = tokenPrefix + random()
	return token, hashOf(token)
}

// random is 256 bits that nobody guesses.
func random() string {
	var b [32]byte
	rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// hashOf is what is kept of a secret of 256 bits, for which a fast hash is enough.
func hashOf(secret string) []byte {
	h := sha256.Sum256([]byte(secret))
	return h[:]
}
