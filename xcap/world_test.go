package xcap

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"lamplight/event"
)

const (
	alice = event.AoR("sip:alice@example.test")
	bob   = event.AoR("sip:bob@example.test")
)

// shelf is a store in memory.
type shelf struct {
	mu   sync.Mutex
	docs map[Key]Document
}

func (s *shelf) Document(k Key) (Document, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d, ok := s.docs[k]; ok {
		return d, nil
	}
	return Document{}, ErrNotFound
}

func (s *shelf) Documents(aor event.AoR, auid string) (list []Document, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, d := range s.docs {
		if k.AUID == auid && (aor == "" || k.AoR == aor) {
			list = append(list, d)
		}
	}
	return list, nil
}

func (s *shelf) Count(aor event.AoR) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k := range s.docs {
		if k.AoR == aor {
			n++
		}
	}
	return n, nil
}

func (s *shelf) Put(d Document, was string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.docs[d.Key].ETag != was {
		return ErrStale
	}
	s.docs[d.Key] = d
	return nil
}

func (s *shelf) Delete(k Key, was string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.docs[k].ETag != was {
		return ErrStale
	}
	delete(s.docs, k)
	return nil
}

type world struct {
	t       testing.TB
	store   *shelf
	server  *Server
	changes []Change
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, store: &shelf{docs: map[Key]Document{}}}
	var err error
	w.server, err = New(Options{Store: w.store, Root: "/xcap-root", Now: func() time.Time { return time.Unix(0, 0) },
		Changed: func(c Change) { w.changes = append(w.changes, c) },
		Resolve: func(uri string) (event.AoR, bool) {
			aor := "sip:" + strings.ToLower(strings.TrimPrefix(uri, "sip:"))
			return event.AoR(aor), aor == string(alice) || aor == string(bob)
		}})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// ask sends a request of Alice's. Headers are "Name: value".
func (w *world) ask(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	w.t.Helper()
	return w.as(alice, method, path, body, headers...)
}

func (w *world) as(user event.AoR, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	w.t.Helper()
	r, err := http.NewRequest(method, "http://127.0.0.1/xcap-root/"+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	answer := httptest.NewRecorder()
	w.server.ServeHTTP(answer, r.WithContext(WithUser(r.Context(), user)))
	return answer
}

const (
	hers    = "resource-lists/users/sip:alice@example.test/index"
	asLists = "Content-Type: application/resource-lists+xml"
	asEl    = "Content-Type: application/xcap-el+xml"
	asAtt   = "Content-Type: application/xcap-att+xml"
)

// want checks an answer's status and that its body holds something.
func (w *world) want(what string, a *httptest.ResponseRecorder, status int, holds string) {
	w.t.Helper()
	if a.Code != status || !strings.Contains(a.Body.String(), holds) {
		w.t.Errorf("%s: %d %q, want %d with %q", what, a.Code, a.Body, status, holds)
	}
}
