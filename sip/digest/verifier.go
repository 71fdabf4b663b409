package digest

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strconv"
	"sync"
	"time"

	"lamplight/sip"
)

// NonceLife is how long a nonce may be used.
const NonceLife = 300 * time.Second

// maxNonces bounds what is remembered of nonces in use; beyond it they are
// stale sooner.
const maxNonces = 200_000

// Verifier challenges and verifies. It keeps nothing of a challenge; only of a
// nonce that was used rightly it remembers which counts it saw.
type Verifier struct {
	secret [32]byte
	now    func() time.Time

	mu       sync.Mutex
	used     [2]map[string]*window // of this NonceLife, and of the one before
	rotation time.Time
}

// window is the highest nonce count seen, and which of the 64 below it.
type window struct {
	high uint64
	seen uint64
}

// New makes a verifier. Nonces of another secret are stale.
func New(secret [32]byte, now func() time.Time) *Verifier {
	return &Verifier{secret: secret, now: now, used: [2]map[string]*window{{}, {}}, rotation: now()}
}

// Challenge is the WWW-Authenticate lines of a 401, the better algorithm first
// (RFC 8760 §2.4).
func (v *Verifier) Challenge(realm string, stale bool) []byte {
	nonce := v.nonce(realm)
	var b []byte
	for _, a := range algorithms {
		b = append(b, "WWW-Authenticate: Digest realm="...)
		b = sip.AppendQuoted(b, realm)
		b = fmt.Appendf(b, ", nonce=%q, algorithm=%s, qop=\"auth\"", nonce, a.name)
		if stale {
			b = append(b, ", stale=true"...)
		}
		b = append(b, "\r\n"...)
	}
	return b
}

const nonceBytes = 4 + 12

// nonce is the time, random bytes, and a code over both and the realm.
func (v *Verifier) nonce(realm string) string {
	var b [nonceBytes]byte
	binary.BigEndian.PutUint32(b[:], uint32(v.now().Unix()))
	rand.Read(b[4:]) // never fails
	return base64.RawURLEncoding.EncodeToString(append(b[:], v.code(b[:], realm)...))
}

func (v *Verifier) code(b []byte, realm string) []byte {
	h := hmac.New(sha256.New, v.secret[:])
	h.Write(b)
	h.Write([]byte(realm))
	return h.Sum(nil)[:16]
}

// fresh tells whether a nonce is ours, of this realm, and not too old.
func (v *Verifier) fresh(nonce, realm string) bool {
	b, err := base64.RawURLEncoding.DecodeString(nonce)
	if err != nil || len(b) != nonceBytes+16 || !hmac.Equal(b[nonceBytes:], v.code(b[:nonceBytes], realm)) {
		return false
	}
	age := v.now().Sub(time.Unix(int64(binary.BigEndian.Uint32(b)), 0))
	return age < NonceLife && age > -NonceLife
}

// Verify checks the credentials of a realm in a request's header field. lookup
// finds a digest username's hashes and whose they are; that is returned. A user
// who is not known costs the same work as one who is.
func (v *Verifier) Verify(m *sip.Message, h sip.Header, realm string, lookup func(username string) (HA1s, string, bool)) (string, error) {
	p, a := credentials(m, h, realm)
	if p == nil {
		return "", ErrNoCredentials
	}
	ha1, who, known := lookup(p["username"])
	right := equal(p["response"], a.response(a.ha1(ha1), string(m.Method()), p))
	if !right || !known || !sameURI(p["uri"], m.RequestURI()) {
		return "", ErrWrong
	}
	if !v.fresh(p["nonce"], realm) || !v.firstUse(m, p) {
		return "", ErrStale
	}
	return who, nil
}

// credentials are the first of a realm whose algorithm and qop are ours;
// others are passed over (RFC 8760 §2.6).
func credentials(m *sip.Message, h sip.Header, realm string) (parameters, *algorithm) {
	for value := range m.Fields(h) {
		p := parse(string(value))
		if p == nil || p["realm"] != realm {
			continue
		}
		if a := algorithmOf(p["algorithm"]); a != nil && (p["qop"] == "auth" || p["qop"] == "" && a.name == "MD5") {
			return p, a
		}
	}
	return nil, nil
}

// firstUse remembers an answer, and tells whether it is new: by its nonce count,
// or without qop by the request it came with.
func (v *Verifier) firstUse(m *sip.Message, p parameters) bool {
	key, count := p["nonce"], uint64(1)
	if p["qop"] == "" {
		key += " " + string(m.CallID()) + " " + string(m.Value(sip.CSeq))
	} else {
		n, err := strconv.ParseUint(p["nc"], 16, 32)
		if err != nil || n == 0 {
			return false
		}
		count = n
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	w := v.window(key)
	return w != nil && w.take(count)
}

// window finds what was seen of a nonce, and begins it where there is nothing;
// nil where there is no room.
func (v *Verifier) window(key string) *window {
	if now := v.now(); now.Sub(v.rotation) >= NonceLife {
		v.used[1], v.used[0] = v.used[0], map[string]*window{}
		v.rotation = now
	}
	for _, used := range v.used {
		if w := used[key]; w != nil {
			return w
		}
	}
	if len(v.used[0]) >= maxNonces {
		return nil
	}
	w := &window{}
	v.used[0][key] = w
	return w
}

// take marks a count as seen; false if it was, or lies too far back.
func (w *window) take(n uint64) bool {
	if n > w.high {
		w.seen = w.seen<<min(n-w.high, 64) | 1
		w.high = n
		return true
	}
	bit := uint64(1) << min(w.high-n, 64)
	if w.high-n >= 64 || w.seen&bit != 0 {
		return false
	}
	w.seen |= bit
	return true
}
