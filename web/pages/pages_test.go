package pages

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"lamplight/event"
)

const alice = event.AoR("sip:alice@example.test")

// office is people as the pages ask for them, with what attackers would write.
type office struct{}

const evil = `"><script>alert(1)</script>`

func (office) People(_ context.Context, _ event.AoR, query string, _ int) (list []Person, err error) {
	for _, p := range []Person{
		{AoR: "sip:bob@example.test", State: "on-the-phone", Name: "Bob Lee", Call: "bob@example.test", Numbers: []string{"1002"}, Department: "Sales"},
		{AoR: "sip:gildong@example.test", State: "available", Name: "홍길동", Call: "gildong@example.test", Favourite: true},
		{AoR: "sip:eve@example.test", State: "away", Name: evil, Call: "javascript:alert(1)", Numbers: []string{evil}},
	} {
		if strings.Contains(p.Name, query) {
			list = append(list, p)
		}
	}
	return list, nil
}

func (office) Calls(context.Context, event.AoR, string, bool) ([]Call, string, error) {
	at := time.Date(2026, 11, 24, 9, 30, 0, 0, time.UTC)
	return []Call{
		{AoR: "sip:bob@example.test", State: "busy", Name: "Bob Lee", Call: "bob@example.test", Outgoing: true, Result: "answered", At: at, Length: 75 * time.Second},
		{Number: "+8225551234", Call: "+8225551234", Result: "missed", At: at, Reason: evil},
	}, "next", nil
}

func (o office) Groups(context.Context, event.AoR) ([]Group, error) {
	people, _ := o.People(context.Background(), alice, "", 9)
	return []Group{{ID: "favourites", People: people, Own: true}, {ID: "everyone", People: people}}, nil
}

func (office) Me(context.Context, event.AoR) (Me, error) {
	return Me{Person: Person{AoR: alice, State: "dnd", Name: "Alice Kim"}, DND: true, DNDUntil: time.Now().Add(time.Hour), Note: evil, Status: "away",
		Watchers: []Watcher{{"sip:bob@example.test", "Bob Lee", "pending"}}, Devices: []Device{{Name: "Desk", Address: "192.0.2.7", Expires: time.Now()}}}, nil
}

func (office) ViewAs(context.Context, event.AoR, string) (string, string, error) {
	return "away", "<presence/>", nil
}
func (office) Zone(event.AoR) *time.Location { return time.UTC }

func get(t *testing.T, path, lang string, signedIn bool) (status int, body string, header http.Header) {
	t.Helper()
	p := New(Options{Office: office{}, User: func(*http.Request) (event.AoR, bool) { return alice, signedIn }})
	r := httptest.NewRequest("GET", path, nil)
	r.Header.Set("Accept-Language", lang)
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	all, _ := io.ReadAll(w.Result().Body)
	return w.Code, string(all), w.Result().Header
}

func TestPagesSayWhatTheyShow(t *testing.T) {
	for _, c := range []struct {
		path, lang string
		want       []string
	}{
		{"/", "en", []string{`<html lang="en"`, `role="combobox" aria-label="Search"`, `aria-label="On the phone"`, `data-aor="bob@example.test" data-state="on-the-phone"`, `aria-label="Call Bob Lee"`, "홍길동"}},
		{"/", "ko-KR,ko;q=0.9,en;q=0.8", []string{`<html lang="ko"`, `aria-label="검색"`, `aria-label="통화 중"`, `aria-label="홍길동에게 전화"`}},
		{"/?q=홍", "en", []string{"홍길동"}},
		{"/?q=nobody", "en", []string{"Nobody is found."}},
		{"/history", "en", []string{"Outgoing", "Missed", `href="/history?before=next"`, "1:15", "24 Nov 2026"}},
		{"/history", "ko", []string{"발신", "부재중", "2026년 11월 24일"}},
		{"/panel", "en", []string{"Favourites", "Everyone", `aria-label="Pick up the call of Bob Lee"`}},
		{"/me?as=bob", "en", []string{`role="switch" id="dnd" aria-checked="true"`, "Do not disturb", `aria-label="Allow Bob Lee"`, `value="away" selected`, "&lt;presence/&gt;"}},
		{"/me", "ko", []string{"방해 금지", "로그아웃"}},
	} {
		status, body, header := get(t, c.path, c.lang, true)
		if status != http.StatusOK || header.Get("Cache-Control") != "private, no-store" {
			t.Errorf("%s: status %d, %v", c.path, status, header)
		}
		for _, w := range c.want {
			if !strings.Contains(body, w) {
				t.Errorf("%s in %s lacks %q:\n%s", c.path, c.lang, w, body)
			}
		}
		if strings.Contains(body, "<script>alert") || strings.Contains(body, `href="javascript`) {
			t.Errorf("%s lets in what somebody wrote:\n%s", c.path, body)
		}
	}
}

