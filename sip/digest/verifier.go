package digest

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"hash"
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

// Options of New; a zero field takes its default.
type Options struct {
	NonceLife time.Duration // how long a nonce may be used: NonceLife
	Nonces    int           // that are remembered: 200,000
}

// Verifier challenges and verifies. It keeps nothing of a challenge; only of a
// nonce that was used rightly it remembers which counts it saw.
type Verifier struct {
	now func() time.Time
	o   Options

	mu       sync.Mutex
	mac      hash.Hash         // of the secret; it allocates, so there is one
	in, sum  []byte            // what it reads and writes
	used     [2]map[use]window // of this NonceLife, and of the one before
	rotation time.Time
}

// use names a nonce in use, or one use of it where nothing counts its uses: by a
// hash, so that neither map holds a pointer.
type use [16]byte

// window is the highest nonce count seen, and which of the 64 below it.
type window struct{ high, seen uint64 }

// New makes a verifier. Nonces of another secret are stale.
func New(secret [32]byte, now func() time.Time, o Options) *Verifier {
	if o.NonceLife == 0 {
		o.NonceLife = NonceLife
	}
	if o.Nonces == 0 {
		o.Nonces = maxNonces
	}
	return &Verifier{o: o, mac: hmac.New(sha256.New, secret[:]), now: now, used: [2]map[use]window{{}, {}}, rotation: now()}
}

// Challenge is the lines of a 401 or 407, of the header field that it has. The
// algorithm that everybody knows is first: older phones, and SIPp, read one challenge and no other. Who
// knows the better one finds it behind (RFC 8760 §2.4 leaves the order to us).
func (v *Verifier) Challenge(h sip.Header, realm string, stale bool) []byte {
	return v.challenge(h, realm, stale, []algorithm{algorithms[1], algorithms[0]})
}

// ChallengeMD5Last is Challenge the other way round, for user agents that read the
// last challenge and no other.
func (v *Verifier) ChallengeMD5Last(h sip.Header, realm string, stale bool) []byte {
	return v.challenge(h, realm, stale, algorithms[:])
}

// ChallengeMD5 is the one line for user agents that give up at the sight
// of an algorithm that they do not know. Nothing is lost by it: which of the two
// algorithms is used was always theirs to choose.
func (v *Verifier) ChallengeMD5(h sip.Header, realm string, stale bool) []byte {
	return v.challenge(h, realm, stale, algorithms[1:])
}

func (v *Verifier) challenge(h sip.Header, realm string, stale bool, offered []algorithm) []byte {
	nonce := v.nonce(realm)
	var b []byte
	for _, a := range offered {
		b = append(append(b, h.String()...), ": Digest realm="...)
		b = sip.AppendQuoted(b, realm)
		b = append(append(b, ", nonce=\""...), nonce...)
		b = append(append(append(b, "\", algorithm="...), a.name...), ", qop=\"auth\""...)
		if stale {
			b = append(b, ", stale=true"...)
		}
		b = append(b, "\r\n"...)
	}
	return b
}

const nonceBytes, macBytes = 4 + 4, 10 // short: a challenge is to be no larger than what it answers

// nonces are written without padding, and in one way only.
var encoding = base64.RawURLEncoding.Strict()

// nonce is the time, random bytes, and a code over both and the realm.
func (v *Verifier) nonce(realm string) []byte {
	var b [nonceBytes]byte
	binary.BigEndian.PutUint32(b[:], uint32(v.now().Unix()))
	rand.Read(b[4:]) // never fails
	code := v.code(b[:], realm)
	return encoding.AppendEncode(nil, append(b[:], code[:]...))
}

func (v *Verifier) code(b []byte, realm string) (code [macBytes]byte) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.in = append(append(v.in[:0], b...), realm...)
	v.mac.Reset()
	v.mac.Write(v.in)
	v.sum = v.mac.Sum(v.sum[:0])
	copy(code[:], v.sum)
	return code
}

