package digest

import (
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"lamplight/sip"
)

// request is a PUBLISH with credentials, of a Call-ID and a CSeq.
func request(t testing.TB, authorization, callID string, cseq int) *sip.Message {
	return message(t, fmt.Sprintf("PUBLISH sip:alice@example.com SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK1\nFrom: <sip:alice@example.com>;tag=1\n"+
		"To: <sip:alice@example.com>\nCall-ID: %s\nCSeq: %d PUBLISH\n%s\n", callID, cseq, authorization))
}

func hexMD5(s string) string { h := md5.Sum([]byte(s)); return hex.EncodeToString(h[:]) }

func (s *script) verify(m *sip.Message) (string, error) {
	return s.v.Verify(m, sip.Authorization, "example.com", func(user string) (HA1s, string, bool) {
		return Hash("alice", "example.com", "secret"), "alice's", user == "alice"
	})
}

// nonceOf is the nonce of the challenge of an algorithm.
func (s *script) nonceOf() string { return string(s.v.nonce("example.com")) }

// RFC 3261 §22.4: without qop the answer covers method and uri alone. A nonce is
// taken once for each Call-ID and CSeq.
func TestAnAnswerWithoutQop(t *testing.T) {
	s := newScript(t)
	nonce := s.nonceOf()
	response := hexMD5(hexMD5("alice:example.com:secret") + ":" + nonce + ":" + hexMD5("PUBLISH:sip:alice@example.com"))
	line := func(more string) string {
		return fmt.Sprintf("Authorization: Digest username=\"alice\", realm=\"example.com\", nonce=\"%s\", uri=\"sip:alice@example.com\"%s, response=\"%s\"\n", nonce, more, response)
	}
	for _, c := range []struct {
		what, authorization, callID string
		cseq                        int
		want                        error
	}{
		{"first", line(""), "1", 1, nil},
		{"again", line(""), "1", 1, ErrStale},
		{"another CSeq", line(""), "1", 2, nil},
		{"another Call-ID", line(""), "2", 1, nil},
		{"with an algorithm, and a quoted nc that counts nothing", line(`, algorithm="MD5", nc="00000001"`), "3", 1, nil},
		{"in capitals", strings.Replace(line(""), response, strings.ToUpper(response), 1), "4", 1, nil},
		{"SHA-256 must have qop", line(", algorithm=SHA-256"), "5", 1, ErrNoCredentials},
		{"a part of it", strings.Replace(line(""), response, response[:31], 1), "5", 1, ErrWrong},
		{"more than it", strings.Replace(line(""), response, response+"0", 1), "5", 1, ErrWrong},
		{"none", strings.Replace(line(""), response, "", 1), "5", 1, ErrWrong},
	} {
		if _, err := s.verify(request(t, c.authorization, c.callID, c.cseq)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.what, err, c.want)
		}
	}
}

// Clients quote what should be a token, write names in any case, and send more
// than one header field.
func TestHowCredentialsAreWritten(t *testing.T) {
	for what, c := range map[string]struct {
		change func(string) string
		want   error
	}{
		"quoted tokens":             {strings.NewReplacer("qop=auth", `qop="auth"`, "nc=00000001", `nc="00000001"`, "algorithm=SHA-256", `algorithm="SHA-256"`).Replace, nil},
		"names in capitals":         {strings.NewReplacer("username=", "UserName=", "realm=", "REALM=", "Digest ", "DIGEST ").Replace, nil},
		"algorithm in lower":        {strings.NewReplacer("algorithm=SHA-256", "algorithm=sha-256").Replace, nil},
		"spaces":                    {strings.NewReplacer(", ", " ,  ", "=", " = ").Replace, nil},
		"folded":                    {strings.NewReplacer(", ", ",\n ").Replace, nil},
		"no spaces":                 {strings.NewReplacer(", ", ",").Replace, nil},
		"more parameters":           {strings.NewReplacer("username", `auth-param="x, y", charset=UTF-8, username`).Replace, nil},
		"another scheme before":     {func(s string) string { return "Authorization: Basic YTpi\n" + s }, nil},
		"another realm before":      {func(s string) string { return strings.Replace(s, `realm="example.com"`, `realm="example.org"`, 1) + s }, nil},
		"another realm":             {strings.NewReplacer(`realm="example.com"`, `realm="Example.com"`).Replace, ErrNoCredentials},
		"unknown algorithm":         {strings.NewReplacer("algorithm=SHA-256", "algorithm=SHA-512-256").Replace, ErrNoCredentials},
		"an algorithm of a session": {strings.NewReplacer("algorithm=SHA-256", "algorithm=MD5-sess").Replace, ErrNoCredentials},
		"algorithm left out":        {strings.NewReplacer(", algorithm=SHA-256", "").Replace, ErrWrong}, // it is MD5
		"auth-int":                  {strings.NewReplacer("qop=auth", "qop=auth-int").Replace, ErrNoCredentials},
		"a parameter twice":         {strings.NewReplacer("username=", `username="bob", username=`).Replace, ErrNoCredentials},
		"a quote without end":       {strings.NewReplacer(`username="alice"`, `username="alice`).Replace, ErrNoCredentials},
		"no name":                   {strings.NewReplacer(`username="alice"`, `="alice"`).Replace, ErrNoCredentials},
		"no value":                  {strings.NewReplacer(`username="alice"`, `username`).Replace, ErrNoCredentials},
		"user in another case":      {strings.NewReplacer(`username="alice"`, `username="Alice"`).Replace, ErrWrong},
		"no username":               {strings.NewReplacer(`username="alice", `, "").Replace, ErrWrong},
		"another uri":               {strings.NewReplacer(`uri="sip:alice@example.com"`, `uri="sip:bob@example.com"`).Replace, ErrWrong},
		"no nonce count":            {strings.NewReplacer("nc=00000001, ", "").Replace, ErrWrong}, // the response covers it
		"nonce of somebody else":    {func(s string) string { return strings.Replace(s, `nonce="`, `nonce="x`, 1) }, ErrWrong},
		"nothing":                   {func(string) string { return "Authorization:\n" }, ErrNoCredentials},
		"the scheme alone":          {func(string) string { return "Authorization: Digest\n" }, ErrNoCredentials},
	} {
		s := newScript(t)
		list := Challenges(s.challenged("example.com"))
		line := strings.TrimSuffix(list[0].Answer(sip.PUBLISH, "sip:alice@example.com", "alice", "secret"), "\r\n") + "\n"
		if _, err := s.verify(request(t, c.change(line), "1", 1)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", what, err, c.want)
		}
	}
}