func TestWhoIsNotSignedInIsLedThere(t *testing.T) {
	for _, path := range []string{"/", "/history", "/panel", "/me", "/none"} {
		status, _, header := get(t, path, "en", false)
		if to := header.Get("Location"); status != http.StatusSeeOther || !strings.HasPrefix(to, "/login") {
			t.Errorf("%s: %d to %q", path, status, to)
		}
	}
}

func TestNobodyIsLedElsewhere(t *testing.T) {
	for next, want := range map[string]string{"/history?before=1": "/history?before=1", "": "/", "//evil.test": "/", "https://evil.test": "/", `/\evil.test`: "/"} {
		if got := Local(next); got != want {
			t.Errorf("%q leads to %q", next, got)
		}
	}
}

func TestBothLanguagesSayTheSame(t *testing.T) {
	for key, word := range words["en"] {
		if strings.Count(word, "%") != strings.Count(words["ko"][key], "%") || words["ko"][key] == "" {
			t.Errorf("%s: %q and %q", key, word, words["ko"][key])
		}
	}
	if len(words["en"]) != len(words["ko"]) {
		t.Error("Korean has words that English lacks")
	}
}

func TestLanguageIsTheBestThatIsSpoken(t *testing.T) {
	for header, want := range map[string]string{"": "en", "fr, ko;q=0.5": "ko", "en;q=0.4, ko;q=0.5": "ko", "de": "en", "en-GB": "en"} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Accept-Language", header)
		if got := language(r); got != want {
			t.Errorf("%q gets %s", header, got)
		}
	}
}

// What a browser loads for a page of 50 people, compressed, is under 60 kB.
func TestAPageIsLight(t *testing.T) {
	_, body, _ := get(t, "/", "en", true)
	row := body[strings.Index(body, `<div class="hit"`):strings.LastIndex(body, `<div class="hit"`)]
	sum := len(tighten([]byte(body + strings.Repeat(row, 25))))
	for _, name := range []string{"app.css", "app.js", "icon.svg"} {
		sum += len(files[name].tight)
	}
	if sum > 60_000 {
		t.Errorf("a page ships %d bytes", sum)
	}
}

func TestStaticFilesAreKeptAsLongAsTheyAreTheSame(t *testing.T) {
	status, body, header := get(t, staticPath("app.js"), "en", true)
	if status != http.StatusOK || !strings.Contains(header.Get("Cache-Control"), "immutable") || !strings.Contains(header.Get("Content-Type"), "javascript") || len(body) == 0 {
		t.Errorf("%d %v", status, header)
	}
	if _, _, header := get(t, "/static/old/app.js", "en", true); header.Get("Cache-Control") != "" {
		t.Error("an old address is kept")
	}
}

func ExamplePages() {
	keys := []string{}
	for k := range files {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	fmt.Println(keys)
	// Output: [app.css app.js app.webmanifest icon.svg]
}
