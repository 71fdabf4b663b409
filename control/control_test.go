package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lamplight/directory"
	"lamplight/event"
	"lamplight/store/cold"
)

// office is the users of a store in memory.
type office struct{ s *cold.Store }

func (o office) Add(users []NewUser) error {
	many := make([]cold.NewUser, len(users))
	for i, u := range users {
		many[i] = cold.NewUser{AoR: u.AoR, Name: u.Name, Aliases: u.Aliases, Password: u.Password}
	}
	return o.s.AddUsers(many)
}

func (o office) List() ([]User, error) {
	users, err := o.s.ListUsers()
	list := make([]User, len(users))
	for i, u := range users {
		list[i] = User{AoR: string(u.AoR), Name: u.Name, Aliases: u.Aliases}
	}
	return list, err
}

func (o office) Remove(aor string) error { return o.s.RemoveUser(aor) }

func (o office) SetPassword(aor, password string, web bool) error {
	return o.s.SetPassword(aor, password, web)
}

func (o office) Domains() ([]Domain, error) {
	domains, _, err := o.s.Load()
	list := make([]Domain, len(domains))
	for i, d := range domains {
		list[i] = Domain{Name: d.Name, Realm: d.Realm, Watchers: d.Watchers}
	}
	return list, err
}

func (o office) Groups() ([]Group, error) {
	all, err := o.s.Groups()
	var list []Group
	for _, g := range all {
		one := Group{Name: g.Name, Pickup: g.Pickup}
		for _, m := range g.Members {
			one.Members = append(one.Members, string(m))
		}
		list = append(list, one)
	}
	return list, err
}

func (o office) SetGroup(g Group) error {
	one := directory.Group{Name: g.Name, Pickup: g.Pickup}
	for _, m := range g.Members {
		one.Members = append(one.Members, event.AoR(m))
	}
	return o.s.SetGroup(one)
}

func (o office) RemoveGroup(name string) error { return o.s.RemoveGroup(name) }

func (o office) LeaveGroup(name, member string) error { return o.s.LeaveGroup(name, event.AoR(member)) }

func (o office) SetDomain(d Domain) error {
	return o.s.SetDomain(directory.Domain{Name: d.Name, Watchers: d.Watchers})
}

func (office) Import([]byte, bool) (Imported, error) { return Imported{}, errors.New("not here") }
func (office) Contacts() ([]Contact, error)          { return nil, nil }
func (office) RemoveContact(int64) error             { return cold.ErrNoPerson }
func (office) Role(string) (string, error)           { return "", errors.New("not here") }
func (office) SetRole(string, string) error          { return cold.ErrBadRole }
func (office) Tokens(string) ([]Token, error)        { return nil, nil }
func (office) AddToken(TokenOrder) (Token, error)    { return Token{}, errors.New("not here") }
func (office) RemoveToken(string, int64) error       { return cold.ErrNoToken }

func TestDomainsAreSet(t *testing.T) {
	dir := t.TempDir()
	l, err := Listen(dir)
	must(t, err)
	_, stop := serve(t, l)
	defer stop()
	c := InDir(dir)
	defer c.Close()
	must(t, c.SetDomain(t.Context(), Domain{Name: "example.test", Watchers: []string{"other.test"}}))
	list, err := c.Domains(t.Context())
	if err != nil || len(list) != 1 || list[0].Realm != "example.test" || len(list[0].Watchers) != 1 || list[0].Watchers[0] != "other.test" {
		t.Errorf("%+v, %v", list, err)
	}
	var said *Error
	if err := c.SetDomain(t.Context(), Domain{Name: "nowhere.test"}); !errors.As(err, &said) {
		t.Errorf("a domain that is not there: %v", err)
	}
}

func setLogLevel(level string) error {
	if level != "debug" {
		return errors.New("no such level")
	}
	return nil
}

