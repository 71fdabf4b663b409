package interop

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// window is a Chromium with the pages open, as somebody uses it. `make tools`
// installs what it needs.
type window struct{ *program }

// words of the sign-in page, by language.
var signInWords = map[string][]string{"en": {"User", "Password", "Sign in"}, "ko": {"사용자", "비밀번호", "로그인"}}

// openWindow signs a user in.
func openWindow(t *testing.T, s *server, user, lang, scheme string) window {
	t.Helper()
	w := newWindow(t, s, lang, scheme)
	w.does(t, `"done":"signin","at":"/"`, "signin", user, password, signInWords[lang])
	return w
}

func newWindow(t *testing.T, s *server, lang, scheme string) window {
	t.Helper()
	dir, err := filepath.Abs("browser")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "playwright-core")); err != nil {
		t.Fatalf("%v: make tools", err)
	}
	return window{start(t, t.TempDir(), "node", filepath.Join(dir, "pages.mjs"), "http://"+s.at["web"], lang, scheme)}
}

// does has the window do something, and waits until it says what a pattern
// describes.
func (w window) does(t *testing.T, says string, what ...any) []string {
	t.Helper()
	b, err := json.Marshal(what)
	if err != nil {
		t.Fatal(err)
	}
	w.types(t, string(b)+"\n")
	return w.await(t, says)
}

// shows waits for a lamp.
func (w window) shows(t *testing.T, user, word string) {
	t.Helper()
	w.does(t, `"done":"lamp"`, "lamp", user+"@"+domain, word)
}

func pagesServer(t *testing.T) *server {
	t.Helper()
	return serve(t, "--web", "127.0.0.1:0")
}

// A call between two phones is seen on a page that is open, and a click makes one.
func TestALampOnAPage(t *testing.T) {
	s := pagesServer(t)
	w := openWindow(t, s, "carol", "en", "light")
	w.shows(t, "alice", "Offline")
	alice, bob := newTelephone(t, "alice", s.at["udp"]), newTelephone(t, "bob", s.at["udp"])
	w.shows(t, "alice", "Available")
	alice.calls(t, "bob")
	bob.rings(t, "alice")
	w.shows(t, "bob", "Ringing")
	bob.answers(t)
	w.shows(t, "bob", "On the phone")
	w.shows(t, "alice", "On the phone")
	bob.hangsUp(t)
	w.shows(t, "bob", "Available")
	w.does(t, `"done":"goto","at":"/history","status":200`, "goto", "/history")

	(&publisher{server: s, user: "dave"}).is(t, "busy")
	w.does(t, `"done":"goto","at":"/"`, "goto", "/")
	w.shows(t, "dave", "Busy")
	carol := newTelephone(t, "carol", s.at["udp"])
	w.does(t, `"done":"click"`, "click", "button", "Call dave")
	w.does(t, `"done":"has"`, "has", "button", "Call anyway")
	w.does(t, `"done":"press"`, "press", "Escape")
	w.does(t, `"done":"lacks"`, "lacks", "button", "Call anyway")
	w.does(t, `"done":"click"`, "click", "button", "Call bob")
	carol.await(t, `Incoming call from`)
	carol.answers(t)
	bob.rings(t, "carol")
	w.does(t, `"done":"says"`, "says", "It rings at bob")
	bob.answers(t)
	w.does(t, `"done":"says"`, "says", "You are connected with bob")
	bob.hangsUp(t)
}

// The search finds as one types, by the keyboard alone, and while a syllable is
// being composed.
func TestTheSearchOnAPage(t *testing.T) {
	s := pagesServer(t)
	s.does(t, password+"\n", "user", "add", "gildong@"+domain, "--name", "홍길동", "--alias", "1007", "--password-stdin")
	w := openWindow(t, s, "alice", "ko", "dark")
	w.does(t, `"done":"press"`, "press", "/")
	w.does(t, `"id":"search"`, "focus")
	w.does(t, `"value":"호"`, "compose", "ㅎ", "호")
	w.does(t, `"done":"rows"`, "rows", 1)
	w.does(t, `"value":"홍"`, "commit", "홍")
	w.does(t, `"done":"has"`, "has", "button", "홍길동에게 전화")
	for _, query := range []string{"ㅎㄱㄷ", "ghdrlfehd", "1007"} {
		w.does(t, `"done":"fill"`, "fill", "combobox", "검색", query)
		w.does(t, `"done":"rows"`, "rows", 1)
		w.does(t, `"done":"has"`, "has", "button", "홍길동에게 전화")
	}
	w.does(t, `"done":"press"`, "press", "Escape")
	w.does(t, `"done":"fill"`, "fill", "combobox", "검색", "")
}

// What one sets is set, and what others may see is theirs to ask.
func TestOnesOwnPage(t *testing.T) {
	s := pagesServer(t)
	newTelephone(t, "alice", s.at["udp"])
	w := openWindow(t, s, "alice", "en", "light")
	other := openWindow(t, s, "bob", "ko", "light")
	other.shows(t, "alice", "대화 가능")
	w.does(t, `"done":"goto","at":"/me"`, "goto", "/me")
	w.does(t, `"done":"click"`, "click", "switch", "Do not disturb")
	other.shows(t, "alice", "방해 금지")
	w.shows(t, "alice", "Do not disturb")
	w.does(t, `"done":"click"`, "click", "switch", "Do not disturb")
	other.shows(t, "alice", "대화 가능")
}

// Who does not sign in rightly stays where that is done, whether or not there is
// such a user.
func TestSigningInOnAPage(t *testing.T) {
	s := pagesServer(t)
	w := newWindow(t, s, "en", "light")
	w.does(t, `"done":"goto","at":"/login"`, "goto", "/me")
	var said []string
	for _, user := range []string{"alice", "nobody"} {
		w.does(t, `"at":"/login"`, "signin", user, "wrong", signInWords["en"])
		said = append(said, w.does(t, `"done":"evaluate","value":"([^"]*)"`, "evaluate", "[...document.querySelectorAll('[role=alert]')].map(a => a.textContent).join('|')")[1])
	}
	if said[0] != said[1] || said[0] == "" {
		t.Errorf("said %q", said)
	}
}

// No page has a finding of axe, in either language and either scheme.
func TestPagesForEverybody(t *testing.T) {
	s := pagesServer(t)
	newTelephone(t, "alice", s.at["udp"])
	for lang, scheme := range map[string]string{"en": "light", "ko": "dark"} {
		w := newWindow(t, s, lang, scheme)
		w.does(t, `"done":"goto","at":"/login"`, "goto", "/login")
		w.finds(t, "/login")
		w.does(t, `"done":"signin"`, "signin", "alice", password, signInWords[lang])
		for _, path := range []string{"/", "/history", "/panel", "/me"} {
			w.does(t, `"done":"goto","at":"`+path+`","status":200`, "goto", path)
			w.finds(t, path)
		}
	}
}

func (w window) finds(t *testing.T, path string) {
	t.Helper()
	if found := w.does(t, `"done":"axe","findings":(\[.*\])`, "axe")[1]; found != "[]" {
		t.Errorf("%s: %s", path, strings.ReplaceAll(found, `","`, "\n"))
	}
}
