package esc

import (
	"crypto/rand"
	"encoding/hex"

	"lamplight/owner"
)

// ETag is an entity-tag (RFC 3903 §8.1): the partition of its AoR and 128 bits
// that nobody can guess.
type ETag string

func newETag(key string) ETag {
	var b [17]byte
	b[0] = owner.Partition(key)
	rand.Read(b[1:])
	return ETag(hex.EncodeToString(b[:]))
}
