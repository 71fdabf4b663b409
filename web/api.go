package web

import (
	_ "embed"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"lamplight/event"
	"lamplight/web/auth"
)

//go:embed openapi.json
var description []byte

// route is one operation of the interface: its scope, and what does it.
type route struct {
	pattern, scope string
	do             func(http.ResponseWriter, *http.Request) error
}

const root = "/api/v1"

func (s *Server) routes() []route {
	return []route{
		{"GET /me", "", s.me},
		{"GET /presence/{aor}", "presence:read", s.presence},
		{"GET /presence/{aor}/explain", "presence:read", s.explain},
		{"GET /me/state", "presence:read", s.own},
		{"PUT /me/dnd", "presence:write", s.setDND},
		{"PUT /me/status", "presence:write", s.setStatus},
		{"DELETE /me/status", "presence:write", s.clearStatus},
		{"GET /watchers", "watchers:read", s.watchers},
		{"PUT /watchers/{aor}", "watchers:write", s.answer},
		{"GET /me/calendar", "presence:read", s.calendar},
		{"PUT /me/calendar", "presence:write", s.setCalendar},
		{"GET /stream", "presence:read", s.stream},
		{"GET /history", "history", s.history},
		{"GET /people", "people", s.people},
		{"GET /registrations", "registrations", s.devices},
		{"GET /lists", "lists:read", s.lists},
		{"GET /lists/{name}", "lists:read", s.list},
		{"PUT /lists/{name}", "lists:write", s.putList},
		{"DELETE /lists/{name}", "lists:write", s.removeList},
		{"PUT /lists/{name}/{aor}", "lists:write", s.putMember},
		{"DELETE /lists/{name}/{aor}", "lists:write", s.putMember},
		{"POST /calls", "calls", s.call},
		{"GET /calls/{id}", "calls", s.callState},
		{"GET /calls/{id}/events", "calls", s.callEvents},
		{"DELETE /calls/{id}", "calls", s.giveUp},
	}
}

func (s *Server) api(mux *http.ServeMux) {
	for _, one := range s.routes() {
		method, path, _ := strings.Cut(one.pattern, " ")
		mux.HandleFunc(method+" "+root+path, func(w http.ResponseWriter, r *http.Request) {
			i, ok := auth.Who(r.Context())
			switch {
			case !ok:
				s.o.Auth.Challenge(w, r, false)
				fail(w, http.StatusUnauthorized, "sign in first")
			case one.scope != "" && !i.May(one.scope):
				fail(w, http.StatusForbidden, "the token has no scope "+one.scope)
			default:
				r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
				if err := one.do(w, r); err != nil {
					fail(w, statusOf(err), err.Error())
				}
			}
		})
	}
	mux.HandleFunc("GET "+root+"/openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(description)
	})
	mux.HandleFunc(root+"/", func(w http.ResponseWriter, _ *http.Request) { fail(w, http.StatusNotFound, "there is no such thing") })
}

// who is the user who is signed in.
func who(r *http.Request) event.AoR {
	aor, _ := auth.User(r.Context())
	return aor
}

func read(r *http.Request, to any) error {
	in := json.NewDecoder(r.Body)
	in.DisallowUnknownFields()
	if err := in.Decode(to); err != nil {
		return bad("the body: " + err.Error())
	}
	return nil
}

func bare(aor event.AoR) string { return strings.TrimPrefix(string(aor), "sip:") }

func (s *Server) me(w http.ResponseWriter, r *http.Request) error {
	i, _ := auth.Who(r.Context())
	return answer(w, http.StatusOK, struct {
		AoR    string   `json:"aor"`
		Role   string   `json:"role"`
		Scopes []string `json:"scopes,omitempty"`
	}{bare(i.AoR), i.Role, i.Scopes})
}

func (s *Server) presence(w http.ResponseWriter, r *http.Request) error {
	aor, err := s.o.Office.Resolve(who(r), r.PathValue("aor"))
	if err != nil {
		return err
	}
	lamp, err := s.o.Office.Presence(who(r), aor)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, lamp)
}

func (s *Server) explain(w http.ResponseWriter, r *http.Request) error {
	aor, err := s.o.Office.Resolve(who(r), r.PathValue("aor"))
	if err != nil {
		return err
	}
	if aor != who(r) && auth.Role(r.Context()) != "admin" {
		return errNotYours
	}
	why, err := s.o.Office.Explain(aor, r.FormValue("as"))
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, why)
}

func (s *Server) own(w http.ResponseWriter, r *http.Request) error {
	own, err := s.o.Office.Own(who(r))
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, own)
}