// fresh tells whether a nonce is ours, of this realm, and not too old.
func (v *Verifier) fresh(nonce []byte, realm string) bool {
	var b [nonceBytes + macBytes]byte
	if len(nonce) != encoding.EncodedLen(len(b)) {
		return false
	}
	if n, err := encoding.Decode(b[:], nonce); err != nil || n != len(b) {
		return false
	}
	code := v.code(b[:nonceBytes], realm)
	if !hmac.Equal(b[nonceBytes:], code[:]) {
		return false
	}
	age := v.now().Sub(time.Unix(int64(binary.BigEndian.Uint32(b[:])), 0))
	return age < v.o.NonceLife && age > -v.o.NonceLife
}

// Verify checks the credentials of a realm in a request's header field. lookup
// finds a digest username's hashes and whose they are; that is returned. A user
// who is not known costs the same work as one who is.
func (v *Verifier) Verify(m *sip.Message, h sip.Header, realm string, lookup func(username string) (HA1s, string, bool)) (string, error) {
	var p parameters
	a := p.find(m, h, realm)
	if a == nil {
		return "", ErrNoCredentials
	}
	ha1, who, known := lookup(string(p.username))
	var right [2 * sha256.Size]byte
	response := a.appendResponse(right[:0], &ha1, m.Method(), &p)
	if !equal(p.response, response) || !known || !sameURI(p.uri, m.RequestURI()) {
		return "", ErrWrong
	}
	if !v.fresh(p.nonce, realm) || !v.firstUse(m, &p) {
		return "", ErrStale
	}
	return who, nil
}

// find reads the first credentials of a realm whose algorithm and qop are ours;
// others are passed over (RFC 8760 §2.6).
func (p *parameters) find(m *sip.Message, h sip.Header, realm string) *algorithm {
	for value := range m.Fields(h) {
		if !p.parse(value) || string(p.realm) != realm {
			continue
		}
		if a := algorithmOf(p.algorithm); a != nil && (string(p.qop) == "auth" || len(p.qop) == 0 && a.size == md5.Size) {
			return a
		}
	}
	return nil
}

// firstUse remembers an answer, and tells whether it is new: by its nonce count,
// or without qop by the request it came with.
func (v *Verifier) firstUse(m *sip.Message, p *parameters) bool {
	var scratch [512]byte
	b, count := append(scratch[:0], p.nonce...), uint64(1)
	if len(p.qop) == 0 {
		b = append(append(b, 0), m.CallID()...)
		b = append(append(b, 0), m.Value(sip.CSeq)...)
	} else if count = nonceCount(p.nc); count == 0 {
		return false
	}
	sum := sha256.Sum256(b)
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.take(use(sum[:16]), count)
}

// nonceCount reads nc (RFC 7616 §3.4): up to eight digits of hexadecimal; 0 where
// it cannot be read.
func nonceCount(nc []byte) uint64 {
	var b [4]byte
	if len(nc) != 8 {
		n, err := strconv.ParseUint(string(nc), 16, 32)
		if err != nil {
			return 0
		}
		return n
	}
	if _, err := hex.Decode(b[:], nc); err != nil {
		return 0
	}
	return uint64(binary.BigEndian.Uint32(b[:]))
}

// take finds what was seen of a nonce, and begins it where there is nothing; it
// tells whether the count is new. Where there is no room nothing is.
func (v *Verifier) take(u use, count uint64) bool {
	if now := v.now(); now.Sub(v.rotation) >= v.o.NonceLife {
		v.used[1], v.used[0] = v.used[0], map[use]window{}
		v.rotation = now
	}
	for _, used := range v.used {
		if w, ok := used[u]; ok {
			fresh := w.take(count)
			used[u] = w
			return fresh
		}
	}
	if len(v.used[0]) >= v.o.Nonces {
		return false
	}
	var w window
	w.take(count)
	v.used[0][u] = w
	return true
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