// stepwise tells two steps, each when the one before was read; then what its order says.
func stepwise(read <-chan struct{}) func(context.Context, CallOrder, func(CallEvent)) error {
	return func(ctx context.Context, o CallOrder, tell func(CallEvent)) error {
		if o.User == "nobody" {
			return errors.New("nobody: no such user")
		}
		tell(CallEvent{State: "calling", Text: "calling your phone"})
		select {
		case <-read:
		case <-ctx.Done():
			return ctx.Err()
		}
		if o.Anyway {
			tell(CallEvent{State: "ended", Text: "over"})
			return nil
		}
		tell(CallEvent{State: "failed", Text: o.Target + " is busy", Code: 486})
		return errors.New("busy")
	}
}

func TestACallIsToldStepByStep(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	read := make(chan struct{}, 1)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, l, Handler(nil, nil, Operations{Call: stepwise(read)})) }()
	defer func() {
		cancel()
		must(t, <-ended)
	}()
	c, wait := client(t, AtAddress(l.Addr().String()))
	for _, one := range []struct {
		order CallOrder
		steps string
		err   string
	}{
		{CallOrder{User: "alice", Target: "bob", Anyway: true}, "calling ended", "<nil>"},
		{CallOrder{User: "alice", Target: "bob"}, "calling failed", "bob is busy"},
		{CallOrder{User: "nobody"}, "", "nobody: no such user"},
	} {
		var steps []string
		err := c.Call(wait, one.order, func(e CallEvent) {
			if steps = append(steps, e.State); e.State == "calling" {
				read <- struct{}{} // the first comes before the second is there
			}
		})
		if got := strings.Join(steps, " "); got != one.steps || fmt.Sprint(err) != one.err {
			t.Errorf("%+v: %s, %v", one.order, got, err)
		}
	}
	given, giveUp := context.WithCancel(wait)
	if err := c.Call(given, CallOrder{User: "alice", Target: "bob"}, func(CallEvent) { giveUp() }); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
}

func TestTheLogLevelIsSet(t *testing.T) {
	dir := t.TempDir()
	serve(t, listen(t, dir))
	c, ctx := client(t, InDir(dir))
	must(t, c.SetLogLevel(ctx, "debug"))
	if err := c.SetLogLevel(ctx, "loud"); err == nil || err.Error() != "no such level" {
		t.Errorf("another level: %v", err)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// serve answers on a listener until the test ends or stop is called.
func serve(t *testing.T, l net.Listener) (o office, stop func()) {
	t.Helper()
	s, err := cold.OpenMemory()
	must(t, err)
	must(t, s.AddDomain("example.test"))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- Serve(ctx, l, Handler(office{s}, func() Health { return Health{"1.2.3", true} }, Operations{SetLogLevel: setLogLevel}))
	}()
	stop = func() {
		cancel()
		if err, open := <-ended; open {
			close(ended)
			must(t, errors.Join(err, s.Close()))
		}
	}
	t.Cleanup(stop)
	return office{s}, stop
}

func listen(t *testing.T, dir string) net.Listener {
	t.Helper()
	l, err := Listen(dir)
	must(t, err)
	return l
}

func client(t *testing.T, c *Client) (*Client, context.Context) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(func() { c.Close(); cancel() })
	return c, ctx
}

func these(users ...NewUser) func(func(NewUser, error) bool) {
	return func(yield func(NewUser, error) bool) {
		for _, u := range users {
			if !yield(u, nil) {
				return
			}
		}
	}
}

func listed(t *testing.T, ctx context.Context, c *Client) string {
	t.Helper()
	var all []string
	must(t, c.ListUsers(ctx, func(u User) error {
		all = append(all, fmt.Sprint(u))
		return nil
	}))
	return strings.Join(all, " ")
}

func TestUsersAreManagedOverTheSocketAndOverLoopback(t *testing.T) {
	loopback, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	dir := t.TempDir()
	for l, c := range map[net.Listener]*Client{
		listen(t, dir): InDir(dir),
		loopback:       AtAddress(loopback.Addr().String()),
	} {
		t.Run(l.Addr().Network(), func(t *testing.T) {
			o, _ := serve(t, l)
			manageUsers(t, o, c)
		})
	}
}

