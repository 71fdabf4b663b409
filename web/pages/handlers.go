package pages

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"lamplight/event"
	"lamplight/event/presence"
)

// ErrOff says that no history is kept.
var ErrOff = errors.New("no call history is kept")

// signedIn leads who is not signed in to where that is done, and back.
func (p *Pages) signedIn(page func(http.ResponseWriter, *http.Request, event.AoR)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		as, ok := p.o.User(r)
		if !ok {
			to := "/login"
			if r.Method == http.MethodGet && r.URL.Path != "/" {
				to += "?next=" + url.QueryEscape(r.URL.RequestURI())
			}
			http.Redirect(w, r, to, http.StatusSeeOther)
			return
		}
		page(w, r, as)
	}
}

// SignIn is the page where people sign in; refused where that was tried in vain.
func SignIn(w http.ResponseWriter, r *http.Request, name, next string, refused bool) {
	f := newFrame(r, "login", "")
	status := http.StatusOK
	if refused {
		status = http.StatusUnprocessableEntity
	}
	render(w, r, status, f, struct {
		frame
		Name, Next string
		Refused    bool
	}{f, name, Local(next), refused})
}

// Local is a way within this server, or its first page: nobody is led elsewhere.
func Local(next string) string {
	if !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n") {
		return "/"
	}
	return next
}

func (p *Pages) fail(w http.ResponseWriter, r *http.Request, as event.AoR, status int) {
	f, word := newFrame(r, "error", as), "error"
	switch status {
	case http.StatusNotFound, http.StatusForbidden:
		word = map[int]string{404: "error.404", 403: "error.403"}[status]
	}
	render(w, r, status, f, struct {
		frame
		Word string
	}{f, word})
}

func (p *Pages) directory(w http.ResponseWriter, r *http.Request, as event.AoR) {
	query := r.FormValue("q")
	people, err := p.o.Office.People(r.Context(), as, query, most)
	if err != nil {
		p.fail(w, r, as, http.StatusInternalServerError)
		return
	}
	f := newFrame(r, "directory", as)
	render(w, r, http.StatusOK, f, struct {
		frame
		Query  string
		People []Person
	}{f, query, people})
}

// Word is the direction of a call, or that it was missed.
func (c Call) Word() string {
	switch {
	case c.Outgoing:
		return "outgoing"
	case c.Result == "answered" || c.Result == "elsewhere":
		return "incoming"
	}
	return "missed"
}

func (p *Pages) history(w http.ResponseWriter, r *http.Request, as event.AoR) {
	missed := r.FormValue("missed") != ""
	calls, more, err := p.o.Office.Calls(r.Context(), as, r.FormValue("before"), missed)
	if err != nil && !errors.Is(err, ErrOff) {
		p.fail(w, r, as, http.StatusNotFound)
		return
	}
	zone := p.o.Office.Zone(as)
	for i := range calls {
		calls[i].At = calls[i].At.In(zone)
	}
	f := newFrame(r, "history", as)
	render(w, r, http.StatusOK, f, struct {
		frame
		Calls       []Call
		More        string
		Missed, Off bool
	}{f, calls, more, missed, err != nil})
}

func (p *Pages) panel(w http.ResponseWriter, r *http.Request, as event.AoR) {
	groups, err := p.o.Office.Groups(r.Context(), as)
	if err != nil {
		p.fail(w, r, as, http.StatusInternalServerError)
		return
	}
	f := newFrame(r, "panel", as)
	for i := range groups {
		switch groups[i].ID {
		case "favourites", "everyone":
			groups[i].Name = say(f.Lang, "panel."+groups[i].ID)
		}
	}
	render(w, r, http.StatusOK, f, struct {
		frame
		Groups []Group
	}{f, groups})
}

// chosen are the states that people choose for themselves; do not disturb has a
// switch of its own.
var chosen = []string{presence.Available.String(), presence.Busy.String(), presence.Meeting.String(), presence.Away.String(), presence.OutOfOffice.String()}

// mine is the page of one's own, in the words of its template.
type mine struct {
	frame
	Me
	Choices                 []string
	Choice, Click           string
	Keys                    bool
	As, AsState, AsDocument string
}

func (p *Pages) me(w http.ResponseWriter, r *http.Request, as event.AoR) {
	me, err := p.o.Office.Me(r.Context(), as)
	if err != nil {
		p.fail(w, r, as, http.StatusInternalServerError)
		return
	}
	zone := p.o.Office.Zone(as)
	for _, at := range []*time.Time{&me.DNDUntil, &me.StatusUntil, &me.Calendar.Read} {
		if !at.IsZero() {
			*at = at.In(zone)
		}
	}
	for i := range me.Devices {
		me.Devices[i].Expires = me.Devices[i].Expires.In(zone)
	}
	f := newFrame(r, "me", as)
	page := mine{frame: f, Me: me, Choices: chosen, Choice: setting(r, "language"), Click: setting(r, "click"), Keys: setting(r, "keys") != "off", As: r.FormValue("as")}
	if page.As != "" {
		page.AsState, page.AsDocument, err = p.o.Office.ViewAs(r.Context(), as, page.As)
		if err != nil {
			page.AsState, page.AsDocument = "", err.Error()
		}
	}
	render(w, r, http.StatusOK, f, page)
}
