// Package stun answers the Binding requests that keep a UDP flow open (RFC 5626
// §8, RFC 8489): who asks learns from which address. It sends no requests,
// authenticates nobody, and knows no other method.
package stun

import (
	"encoding/binary"
	"hash/crc32"
	"net/netip"
)

// Message types, attributes and constants (RFC 8489 §5, §18.3).
const (
	bindingRequest = 0x0001
	bindingSuccess = 0x0101
	bindingError   = 0x0111

	messageIntegrity       = 0x0008
	errorCode              = 0x0009
	unknownAttributes      = 0x000a
	messageIntegritySHA256 = 0x001c
	xorMappedAddress       = 0x0020
	fingerprint            = 0x8028

	magicCookie    = 0x2112a442
	fingerprintXor = 0x5354554e
	headerLength   = 20
	firstOptional  = 0x8000 // attributes from here on may be ignored
	maxUnknown     = 8      // are listed: a request full of them is no reason for a long answer
)

// Is tells a STUN message from all others: no SIP message begins with two zero
// bits and has the magic cookie (RFC 8489 §5).
func Is(b []byte) bool {
	return len(b) >= headerLength && b[0]>>6 == 0 && binary.BigEndian.Uint32(b[4:]) == magicCookie
}

// Answer appends the response to a message that came from an address; nothing
// where none is due: to indications, responses, other methods and what cannot be
// read (RFC 8489 §6.3). A response to a request of n bytes has at most n+24.
func Answer(out, b []byte, from netip.AddrPort) []byte {
	if !Is(b) || binary.BigEndian.Uint16(b) != bindingRequest {
		return out
	}
	unknown, marked, ok := read(b)
	if !ok {
		return out
	}
	begin := len(out)
	if len(unknown) > 0 {
		out = append(header(out, bindingError, b), 0, errorCode, 0, 11, 0, 0, 4, 20)
		out = append(out, "Unknown\x00"...) // not counted in the length: padding
		out = binary.BigEndian.AppendUint16(append(out, 0, unknownAttributes), uint16(2*len(unknown)))
		for _, a := range unknown {
			out = binary.BigEndian.AppendUint16(out, a)
		}
		out = append(out, make([]byte, 2*(len(unknown)%2))...)
	} else {
		out = address(header(out, bindingSuccess, b), from)
	}
	if marked {
		out = append(out, fingerprint>>8, fingerprint&0xff, 0, 4, 0, 0, 0, 0)
	}
	binary.BigEndian.PutUint16(out[begin+2:], uint16(len(out)-begin-headerLength))
	if marked {
		binary.BigEndian.PutUint32(out[len(out)-4:], mark(out[begin:]))
	}
	return out
}

// header is that of a response, its length still to come.
func header(out []byte, kind uint16, request []byte) []byte {
	out = binary.BigEndian.AppendUint16(out, kind)
	return append(append(out, 0, 0), request[4:headerLength]...)
}

// read goes through the attributes of a request: which of those that have to be
// understood are not known, and whether it has a fingerprint. A wrong one, or
// one that is not the last, breaks the message (RFC 8489 §14.7). Nothing but it
// counts behind a message's integrity (RFC 8489 §14.5).
func read(b []byte) (unknown []uint16, marked, ok bool) {
	rest := b[headerLength:]
	if int(binary.BigEndian.Uint16(b[2:])) != len(rest) || len(rest)%4 != 0 {
		return nil, false, false
	}
	for sealed := false; len(rest) > 0; {
		kind, length := binary.BigEndian.Uint16(rest), int(binary.BigEndian.Uint16(rest[2:]))
		whole := 4 + (length+3)&^3
		switch {
		case whole > len(rest):
			return nil, false, false
		case kind == fingerprint:
			right := length == 4 && len(rest) == whole && binary.BigEndian.Uint32(rest[4:]) == mark(b)
			return unknown, true, right
		case kind < firstOptional && !known(kind) && !sealed && len(unknown) < maxUnknown:
			unknown = append(unknown, kind)
		}
		sealed = sealed || kind == messageIntegrity || kind == messageIntegritySHA256
		rest = rest[whole:]
	}
	return unknown, false, true
}

// known are the attributes of RFC 8489 §18.3.1. None means anything in a request
// that is not authenticated, and all are ignored (RFC 8489 §6.3).
func known(kind uint16) bool {
	switch kind {
	case 0x0001, 0x0006, messageIntegrity, errorCode, unknownAttributes, 0x0014, 0x0015, messageIntegritySHA256,
		0x001d, 0x001e, xorMappedAddress:
		return true
	}
	return false
}

// mark is the fingerprint of a message that ends with one.
func mark(b []byte) uint32 { return crc32.ChecksumIEEE(b[:len(b)-8]) ^ fingerprintXor }

// address is the source of the request, hidden from what rewrites addresses on
// the way (RFC 8489 §14.2).
func address(out []byte, from netip.AddrPort) []byte {
	addr, begin := from.Addr().Unmap(), len(out)-headerLength
	family, length := byte(1), byte(8)
	if addr.Is6() {
		family, length = 2, 20
	}
	out = append(out, 0, xorMappedAddress, 0, length, 0, family)
	out = binary.BigEndian.AppendUint16(out, from.Port()^magicCookie>>16)
	for i, octet := range addr.AsSlice() {
		out = append(out, octet^out[begin+4+i]) // the cookie, and the transaction's id behind it
	}
	return out
}
