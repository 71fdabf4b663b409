package app

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// A server that reads its state back is alive, and not ready; nothing else is
// answered before there is a server.
func TestHealthBeforeTheStart(t *testing.T) {
	t.Parallel()
	p := &Process{}
	metrics := p.started(func() http.Handler { panic("there is no server yet") })
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   int
	}{"healthz": {p.healthz, 200}, "readyz": {p.readyz, 503}, "metrics": {metrics.ServeHTTP, 503}} {
		w := httptest.NewRecorder()
		c.answer(w, httptest.NewRequest("GET", "/"+name, nil))
		if w.Code != c.want {
			t.Errorf("%s: %d, want %d", name, w.Code, c.want)
		}
	}
}
