// Package digest is digest authentication for SIP (RFC 3261 §22, RFC 7616, RFC
// 8760): challenges whose nonces check themselves, the verification of answers,
// and a client's answers. It offers SHA-256 and MD5 with qop=auth; it knows
// neither auth-int nor where users are kept.
package digest

import (
	"bytes"
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
	size int // of a hash
}

// algorithms by their strength, the best first.
var algorithms = [...]algorithm{{"SHA-256", sha256.Size}, {"MD5", md5.Size}}

// algorithmOf is the algorithm of a name; none means MD5 (RFC 7616 §3.3).
func algorithmOf(name []byte) *algorithm {
	if len(name) == 0 {
		return &algorithms[1]
	}
	for i := range algorithms {
		if strings.EqualFold(algorithms[i].name, string(name)) {
			return &algorithms[i]
		}
	}
	return nil
}

// appendHash appends the hash of b in hexadecimal, in lower case.
func (a *algorithm) appendHash(to, b []byte) []byte {
	if a.size == md5.Size {
		h := md5.Sum(b)
		return hex.AppendEncode(to, h[:])
	}
	h := sha256.Sum256(b)
	return hex.AppendEncode(to, h[:])
}

func (a *algorithm) appendHA1(to []byte, h *HA1s) []byte {
	if a.size == md5.Size {
		return hex.AppendEncode(to, h.MD5[:])
	}
	return hex.AppendEncode(to, h.SHA256[:])
}

// appendResponse appends the request-digest (RFC 7616 §3.4.1); without qop it is
// that of older clients.
func (a *algorithm) appendResponse(to []byte, h *HA1s, method sip.Method, p *parameters) []byte {
	var scratch [1024]byte
	b := append(append(append(scratch[:0], method...), ':'), p.uri...)
	var ha2 [2 * sha256.Size]byte
	n := len(a.appendHash(ha2[:0], b))
	b = append(a.appendHA1(b[:0], h), ':')
	b = append(append(b, p.nonce...), ':')
	if len(p.qop) > 0 {
		b = append(append(b, p.nc...), ':')
		b = append(append(b, p.cnonce...), ':')
		b = append(append(b, p.qop...), ':')
	}
	return a.appendHash(to, append(b, ha2[:n]...))
}

// equal compares a response with the right one: hexadecimal of any case, in the
// same time however much of it is right.
func equal(given, right []byte) bool {
	var lower [2 * sha256.Size]byte
	if len(given) != len(right) {
		return false
	}
	for i, c := range given {
		if 'A' <= c && c <= 'F' {
			c += 'a' - 'A'
		}
		lower[i] = c
	}
	return subtle.ConstantTimeCompare(lower[:len(given)], right) == 1
}

// sameURI compares the uri parameter with the Request-URI. Clients put another
// name of the server there, or the server alone, and proxies change parameters on
// the way; but it names nobody else.
func sameURI(claimed, actual []byte) bool {
	if bytes.Equal(claimed, actual) {
		return true
	}
	a, err1 := sip.ParseURI(claimed)
	b, err2 := sip.ParseURI(actual)
	return err1 == nil && err2 == nil && (len(a.User) == 0 || a.UserUnescaped() == b.UserUnescaped())
}
