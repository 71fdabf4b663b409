package phonebook

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

var office = []Person{
	{Name: "홍길동", Numbers: []string{"1001", "+82212345"}, Department: "영업팀", State: "available"},
	{Name: "Ann <b> Lee", Numbers: []string{"1002"}, State: "dnd"},
	{Name: "No Number"},
}

func get(t *testing.T, method, path string, people []Person) string {
	t.Helper()
	w := httptest.NewRecorder()
	New(func(_ http.ResponseWriter, _ *http.Request, query string, limit int) ([]Person, bool) {
		if query == "hong" {
			return people[:1], true
		}
		return people, true
	}).ServeHTTP(w, httptest.NewRequest(method, "/phonebook/"+path, nil))
	if w.Code != http.StatusOK || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/xml") || xml.Unmarshal(w.Body.Bytes(), new(any)) != nil {
		t.Fatalf("%s: %d\n%s", path, w.Code, w.Body)
	}
	lines := strings.Split(w.Body.String(), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimSpace(l)
	}
	return strings.Join(lines[1:], "")
}

func TestFormats(t *testing.T) {
	const ann = "Ann &lt;b&gt; Lee"
	for path, want := range map[string]string{
		"yealink.xml":               "<YealinkIPPhoneDirectory><DirectoryEntry><Name>홍길동</Name><Telephone>1001</Telephone><Telephone>+82212345</Telephone></DirectoryEntry><DirectoryEntry><Name>" + ann + "</Name><Telephone>1002</Telephone></DirectoryEntry></YealinkIPPhoneDirectory>",
		"fanvil.xml?q=hong&state=1": "<YealinkIPPhoneDirectory><DirectoryEntry><Name>● 홍길동</Name><Telephone>1001</Telephone><Telephone>+82212345</Telephone></DirectoryEntry></YealinkIPPhoneDirectory>",
		"phonebook.xml?q=hong":      `<AddressBook><Contact><FirstName>홍길동</FirstName><LastName></LastName><Department>영업팀</Department><Phone type="Work"><phonenumber>1001</phonenumber><accountindex>0</accountindex></Phone><Phone type="Cell"><phonenumber>+82212345</phonenumber><accountindex>0</accountindex></Phone></Contact></AddressBook>`,
		"snom.xml?q=hong":           `<tbook e="2" version="2.0" complete="true"><item context="active" index="0"><first_name>홍길동</first_name><name>홍길동</name><number>1001</number></item><item context="active" index="1"><first_name>홍길동</first_name><name>홍길동</name><number>+82212345</number></item></tbook>`,
		"snom-menu.xml?q=hong":      "<SnomIPPhoneDirectory><Title>Directory</Title><DirectoryEntry><Name>홍길동</Name><Telephone>1001</Telephone></DirectoryEntry><DirectoryEntry><Name>홍길동</Name><Telephone>+82212345</Telephone></DirectoryEntry></SnomIPPhoneDirectory>",
		"poly.xml?q=hong":           "<directory><item_list><item><fn>홍길동</fn><ct>1001</ct></item><item><fn>홍길동</fn><ct>+82212345</ct></item></item_list></directory>",
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			if got := get(t, method, path, office); got != want {
				t.Errorf("%s %s:\n%s\nwant\n%s", method, path, got, want)
			}
		}
	}
}

func TestCiscoTurnsPages(t *testing.T) {
	var many []Person
	for i := range 70 {
		many = append(many, Person{Name: fmt.Sprint("P", i), Numbers: []string{fmt.Sprint(i)}})
	}
	for page, want := range map[string]struct {
		entries int
		says    string
	}{
		"": {32, "<Prompt>1-32 / 70</Prompt>"}, "&page=1": {32, "<URL>http://example.com/phonebook/cisco.xml?page=2&amp;q=x</URL>"}, "&page=2": {6, "<Prompt>65-70 / 70</Prompt>"},
		"&page=99": {6, "65-70"}, "&page=-1": {32, "1-32"},
	} {
		got := get(t, http.MethodGet, "cisco.xml?q=x"+page, many)
		if n := strings.Count(got, "<DirectoryEntry>"); n != want.entries || !strings.Contains(got, want.says) || strings.Contains(got, "Next") != (n == 32) {
			t.Errorf("%q: %d\n%s", page, n, got)
		}
	}
}

func TestPolyNamesAreShort(t *testing.T) {
	if got := cut(strings.Repeat("홍", 20), polyName); got != strings.Repeat("홍", 13) {
		t.Error(got)
	}
}
