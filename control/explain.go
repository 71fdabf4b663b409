package control

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"time"

	"lamplight/event"
)

// Explained is why a user's state and lamp are as they are, and who sees what.
type Explained struct {
	AoR string    `json:"aor"`
	At  time.Time `json:"at"`
	event.Explanation
	Lamp     event.Explanation `json:"lamp"` // of the dialog package
	Watchers []Shown           `json:"watchers"`
}

// Shown is what a watcher sees, or somebody of a class that no rule names.
type Shown struct {
	Who      string    `json:"who"`           // "the user", "own domain", "listed domain", "stranger", "watcher"
	AoR      string    `json:"aor,omitempty"` // of one that was asked for
	Handling string    `json:"handling"`      // of RFC 5025: allow, polite-block, confirm, block
	Rights   string    `json:"rights,omitempty"`
	State    string    `json:"state,omitempty"` // "": the watcher is told nothing
	Note     string    `json:"note,omitempty"`
	Lamp     string    `json:"lamp,omitempty"`     // the state of a dialog
	Next     time.Time `json:"next,omitzero"`      // when the rules change it
	Document string    `json:"document,omitempty"` // of a watcher that was asked for, as it is sent
}

func explain(w http.ResponseWriter, r *http.Request, o Operations) {
	e, err := o.Explain(r.PathValue("aor"), r.URL.Query().Get("as"))
	if err != nil {
		done(w, err)
		return
	}
	write(w, http.StatusOK, e)
}

// Explain says why a user's state is as it is, and what others see of it; as names
// one of them, "" none.
func (c *Client) Explain(ctx context.Context, user, as string) (e Explained, err error) {
	path := "users/" + url.PathEscape(user) + "/explain"
	if as != "" {
		path += "?" + url.Values{"as": {as}}.Encode()
	}
	err = c.do(ctx, http.MethodGet, path, nil, func(body io.Reader) error { return json.NewDecoder(body).Decode(&e) })
	return e, err
}