func manageUsers(t *testing.T, o office, c *Client) {
	c, ctx := client(t, c)
	if h, err := c.Health(ctx); err != nil || h != (Health{"1.2.3", true}) {
		t.Errorf("health: %+v, %v", h, err)
	}
	n, err := c.AddUsers(ctx, these(
		NewUser{AoR: "alice@example.test", Name: "Alice <Kim>", Aliases: []string{"1002"}, Password: "p"},
		NewUser{AoR: "o'brien", Password: "p"}))
	if err != nil || n != 2 {
		t.Fatalf("%d added, %v", n, err)
	}
	if got := listed(t, ctx, c); got != "{sip:alice@example.test Alice <Kim> [1002]} {sip:o'brien@example.test  []}" {
		t.Errorf("listed: %s", got)
	}
	must(t, c.SetPassword(ctx, "alice@example.test", "another", false))
	must(t, c.SetPassword(ctx, "o'brien@example.test", "pages", true))
	for aor, password := range map[string]string{"alice": "another", "o'brien": "pages"} {
		if ok, err := o.s.CheckWeb(aor, password); !ok || err != nil {
			t.Errorf("the password of %s: %v, %v", aor, ok, err)
		}
	}
	must(t, c.RemoveUser(ctx, "o'brien@example.test"))
	if got := listed(t, ctx, c); strings.Contains(got, "brien") {
		t.Errorf("listed: %s", got)
	}
	var said *Error
	if err := c.RemoveUser(ctx, "no/body?@example.test"); !errors.As(err, &said) || !strings.Contains(said.Text, "not a name") {
		t.Errorf("removing a bad name: %v", err)
	}
	if err := c.SetPassword(ctx, "nobody", "p", false); !errors.As(err, &said) || said.Text != "nobody: no such user" {
		t.Errorf("a password for nobody: %v", err)
	}
}

func TestAStreamOfManyUsers(t *testing.T) {
	dir := t.TempDir()
	serve(t, listen(t, dir))
	c, ctx := client(t, InDir(dir))
	many := func(n int, bad string) func(func(NewUser, error) bool) {
		return func(yield func(NewUser, error) bool) {
			for i := range n {
				if !yield(NewUser{AoR: fmt.Sprintf("%suser%d", bad, i), Password: "p"}, nil) {
					return
				}
			}
		}
	}
	if n, err := c.AddUsers(ctx, many(2*batch+1, "")); err != nil || n != 2*batch+1 {
		t.Fatalf("%d added, %v", n, err)
	}
	var said *Error
	if n, err := c.AddUsers(ctx, many(2*batch, "")); n != 0 || !errors.As(err, &said) || said.Text != "user0: the user exists already" {
		t.Errorf("again: %d added, %v", n, err)
	}
	half := func(yield func(NewUser, error) bool) {
		many(batch+10, "x")(yield)
		yield(NewUser{AoR: "user1", Password: "p"}, nil)
	}
	if n, err := c.AddUsers(ctx, half); n != batch || !errors.As(err, &said) {
		t.Errorf("a batch and a bad one: %d added, %v", n, err)
	}
	if n, err := c.AddUsers(ctx, these(NewUser{AoR: "long", Password: strings.Repeat("p", maxLine)})); n != 0 || !errors.As(err, &said) {
		t.Errorf("a long line: %d added, %v", n, err)
	}
	broke := errors.New("line 2 has no password")
	n, err := c.AddUsers(ctx, func(yield func(NewUser, error) bool) {
		_ = yield(NewUser{AoR: "last", Password: "p"}, nil) && yield(NewUser{}, broke)
	})
	if n != 0 || !errors.Is(err, broke) {
		t.Errorf("broken input: %d added, %v", n, err)
	}
	if strings.Contains(listed(t, ctx, c), "last") {
		t.Error("a user before the broken line was added")
	}
}

