package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"iter"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"syscall"

	"lamplight/sip/trace"
)

// Client speaks to a running server. Its errors are ErrNoServer, an *Error, or
// of the connection.
type Client struct {
	base string
	http *http.Client
}

// InDir is the client of the server of a data directory.
func InDir(dir string) *Client {
	return &Client{"http://lamplight" + root, &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, dir) },
	}}}
}

// AtAddress is the client of the server whose admin listener is at an address,
// "127.0.0.1:8081".
func AtAddress(hostport string) *Client {
	return &Client{"http://" + hostport + root, &http.Client{Transport: &http.Transport{}}}
}

// Close ends the connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Health asks how the server is.
func (c *Client) Health(ctx context.Context) (h Health, err error) {
	err = c.do(ctx, http.MethodGet, "health", nil, func(body io.Reader) error { return json.NewDecoder(body).Decode(&h) })
	return h, err
}

// AddUsers makes users as they come, and tells how many were made. It ends with
// the first error of users. With ErrNoServer none was taken from users.
func (c *Client) AddUsers(ctx context.Context, users iter.Seq2[NewUser, error]) (added int, err error) {
	if _, err := c.Health(ctx); err != nil {
		return 0, err
	}
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := send(in, users)
		ended <- err
		_ = in.CloseWithError(err)
	}()
	var a answer
	err = c.do(ctx, http.MethodPost, "users", out, func(body io.Reader) error { return json.NewDecoder(body).Decode(&a) })
	_ = out.Close()
	var said *Error
	if errors.As(err, &said) {
		return said.Added, err
	}
	select {
	case broke := <-ended:
		if broke != nil && err != nil {
			return a.Added, broke // not what the connection makes of it
		}
	default: // users still waits for the next one
	}
	return a.Added, err
}

func send(w io.Writer, users iter.Seq2[NewUser, error]) error {
	out := json.NewEncoder(w)
	for u, err := range users {
		if err != nil {
			return err
		}
		if err := out.Encode(u); err != nil {
			return err
		}
	}
	return nil
}

// ListUsers gives one user after the other to each, until its first error.
func (c *Client) ListUsers(ctx context.Context, each func(User) error) error {
	return c.do(ctx, http.MethodGet, "users", nil, func(body io.Reader) error {
		return eachLine(body, func(line []byte) error {
			var u User
			if err := json.Unmarshal(line, &u); err != nil {
				return err
			}
			return each(u)
		})
	})
}

// SetLogLevel has the server log more or less: debug, info, warn, error.
func (c *Client) SetLogLevel(ctx context.Context, to string) error {
	b, err := json.Marshal(level{to})
	if err != nil {
		return err
	}
	return c.do(ctx, http.MethodPut, "log-level", bytes.NewReader(b), nil)
}

// Trace is what was said last of a user, after the N-th message.
func (c *Client) Trace(ctx context.Context, user string, after uint64) (list []trace.Message, err error) {
	path := "trace/" + url.PathEscape(user) + "?after=" + strconv.FormatUint(after, 10)
	err = c.do(ctx, http.MethodGet, path, nil, func(body io.Reader) error {
		for in := json.NewDecoder(body); in.More(); {
			var m trace.Message
			if err := in.Decode(&m); err != nil {
				return err
			}
			list = append(list, m)
		}
		return nil
	})
	return list, err
}

// History is a page of a user's calls, the newest first.
func (c *Client) History(ctx context.Context, q HistoryQuery) (list []Call, err error) {
	ask := url.Values{"party": {q.Party}, "result": {q.Result}, "before": {q.Before}, "limit": {strconv.Itoa(q.Limit)}}
	err = c.do(ctx, http.MethodGet, "history/"+url.PathEscape(q.User)+"?"+ask.Encode(), nil, func(body io.Reader) error {
		for in := json.NewDecoder(body); in.More(); {
			var one Call
			if err := in.Decode(&one); err != nil {
				return err
			}
			list = append(list, one)
		}
		return nil
	})
	return list, err
}

