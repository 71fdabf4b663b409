package control

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"time"
)

// Watcher is somebody who watches a user, or waits until they may.
type Watcher struct {
	AoR    string    `json:"aor"`
	Event  string    `json:"event"`
	Status string    `json:"status"` // active, pending, waiting
	Since  time.Time `json:"since"`
	Until  time.Time `json:"until,omitzero"`
}

// Answer is what a user says of somebody who watches.
type Answer struct {
	User     string `json:"user"`
	Watcher  string `json:"watcher"`
	Handling string `json:"handling"` // allow, block, polite-block, confirm
}

// Viewed is what a watcher gets of a user's state.
type Viewed struct {
	Handling string `json:"handling"`
	Rights   string `json:"rights,omitempty"`
	Type     string `json:"type,omitempty"`
	Body     string `json:"body,omitempty"` // none where the watcher is refused
}

// Group is a group of people: user[@domain] each.
type Group struct {
	Name    string   `json:"name"`
	Pickup  bool     `json:"pickup,omitempty"` // members pick up each other's calls
	Members []string `json:"members,omitempty"`
}

// handleRules adds what is asked of rules, watchers and groups.
func handleRules(mux *http.ServeMux, u People, o Operations) {
	mux.HandleFunc("GET "+root+"users/{aor}/watchers", func(w http.ResponseWriter, r *http.Request) {
		list, err := o.Watchers(r.PathValue("aor"))
		if err != nil {
			done(w, err)
			return
		}
		lines(w, list)
	})
	mux.HandleFunc("GET "+root+"users/{aor}/view", func(w http.ResponseWriter, r *http.Request) {
		v, err := o.ViewAs(r.PathValue("aor"), r.URL.Query().Get("as"), r.URL.Query().Get("event"))
		if err != nil {
			done(w, err)
			return
		}
		write(w, http.StatusOK, v)
	})
	mux.HandleFunc("PUT "+root+"answers", func(w http.ResponseWriter, r *http.Request) { told(w, r, o.Answer) })
	mux.HandleFunc("PUT "+root+"groups", func(w http.ResponseWriter, r *http.Request) { told(w, r, u.SetGroup) })
	mux.HandleFunc("GET "+root+"groups", func(w http.ResponseWriter, _ *http.Request) {
		groups, err := u.Groups()
		if err != nil {
			done(w, err)
			return
		}
		lines(w, groups)
	})
	mux.HandleFunc("DELETE "+root+"groups/{name}", func(w http.ResponseWriter, r *http.Request) { done(w, u.RemoveGroup(r.PathValue("name"))) })
	mux.HandleFunc("DELETE "+root+"groups/{name}/{member}", func(w http.ResponseWriter, r *http.Request) {
		done(w, u.LeaveGroup(r.PathValue("name"), r.PathValue("member")))
	})
}

// told does what a body asks for.
func told[T any](w http.ResponseWriter, r *http.Request, do func(T) error) {
	var order T
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxLine)).Decode(&order); err != nil {
		refuse(w, http.StatusBadRequest, err, 0)
		return
	}
	done(w, do(order))
}

// Watchers are those who watch a user, or wait until they may.
func (c *Client) Watchers(ctx context.Context, user string) (list []Watcher, err error) {
	err = c.do(ctx, http.MethodGet, "users/"+url.PathEscape(user)+"/watchers", nil, reads(&list))
	return list, err
}

// reads takes a list in, one a line.
func reads[T any](list *[]T) func(io.Reader) error {
	return func(body io.Reader) error {
		for in := json.NewDecoder(body); in.More(); {
			var one T
			if err := in.Decode(&one); err != nil {
				return err
			}
			*list = append(*list, one)
		}
		return nil
	}
}

// ViewAs is what a watcher gets of a user's state in an event package.
func (c *Client) ViewAs(ctx context.Context, user, watcher, name string) (v Viewed, err error) {
	path := "users/" + url.PathEscape(user) + "/view?" + url.Values{"as": {watcher}, "event": {name}}.Encode()
	err = c.do(ctx, http.MethodGet, path, nil, func(body io.Reader) error { return json.NewDecoder(body).Decode(&v) })
	return v, err
}

// Answer says of somebody whether they may watch a user.
func (c *Client) Answer(ctx context.Context, a Answer) error { return c.put(ctx, "answers", a) }

func (c *Client) put(ctx context.Context, path string, body any) error {
	b, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return c.do(ctx, http.MethodPut, path, bytes.NewReader(b), nil)
}

// Groups are all groups of people.
func (c *Client) Groups(ctx context.Context) (list []Group, err error) {
	err = c.do(ctx, http.MethodGet, "groups", nil, reads(&list))
	return list, err
}

// SetGroup makes a group, or adds members to one.
func (c *Client) SetGroup(ctx context.Context, g Group) error { return c.put(ctx, "groups", g) }

// RemoveGroup takes a group away.
func (c *Client) RemoveGroup(ctx context.Context, name string) error {
	return c.do(ctx, http.MethodDelete, "groups/"+url.PathEscape(name), nil, nil)
}

// LeaveGroup takes a member out of a group.
func (c *Client) LeaveGroup(ctx context.Context, name, member string) error {
	return c.do(ctx, http.MethodDelete, "groups/"+url.PathEscape(name)+"/"+url.PathEscape(member), nil, nil)
}
