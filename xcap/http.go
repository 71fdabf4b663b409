package xcap

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"lamplight/event"
)

// ServeHTTP answers a request of the user whom WithUser names.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-cache") // RFC 4825 §9
	w.Header().Set("X-Content-Type-Options", "nosniff")
	a, err := s.serve(w, r)
	if a.etag != "" {
		w.Header().Set("ETag", `"`+a.etag+`"`)
	}
	var c *Conflict
	switch {
	case errors.As(err, &c):
		if c.Ancestor != "" && strings.HasPrefix(c.Ancestor, "~~/") {
			document, _, _ := strings.Cut(r.URL.EscapedPath(), "/~~/")
			c.Ancestor = document + "/" + c.Ancestor
			if r.URL.RawQuery != "" {
				c.Ancestor += "?" + r.URL.RawQuery
			}
		} else if c.Ancestor != "" {
			c.Ancestor = ""
		}
		w.Header().Set("Content-Type", "application/xcap-error+xml")
		w.WriteHeader(http.StatusConflict)
		_, _ = w.Write(c.Document())
	case errors.Is(err, ErrNotModified):
		w.WriteHeader(http.StatusNotModified)
	case err != nil:
		http.Error(w, http.StatusText(status(err)), status(err))
	case a.made:
		w.WriteHeader(http.StatusCreated)
	default:
		if a.mediaType != "" {
			w.Header().Set("Content-Type", a.mediaType)
		}
		if r.Method != http.MethodHead {
			_, _ = w.Write(a.body)
		}
	}
}

// status is the table of what an error becomes.
func status(err error) int {
	for _, row := range []struct {
		err    error
		status int
	}{
		{ErrSelector, http.StatusBadRequest},
		{ErrForbidden, http.StatusForbidden},
		{ErrNotFound, http.StatusNotFound},
		{ErrMethod, http.StatusMethodNotAllowed},
		{ErrPrecondition, http.StatusPreconditionFailed},
		{ErrTooLarge, http.StatusRequestEntityTooLarge},
		{ErrMediaType, http.StatusUnsupportedMediaType},
	} {
		if errors.Is(err, row.err) {
			return row.status
		}
	}
	return http.StatusInternalServerError
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) (answer, error) {
	path, ok := strings.CutPrefix(r.URL.EscapedPath(), s.Root+"/")
	if !ok {
		return answer{}, ErrNotFound
	}
	q := request{ifMatch: strings.Join(r.Header.Values("If-Match"), ","), ifNoneMatch: strings.Join(r.Header.Values("If-None-Match"), ",")}
	q.user, _ = r.Context().Value(userKey{}).(event.AoR)
	var err error
	if q.target, err = parseSelector(path, r.URL.RawQuery); err != nil {
		return answer{}, s.hidden(q, err)
	}
	if err := s.authorize(&q, r.Method); err != nil {
		return answer{}, err
	}
	bindings := q.target.node != nil && q.target.node.bindings
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		return s.get(q)
	case http.MethodPut, http.MethodDelete:
		if bindings {
			w.Header().Set("Allow", "GET, HEAD")
			return answer{}, ErrMethod
		}
		if r.Method == http.MethodDelete {
			return s.delete(q)
		}
		if q.body, err = readBody(w, r, q.target); err != nil {
			return answer{}, err
		}
		return s.put(q)
	}
	w.Header().Set("Allow", "GET, HEAD, PUT, DELETE")
	if bindings {
		w.Header().Set("Allow", "GET, HEAD")
	}
	return answer{}, ErrMethod
}

// hidden keeps what is wrong with a path in another user's tree from who has no
// business there.
func (s *Server) hidden(q request, err error) error {
	if aor, ok := s.Resolve(q.target.xui); q.target.xui != "" && (!ok || aor != q.user) {
		return ErrForbidden
	}
	return err
}

// authorize lets users into their own trees, and to the global document that is
// for all (RFC 4825 §5.7). The global index of services is for list servers
// alone (RFC 4826 §4.4.9).
func (s *Server) authorize(q *request, method string) error {
	t := &q.target
	if q.user == "" {
		return ErrForbidden
	}
	if t.global {
		switch {
		case usages[t.auid] == nil:
			return ErrNotFound
		case method == http.MethodPut || method == http.MethodDelete || t.auid == "rls-services":
			return ErrForbidden
		case t.auid != "xcap-caps" || len(t.name) != 1 || t.name[0] != "index":
			return ErrNotFound
		}
		return nil
	}
	aor, ok := s.Resolve(t.xui)
	if !ok || aor != q.user {
		return ErrForbidden
	}
	if usages[t.auid] == nil {
		return ErrNotFound
	}
	t.key = Key{aor, t.auid, strings.Join(t.name, "/")}
	return nil
}

// readBody reads what is to be put, if it says that it is what belongs there
// (RFC 4825 §8.2.2).
func readBody(w http.ResponseWriter, r *http.Request, t selector) ([]byte, error) {
	want := usages[t.auid].mediaType
	switch {
	case t.node == nil:
	case t.node.attr != nil:
		want = "application/xcap-att+xml"
	default:
		want = "application/xcap-el+xml"
	}
	got, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || got != want || r.Header.Get("Content-Encoding") != "" {
		return nil, ErrMediaType
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return nil, ErrTooLarge
	}
	if charset := params["charset"]; err == nil && charset != "" && !strings.EqualFold(charset, "utf-8") && !strings.EqualFold(charset, "us-ascii") {
		return nil, conflict("not-utf-8", "the body is said to be %s", charset)
	}
	return body, err
}
