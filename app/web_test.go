package app

import (
	"bufio"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"lamplight/config"
	"lamplight/event"
	"lamplight/store/cold"
	"lamplight/web/auth"
)

const webPassword = "correct horse"

// webOffice is a process with a web listener and two users.
func webOffice(t *testing.T) (p *Process, base string) {
	t.Helper()
	p, err := Open(config.Serve{Data: config.Memory, Domain: []string{"example.test"}, Listen: []string{"udp:127.0.0.1:0"}, HistoryDays: 9,
		Role: []string{"registrar", "proxy", "presence"}, Web: "127.0.0.1:0", LogLevel: "error"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.web.Close()
		_ = p.Stop()
		_ = p.close()
	})
	for _, user := range []string{"alice", "bob"} {
		if err := p.people.AddUser(user+"@example.test", strings.ToUpper(user), nil, webPassword); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.PeopleChanged(); err != nil {
		t.Fatal(err)
	}
	return p, "http://" + p.webAddr
}

// browser is a client that keeps cookies and follows nothing.
func browser(t *testing.T) *http.Client {
	t.Helper()
	jar, _ := cookiejar.New(nil)
	c := &http.Client{Jar: jar, Timeout: 20 * time.Second, Transport: &http.Transport{},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

func signIn(t *testing.T, c *http.Client, base, user, password string) (status int) {
	t.Helper()
	r, err := c.PostForm(base+"/login", url.Values{"user": {user}, "password": {password}})
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	return r.StatusCode
}

// ask sends a request and gives the answer's status and body.
func ask(t *testing.T, c *http.Client, method, url, body string, header ...string) (int, string, http.Header) {
	t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Body.Close()
	b, _ := io.ReadAll(w.Body)
	return w.StatusCode, string(b), w.Header
}

// A browser signs in, sees and changes, and signs out; what is wrong is refused
// alike.
func TestABrowserSignsIn(t *testing.T) {
	t.Parallel()
	_, base := webOffice(t)
	c := browser(t)
	if status, _, h := ask(t, c, "GET", base+"/", ""); status != 303 || !strings.HasPrefix(h.Get("Location"), "/login") {
		t.Errorf("without a session: %d, %s", status, h.Get("Location"))
	}
	if status, _, h := ask(t, c, "GET", base+"/api/v1/me", ""); status != 401 || len(h["Www-Authenticate"]) != 3 {
		t.Errorf("the interface without a session: %d, %q", status, h["Www-Authenticate"])
	}
	for _, user := range []string{"alice", "nobody"} {
		if status := signIn(t, c, base, user, "wrong"); status != 422 {
			t.Errorf("%s with a wrong password: %d", user, status)
		}
	}
	if status := signIn(t, c, base, "alice", webPassword); status != 303 {
		t.Fatalf("alice: %d", status)
	}
	if status, body, h := ask(t, c, "GET", base+"/", ""); status != 200 || !strings.Contains(body, "BOB") || !strings.Contains(h.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
		t.Errorf("the directory: %d\n%s", status, body)
	}
	for _, path := range []string{"/history", "/panel", "/me", "/api/v1/me", "/api/v1/people", "/api/v1/presence/bob", "/api/v1/me/state", "/api/v1/history", "/api/v1/registrations", "/api/v1/lists", "/api/v1/presence/alice/explain"} {
		if status, body, _ := ask(t, c, "GET", base+path, ""); status != 200 {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	if status, body, _ := ask(t, c, "GET", base+"/api/v1/presence/bob/explain", ""); status != 403 || !strings.Contains(body, `"status":403`) {
		t.Errorf("why somebody else's lamp is red: %d %s", status, body)
	}
	if status, _, _ := ask(t, c, "PUT", base+"/api/v1/lists/favourites/bob@example.test", ""); status != 204 {
		t.Errorf("a favourite: %d", status)
	}
	_, _, h := ask(t, c, "GET", base+"/api/v1/lists/favourites", "")
	for tag, want := range map[string]int{`"99"`: 412, h.Get("ETag"): 200} {
		if status, body, _ := ask(t, c, "PUT", base+"/api/v1/lists/favourites", `{"members":["bob"]}`, "If-Match", tag); status != want {
			t.Errorf("If-Match %s: %d %s", tag, status, body)
		}
	}
	for _, origin := range []string{"https://evil.example", "null"} {
		for _, method := range []string{"GET", "PUT"} {
			if status, _, _ := ask(t, c, method, base+"/api/v1/me/dnd", `{"on":true}`, "Origin", origin); status != 403 {
				t.Errorf("%s with Origin %s: %d", method, origin, status)
			}
		}
	}
	if status, _, _ := ask(t, c, "POST", base+"/logout", ""); status != 303 {
		t.Errorf("signing out: %d", status)
	}
	if status, _, _ := ask(t, c, "GET", base+"/api/v1/me", ""); status != 401 {
		t.Errorf("after signing out: %d", status)
	}
}

// Wrong passwords are no longer right after ten of them, for that user from there.
func TestGuessingAtTheWebEnds(t *testing.T) {
	t.Parallel()
	_, base := webOffice(t)
	c := browser(t)
	for range 10 {
		signIn(t, c, base, "alice", "guess")
	}
	if status := signIn(t, c, base, "alice", webPassword); status != 422 {
		t.Errorf("the right password after ten guesses: %d", status)
	}
	if status := signIn(t, c, base, "bob", webPassword); status != 303 {
		t.Errorf("another user: %d", status)
	}
}

// lampsOf reads a stream, and gives each event's id and state.
func lampsOf(t *testing.T, c *http.Client, base, last string) <-chan [2]string {
	t.Helper()
	r, _ := http.NewRequest("GET", base+"/api/v1/stream?aor=bob@example.test&aor=nobody@example.test", nil)
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	w, err := c.Do(r)
	if err != nil || w.StatusCode != 200 || w.Header.Get("X-Accel-Buffering") != "no" {
		t.Fatal(err, w)
	}
	t.Cleanup(func() { w.Body.Close() })
	out := make(chan [2]string, 100)
	go func() {
		defer close(out)
		id := ""
		for in := bufio.NewScanner(w.Body); in.Scan(); {
			if rest, ok := strings.CutPrefix(in.Text(), "id: "); ok {
				id = rest
			}
			if rest, ok := strings.CutPrefix(in.Text(), "data: {"); ok {
				var l struct{ AoR, State string }
				_ = json.Unmarshal([]byte("{"+rest), &l)
				out <- [2]string{id, strings.TrimSuffix(l.AoR, "@example.test") + " " + l.State}
			}
		}
	}()
	return out
}

func await(t *testing.T, lamps <-chan [2]string, want string) (id string) {
	t.Helper()
	for late := time.After(10 * time.Second); ; {
		select {
		case l, ok := <-lamps:
			if !ok {
				t.Fatalf("the stream ended before %s", want)
			}
			if l[1] == want {
				return l[0]
			}
		case <-late:
			t.Fatalf("%s never came", want)
		}
	}
}

// A stream tells the states as they change, goes on after the last that was heard,
// and is a watcher like any other.
func TestAStreamOfLamps(t *testing.T) {
	t.Parallel()
	p, base := webOffice(t)
	alice, bob := browser(t), browser(t)
	signIn(t, alice, base, "alice", webPassword)
	signIn(t, bob, base, "bob", webPassword)
	lamps := lampsOf(t, alice, base, "")
	await(t, lamps, "bob offline")
	if !p.notifier.Watched("sip:bob@example.test", "presence") {
		t.Error("nobody watches bob")
	}
	scrape := httptest.NewRecorder()
	p.Metrics().ServeHTTP(scrape, httptest.NewRequest("GET", "/metrics", nil))
	if !strings.Contains(scrape.Body.String(), "\nlamplight_sse_clients 1\n") {
		t.Error("the stream is not counted")
	}
	if status, body, _ := ask(t, bob, "PUT", base+"/api/v1/me/status", `{"state":"away","note":"lunch"}`); status != 200 {
		t.Fatal(status, body)
	}
	heard := await(t, lamps, "bob away")
	await(t, lampsOf(t, alice, base, "gone.7"), "bob away")
	resumed := lampsOf(t, alice, base, heard)
	if status, body, _ := ask(t, bob, "DELETE", base+"/api/v1/me/status", ""); status != 200 {
		t.Fatal(status, body)
	}
	await(t, resumed, "bob offline")
	p.web.Close()
	for range lamps { // it ends
	}
}

func ask2(t *testing.T, c *http.Client, url string) (int, string) {
	status, body, _ := ask(t, c, "GET", url, "")
	return status, body
}

// A program signs in by digest or by a token, which is good for its scopes alone.
func TestAProgramSignsIn(t *testing.T) {
	t.Parallel()
	p, base := webOffice(t)
	c := browser(t)
	_, _, h := ask(t, c, "GET", base+"/api/v1/me", "")
	nonce := regexp.MustCompile(`nonce="([^"]*)"`).FindStringSubmatch(h.Get("WWW-Authenticate"))[1]
	sum := func(s string) string { b := md5.Sum([]byte(s)); return hex.EncodeToString(b[:]) }
	for i, want := range map[string]int{webPassword: 200, "wrong": 401} {
		response := sum(sum("alice:example.test:"+i) + ":" + nonce + ":00000001:c:auth:" + sum("GET:/api/v1/me"))
		got, body, _ := ask(t, c, "GET", base+"/api/v1/me", "", "Authorization",
			fmt.Sprintf(`Digest username="alice", realm="example.test", nonce="%s", uri="/api/v1/me", response="%s", algorithm=MD5, qop=auth, nc=00000001, cnonce="c"`, nonce, response))
		if got != want {
			t.Errorf("digest with %q: %d %s", i, got, body)
		}
	}
	token, hash := auth.NewToken()
	if _, err := p.people.AddToken(hash, cold.Token{AoR: event.AoR("sip:alice@example.test"), Scopes: []string{"people"}, Made: time.Now()}); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{"/people": 200, "/history": 403, "/me": 200} {
		if got, body, _ := ask(t, c, "GET", base+"/api/v1"+path, "", "Authorization", "Bearer "+token); got != want {
			t.Errorf("a token for people at %s: %d %s", path, got, body)
		}
	}
	if got, _, _ := ask(t, c, "GET", base+"/api/v1/me", "", "Authorization", "Bearer "+token+"x"); got != 401 {
		t.Errorf("another token: %d", got)
	}
}

// The link makes the first administrator, once.
func TestTheFirstAdministrator(t *testing.T) {
	t.Parallel()
	p, base := webOffice(t)
	c := browser(t)
	link, err := url.Parse(p.SetupLink())
	if err != nil || link.Host != p.webAddr {
		t.Fatal(link, err)
	}
	form := url.Values{"token": {link.Query().Get("token")}, "user": {"root"}, "password": {webPassword}}
	for i, want := range []int{303, 404} {
		r, err := c.PostForm(base+"/setup", form)
		if err != nil || r.StatusCode != want {
			t.Errorf("use %d of the link: %d, %v", i, r.StatusCode, err)
		}
		r.Body.Close()
	}
	if _, body := ask2(t, c, base+"/api/v1/me"); !strings.Contains(body, `"role":"admin"`) {
		t.Error(body)
	}
}