// A right answer of a nonce count that cannot be read is no first use.
func TestNonceCounts(t *testing.T) {
	for nc, want := range map[string]uint64{"00000001": 1, "0000000A": 10, "ffffffff": 0xffffffff, "1": 1, "0000000000000001": 1, "00000000": 0, "": 0, "0000000g": 0, "fffffffff": 0, "-1": 0, "+1": 0} {
		if got := nonceCount([]byte(nc)); got != want {
			t.Errorf("%q: %d, want %d", nc, got, want)
		}
	}
}

// Nonces are ours, of their realm, written in one way, and end.
func TestNonces(t *testing.T) {
	s := newScript(t)
	nonce := s.nonceOf()
	if !s.v.fresh([]byte(nonce), "example.com") {
		t.Fatal("a new nonce is not fresh")
	}
	for i := range nonce {
		for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=\n") {
			if b := []byte(nonce); b[i] != c {
				if b[i] = c; s.v.fresh(b, "example.com") {
					t.Errorf("%q is fresh, and so is %q", nonce, b)
				}
			}
		}
	}
	for _, n := range []string{"", nonce[1:], nonce + "A", nonce + "=", strings.Repeat("A", len(nonce))} {
		if s.v.fresh([]byte(n), "example.com") {
			t.Errorf("%q is fresh", n)
		}
	}
	s.now = s.now.Add(NonceLife - time.Second)
	if !s.v.fresh([]byte(nonce), "example.com") {
		t.Error("a nonce ends too soon")
	}
	s.now = s.now.Add(time.Second)
	if s.v.fresh([]byte(nonce), "example.com") {
		t.Error("a nonce does not end")
	}
	s.now = s.now.Add(-2*NonceLife - time.Hour) // the clock was set back
	if s.v.fresh([]byte(nonce), "example.com") {
		t.Error("a nonce of the future is fresh")
	}
}

// What is remembered of nonces survives as long as they do, and is bounded.
func TestUsedNoncesAreRemembered(t *testing.T) {
	s := newScript(t)
	s.now = s.now.Add(NonceLife - 2*time.Second) // just before the maps change over
	c := s.challenged("example.com")
	used := s.answer(c, "secret", 1)
	s.expect(used, nil)
	for range int(NonceLife/time.Second) - 1 {
		s.now = s.now.Add(time.Second)
		s.expect(used, ErrStale)
	}
	s.expect(s.answer(c, "secret", 2), nil)

	for i := range maxNonces {
		s.v.used[0][use{1, byte(i), byte(i >> 8), byte(i >> 16)}] = window{}
	}
	full := s.challenged("example.com")
	s.expect(s.answer(full, "secret", 1), ErrStale)
	s.expect(s.answer(c, "secret", 3), nil) // what is in use goes on
	s.now = s.now.Add(NonceLife)
	s.expect(s.answer(s.challenged("example.com"), "secret", 1), nil)
	if n := len(s.v.used[0]); n != 1 {
		t.Errorf("%d nonces are remembered after the change, want 1", n)
	}
}

