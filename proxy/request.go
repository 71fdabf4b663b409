package proxy

import (
	"hash/maphash"
	"strconv"
	"strings"

	"lamplight/sip"
)

const (
	maxForwards = 70 // where none is said (RFC 3261 §16.6 item 3)
	maxBreadth  = 60 // likewise (RFC 5393 §5.3.3)
)

// check validates a request (RFC 3261 §16.3), and reads what of it decides how far
// it may go.
func (cx *context) check(m *sip.Message) error {
	hops, ok, err := m.MaxForwards()
	switch {
	case err != nil:
		return err
	case !ok:
		hops = maxForwards
	case hops == 0:
		return ErrTooManyHops
	}
	cx.hops = hops - 1
	for range m.Elements(sip.ProxyRequire) {
		return ErrProxyRequire // there is none that we support
	}
	if cx.mark = cx.proxy.marks.of(m); wasHere(m, cx.mark) {
		return ErrLoop
	}
	cx.breadth = maxBreadth
	if v := m.Value(sip.MaxBreadth); v != nil {
		n, err := strconv.ParseUint(string(v), 10, 31)
		if err != nil {
			return ErrMalformed
		}
		cx.breadth = min(int(n), maxBreadth)
	}
	if cx.breadth == 0 {
		return ErrBreadth
	}
	return nil
}

// marks make the second part of our branches: a hash of what decides where a
// request goes, so that one that comes back unchanged is known, and one that
// comes back for another target is not refused (RFC 3261 §16.6 item 8, RFC 5393
// §4.2.1).
type marks struct{ seed maphash.Seed }

func (k *marks) init() { k.seed = maphash.MakeSeed() }

func (k *marks) of(m *sip.Message) string {
	var h maphash.Hash
	h.SetSeed(k.seed)
	add := func(b []byte) {
		_, _ = h.Write(b)
		_ = h.WriteByte(0)
	}
	add(m.RequestURI())
	add(m.CallID())
	add(m.Value(sip.CSeq))
	for _, field := range [...]sip.Header{sip.From, sip.To} {
		if n, err := sip.ParseNameAddr(m.Value(field)); err == nil {
			add(n.Tag())
		}
	}
	for _, field := range [...]sip.Header{sip.Route, sip.ProxyRequire, sip.Replaces} {
		for v := range m.Elements(field) {
			add(v)
		}
	}
	return strconv.FormatUint(h.Sum64(), 36)
}

// wasHere tells whether a Via of ours has a mark.
func wasHere(m *sip.Message, mark string) bool {
	for v := range m.Elements(sip.Via) {
		via, err := sip.ParseVia(v)
		if err != nil {
			continue
		}
		if _, theirs, ok := strings.Cut(string(via.Branch()), "."); ok && theirs == mark {
			return true
		}
	}
	return false
}

// reasonLines are the Reason header fields of a CANCEL, which go with it (RFC 3326
// §2).
func reasonLines(m *sip.Message) (lines []byte) {
	for v := range m.Fields(sip.Reason) {
		lines = append(append(append(lines, "Reason: "...), v...), "\r\n"...)
	}
	return lines
}
