package digest

import (
	"crypto/sha256"

	"lamplight/sip"
)

// VerifyHTTP checks the credentials of a realm in an HTTP request's Authorization
// header fields (RFC 7616 §3.4), as Verify does for SIP: an answer without qop is
// none, and the uri is the one that was asked for.
func (v *Verifier) VerifyHTTP(method, uri string, fields []string, realm string, lookup func(username string) (HA1s, string, bool)) (string, error) {
	var p parameters
	for _, value := range fields {
		if !p.parse([]byte(value)) || string(p.realm) != realm || string(p.qop) != "auth" {
			continue
		}
		a := algorithmOf(p.algorithm)
		if a == nil {
			continue
		}
		return v.verifyHTTP(a, method, uri, &p, lookup)
	}
	return "", ErrNoCredentials
}

func (v *Verifier) verifyHTTP(a *algorithm, method, uri string, p *parameters, lookup func(username string) (HA1s, string, bool)) (string, error) {
	ha1, who, known := lookup(string(p.username))
	var right [2 * sha256.Size]byte
	response := a.appendResponse(right[:0], &ha1, sip.Method(method), p)
	if !equal(p.response, response) || !known || string(p.uri) != uri {
		return "", ErrWrong
	}
	count := nonceCount(p.nc)
	if !v.fresh(p.nonce, string(p.realm)) || count == 0 || !v.counts(p.nonce, count) {
		return "", ErrStale
	}
	return who, nil
}

// counts remembers a count of a nonce, and tells whether it is new.
func (v *Verifier) counts(nonce []byte, count uint64) bool {
	sum := sha256.Sum256(nonce)
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.take(use(sum[:16]), count)
}

// ChallengesHTTP are the values of WWW-Authenticate for a realm, the best algorithm
// first (RFC 7616 §3.7).
func (v *Verifier) ChallengesHTTP(realm string, stale bool) (values []string) {
	nonce := v.nonce(realm)
	for _, a := range algorithms {
		b := sip.AppendQuoted([]byte("Digest realm="), realm)
		b = append(append(b, ", nonce=\""...), nonce...)
		b = append(append(append(b, "\", algorithm="...), a.name...), ", qop=\"auth\", charset=UTF-8"...)
		if stale {
			b = append(b, ", stale=true"...)
		}
		values = append(values, string(b))
	}
	return values
}