// A wrong answer leaves nothing behind, however often it comes.
func TestAWrongAnswerIsNotRemembered(t *testing.T) {
	s := newScript(t)
	c := s.challenged("example.com")
	for i := range 100 {
		s.expect(s.answer(c, "guess", i+1), ErrWrong)
		s.expect("Authorization: Digest realm=\"example.com\", qop=auth\n", ErrWrong)
	}
	if n := len(s.v.used[0]) + len(s.v.used[1]); n != 0 {
		t.Errorf("%d nonces are remembered", n)
	}
	s.expect(s.answer(c, "secret", 1), nil)
}

// One who exists and one who does not cost the same: the same hashes, and as
// much memory. (Time itself is measured by BenchmarkVerify.)
func TestAnUnknownUserCostsTheSame(t *testing.T) {
	s := newScript(t)
	right := s.answer(s.challenged("example.com"), "wrong", 1)
	known, unknown := request(t, right, "1", 1), request(t, strings.Replace(right, `"alice"`, `"zelda"`, 1), "1", 1)
	a := testing.AllocsPerRun(100, func() { s.verify(known) })
	b := testing.AllocsPerRun(100, func() { s.verify(unknown) })
	if a != b {
		t.Errorf("%v allocations for one who is known, %v for one who is not", a, b)
	}
	_, err1 := s.verify(known)
	_, err2 := s.verify(unknown)
	if err1 != err2 {
		t.Errorf("%v and %v", err1, err2)
	}
}

func TestVerifyingAllocatesLittle(t *testing.T) {
	s := newScript(t)
	m := request(t, s.answer(s.challenged("example.com"), "secret", 1), "1", 1)
	who := func(string) (HA1s, string, bool) { return HA1s{}, "", false }
	if n := testing.AllocsPerRun(100, func() { _, _ = s.v.Verify(m, sip.Authorization, "example.com", who) }); n > 1 {
		t.Errorf("%v allocations, want the username's at most", n)
	}
	if n := testing.AllocsPerRun(100, func() { s.v.Challenge(sip.WWWAuthenticate, "example.com", false) }); n > 8 {
		t.Errorf("a challenge: %v allocations", n)
	}
}

func BenchmarkVerify(b *testing.B) {
	s := newScript(&testing.T{})
	c := Challenges(message(b, "SIP/2.0 401 No\nVia: SIP/2.0/UDP a\nFrom: <sip:a@b>;tag=1\nTo: <sip:a@b>\nCall-ID: 1\nCSeq: 1 PUBLISH\n"+
		strings.ReplaceAll(string(s.v.Challenge(sip.WWWAuthenticate, "example.com", false)), "\r\n", "\n")+"\n"))[0]
	line := strings.TrimSuffix(c.Answer(sip.PUBLISH, "sip:alice@example.com", "alice", "secret"), "\r\n") + "\n"
	h := Hash("alice", "example.com", "secret")
	for name, text := range map[string]string{"known": line, "unknown": strings.Replace(line, `"alice"`, `"zelda"`, 1)} {
		m := request(b, text, "1", 1)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = s.v.Verify(m, sip.Authorization, "example.com", func(user string) (HA1s, string, bool) { return h, "a", user == "alice" })
			}
		})
	}
}

// FuzzAuthorization: nothing panics, and nothing is taken that was not made with
// the secret.
func FuzzAuthorization(f *testing.F) {
	s := newScript(&testing.T{})
	f.Add(`Digest username="alice", realm="example.com", nonce="n", uri="sip:alice@example.com", response="0", qop=auth, nc=00000001, cnonce="c"`)
	f.Add(`digest a="\`)
	f.Add(`Digest ,,=,`)
	f.Add(`Digest realm="example.com", username="\"\\", response=` + strings.Repeat("A", 64) + `, algorithm=SHA-256, qop=auth`)
	f.Add(`Digest realm="example.com", nonce="` + string(s.v.nonce("example.com")) + `", response=`)
	f.Fuzz(func(t *testing.T, value string) {
		m := new(sip.Message)
		if m.Parse([]byte("PUBLISH sip:alice@example.com SIP/2.0\r\nCall-ID: 1\r\nCSeq: 1 PUBLISH\r\nAuthorization: "+value+"\r\n\r\n")) != nil {
			return
		}
		if who, err := s.verify(m); err == nil {
			t.Errorf("%q is %s", value, who)
		}
		var p, again parameters
		if !p.parse([]byte(value)) {
			return
		}
		b := sip.AppendQuoted([]byte("Digest username="), string(p.username))
		b = sip.AppendQuoted(append(b, ", realm="...), string(p.realm))
		if !again.parse(b) || string(again.username) != string(p.username) || string(again.realm) != string(p.realm) {
			t.Errorf("%q %q is read again as %q %q", p.username, p.realm, again.username, again.realm)
		}
	})
}
