package pages

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"lamplight/event"
)

// administration notes what it is asked for.
type administration struct{ asked *[]string }

func (a administration) note(what ...string) { *a.asked = append(*a.asked, strings.Join(what, " ")) }

func (administration) Users() ([]Account, error) {
	return []Account{{AoR: "alice@example.test", Name: evil, Aliases: []string{"1001"}, Role: "admin"}}, nil
}
func (a administration) AddUser(by event.AoR, u Account, password, web string) error {
	a.note(string(by), "adds", u.AoR, u.Name, strings.Join(u.Aliases, "+"), password, web)
	if u.AoR == "taken" {
		return errors.New("is there already")
	}
	return nil
}
func (a administration) RemoveUser(by event.AoR, aor string) error {
	a.note(string(by), "removes", aor)
	return nil
}
func (a administration) SetRole(by event.AoR, aor, role string) error {
	a.note(string(by), "makes", aor, role)
	return nil
}
func (a administration) Import(by event.AoR, name string, file []byte, dry bool) ([]Person, int, error) {
	a.note(string(by), "imports", name, string(file), map[bool]string{true: "dry"}[dry])
	return []Person{{Name: "김하나", Numbers: []string{"1008"}}}, 1, nil
}
func (administration) Imported() int { return 20000 }
func (administration) Domains() ([]Domain, error) {
	return []Domain{{Name: "example.test", Realm: "example.test"}}, nil
}
func (a administration) SetDomain(by event.AoR, d Domain) error {
	a.note(string(by), "sets", d.Name, strings.Join(d.Watchers, "+"), d.Country)
	return nil
}
func (administration) Peers() []string  { return []string{"192.0.2.1"} }
func (administration) Counts() []string { return []string{"7 subscriptions"} }
func (administration) Live(context.Context, string) (Live, error) {
	return Live{Inputs: []Holding{{Event: "presence", By: "phone", What: evil, At: time.Now()}}, Subscriptions: []Subscription{{Event: "dialog", Watcher: "bob", State: "active"}}}, nil
}
func (administration) Explain(_ context.Context, aor, as string) ([]string, error) {
	return []string{aor + " is red for " + as, evil}, nil
}
func (administration) Messages(string) ([]Message, error) {
	return []Message{{At: time.Now(), From: "a", To: "b", Text: "OPTIONS sip:a SIP/2.0\r\n" + evil}}, nil
}
func (administration) Audit(string) ([]Entry, string, error) {
	return []Entry{{At: time.Now(), By: "alice", What: "add user", About: evil}}, "7", nil
}

// ask sends a request as an administrator, and gives the page and what was changed.
func ask(t *testing.T, r *http.Request, signedIn bool) (status int, page string, asked []string) {
	t.Helper()
	a := NewAdmin(AdminOptions{Admin: administration{&asked}, User: func(*http.Request) (event.AoR, bool) { return alice, signedIn }})
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	body, _ := io.ReadAll(w.Result().Body)
	return w.Code, string(body), asked
}

func form(path string, values ...string) *http.Request {
	v := url.Values{}
	for i := 0; i < len(values); i += 2 {
		v.Set(values[i], values[i+1])
	}
	r := httptest.NewRequest("POST", path, strings.NewReader(v.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

func TestAdministratorsSee(t *testing.T) {
	for path, want := range map[string]string{
		"/": "alice@example.test", "/import": "CSV or vCard", "/domains": "192.0.2.1", "/live": "7 subscriptions",
		"/live?aor=alice": "presence", "/why?aor=alice&as=bob": "alice is red for bob", "/messages?aor=alice": "OPTIONS sip:a SIP/2.0", "/audit": "add user",
	} {
		status, page, _ := ask(t, httptest.NewRequest("GET", path, nil), true)
		if status != http.StatusOK || !strings.Contains(page, want) || !strings.Contains(page, `aria-current="page"`) {
			t.Errorf("%s: %d, lacks %q:\n%s", path, status, want, page)
		}
		if strings.Contains(page, "<script>alert") {
			t.Errorf("%s lets a script in", path)
		}
	}
}

func TestAdministratorsChange(t *testing.T) {
	for _, c := range []struct {
		request *http.Request
		want    string
	}{
		{form("/people/add", "aor", "bob", "name", "Bob", "aliases", "1002  200", "password", "secret", "web", "other"), "sip:alice@example.test adds bob Bob 1002+200 secret other"},
		{form("/people/remove", "aor", "bob@example.test"), "sip:alice@example.test removes bob@example.test"},
		{form("/people/role", "aor", "bob@example.test", "role", "operator"), "sip:alice@example.test makes bob@example.test operator"},
		{form("/domains", "name", "example.test", "watchers", "a.test b.test", "country", "82"), "sip:alice@example.test sets example.test a.test+b.test 82"},
	} {
		status, page, asked := ask(t, c.request, true)
		if status != http.StatusOK || len(asked) != 1 || asked[0] != c.want || !strings.Contains(page, "Saved.") {
			t.Errorf("%d %v, want %s", status, asked, c.want)
		}
	}
	if status, page, _ := ask(t, form("/people/add", "aor", "taken"), true); status != http.StatusUnprocessableEntity || !strings.Contains(page, "is there already") {
		t.Errorf("a user who cannot be made: %d", status)
	}
}

func TestAFileIsShownBeforeItIsTaken(t *testing.T) {
	for do, dry := range map[string]string{"preview": "dry", "import": ""} {
		var body bytes.Buffer
		m := multipart.NewWriter(&body)
		f, _ := m.CreateFormFile("file", "people.csv")
		_, _ = f.Write([]byte("name,number"))
		_ = m.WriteField("do", do)
		_ = m.Close()
		r := httptest.NewRequest("POST", "/import", &body)
		r.Header.Set("Content-Type", m.FormDataContentType())
		_, page, asked := ask(t, r, true)
		if len(asked) != 1 || asked[0] != "sip:alice@example.test imports people.csv name,number "+dry || !strings.Contains(page, "김하나") {
			t.Errorf("%s: %v", do, asked)
		}
		if strings.Contains(page, "1 people were imported.") != (do == "import") {
			t.Errorf("%s says\n%s", do, page)
		}
	}
}

func TestOthersAdministerNothing(t *testing.T) {
	for _, r := range []*http.Request{httptest.NewRequest("GET", "/", nil), form("/people/remove", "aor", "bob@example.test")} {
		if status, _, asked := ask(t, r, false); status != http.StatusSeeOther || asked != nil {
			t.Errorf("%s %s: %d %v", r.Method, r.URL, status, asked)
		}
	}
}
