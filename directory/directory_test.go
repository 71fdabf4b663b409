package directory

import (
	"errors"
	"testing"

	"lamplight/event"
	"lamplight/sip"
	"lamplight/sip/digest"
)

var office = New(
	[]Domain{
		{Name: "example.com", Realm: "example.com", Aliases: []string{"192.0.2.1"}, Country: "49", Area: "89", Prefix: "0"},
		{Name: "example.org", Realm: "example.org"},
	},
	[]User{{AoR: "sip:alice@example.com", Name: "Alice", Aliases: []string{"a.smith", "2002", "+49 89 1234"},
		HA1: map[string]digest.HA1s{"alice": digest.Hash("alice", "example.com", "secret")}}}, false)

func TestResolve(t *testing.T) {
	for uri, want := range map[string]struct {
		aor event.AoR
		err error
	}{
		"sip:alice@example.com":                    {"sip:alice@example.com", nil},
		"sip:alice@EXAMPLE.com:5070;transport=udp": {"sip:alice@example.com", nil},
		"sips:%61lice@example.com":                 {"sip:alice@example.com", nil},
		"sip:alice@192.0.2.1":                      {"sip:alice@example.com", nil},
		"sip:a.smith@example.com":                  {"sip:alice@example.com", nil},
		"sip:+49-89-1234@example.com;user=phone":   {"sip:alice@example.com", nil},
		"sip:0891234@example.com":                  {"sip:alice@example.com", nil},
		"sip:1234@example.com":                     {"sip:alice@example.com", nil},
		"sip:0049891234@example.com":               {"sip:alice@example.com", nil},
		"tel:+49-89-1234":                          {"sip:alice@example.com", nil},
		"tel:1234;phone-context=example.com":       {"sip:alice@example.com", nil},
		"tel:1234;phone-context=example.org":       {"", ErrNoUser},
		"sip:2002@example.com":                     {"sip:alice@example.com", nil},
		"tel:20-02;phone-context=example.com":      {"sip:alice@example.com", nil}, // an extension is a local number
		"tel:2002;phone-context=example.org":       {"", ErrNoUser},
		"sip:Alice@example.com":                    {"", ErrNoUser}, // the user part's case matters
		"sip:example.com":                          {"", ErrNoUser},
		"sip:alice@example.net":                    {"", ErrNotOurs},
	} {
		u, err := sip.ParseURI([]byte(uri))
		if err != nil {
			t.Fatalf("%s: %v", uri, err)
		}
		aor, _, err := office.Resolve(u)
		if aor != want.aor || !errors.Is(err, want.err) {
			t.Errorf("%s: %s, %v; want %s, %v", uri, aor, err, want.aor, want.err)
		}
	}
}

func TestCredentialsAreOfARealm(t *testing.T) {
	if _, aor, ok := office.Credentials("example.com", "alice"); !ok || aor != "sip:alice@example.com" {
		t.Errorf("alice: %s, %v", aor, ok)
	}
	if _, _, ok := office.Credentials("example.org", "alice"); ok {
		t.Error("alice is known in another realm")
	}
}

func TestAnOpenDirectoryHasEveryUser(t *testing.T) {
	open := New([]Domain{{Name: "example.com"}}, nil, true)
	u, _ := sip.ParseURI([]byte("sip:whoever@example.com"))
	if aor, _, err := open.Resolve(u); aor != "sip:whoever@example.com" || err != nil {
		t.Errorf("%s, %v", aor, err)
	}
	var b Book
	if _, _, err := b.Load().Resolve(u); !errors.Is(err, ErrNotOurs) {
		t.Errorf("an empty book: %v", err)
	}
}
