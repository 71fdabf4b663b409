package sip

import (
	"crypto/rand"
	"encoding/hex"
)

// NewTag makes a tag of 128 random bits (RFC 3261 §19.3 asks for 32).
func NewTag() string { return random() }

// NewCallID makes a Call-ID of 128 random bits (RFC 3261 §8.1.1.4).
func NewCallID() string { return random() }

func random() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
