package app

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"lamplight/store/cold"
	"lamplight/web/auth"
)

// What is answered for long, a stream, ends with the token that asked for it.
func TestATokenHoldsUntilItIsRemoved(t *testing.T) {
	t.Parallel()
	p, _ := webOffice(t)
	secret, hash := auth.NewToken()
	id, err := p.people.AddToken(hash, cold.Token{AoR: "sip:alice@example.test", Scopes: []string{auth.All}, Made: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	a := auth.New(auth.Options{Store: sessions{p.people}, Book: p.book})
	var asked *http.Request
	r := httptest.NewRequest("GET", "/api/v1/stream", nil)
	r.Header.Set("Authorization", "Bearer "+secret)
	a.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked = r })).ServeHTTP(httptest.NewRecorder(), r)
	if asked == nil || !a.Holds(asked) {
		t.Fatal("the token does not hold")
	}
	if err := p.people.RemoveToken(id); err != nil {
		t.Fatal(err)
	}
	if a.Holds(asked) {
		t.Error("a token that is removed holds")
	}
}