func TestWhereNobodyListens(t *testing.T) {
	dir := t.TempDir()
	c, ctx := client(t, InDir(dir))
	none := func(what string, c *Client) {
		t.Helper()
		took := false
		_, err := c.AddUsers(ctx, func(func(NewUser, error) bool) { took = true })
		if !errors.Is(err, ErrNoServer) || took {
			t.Errorf("%s: %v, users were taken: %v", what, err, took)
		}
	}
	none("no socket", c)
	none("no folder", InDir(filepath.Join(dir, "none")))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	must(t, l.Close())
	none("no admin listener", AtAddress(l.Addr().String()))

	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, SocketName), Net: "unix"})
	must(t, err)
	left.SetUnlinkOnClose(false)
	must(t, left.Close())
	none("a socket left behind", c)

	_, stop := serve(t, listen(t, dir))
	if _, err := c.Health(ctx); err != nil {
		t.Errorf("the socket left behind was not replaced: %v", err)
	}
	if _, err := Listen(dir); !errors.Is(err, ErrInUse) {
		t.Errorf("a second server: %v", err)
	}
	stop()
	none("after the server", c)
	if files, err := os.ReadDir(dir); err != nil || len(files) != 0 {
		t.Errorf("left behind: %v, %v", files, err)
	}
}

func TestTheSocketIsItsOwnersAloneHoweverLongItsPath(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("long", 40))
	must(t, os.Mkdir(dir, 0o755))
	serve(t, listen(t, dir))
	info, err := os.Stat(filepath.Join(dir, SocketName))
	must(t, err)
	if info.Mode().Perm() != 0o600 || info.Mode()&os.ModeSocket == 0 {
		t.Errorf("mode %v", info.Mode())
	}
	c, ctx := client(t, InDir(dir))
	if _, err := c.Health(ctx); err != nil {
		t.Error(err)
	}
}

func TestNoWebPageAndNoOtherNameMayAsk(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	serve(t, l)
	for what, header := range map[string]http.Header{
		"another site":        {"Sec-Fetch-Site": {"cross-site"}},
		"another origin":      {"Origin": {"http://example.com"}},
		"a name that's ours":  {"Host": {"rebound.example.com"}},
		"nothing (may do it)": {},
	} {
		r, err := http.NewRequest(http.MethodPost, "http://"+l.Addr().String()+root+"users",
			strings.NewReader(fmt.Sprintf(`{"aor":"user%d","password":"p"}`, len(what))))
		must(t, err)
		r.Header = header
		if host := header.Get("Host"); host != "" {
			r.Host = host
		}
		w, err := http.DefaultClient.Do(r)
		must(t, err)
		body, _ := io.ReadAll(w.Body)
		must(t, w.Body.Close())
		if want := len(header) == 0; (w.StatusCode == http.StatusOK) != want {
			t.Errorf("%s: %s %s", what, w.Status, body)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

func FuzzAddUsers(f *testing.F) {
	s, err := cold.OpenMemory()
	must(f, err)
	f.Cleanup(func() { _ = s.Close() })
	must(f, s.AddDomain("example.test"))
	f.Add(`{"aor":"alice","password":"p"}` + "\n")
	f.Add(`{"aor":1}`)
	f.Add("\n\n[")
	f.Fuzz(func(t *testing.T, body string) {
		w := httptest.NewRecorder()
		add(w, httptest.NewRequest(http.MethodPost, root+"users", strings.NewReader(body)), office{s})
		users, err := s.ListUsers()
		must(t, err)
		var said answer
		must(t, json.Unmarshal(w.Body.Bytes(), &said))
		if (w.Code == http.StatusOK) != (said.Error == "") || said.Added != len(users) {
			t.Errorf("%d, %+v, with %d users", w.Code, said, len(users))
		}
		for _, u := range users {
			must(t, s.RemoveUser(string(u.AoR)))
		}
	})
}
