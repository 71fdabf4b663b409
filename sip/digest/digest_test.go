package digest

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"lamplight/sip"
)

// script is a server's verifier on a clock of its own, and a client.
type script struct {
	*testing.T
	v   *Verifier
	now time.Time
}

func newScript(t *testing.T) *script {
	s := &script{T: t, now: time.Unix(1_800_000_000, 0)}
	s.v = New([32]byte{1}, func() time.Time { return s.now }, Options{})
	return s
}

func message(t testing.TB, text string) *sip.Message {
	var m sip.Message
	if err := m.Parse([]byte(strings.ReplaceAll(text, "\n", "\r\n"))); err != nil {
		t.Fatal(err)
	}
	return &m
}

func publish(t testing.TB, authorization string) *sip.Message {
	return message(t, "PUBLISH sip:alice@example.com SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK1\nFrom: <sip:alice@example.com>;tag=1\n"+
		"To: <sip:alice@example.com>\nCall-ID: 1\nCSeq: 1 PUBLISH\n"+authorization+"\n")
}

// challenged is a 401 as the client gets it.
func (s *script) challenged(realm string) *sip.Message {
	r := sip.Response{Status: 401, Header: s.v.Challenge(sip.WWWAuthenticate, realm, false)}
	return message(s, strings.ReplaceAll(string(r.Append(nil, publish(s, ""), netip.AddrPort{})), "\r\n", "\n"))
}

func (s *script) answer(challenge *sip.Message, password string, nc int) string {
	return "Authorization: " + first(challenge).answer(sip.PUBLISH, "sip:alice@example.com", "alice", password, nc) + "\n"
}

// first is the challenge that stands first, whatever is better.
func first(m *sip.Message) *Challenge { return parseChallenge(m.Value(sip.WWWAuthenticate)) }

func (s *script) expect(authorization string, want error) {
	s.Helper()
	who, err := s.v.Verify(publish(s, authorization), sip.Authorization, "example.com", func(user string) (HA1s, string, bool) {
		return Hash("alice", "example.com", "secret"), "alice's", user == "alice"
	})
	if !errors.Is(err, want) || want == nil && who != "alice's" {
		s.Errorf("%q, %v; want %v", who, err, want)
	}
}

func TestARightAnswerIsTakenOnce(t *testing.T) {
	s := newScript(t)
	c := s.challenged("example.com")
	first := s.answer(c, "secret", 1)
	s.expect("", ErrNoCredentials)
	s.expect(first, nil)
	s.expect(first, ErrStale)
	s.expect(s.answer(c, "secret", 3), nil)
	s.expect(s.answer(c, "secret", 2), nil) // late, but not seen
	s.expect(s.answer(c, "secret", 2), ErrStale)
	s.expect(s.answer(c, "secret", 200), nil)
	s.expect(s.answer(c, "secret", 100), ErrStale) // too far back to know
}

func TestAWrongAnswerIsWrong(t *testing.T) {
	s := newScript(t)
	c := s.challenged("example.com")
	right := s.answer(c, "secret", 1)
	s.expect(s.answer(c, "guess", 1), ErrWrong)
	s.expect(strings.Replace(right, `username="alice"`, `username="bob"`, 1), ErrWrong)
	s.expect(strings.Replace(right, "uri=\"sip:alice", "uri=\"sip:carol", 1), ErrWrong)
	s.expect(strings.Replace(right, "qop=auth", "qop=auth-int", 1), ErrNoCredentials)
	s.expect(strings.Replace(right, "algorithm=MD5", "algorithm=SHA-512-256", 1), ErrNoCredentials)
	s.expect("Authorization: Bearer x\n"+right, nil)
}

// The uri of an answer may name the server alone, or another of its names, but
// nobody else.
func TestTheURIOfAnAnswer(t *testing.T) {
	s := newScript(t)
	c := s.challenged("example.com")
	for uri, want := range map[string]error{
		"sip:alice@example.com": nil, "sip:alice@192.0.2.1:5060;transport=udp": nil, "sip:192.0.2.1:5060": nil,
		"sip:carol@example.com": ErrWrong, "mailto:alice": ErrWrong, "": ErrWrong,
	} {
		s.expect("Authorization: "+first(c).answer(sip.PUBLISH, uri, "alice", "secret", len(uri)+1)+"\n", want)
	}
}

// The algorithm that every client knows stands first, as some read no other; or
// last, for those that read the last.
func TestTheOrderOfChallenges(t *testing.T) {
	c := string(newScript(t).v.Challenge(sip.WWWAuthenticate, "example.com", false))
	if md5, sha := strings.Index(c, "algorithm=MD5"), strings.Index(c, "algorithm=SHA-256"); md5 < 0 || sha < md5 {
		t.Errorf("challenges\n%s", c)
	}
	c = string(newScript(t).v.ChallengeMD5Last(sip.WWWAuthenticate, "example.com", false))
	if md5, sha := strings.Index(c, "algorithm=MD5"), strings.Index(c, "algorithm=SHA-256"); sha < 0 || md5 < sha {
		t.Errorf("challenges\n%s", c)
	}
}

func TestANonceEnds(t *testing.T) {
	s := newScript(t)
	old := s.answer(s.challenged("example.com"), "secret", 1)
	s.now = s.now.Add(NonceLife)
	s.expect(old, ErrStale)
	c := s.challenged("example.com")
	s.v.mac = New([32]byte{2}, s.v.now, Options{}).mac // as after a restart
	s.expect(s.answer(c, "secret", 1), ErrStale)
}

func TestANonceIsOfItsRealm(t *testing.T) {
	s := newScript(t)
	if s.v.fresh(s.v.nonce("example.org"), "example.com") {
		t.Error("a nonce of another realm is fresh")
	}
}

// RFC 7616 §3.9.1's example of both algorithms.
func TestTheExampleOfRFC7616(t *testing.T) {
	p := parameters{uri: []byte("/dir/index.html"), nonce: []byte("7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"), nc: []byte("00000001"),
		cnonce: []byte("f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"), qop: []byte("auth")}
	h := Hash("Mufasa", "http-auth@example.org", "Circle of Life")
	for _, c := range []struct{ algorithm, want string }{
		{"SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"},
		{"MD5", "8ca523f5e9506fed4657c9700eebdbec"},
	} {
		if got := string(algorithmOf([]byte(c.algorithm)).appendResponse(nil, &h, "GET", &p)); got != c.want {
			t.Errorf("%s: %s, want %s", c.algorithm, got, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`Digest username="alice", realm="example.com", nonce="n", uri="sip:a@b", response="0", qop=auth, nc=00000001, cnonce="c"`)
	f.Add(`digest a="\`)
	f.Add(`Digest ,,=,`)
	f.Fuzz(func(_ *testing.T, s string) { new(parameters).parse([]byte(s)) })
}
