package cold

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"lamplight/directory"
	"lamplight/sip/digest"
)

// office is a store with two domains and Alice.
func office(t *testing.T) (*Store, string) {
	dir := t.TempDir()
	s := reopen(t, dir)
	must(t, s.AddDomain("example.test", "192.0.2.1"))
	must(t, s.AddDomain("Example.ORG"))
	must(t, s.AddUser("alice@example.test", "Alice Kim", []string{"1002", "+49 89 1234"}, "secret of alice"))
	return s, dir
}

func reopen(t testing.TB, dir string) *Store {
	t.Helper()
	s, err := Open(dir)
	must(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func load(t *testing.T, s *Store) ([]directory.Domain, []directory.User) {
	t.Helper()
	domains, users, err := s.Load()
	must(t, err)
	return domains, users
}

func TestUsersAndDomainsAreThereAfterTheFileIsOpenedAgain(t *testing.T) {
	s, dir := office(t)
	must(t, s.Close())
	domains, users := load(t, reopen(t, dir))
	want := []directory.Domain{
		{Name: "example.test", Realm: "example.test", Aliases: []string{"192.0.2.1"}},
		{Name: "example.org", Realm: "example.org"},
	}
	if !reflect.DeepEqual(domains, want) {
		t.Errorf("domains %+v, want %+v", domains, want)
	}
	if len(users) != 1 || users[0].AoR != "sip:alice@example.test" || users[0].Name != "Alice Kim" ||
		!slices.Equal(users[0].Aliases, []string{"+49891234", "1002"}) {
		t.Fatalf("users %+v", users)
	}
	hashes := map[string]digest.HA1s{}
	for _, name := range []string{"alice", "1002", "+49891234"} {
		for _, username := range []string{name, name + "@example.test"} {
			hashes[username] = digest.Hash(username, "example.test", "secret of alice")
		}
	}
	if !reflect.DeepEqual(users[0].HA1, hashes) {
		t.Errorf("hashes of %d names, want %d, or others", len(users[0].HA1), len(hashes))
	}
}

func TestADomainKeepsItsRealmAndIsMadeOnce(t *testing.T) {
	s, _ := office(t)
	must(t, s.AddDomain("example.test", "192.0.2.1", "example.net"))
	must(t, s.SetDomain(directory.Domain{Name: "example.test", Realm: "another", Country: "49", Area: "89", Prefix: "0",
		Watchers: []string{"example.org"}, Aliases: []string{"example.net"}}))
	domains, _ := load(t, s)
	want := directory.Domain{Name: "example.test", Realm: "example.test", Country: "49", Area: "89", Prefix: "0",
		Watchers: []string{"example.org"}, Aliases: []string{"example.net"}}
	if len(domains) != 2 || !reflect.DeepEqual(domains[0], want) {
		t.Errorf("%+v", domains)
	}
}

func TestWhatIsRefused(t *testing.T) {
	s, _ := office(t)
	for what, test := range map[string]struct{ got, want error }{
		"the user again":          {s.AddUser("sip:alice@EXAMPLE.test", "", nil, "p"), ErrExists},
		"by the domain's alias":   {s.AddUser("alice@192.0.2.1", "", nil, "p"), ErrExists},
		"a foreign domain":        {s.AddUser("alice@example.net", "", nil, "p"), ErrNoDomain},
		"by the first domain":     {s.AddUser("alice", "", nil, "p"), ErrExists},
		"an empty domain":         {s.AddUser("bob@", "", nil, "p"), ErrBadName},
		"two @":                   {s.AddUser("a@lice@example.test", "", nil, "p"), ErrBadName},
		"a space":                 {s.AddUser("al ice@example.test", "", nil, "p"), ErrBadName},
		"a line's end":            {s.AddUser("bob\n@example.test", "", nil, "p"), ErrBadName},
		"a colon":                 {s.AddUser("b:ob@example.test", "", nil, "p"), ErrBadName},
		"a long name":             {s.AddUser(strings.Repeat("b", 129)+"@example.test", "", nil, "p"), ErrBadName},
		"a control shown":         {s.AddUser("bob@example.test", "Bob\x1b[2J", nil, "p"), ErrBadName},
		"no password":             {s.AddUser("bob@example.test", "", nil, ""), ErrBadPassword},
		"a password of two lines": {s.AddUser("bob@example.test", "", nil, "a\nb"), ErrBadPassword},
		"an alias taken":          {s.AddUser("bob@example.test", "", []string{"1002"}, "p"), ErrTaken},
		"a user as an alias":      {s.AddUser("bob@example.test", "", []string{"alice"}, "p"), ErrTaken},
		"an alias as a user":      {s.AddUser("1002@example.test", "", nil, "p"), ErrTaken},
		"a number elsewhere":      {s.AddUser("bob@example.org", "", []string{"+49(89)12-34"}, "p"), ErrTaken},
		"no number":               {s.AddUser("bob@example.test", "", []string{"+49x"}, "p"), ErrBadName},
		"too many aliases":        {s.AddUser("bob@example.test", "", make([]string, 65), "p"), ErrBadName},
		"SQL":                     {s.AddUser("bob'); DROP TABLE users;--@example.test", "", nil, "p"), ErrBadName},
		"removing nobody":         {s.RemoveUser("bob@example.test"), ErrNoUser},
		"removing from nowhere":   {s.RemoveUser("bob@example.net"), ErrNoDomain},
		"a password for nobody":   {s.SetPassword("bob@example.test", "p", false), ErrNoUser},
		"an empty new password":   {s.SetPassword("alice@example.test", "", false), ErrBadPassword},
		"a domain's alias":        {s.AddDomain("192.0.2.1"), ErrTaken},
		"another domain":          {s.AddDomain("example.test", "example.org"), ErrTaken},
		"a domain of spaces":      {s.AddDomain("example test"), ErrBadName},
		"setting no domain":       {s.SetDomain(directory.Domain{Name: "example.net"}), ErrNoDomain},
		"bad country":             {s.SetDomain(directory.Domain{Name: "example.test", Country: "+49"}), ErrBadNumber},
		"bad prefix":              {s.SetDomain(directory.Domain{Name: "example.test", Prefix: "0x"}), ErrBadNumber},
		"bad watchers":            {s.SetDomain(directory.Domain{Name: "example.test", Watchers: []string{""}}), ErrBadName},
	} {
		if !errors.Is(test.got, test.want) {
			t.Errorf("%s: %v, want %v", what, test.got, test.want)
		}
	}
	if domains, users := load(t, s); len(users) != 1 || len(domains) != 2 || len(domains[0].Aliases) != 1 {
		t.Errorf("something refused was kept: %+v %+v", domains, users)
	}
}

func TestNamesWithMarksAreTakenAsTheyAre(t *testing.T) {
	s, _ := office(t)
	must(t, s.AddUser("o'brien@example.test", `Robert"); DROP TABLE users;--`, nil, "'; --"))
	if _, users := load(t, s); len(users) != 2 || users[1].AoR != "sip:o'brien@example.test" ||
		users[1].Name != `Robert"); DROP TABLE users;--` {
		t.Errorf("%+v", users)
	}
}

func TestARemovedUserLeavesNothing(t *testing.T) {
	s, _ := office(t)
	must(t, s.RemoveUser("alice@example.test"))
	must(t, s.AddUser("bob@example.test", "", []string{"alice", "1002", "+49891234"}, "p"))
	if _, users := load(t, s); len(users) != 1 || users[0].AoR != "sip:bob@example.test" || len(users[0].HA1) != 8 {
		t.Errorf("%+v", users)
	}
}

func TestManyUsersAreAllOrNone(t *testing.T) {
	s, _ := office(t)
	var many []NewUser
	for i := range 2000 {
		many = append(many, NewUser{AoR: fmt.Sprintf("user%d@example.test", i), Password: fmt.Sprintf("password %d", i)})
	}
	if err := s.AddUsers(append(slices.Clone(many), many[7])); !errors.Is(err, ErrExists) || !strings.HasPrefix(err.Error(), "user7@example.test") {
		t.Errorf("%v", err)
	}
	if list, err := s.ListUsers(); err != nil || len(list) != 1 {
		t.Errorf("%d users, %v", len(list), err)
	}
	must(t, s.AddUsers(many))
	if list, err := s.ListUsers(); err != nil || len(list) != 2001 || list[0].HA1 != nil {
		t.Errorf("%d users, %v", len(list), err)
	}
	_, users := load(t, s)
	i := slices.IndexFunc(users, func(u directory.User) bool { return u.AoR == "sip:user1999@example.test" })
	if users[i].HA1["user1999"] != digest.Hash("user1999", "example.test", "password 1999") {
		t.Error("another user's hash")
	}
}

func TestPasswordsForPhonesAndForPages(t *testing.T) {
	s, _ := office(t)
	const alice = "alice@example.test"
	expect := func(onPhone, onPages string) {
		t.Helper()
		_, users := load(t, s)
		for name, h := range users[0].HA1 {
			if h != digest.Hash(name, "example.test", onPhone) {
				t.Errorf("%s: the phone's password isn't %q", name, onPhone)
			}
		}
		for _, password := range []string{"secret of alice", "second", "third", "pages"} {
			if ok, err := s.CheckWeb(alice, password); err != nil || ok != (password == onPages) {
				t.Errorf("pages with %q: %v, %v", password, ok, err)
			}
		}
	}
	expect("secret of alice", "secret of alice")
	must(t, s.SetPassword(alice, "second", false))
	expect("second", "second")
	must(t, s.SetPassword(alice, "pages", true))
	expect("second", "pages")
	must(t, s.SetPassword(alice, "third", false))
	expect("third", "pages")
}

func TestPagesTakeThePhonesPasswordOfAUserAddedFast(t *testing.T) {
	s, _ := office(t)
	must(t, s.AddUsers([]NewUser{{AoR: "bob@example.test", Password: "fast"}}))
	for password, want := range map[string]bool{"fast": true, "slow": false} {
		if ok, err := s.CheckWeb("bob@example.test", password); err != nil || ok != want {
			t.Errorf("%s: %v, %v", password, ok, err)
		}
	}
	if ok, err := s.CheckWeb("carol@example.test", "fast"); ok || err != nil {
		t.Errorf("nobody: %v", err)
	}
}

func TestNoFileHoldsAPasswordAndOnlyTheOwnerReadsThem(t *testing.T) {
	s, dir := office(t)
	must(t, s.SetPassword("alice@example.test", "the second secret", true))
	files, err := os.ReadDir(dir)
	must(t, err)
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(dir, f.Name()))
		must(t, err)
		info, err := f.Info()
		must(t, err)
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: mode %v", f.Name(), info.Mode())
		}
		for _, secret := range []string{"secret of alice", "the second secret"} {
			if bytes.Contains(b, []byte(secret)) {
				t.Errorf("%s holds %q", f.Name(), secret)
			}
		}
	}
}

