// Package digest is digest authentication for SIP (RFC 3261 §22, RFC 7616, RFC
// 8760): challenges whose nonces check themselves, the verification of answers,
// and a client's answers. It offers SHA-256 and MD5 with qop=auth; it knows
// neither auth-int nor where users are kept.
package digest

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"strings"

	"lamplight/sip"
)

var (
	// ErrNoCredentials says that a request has none of the realm asked for.
	ErrNoCredentials = errors.New("digest: no credentials of this realm")
	// ErrStale says that the answer may be right, but its nonce is too old,
	// not ours, or was used before.
	ErrStale = errors.New("digest: the nonce is stale")
	// ErrWrong says that the user or the answer is wrong, not which.
	ErrWrong = errors.New("digest: wrong credentials")
)

// HA1s are H(user:realm:password) in both algorithms, as a store keeps them.
type HA1s struct {
	MD5    [md5.Size]byte
	SHA256 [sha256.Size]byte
}

// Hash makes the hashes of a user's password.
func Hash(username, realm, password string) HA1s {
	a1 := []byte(username + ":" + realm + ":" + password)
	return HA1s{md5.Sum(a1), sha256.Sum256(a1)}
}

// algorithm is one of the two, by its name in header fields.
type algorithm struct {
	name string
	hash func(string) string
	ha1  func(HA1s) string
}

// algorithms in the order they are offered: the best first (RFC 8760 §2.4).
var algorithms = [...]algorithm{
	{"SHA-256", func(s string) string { h := sha256.Sum256([]byte(s)); return hex.EncodeToString(h[:]) },
		func(h HA1s) string { return hex.EncodeToString(h.SHA256[:]) }},
	{"MD5", func(s string) string { h := md5.Sum([]byte(s)); return hex.EncodeToString(h[:]) },
		func(h HA1s) string { return hex.EncodeToString(h.MD5[:]) }},
}

// algorithmOf is the algorithm of a name; none means MD5 (RFC 7616 §3.3).
func algorithmOf(name string) *algorithm {
	if name == "" {
		name = "MD5"
	}
	for i := range algorithms {
		if strings.EqualFold(algorithms[i].name, name) {
			return &algorithms[i]
		}
	}
	return nil
}

// response is request-digest (RFC 7616 §3.4.1); without qop it is that of older
// clients.
func (a *algorithm) response(ha1, method string, p parameters) string {
	ha2 := a.hash(method + ":" + p["uri"])
	if p["qop"] == "" {
		return a.hash(ha1 + ":" + p["nonce"] + ":" + ha2)
	}
	return a.hash(strings.Join([]string{ha1, p["nonce"], p["nc"], p["cnonce"], p["qop"], ha2}, ":"))
}

// parameters are the auth-params of a header field, unquoted, by lower-case name.
type parameters map[string]string

// parse reads "Digest a=b, c=d"; nil for another scheme or what is broken. A
// parameter that is there twice makes the whole unreadable.
func parse(value string) parameters {
	scheme, rest, _ := strings.Cut(strings.TrimSpace(value), " ")
	if !strings.EqualFold(scheme, "Digest") {
		return nil
	}
	p := parameters{}
	for rest = strings.TrimLeft(rest, " \t,"); rest != ""; rest = strings.TrimLeft(rest, " \t,") {
		name, after, ok := strings.Cut(rest, "=")
		if !ok {
			return nil
		}
		name = strings.ToLower(strings.TrimSpace(name))
		if _, twice := p[name]; twice || name == "" {
			return nil
		}
		if p[name], rest, ok = cutValue(strings.TrimLeft(after, " \t")); !ok {
			return nil
		}
	}
	return p
}

// cutValue takes a token or a quoted-string off the front.
func cutValue(s string) (value, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		i := strings.IndexByte(s, ',')
		if i < 0 {
			i = len(s)
		}
		return strings.TrimSpace(s[:i]), s[i:], true
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:], true
		case s[i] == '\\' && i+1 < len(s):
			i++
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}

func equal(a, b string) bool {
	return subtle.ConstantTimeCompare([]byte(strings.ToLower(a)), []byte(b)) == 1
}

// sameURI compares the uri parameter with the Request-URI. Proxies and phones
// change parameters on the way; who and where must agree.
func sameURI(claimed string, actual []byte) bool {
	if claimed == string(actual) {
		return true
	}
	a, err1 := sip.ParseURI([]byte(claimed))
	b, err2 := sip.ParseURI(actual)
	return err1 == nil && err2 == nil && a.UserUnescaped() == b.UserUnescaped() && a.HostLower() == b.HostLower()
}
