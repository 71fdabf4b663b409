package control

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"lamplight/directory/addressbook"
)

// Contact is somebody of the address book, beside the users.
type Contact struct {
	ID         int64    `json:"id,omitempty"` // 0: of a file that was only looked at
	Name       string   `json:"name"`
	Numbers    []string `json:"numbers,omitempty"`
	User       string   `json:"user,omitempty"` // the user that this is
	Department string   `json:"department,omitempty"`
	Title      string   `json:"title,omitempty"`
	Mail       string   `json:"mail,omitempty"`
	Photo      string   `json:"photo,omitempty"`
}

// Imported is what became of a file.
type Imported struct {
	Dry    bool      `json:"dry,omitempty"`
	Added  int       `json:"added"` // the others took the place of who was there
	People []Contact `json:"people"`
}

func people(mux *http.ServeMux, u People) {
	mux.HandleFunc("GET "+root+"people", func(w http.ResponseWriter, _ *http.Request) {
		list, err := u.Contacts()
		if err != nil {
			done(w, err)
			return
		}
		lines(w, list)
	})
	mux.HandleFunc("POST "+root+"people", func(w http.ResponseWriter, r *http.Request) {
		file, err := io.ReadAll(http.MaxBytesReader(w, r.Body, addressbook.MaxBytes+1))
		if err != nil {
			refuse(w, http.StatusBadRequest, err, 0)
			return
		}
		answered(w, func() (Imported, error) { return u.Import(file, r.URL.Query().Has("dry")) })
	})
	mux.HandleFunc("DELETE "+root+"people/{id}", func(w http.ResponseWriter, r *http.Request) {
		id, _ := strconv.ParseInt(r.PathValue("id"), 10, 64) // 0: nobody
		done(w, u.RemoveContact(id))
	})
}

// Import reads people of a file into the address book; dry only tells what would
// come of it.
func (c *Client) Import(ctx context.Context, file []byte, dry bool) (got Imported, err error) {
	path := "people"
	if dry {
		path += "?" + url.Values{"dry": {""}}.Encode()
	}
	err = c.do(ctx, http.MethodPost, path, bytes.NewReader(file), func(body io.Reader) error { return json.NewDecoder(body).Decode(&got) })
	return got, err
}

// Contacts are the people of the address book.
func (c *Client) Contacts(ctx context.Context) (list []Contact, err error) {
	err = c.do(ctx, http.MethodGet, "people", nil, func(body io.Reader) error {
		for in := json.NewDecoder(body); in.More(); {
			var one Contact
			if err := in.Decode(&one); err != nil {
				return err
			}
			list = append(list, one)
		}
		return nil
	})
	return list, err
}

// RemoveContact takes somebody out of the address book.
func (c *Client) RemoveContact(ctx context.Context, id int64) error {
	return c.do(ctx, http.MethodDelete, "people/"+strconv.FormatInt(id, 10), nil, nil)
}