// Call has a user's phone call somebody, and gives each step to each, until the
// call is over. One that did not come about is an *Error.
func (c *Client) Call(ctx context.Context, o CallOrder, each func(CallEvent)) error {
	b, err := json.Marshal(o)
	if err != nil {
		return err
	}
	return c.do(ctx, http.MethodPost, "calls", bytes.NewReader(b), func(body io.Reader) error {
		var last CallEvent
		err := eachLine(body, func(line []byte) error {
			var e CallEvent
			if err := json.Unmarshal(line, &e); err != nil {
				return err
			}
			last = e
			each(e)
			return nil
		})
		if err == nil && last.Over() {
			return &Error{Text: last.Text}
		}
		return err
	})
}

// State is what a user has forced, and what comes of it.
func (c *Client) State(ctx context.Context, user string) (u UserState, err error) {
	err = c.do(ctx, http.MethodGet, "users/"+url.PathEscape(user)+"/state", nil, u.read)
	return u, err
}

// DND says of a user whether they want to be disturbed, and gives what comes of it.
func (c *Client) DND(ctx context.Context, o DNDOrder) (UserState, error) {
	return c.order(ctx, "dnd", o)
}

// Status says of a user what they have chosen to be, and gives what comes of it.
func (c *Client) Status(ctx context.Context, o StatusOrder) (UserState, error) {
	return c.order(ctx, "status", o)
}

// Forwarding says where a user's calls go, and gives what comes of it.
func (c *Client) Forwarding(ctx context.Context, o ForwardingOrder) (UserState, error) {
	return c.order(ctx, "forwarding", o)
}

func (c *Client) order(ctx context.Context, path string, o any) (u UserState, err error) {
	b, err := json.Marshal(o)
	if err != nil {
		return u, err
	}
	err = c.do(ctx, http.MethodPut, path, bytes.NewReader(b), u.read)
	return u, err
}

func (u *UserState) read(body io.Reader) error { return json.NewDecoder(body).Decode(u) }

// RemoveUser takes a user away.
func (c *Client) RemoveUser(ctx context.Context, aor string) error {
	return c.do(ctx, http.MethodDelete, "users/"+url.PathEscape(aor), nil, nil)
}

// Domains lists the domains, the first one first.
func (c *Client) Domains(ctx context.Context) (list []Domain, err error) {
	err = c.do(ctx, http.MethodGet, "domains", nil, func(body io.Reader) error { return json.NewDecoder(body).Decode(&list) })
	return list, err
}

// SetDomain replaces what can be set of a domain.
func (c *Client) SetDomain(ctx context.Context, d Domain) error {
	b, err := json.Marshal(d)
	if err != nil {
		return err
	}
	return c.do(ctx, http.MethodPut, "domains", bytes.NewReader(b), nil)
}

// SetPassword sets a user's password or, with web, that of the web pages alone.
func (c *Client) SetPassword(ctx context.Context, aor, pass string, web bool) error {
	b, err := json.Marshal(password{pass, web})
	if err != nil {
		return err
	}
	return c.do(ctx, http.MethodPut, "users/"+url.PathEscape(aor)+"/password", bytes.NewReader(b), nil)
}

func (c *Client) do(ctx context.Context, method, path string, body io.Reader, read func(io.Reader) error) error {
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	w, err := c.http.Do(r)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, fs.ErrNotExist):
		return ErrNoServer
	case err != nil:
		return err
	}
	defer w.Body.Close()
	if w.StatusCode == http.StatusOK {
		if read == nil {
			return nil
		}
		return read(w.Body)
	}
	var a answer
	if json.NewDecoder(io.LimitReader(w.Body, maxLine)).Decode(&a) != nil || a.Error == "" {
		return &Error{Text: "the server answered " + w.Status}
	}
	return &Error{a.Error, a.Added}
}
