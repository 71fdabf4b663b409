package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Token is what a program signs in with as a user.
type Token struct {
	ID     int64     `json:"id"`
	Name   string    `json:"name,omitempty"` // what it is for
	Scopes []string  `json:"scopes"`
	Made   time.Time `json:"made"`
	Until  time.Time `json:"until,omitzero"`   // zero: for ever
	Secret string    `json:"secret,omitempty"` // of one that was just made
}

// TokenOrder is what a token is made of.
type TokenOrder struct {
	User   string        `json:"user"`
	Name   string        `json:"name,omitempty"`
	Scopes []string      `json:"scopes"`
	For    time.Duration `json:"for,omitempty"` // nanoseconds that it holds; 0: for ever
}

type role struct {
	Role string `json:"role"`
}

var errTokenID = errors.New("a token is named by its number")

// handleTokens adds what is asked of tokens and roles.
func handleTokens(mux *http.ServeMux, u People) {
	mux.HandleFunc("GET "+root+"users/{aor}/role", func(w http.ResponseWriter, r *http.Request) {
		answered(w, func() (role, error) {
			is, err := u.Role(r.PathValue("aor"))
			return role{is}, err
		})
	})
	mux.HandleFunc("PUT "+root+"users/{aor}/role", func(w http.ResponseWriter, r *http.Request) {
		told(w, r, func(to role) error { return u.SetRole(r.PathValue("aor"), to.Role) })
	})
	mux.HandleFunc("GET "+root+"users/{aor}/tokens", func(w http.ResponseWriter, r *http.Request) {
		list, err := u.Tokens(r.PathValue("aor"))
		if err != nil {
			done(w, err)
			return
		}
		lines(w, list)
	})
	mux.HandleFunc("POST "+root+"tokens", func(w http.ResponseWriter, r *http.Request) {
		var order TokenOrder
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxLine)).Decode(&order); err != nil {
			refuse(w, http.StatusBadRequest, err, 0)
			return
		}
		answered(w, func() (Token, error) { return u.AddToken(order) })
	})
	mux.HandleFunc("DELETE "+root+"users/{aor}/tokens/{id}", func(w http.ResponseWriter, r *http.Request) {
		id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
		if err != nil {
			refuse(w, http.StatusBadRequest, errTokenID, 0)
			return
		}
		done(w, u.RemoveToken(r.PathValue("aor"), id))
	})
}

// Role is what a user may do in the web pages: viewer, operator or admin.
func (c *Client) Role(ctx context.Context, user string) (string, error) {
	var is role
	err := c.do(ctx, http.MethodGet, "users/"+url.PathEscape(user)+"/role", nil, func(body io.Reader) error { return json.NewDecoder(body).Decode(&is) })
	return is.Role, err
}

// SetRole says what a user may do in the web pages.
func (c *Client) SetRole(ctx context.Context, user, to string) error {
	return c.put(ctx, "users/"+url.PathEscape(user)+"/role", role{to})
}

// Tokens are what programs sign in with as a user, without their secrets.
func (c *Client) Tokens(ctx context.Context, user string) (list []Token, err error) {
	err = c.do(ctx, http.MethodGet, "users/"+url.PathEscape(user)+"/tokens", nil, reads(&list))
	return list, err
}

// AddToken makes a token, and gives its secret.
func (c *Client) AddToken(ctx context.Context, o TokenOrder) (t Token, err error) {
	b, err := json.Marshal(o)
	if err != nil {
		return t, err
	}
	err = c.do(ctx, http.MethodPost, "tokens", bytes.NewReader(b), func(body io.Reader) error { return json.NewDecoder(body).Decode(&t) })
	return t, err
}

// RemoveToken ends a token of a user's.
func (c *Client) RemoveToken(ctx context.Context, user string, id int64) error {
	return c.do(ctx, http.MethodDelete, "users/"+url.PathEscape(user)+"/tokens/"+strconv.FormatInt(id, 10), nil, nil)
}
