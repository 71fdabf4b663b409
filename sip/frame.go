package sip

import "bytes"

var (
	headEnd     = []byte("\r\n\r\n")
	errNoLength = bad("Content-Length Missing")
)

// Frame is the length of the first message of a stream (RFC 3261 §18.3), 0
// where b does not hold the whole of it, within the default limits. A message on a stream must say how long
// its body is, once: after an error nobody knows where the next one begins. The
// error is a *SyntaxError.
func Frame(b []byte) (int, error) { return DefaultLimits.Frame(b) }

// Frame is the package's, within other limits.
func (l *Limits) Frame(b []byte) (int, error) {
	head := bytes.Index(b[:min(len(b), l.Head)], headEnd)
	if head < 0 {
		if len(b) >= l.Head {
			return 0, errLarge
		}
		return 0, nil
	}
	head += len(headEnd)
	body, err := l.bodyLength(b[:head])
	if err != nil {
		return 0, err
	}
	if len(b) < head+body {
		return 0, nil
	}
	return head + body, nil
}

// bodyLength reads Content-Length without the rest of the message.
func (l *Limits) bodyLength(head []byte) (length int, err error) {
	found := false
	for line := range bytes.SplitSeq(head, []byte("\r\n")) {
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok || len(line) > 0 && isSpace(line[0]) || headerOf(bytes.TrimRight(name, " \t")) != ContentLength {
			continue
		}
		n, ok := number(trim(value), 1<<31)
		switch {
		case found:
			return 0, bad("More Than One Content-Length")
		case !ok, n >= 1<<31: // larger than that is an attack on somebody's arithmetic
			return 0, bad("Malformed Content-Length")
		case n > uint64(l.Body):
			return 0, &SyntaxError{Reason: "Message Too Large", Status: 513, Limit: LimitMessage}
		}
		length, found = int(n), true
	}
	if !found {
		return 0, errNoLength
	}
	return length, nil
}
