package interop

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// hostOfItsOwn is an address that nothing else on this machine has.
func hostOfItsOwn() string {
	return fmt.Sprintf("127.%d.%d.%d", 1+rand.IntN(250), rand.IntN(256), 1+rand.IntN(250))
}

// kamailioOfTheDocs runs a Kamailio with the settings that the page has, and a
// server beside it that trusts it, as the page has it too.
func kamailioOfTheDocs(t *testing.T) *kamailio {
	t.Helper()
	page, err := os.ReadFile("../docs/beside-kamailio.md")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?s)```\n(#!KAMAILIO\n.*?)```").FindSubmatch(page)
	if found == nil {
		t.Fatal("the page has no settings of Kamailio's")
	}
	home, host := t.TempDir(), hostOfItsOwn()
	users := "id(int,auto) username(string) domain(string) password(string) ha1(string,null) ha1b(string,null) \n"
	for i, user := range []string{"alice", "bob", "carol"} {
		users += fmt.Sprintf("%d:%s:%s:%s::\n", i+1, user, domain, password)
	}
	write := func(name string, text []byte) {
		if err := os.WriteFile(filepath.Join(home, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("kamailio.cfg", found[1])
	for _, table := range []string{"version", "pua"} {
		text, err := os.ReadFile(filepath.Join("/usr/share/kamailio/dbtext/kamailio", table))
		if err != nil {
			t.Fatal(err)
		}
		write(table, text)
	}
	write("subscriber", []byte(users))
	k := &kamailio{at: fmt.Sprint(host, ":", portBelow(t)), server: serve(t, "--role", "presence", "--trust", host)}
	k.program = start(t, home, "kamailio", "-DD", "-E", "-f", filepath.Join(home, "kamailio.cfg"), "-w", home, "-Y", home, "-P", filepath.Join(home, "pid"), "-m", "32", "-M", "4",
		"-A", "HERE=udp:"+k.at, "-A", `LAMPLIGHT="sip:`+k.server.at["udp"]+`"`, "-A", `USERS="text://`+home+`"`)
	k.await(t, "Aliases:")
	return k
}

// A Kamailio that is registrar and proxy, and a server beside it that is the
// presence server: a call through Kamailio lights the lamp of who watches through
// Kamailio.
func TestBesideKamailio(t *testing.T) {
	t.Parallel()
	k := kamailioOfTheDocs(t)
	through := &server{program: k.server.program, at: map[string]string{"udp": k.at}}
	lamp, presence := through.watch(t, "carol", "bob", "dialog"), through.watch(t, "carol", "bob", "presence")
	presence.says(t, `"state":"unknown"`)
	alice, bob := newTelephone(t, "alice", k.at), newTelephone(t, "bob", k.at)
	presence.await(t, `"state":"available"`)
	callAndLookAt(t, alice, bob, lamp, presence)
}

// A server that is registrar and proxy, and another that is its presence server.
func TestTwoServers(t *testing.T) {
	t.Parallel()
	beside := serve(t, "--role", "presence", "--trust", "127.0.0.1")
	s := serve(t, "--role", "registrar,proxy", "--presence-server", "sip:"+beside.at["udp"])
	lamp, presence := s.watch(t, "carol", "bob", "dialog"), s.watch(t, "carol", "bob", "presence")
	alice, bob := newTelephone(t, "alice", s.at["udp"]), newTelephone(t, "bob", s.at["udp"])
	presence.await(t, `"state":"available"`)
	callAndLookAt(t, alice, bob, lamp, presence)
	bob.types(t, "q")
	bob.quits(t)
	presence.await(t, `"state":"offline"`)
}

// callAndLookAt has one call another, and looks at the other's lamps.
func callAndLookAt(t *testing.T, from, to *telephone, lamps ...*program) {
	t.Helper()
	show := func(state string) {
		t.Helper()
		for _, l := range lamps {
			l.await(t, `"state":"`+state+`"`)
		}
	}
	from.calls(t, to.user)
	to.rings(t, from.user)
	show("ringing")
	to.answers(t)
	show("on-the-phone")
	from.hangsUp(t)
	show("available")
}
