package main

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"lamplight/control"
)

// A program signs in by a token, made beside a server or without one, until it
// is taken away.
func TestATokenSignsIn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	lamplight := func(args ...string) string { return succeed(t, "", append(args, "--data", dir)...) }
	for _, name := range []string{"alice", "bob"} {
		succeed(t, "secret\n", "user", "add", name+"@example.test", "--password-stdin", "--data", dir)
	}
	before := lamplight("token", "add", "alice", "--scope", "people", "--name", "wall board", "--for", "720h")
	lamplight("user", "role", "alice", "operator")
	s := start(t, command(t, "serve", "--domain", "example.test", "--listen", "udp:127.0.0.1:0", "--web", "127.0.0.1:0", "--data", dir), true)
	ready := s.line(t, "ready", func(l string) bool { return strings.HasPrefix(l, "ready ") })
	_, web, _ := strings.Cut(ready, "web:")
	me := func(token string) (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+web+"/api/v1/me", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		w, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Body.Close()
		var got struct{ Role string }
		_ = json.NewDecoder(w.Body).Decode(&got) // no JSON where it is refused
		return w.StatusCode, got.Role
	}
	beside := lamplight("token", "add", "alice@Example.test", "--scope", "history", "--scope", "people")
	for _, token := range []string{before, beside} {
		if status, role := me(token); status != 200 || role != "operator" {
			t.Errorf("%s signs in: %d as %q", token, status, role)
		}
	}
	lamplight("user", "role", "alice", "admin")
	if _, role := me(before); role != "admin" || lamplight("user", "role", "alice") != "admin" || lamplight("user", "role", "bob") != "viewer" {
		t.Errorf("the role is %q", role)
	}
	list := strings.Split(lamplight("token", "list", "alice", "--json"), "\n")
	var first, second control.Token
	if len(list) != 2 || json.Unmarshal([]byte(list[0]), &first) != nil || json.Unmarshal([]byte(list[1]), &second) != nil ||
		first.Name != "wall board" || first.Until.IsZero() || !second.Until.IsZero() || first.Secret+second.Secret != "" || len(second.Scopes) != 2 {
		t.Fatalf("the tokens are %q", list)
	}
	if got := lamplight("token", "list", "alice"); !strings.Contains(got, "\thistory, people\tfor ever") || strings.Contains(got, before) {
		t.Errorf("the tokens are %q", got)
	}
	id := strconv.FormatInt(first.ID, 10)
	if status, _, errs := result(t, "", "token", "remove", "bob", id, "--data", dir); status != 1 || !strings.Contains(errs, "no such token") {
		t.Errorf("another's token: exit %d, %s", status, errs)
	}
	lamplight("token", "remove", "alice", id)
	if status, _ := me(before); status != 401 {
		t.Errorf("a token that is over: %d", status)
	}
	if status, _ := me(beside); status != 200 {
		t.Errorf("the other one: %d", status)
	}
	for _, args := range [][]string{{"token", "add", "nobody", "--scope", "all"}, {"token", "list", "nobody"}, {"user", "role", "nobody"}, {"user", "role", "nobody", "admin"}} {
		if status, _, errs := result(t, "", append(args, "--data", dir)...); status != 1 || !strings.Contains(errs, "no such user") {
			t.Errorf("%q: exit %d, %s", args, status, errs)
		}
	}
	s.end(t, syscall.SIGTERM)
}
