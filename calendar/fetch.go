package calendar

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"syscall"
	"time"

	"lamplight/event"
)

// How long a server may take, and how often it may send us elsewhere.
const (
	connecting = 10 * time.Second
	fetching   = 30 * time.Second
	redirects  = 5
)

// result is what came of a fetch.
type result struct {
	busy           []Busy
	unchanged      bool // it is as it was
	etag, modified string
	err            error
	after          time.Duration // the server wants us to wait for so long
}

var (
	errLarge     = errors.New("the calendar is larger than 16 MiB")
	errRedirects = errors.New("it leads from one address to the next")
	errScheme    = errors.New("it leads to what is no web address")
)

// client connects to addresses that are allowed alone, whatever a name leads to
// at that moment.
func (c *Calendars) client() *http.Client {
	dialer := &net.Dialer{Timeout: connecting, Control: func(_, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		return c.o.Allow(at.Addr())
	}}
	return &http.Client{
		Timeout: fetching,
		Transport: &http.Transport{DialContext: dialer.DialContext, TLSHandshakeTimeout: connecting, ResponseHeaderTimeout: fetching,
			MaxResponseHeaderBytes: 64 << 10, DisableKeepAlives: true},
		CheckRedirect: func(r *http.Request, before []*http.Request) error {
			switch {
			case len(before) > redirects:
				return errRedirects
			case r.URL.Scheme != "http" && r.URL.Scheme != "https":
				return errScheme
			}
			r.Header.Del("Referer") // whoever knows a calendar's address can read it
			return nil
		},
	}
}

// fetch reads a calendar, where it has changed since it was read.
func (c *Calendars) fetch(ctx context.Context, aor event.AoR, one *calendar) (got result) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, one.URL, nil)
	if err != nil {
		return result{err: errURL}
	}
	r.Header.Set("User-Agent", "Lamplight")
	r.Header.Set("Accept", "text/calendar, text/plain;q=0.5, */*;q=0.1")
	if time.Since(one.whole) < keeps { // what was read then reaches far enough
		set(r, "If-None-Match", one.etag)
		set(r, "If-Modified-Since", one.modified)
	}
	w, err := c.http.Do(r)
	if err != nil {
		return result{err: plain(err)}
	}
	defer w.Body.Close()
	switch {
	case w.StatusCode == http.StatusNotModified && !one.whole.IsZero():
		return result{unchanged: true}
	case w.StatusCode != http.StatusOK:
		seconds, _ := strconv.Atoi(w.Header.Get("Retry-After"))
		return result{err: fmt.Errorf("its server answered %d %s", w.StatusCode, http.StatusText(w.StatusCode)), after: time.Duration(min(max(seconds, 0), 86400)) * time.Second}
	}
	return c.read(w, aor)
}

func (c *Calendars) read(w *http.Response, aor event.AoR) result {
	text, err := io.ReadAll(io.LimitReader(w.Body, maxBytes+1))
	if err != nil {
		return result{err: plain(err)}
	}
	if len(text) > maxBytes {
		return result{err: errLarge}
	}
	now := time.Now()
	busy, err := Read(bytes.TrimPrefix(text, []byte("\ufeff")), c.o.Zone(aor), now.Add(-24*time.Hour), now.Add(ahead))
	return result{busy: busy, err: err, etag: w.Header.Get("ETag"), modified: w.Header.Get("Last-Modified")}
}

func set(r *http.Request, name, value string) {
	if value != "" {
		r.Header.Set(name, value)
	}
}

// plain is an error without the calendar's address, which is a secret.
func plain(err error) error {
	var of *url.Error
	if errors.As(err, &of) {
		if of.Timeout() {
			return errors.New("its server took too long")
		}
		err = of.Err
	}
	return err
}