func TestALaterVersionsFileIsLeftAlone(t *testing.T) {
	s, dir := office(t)
	_, err := s.db.Exec("PRAGMA user_version = 99")
	must(t, err)
	must(t, s.Close())
	if _, err := Open(dir); !errors.Is(err, ErrFormat) {
		t.Errorf("%v", err)
	}
}

func TestTwoProcessesMayChangeUsers(t *testing.T) {
	s, dir := office(t)
	other := reopen(t, dir)
	must(t, other.AddUser("bob@example.test", "", nil, "p"))
	if _, users := load(t, s); len(users) != 2 {
		t.Errorf("%+v", users)
	}
}

func TestMemoryAndOddFolders(t *testing.T) {
	s, err := OpenMemory()
	must(t, err)
	defer s.Close()
	if err := s.AddUser("alice", "", nil, "p"); !errors.Is(err, ErrNoDomain) {
		t.Errorf("without any domain: %v", err)
	}
	must(t, s.AddDomain("example.test"))
	must(t, s.AddUser("alice@example.test", "", nil, "p"))
	if _, users := load(t, s); len(users) != 1 {
		t.Errorf("%+v", users)
	}
	dir := filepath.Join(t.TempDir(), "a b?c=%20#d")
	must(t, reopen(t, dir).AddDomain("example.test"))
	if _, err := os.Stat(filepath.Join(dir, File)); err != nil {
		t.Error(err)
	}
	if domains, _ := load(t, reopen(t, dir)); len(domains) != 1 {
		t.Errorf("%+v", domains)
	}
}

