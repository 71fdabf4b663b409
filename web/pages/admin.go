package pages

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"lamplight/event"
)

// Roles that users have, the least first.
var Roles = []string{"viewer", "operator", "admin"}

// Account is a user as an administrator sees it.
type Account struct {
	AoR     string // user@domain
	Name    string
	Aliases []string
	Role    string // one of Roles
}

// Domain is what can be set of a domain; its realm is only shown.
type Domain struct {
	Name, Realm           string
	Aliases, Watchers     []string
	Country, Area, Prefix string
}

// Live is what the server holds of one user now.
type Live struct {
	Bindings      []Device
	Inputs        []Holding
	Subscriptions []Subscription
}

// Holding is one input of a user's state.
type Holding struct {
	Event, By, What string
	At, Ends        time.Time
}

// Subscription is one of those that watch a user.
type Subscription struct {
	Event, Watcher, State string
	Ends                  time.Time
}

// Message is one that was sent or came.
type Message struct {
	At       time.Time
	From, To string
	Text     string
}

// First is a message's first line.
func (m Message) First() string {
	line, _, _ := strings.Cut(m.Text, "\n")
	return strings.TrimSpace(line)
}

// Entry is a line of the audit log.
type Entry struct {
	At              time.Time
	By, What, About string
}

// Administration is what administrators see and change. Each change is written to
// the audit log, with who made it. The text of errors is for people.
type Administration interface {
	Users() ([]Account, error)
	AddUser(by event.AoR, u Account, password, web string) error
	RemoveUser(by event.AoR, aor string) error
	SetRole(by event.AoR, aor, role string) error
	// Import reads people of a CSV or vCard file, all or none, and keeps them
	// unless it is dry. It says how many they are, and gives the first of them.
	Import(by event.AoR, name string, file []byte, dry bool) (people []Person, found int, err error)
	Imported() int
	Domains() ([]Domain, error)
	SetDomain(by event.AoR, d Domain) error
	Peers() []string
	Counts() []string // what there is of each, in words
	Live(ctx context.Context, aor string) (Live, error)
	Explain(ctx context.Context, aor, as string) ([]string, error)
	Messages(aor string) ([]Message, error)
	Audit(before string) (list []Entry, more string, err error)
}

// AdminOptions of NewAdmin; all must be there.
type AdminOptions struct {
	Admin Administration
	User  func(*http.Request) (event.AoR, bool) // the administrator who is signed in
}

// maxImport is how large a file may be that is read for people.
const maxImport = 16 << 20

// Admin answers for the pages of administrators, on a listener of their own. They
// are forms and tables, and need no scripts.
type Admin struct {
	o   AdminOptions
	mux *http.ServeMux
}

// NewAdmin makes them.
func NewAdmin(o AdminOptions) *Admin {
	a := &Admin{o: o, mux: http.NewServeMux()}
	for path, page := range map[string]func(*adminPage) error{
		"GET /{$}": a.users, "POST /people/add": a.add, "POST /people/remove": a.remove, "POST /people/role": a.role,
		"GET /import": a.upload, "POST /import": a.upload, "GET /domains": a.domains, "POST /domains": a.domains,
		"GET /live": a.live, "GET /why": a.why, "GET /messages": a.messages, "GET /audit": a.audit,
	} {
		a.mux.HandleFunc(path, a.signedIn(page))
	}
	a.mux.HandleFunc("GET /static/{hash}/{name}", static)
	return a
}

// ServeHTTP is all of the administrators' pages but signing in.
func (a *Admin) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.mux.ServeHTTP(w, r) }

var adminMenu = []entry{{"admin.people", "/"}, {"admin.import", "/import"}, {"admin.domains", "/domains"}, {"admin.live", "/live"},
	{"admin.why", "/why"}, {"admin.messages", "/messages"}, {"admin.audit", "/audit"}}

// adminPage is one page that is being made: what all have, and what is its own.
type adminPage struct {
	frame
	Done, Failed string // what became of what was asked for
	Asked, As    string

	Users    []Account
	Roles    []string
	Imported int
	People   []Person
	Found    int
	Domains  []Domain
	Peers    []string
	Counts   []string
	Live     *Live
	Lines    []string
	Messages []Message
	Entries  []Entry
	More     string

	name string // of the template
	r    *http.Request
	by   event.AoR
}