func (s *Server) setDND(w http.ResponseWriter, r *http.Request) error {
	var to struct {
		On    bool      `json:"on"`
		Until time.Time `json:"until"`
	}
	if err := read(r, &to); err != nil {
		return err
	}
	if err := s.o.Office.SetDND(who(r), to.On, to.Until); err != nil {
		return err
	}
	return s.own(w, r)
}

func (s *Server) setStatus(w http.ResponseWriter, r *http.Request) error {
	var to struct {
		State string    `json:"state"`
		Note  string    `json:"note"`
		Until time.Time `json:"until"`
	}
	if err := read(r, &to); err != nil {
		return err
	}
	if to.State == "" {
		return s.clearStatus(w, r)
	}
	if err := s.o.Office.SetStatus(who(r), to.State, to.Note, to.Until); err != nil {
		return err
	}
	return s.own(w, r)
}

func (s *Server) clearStatus(w http.ResponseWriter, r *http.Request) error {
	if err := s.o.Office.ClearStatus(who(r)); err != nil {
		return err
	}
	return s.own(w, r)
}

func (s *Server) watchers(w http.ResponseWriter, r *http.Request) error {
	list, err := s.o.Office.Watchers(who(r))
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, page{Items: list})
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request) error {
	var to struct {
		Handling string `json:"handling"`
	}
	if err := read(r, &to); err != nil {
		return err
	}
	if err := s.o.Office.Answer(who(r), r.PathValue("aor"), to.Handling); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) calendar(w http.ResponseWriter, r *http.Request) error {
	c, err := s.o.Office.Calendar(who(r))
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, c)
}

func (s *Server) setCalendar(w http.ResponseWriter, r *http.Request) error {
	var to Calendar
	if err := read(r, &to); err != nil {
		return err
	}
	if err := s.o.Office.SetCalendar(who(r), to.URL, to.Titles); err != nil {
		return err
	}
	return s.calendar(w, r)
}

// page is a part of a list; next is the cursor of the part behind it.
type page struct {
	Items any    `json:"items"`
	Next  string `json:"next,omitempty"`
}

// limit is how many are asked for.
func limit(r *http.Request) int {
	n, err := strconv.Atoi(r.FormValue("limit"))
	if err != nil {
		return 50
	}
	return min(max(n, 1), 500)
}

func (s *Server) history(w http.ResponseWriter, r *http.Request) error {
	list, next, err := s.o.Office.History(who(r), r.FormValue("party"), r.FormValue("result"), r.FormValue("before"), limit(r))
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, page{list, next})
}

func (s *Server) people(w http.ResponseWriter, r *http.Request) error {
	list, next, err := s.o.Office.People(who(r), r.FormValue("q"), r.FormValue("after"), limit(r))
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, page{list, next})
}

func (s *Server) devices(w http.ResponseWriter, r *http.Request) error {
	list, err := s.o.Office.Devices(who(r))
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, page{Items: list})
}

func (s *Server) lists(w http.ResponseWriter, r *http.Request) error {
	list, err := s.o.Office.Lists(who(r))
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, page{Items: list})
}

func (s *Server) list(w http.ResponseWriter, r *http.Request) error {
	l, err := s.o.Office.List(who(r), r.PathValue("name"))
	if err != nil {
		return err
	}
	return answerList(w, l)
}

func answerList(w http.ResponseWriter, l List) error {
	w.Header().Set("ETag", `"`+strconv.FormatInt(l.Version, 10)+`"`)
	return answer(w, http.StatusOK, l)
}

func (s *Server) putList(w http.ResponseWriter, r *http.Request) error {
	var to struct {
		Members []string `json:"members"`
	}
	if err := read(r, &to); err != nil {
		return err
	}
	match := int64(0)
	if tag := r.Header.Get("If-Match"); tag != "" && tag != "*" {
		n, err := strconv.ParseInt(strings.Trim(tag, `"`), 10, 64)
		if err != nil || n == 0 {
			return ErrChanged
		}
		match = n
	}
	l, err := s.o.Office.PutList(who(r), r.PathValue("name"), to.Members, match)
	if err != nil {
		return err
	}
	return answerList(w, l)
}

func (s *Server) removeList(w http.ResponseWriter, r *http.Request) error {
	if err := s.o.Office.RemoveList(who(r), r.PathValue("name")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) putMember(w http.ResponseWriter, r *http.Request) error {
	if err := s.o.Office.PutMember(who(r), r.PathValue("name"), r.PathValue("aor"), r.Method == http.MethodPut); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// stream tells the lamps that are asked for as they change.
func (s *Server) stream(w http.ResponseWriter, r *http.Request) error {
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // that of the request would end it
	s.lamps.ServeHTTP(w, r)
	return nil
}
