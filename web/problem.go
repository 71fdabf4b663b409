package web

import (
	"encoding/json"
	"errors"
	"net/http"

	"lamplight/callcontrol"
	"lamplight/owner"
)

// problem is an error as programs read it.
type problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
}

// badError says that a request is wrong.
type badError struct{ error }

func bad(text string) error { return badError{errors.New(text)} }

// errNotYours refuses what is another user's.
var errNotYours = errors.New("that is for the user alone")

// statusOf is the one table from errors to statuses of HTTP.
func statusOf(err error) int {
	var wrong badError
	switch {
	case errors.As(err, &wrong):
		return http.StatusBadRequest
	case errors.Is(err, ErrNotFound):
		return http.StatusNotFound
	case errors.Is(err, errNotYours):
		return http.StatusForbidden
	case errors.Is(err, ErrChanged):
		return http.StatusPreconditionFailed
	case errors.Is(err, owner.ErrBusy), errors.Is(err, callcontrol.ErrClosed):
		return http.StatusServiceUnavailable
	}
	return http.StatusUnprocessableEntity
}

func fail(w http.ResponseWriter, status int, detail string) {
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "5")
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(problem{http.StatusText(status), status, detail})
}

func answer(w http.ResponseWriter, status int, body any) error {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	return json.NewEncoder(w).Encode(body)
}