func FuzzAddUser(f *testing.F) {
	s, err := OpenMemory()
	must(f, err)
	f.Cleanup(func() { _ = s.Close() })
	must(f, s.AddDomain("example.test"))
	f.Add("alice@example.test", "1002", "+49 89 1234")
	f.Add("sip:o'brien@EXAMPLE.test", "", "+")
	f.Add("a@b@c", "\x00", "+--")
	f.Fuzz(func(t *testing.T, aor, alias, number string) {
		if s.AddUsers([]NewUser{{AoR: aor, Aliases: []string{alias, number}, Password: "p"}}) != nil {
			return
		}
		users, err := s.ListUsers()
		if err != nil || len(users) != 1 || strings.ContainsFunc(string(users[0].AoR), func(r rune) bool { return r <= ' ' || r > '~' }) {
			t.Fatalf("%+v, %v", users, err)
		}
		must(t, s.RemoveUser(aor))
	})
}

func BenchmarkAddUsers(b *testing.B) {
	many := make([]NewUser, 20_000)
	for i := range many {
		many[i] = NewUser{AoR: fmt.Sprintf("user%d@example.test", i), Password: "password"}
	}
	for b.Loop() {
		s, err := Open(b.TempDir())
		must(b, err)
		must(b, s.AddDomain("example.test"))
		must(b, s.AddUsers(many))
		must(b, s.Close())
	}
}
