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

// CalendarOrder says where a user's calendar is; without a URL there is none.
type CalendarOrder struct {
	User   string `json:"user"` // user[@domain]
	URL    string `json:"url,omitempty"`
	Titles bool   `json:"titles,omitempty"` // others may see what meetings are called
}

// Calendar is what is known of a user's calendar; without a URL there is none.
type Calendar struct {
	AoR    string    `json:"aor"`
	URL    string    `json:"url,omitempty"`
	Titles bool      `json:"titles"`
	Read   time.Time `json:"read,omitzero"` // when it was there last
	Next   time.Time `json:"next,omitzero"` // when it is read again
	Error  string    `json:"error,omitempty"`
	Busy   []Busy    `json:"busy"`
}

// Busy is a time in a calendar.
type Busy struct {
	From        time.Time `json:"from"`
	Until       time.Time `json:"until"`
	OutOfOffice bool      `json:"out_of_office,omitempty"`
	Title       string    `json:"title,omitempty"`
}

// answered writes what something gave.
func answered[T any](w http.ResponseWriter, ask func() (T, error)) {
	got, err := ask()
	if err != nil {
		done(w, err)
		return
	}
	write(w, http.StatusOK, got)
}

func calendars(mux *http.ServeMux, o Operations) {
	mux.HandleFunc("GET "+root+"users/{aor}/calendar", func(w http.ResponseWriter, r *http.Request) {
		answered(w, func() (Calendar, error) { return o.Calendar(r.PathValue("aor")) })
	})
	mux.HandleFunc("PUT "+root+"calendar", func(w http.ResponseWriter, r *http.Request) {
		var order CalendarOrder
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxLine)).Decode(&order); err != nil {
			refuse(w, http.StatusBadRequest, err, 0)
			return
		}
		answered(w, func() (Calendar, error) { return o.SetCalendar(order) })
	})
}

// Calendar is what is known of a user's calendar.
func (c *Client) Calendar(ctx context.Context, user string) (got Calendar, err error) {
	err = c.do(ctx, http.MethodGet, "users/"+url.PathEscape(user)+"/calendar", nil, func(body io.Reader) error { return json.NewDecoder(body).Decode(&got) })
	return got, err
}

// SetCalendar says where a user's calendar is, or that there is none.
func (c *Client) SetCalendar(ctx context.Context, o CalendarOrder) (got Calendar, err error) {
	b, err := json.Marshal(o)
	if err != nil {
		return got, err
	}
	err = c.do(ctx, http.MethodPut, "calendar", bytes.NewReader(b), func(body io.Reader) error { return json.NewDecoder(body).Decode(&got) })
	return got, err
}