func (a *Admin) signedIn(page func(*adminPage) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		by, ok := a.o.User(r)
		if !ok {
			http.Redirect(w, r, "/login", http.StatusSeeOther)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxImport)
		p := &adminPage{frame: newFrame(r, "", by), Roles: Roles, Asked: r.FormValue("aor"), As: r.FormValue("as"), r: r, by: by}
		p.Menu = adminMenu
		status := http.StatusOK
		if err := page(p); err != nil {
			p.Failed, status = err.Error(), http.StatusUnprocessableEntity
		}
		f := p.frame
		f.Page = p.name
		render(w, r, status, f, p)
	}
}

// is names a page: its template, and its place in the menu.
func (p *adminPage) is(template string) {
	p.name = template
	p.Page = strings.Replace(template, "-", ".", 1)
}

func (a *Admin) users(p *adminPage) (err error) {
	p.is("admin-people")
	p.Imported = a.o.Admin.Imported()
	p.Users, err = a.o.Admin.Users()
	return err
}

// then shows the users with what became of a change.
func (a *Admin) then(p *adminPage, changed error) error {
	if err := a.users(p); err != nil {
		return err
	}
	if changed == nil {
		p.Done = say(p.Lang, "saved")
	}
	return changed
}

func (a *Admin) add(p *adminPage) error {
	u := Account{AoR: p.r.PostFormValue("aor"), Name: p.r.PostFormValue("name"), Aliases: strings.Fields(p.r.PostFormValue("aliases"))}
	return a.then(p, a.o.Admin.AddUser(p.by, u, p.r.PostFormValue("password"), p.r.PostFormValue("web")))
}

func (a *Admin) remove(p *adminPage) error {
	return a.then(p, a.o.Admin.RemoveUser(p.by, p.r.PostFormValue("aor")))
}

func (a *Admin) role(p *adminPage) error {
	return a.then(p, a.o.Admin.SetRole(p.by, p.r.PostFormValue("aor"), p.r.PostFormValue("role")))
}

// shownOfImport is how many people of a file a preview shows.
const shownOfImport = 100

func (a *Admin) upload(p *adminPage) error {
	p.is("admin-import")
	if p.r.Method != http.MethodPost {
		return nil
	}
	name, text, err := p.file()
	if err != nil {
		return err
	}
	dry := p.r.FormValue("do") != "import"
	people, found, err := a.o.Admin.Import(p.by, name, text, dry)
	if err != nil {
		return errors.New(say(p.Lang, "admin.import.error", err))
	}
	p.People, p.Found = people[:min(len(people), shownOfImport)], found
	if !dry {
		p.Done = say(p.Lang, "admin.import.done", found)
	}
	return nil
}

func (p *adminPage) file() (name string, text []byte, err error) {
	f, header, err := p.r.FormFile("file")
	if err != nil {
		return "", nil, err
	}
	defer f.Close()
	text, err = io.ReadAll(f)
	return header.Filename, text, err
}

func (a *Admin) domains(p *adminPage) (err error) {
	p.is("admin-domains")
	p.Peers = a.o.Admin.Peers()
	if p.r.Method == http.MethodPost {
		value := p.r.PostFormValue
		err = a.o.Admin.SetDomain(p.by, Domain{Name: value("name"), Aliases: strings.Fields(value("aliases")), Watchers: strings.Fields(value("watchers")),
			Country: value("country"), Area: value("area"), Prefix: value("prefix")})
		if err == nil {
			p.Done = say(p.Lang, "saved")
		}
	}
	var listed error
	p.Domains, listed = a.o.Admin.Domains()
	return errors.Join(err, listed)
}

func (a *Admin) live(p *adminPage) error {
	p.is("admin-live")
	p.Counts = a.o.Admin.Counts()
	if p.Asked == "" {
		return nil
	}
	l, err := a.o.Admin.Live(p.r.Context(), p.Asked)
	p.Live = &l
	return err
}

func (a *Admin) why(p *adminPage) (err error) {
	p.is("admin-why")
	if p.Asked != "" {
		p.Lines, err = a.o.Admin.Explain(p.r.Context(), p.Asked, p.As)
	}
	return err
}

func (a *Admin) messages(p *adminPage) (err error) {
	p.is("admin-messages")
	if p.Asked != "" {
		p.Messages, err = a.o.Admin.Messages(p.Asked)
	}
	return err
}

func (a *Admin) audit(p *adminPage) (err error) {
	p.is("admin-audit")
	before := p.r.FormValue("before")
	if before != "" {
		if _, err := strconv.ParseUint(before, 10, 64); err != nil {
			before = ""
		}
	}
	p.Entries, p.More, err = a.o.Admin.Audit(before)
	return err
}
