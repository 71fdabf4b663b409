package digest

import (
	"strings"
	"testing"
	"time"

	"lamplight/sip"
)

// challenge is what a client finds in a response with some header fields.
func challenge(t testing.TB, status, fields string) []*Challenge {
	return Challenges(message(t, "SIP/2.0 "+status+" No\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK1\nFrom: <sip:a@b>;tag=1\n"+
		"To: <sip:a@b>;tag=2\nCall-ID: 1\nCSeq: 1 PUBLISH\n"+fields+"\n"))
}

func TestAChallengeIsAnsweredAgainAndAgain(t *testing.T) {
	s := newScript(t)
	list := Challenges(s.challenged("example.com"))
	if len(list) != 1 {
		t.Fatalf("%d challenges of one realm, want 1", len(list))
	}
	for range 3 {
		line := list[0].Answer(sip.PUBLISH, "sip:alice@example.com", "alice", "secret")
		if !strings.Contains(line, "algorithm=SHA-256") {
			t.Errorf("%q: want the better algorithm", line)
		}
		s.expect(strings.TrimSuffix(line, "\r\n")+"\n", nil)
	}
	s.now = s.now.Add(NonceLife + time.Second)
	s.expect(strings.TrimSuffix(list[0].Answer(sip.PUBLISH, "sip:alice@example.com", "alice", "secret"), "\r\n")+"\n", ErrStale)
}

func TestWhichChallengeIsAnswered(t *testing.T) {
	const weak = "WWW-Authenticate: Digest realm=\"a\", nonce=\"1\", algorithm=MD5\n"
	const strong = "WWW-Authenticate: Digest realm=\"a\", nonce=\"2\", algorithm=SHA-256, qop=\"auth-int, auth\", stale=TRUE\n"
	for name, c := range map[string]struct{ status, fields, want string }{
		"the better algorithm, wherever": {"401", weak + strong, "a/2/stale"},
		"first":                          {"401", strong + weak, "a/2/stale"},
		"two realms":                     {"401", weak + "WWW-Authenticate: Digest realm=\"b\", nonce=\"3\"\n", "a/1 b/3"},
		"a proxy's":                      {"407", weak + "Proxy-Authenticate: Digest realm=\"p\", nonce=\"4\"\n", "p/4/proxy"},
		"an algorithm unknown":           {"401", "WWW-Authenticate: Digest realm=\"a\", nonce=\"1\", algorithm=SHA-512-256\n" + weak, "a/1"},
		"auth-int alone":                 {"401", "WWW-Authenticate: Digest realm=\"a\", nonce=\"1\", qop=\"auth-int\"\n", ""},
		"another scheme":                 {"401", "WWW-Authenticate: Bearer realm=\"a\"\n", ""},
		"no nonce":                       {"401", "WWW-Authenticate: Digest realm=\"a\"\n", ""},
	} {
		var got []string
		for _, c := range challenge(t, c.status, c.fields) {
			one := c.Realm + "/" + string(c.parameters.nonce)
			if c.Stale {
				one += "/stale"
			}
			if c.Proxy {
				one += "/proxy"
			}
			got = append(got, one)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func FuzzChallenges(f *testing.F) {
	f.Add(`Digest realm="a", nonce="b", qop="auth", algorithm=SHA-256`)
	f.Add(`Digest realm="a\"b", nonce="\\", opaque="", stale=true`)
	f.Add(`Digest ,,,nonce=1`)
	f.Fuzz(func(t *testing.T, value string) {
		c := parseChallenge([]byte(value))
		if c == nil || strings.ContainsAny(value, "\r\n") {
			return
		}
		line := c.Answer(sip.PUBLISH, "sip:a@b", "u", "p")
		if strings.Count(line, "\n") != 1 || !new(parameters).parse([]byte(strings.TrimPrefix(strings.TrimSpace(line), "Authorization: "))) {
			t.Errorf("%q was answered by %q", value, line)
		}
	})
}
