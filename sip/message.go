// Package sip reads and builds SIP messages: the grammar, header fields, URIs
// and dialogs of RFC 3261 §7, §12, §19, §20 and §25 and the header fields of
// RFC 3903 and RFC 6665; it does no input or output and keeps no transactions.
package sip

import (
	"bytes"
	"iter"
)

// Message is a received message: an index over its bytes. Its zero value is
// ready, and may be used for one message after another without allocating.
// What its methods return points into the bytes given to Parse.
type Message struct {
	Limits *Limits // nil: DefaultLimits

	data   []byte
	fields []field

	method Method
	status int
	uri    []byte // Request-URI
	phrase []byte
	body   []byte
	via    ViaValue // the top one
	viaErr error

	err   error               // the first that Parse met
	first [headerCount]uint16 // 1 + index in fields of the first of a name
	count [headerCount]uint16
}

// field is one header field, by its place in the message.
type field struct {
	header     Header
	name, last uint16 // name's beginning, and its end
	from, to   uint16 // the value
}

// Parse indexes a whole message. It keeps b, and writes to it where it unfolds
// lines. After an error, what was found can still be read, so that a request
// can be answered whose Via, From, To, Call-ID and CSeq are there.
func (m *Message) Parse(b []byte) error {
	m.reset(b)
	err := m.index(b)
	m.via, m.viaErr = m.topVia()
	return err
}

func (m *Message) index(b []byte) error {
	head := b[:min(len(b), m.limits().Head)]
	line, at, err := cutLine(head, 0)
	m.fail(err)
	if at > 0 {
		m.fail(m.startLine(line))
		at = m.headerFields(head, at)
	}
	if m.err == errEndless && len(head) < len(b) {
		m.err = errLarge
	}
	if at == 0 || m.err != nil {
		return m.err
	}
	if err := m.counts(); err != nil {
		return err
	}
	return m.cutBody(at)
}

func (m *Message) reset(b []byte) {
	m.data, m.fields, m.err = b, m.fields[:0], nil
	m.method, m.status, m.uri, m.phrase, m.body = "", 0, nil, nil, nil
	m.first, m.count = [headerCount]uint16{}, [headerCount]uint16{}
}

// fail keeps the first error; the rest of the message is read all the same.
func (m *Message) fail(err error) {
	if m.err == nil {
		m.err = err
	}
}

var (
	errEndless  = bad("Header Fields Without End")
	errLarge    = over(LimitHead, "Header Fields Too Large")
	errLineFeed = bad("Line Feed Without Carriage Return")
	errReturn   = bad("Carriage Return Without Line Feed")
	errControl  = bad("Control Character")
)

// cutLine finds the line that begins at from, and the next line's beginning: 0
// where the line has no end. What only looks like the end of a line makes the
// message malformed: others might read it otherwise.
func cutLine(b []byte, from int) (line []byte, next int, err error) {
	i := bytes.IndexByte(b[from:], '\n')
	if i < 0 {
		return nil, 0, errEndless
	}
	line, next = b[from:from+i], from+i+1
	if i > 0 && line[i-1] == '\r' {
		line = line[:i-1]
	} else {
		err = errLineFeed
	}
	if hasControl(line) {
		if e := controls(line); e != nil {
			err = e
		}
	}
	return line, next, err
}

// controls finds control characters where they may not be: all but HTAB, and
// what a backslash stands before, as in a quoted-string (RFC 3261 §25.1).
func controls(line []byte) error {
	for i, c := range line {
		switch {
		case c == '\r':
			return errReturn
		case c == '\t', c >= ' ' && c != 0x7f, i > 0 && line[i-1] == '\\':
		default:
			return errControl
		}
	}
	return nil
}

var version = []byte("SIP/2.0")

// startLine reads a Request-Line or a Status-Line (RFC 3261 §7.1, §7.2).
func (m *Message) startLine(line []byte) error {
	if len(line) > 4 && equalFold(line[:4], "SIP/") {
		return m.statusLine(line)
	}
	i := bytes.IndexByte(line, ' ')
	if i < 0 || !isToken(line[:i]) {
		return bad("Malformed Request-Line")
	}
	m.method = methodOf(line[:i])
	rest := line[i+1:]
	j := bytes.LastIndexByte(rest, ' ')
	if j < 0 {
		return bad("Malformed Request-Line")
	}
	m.uri = rest[:j]
	if v := rest[j+1:]; !equalFold(v, version) {
		if len(v) > 4 && equalFold(v[:4], "SIP/") {
			return &SyntaxError{Reason: "Version Not Supported", Status: 505}
		}
		return bad("Malformed Request-Line")
	}
	switch {
	case len(m.uri) > m.limits().URI:
		return &SyntaxError{Reason: "Request-URI Too Long", Status: 414, Limit: LimitURI}
	case len(m.uri) == 0 || !visible(m.uri):
		return bad("Malformed Request-URI")
	}
	return nil
}

func (m *Message) statusLine(line []byte) error {
	if len(line) < 12 || line[7] != ' ' || !equalFold(line[:7], version) {
		return bad("Malformed Status-Line")
	}
	code, ok := number(line[8:11], 999)
	if !ok || code < 100 || code > 699 || line[11] != ' ' {
		return bad("Malformed Status-Line")
	}
	m.status, m.phrase = int(code), line[12:]
	return nil
}

// headerFields indexes the lines up to the empty one, and returns where the
// body begins; 0 where there is no empty line.
func (m *Message) headerFields(b []byte, at int) int {
	for {
		line, next, err := cutLine(b, at)
		m.fail(err)
		if next == 0 || len(line) == 0 {
			return next
		}
		end := at + len(line)
		for next < len(b) && isSpace(b[next]) { // folded (RFC 3261 §7.3.1)
			more, after, foldErr := cutLine(b, next)
			m.fail(foldErr)
			if after == 0 {
				return 0
			}
			if foldErr != nil {
				err = foldErr
			}
			for i := end; i < next; i++ {
				b[i] = ' '
			}
			end, next = next+len(more), after
		}
		// What holds a character that it may not is never copied to a response.
		if err == nil || err == errLineFeed {
			m.fail(m.addField(b, at, at+len(line), end))
		}
		at = next
	}
}

// addField indexes one header field. The colon stands in its first line, which
// ends before firstEnd (RFC 3261 §25.1 HCOLON).
func (m *Message) addField(b []byte, at, firstEnd, end int) error {
	colon := bytes.IndexByte(b[at:firstEnd], ':')
	if colon < 0 {
		return bad("Header Field Without Colon")
	}
	name := b[at : at+colon]
	for len(name) > 0 && isSpace(name[len(name)-1]) {
		name = name[:len(name)-1]
	}
	if !isToken(name) {
		return bad("Malformed Header Field Name")
	}
	if len(m.fields) == m.limits().Fields {
		return over(LimitFields, "Too Many Header Fields")
	}
	h := headerOf(name)
	if h != unknownHeader && int(m.count[h]) == m.limits().SameField {
		return over(LimitSameField, "Too Many "+h.String()+" Header Fields")
	}
	from, to := at+colon+1, end
	for from < to && isSpace(b[from]) {
		from++
	}
	for to > from && isSpace(b[to-1]) {
		to--
	}
	m.fields = append(m.fields, field{h, uint16(at), uint16(at + len(name)), uint16(from), uint16(to)})
	if m.count[h]++; m.count[h] == 1 {
		m.first[h] = uint16(len(m.fields))
	}
	return nil
}

// counts refuses what may be there once only.
func (m *Message) counts() error {
	for _, h := range single {
		if m.count[h] > 1 {
			return bad("More Than One " + h.String())
		}
	}
	return nil
}

// cutBody takes the body by Content-Length; a datagram may hold more, which is
// no part of the message, but not less (RFC 3261 §18.3).
func (m *Message) cutBody(at int) error {
	rest := m.data[at:]
	if v := m.Value(ContentLength); m.Has(ContentLength) {
		n, ok := number(v, 1<<32)
		if !ok || len(v) > 10 {
			return bad("Malformed Content-Length")
		}
		if n > uint64(len(rest)) {
			return bad("Content-Length Beyond The Message")
		}
		rest = rest[:n]
	}
	m.body = rest
	return nil
}

// Bytes are the message as received, with its lines unfolded.
func (m *Message) Bytes() []byte { return m.data }

// IsRequest tells a request from a response.
func (m *Message) IsRequest() bool { return m.method != "" }

// Method is a request's, or for a response that of its CSeq.
func (m *Message) Method() Method {
	if m.IsRequest() {
		return m.method
	}
	c, err := m.CSeq()
	if err != nil {
		return ""
	}
	return c.Method
}

// RequestURI is a request's, as written.
func (m *Message) RequestURI() []byte { return m.uri }

// Status is a response's code, 0 for a request.
func (m *Message) Status() int { return m.status }

// ReasonPhrase is a response's.
func (m *Message) ReasonPhrase() []byte { return m.phrase }

// Body is the message's body, as far as Content-Length says.
func (m *Message) Body() []byte { return m.body }

// Value is the first field's value of a name, nil where there is none.
func (m *Message) Value(h Header) []byte {
	if m.count[h] == 0 {
		return nil
	}
	f := &m.fields[m.first[h]-1]
	return m.data[f.from:f.to]
}

// Has tells whether a message has a header field of a name.
func (m *Message) Has(h Header) bool { return m.count[h] > 0 }

// Count is how many fields of a name a message has.
func (m *Message) Count(h Header) int { return int(m.count[h]) }

// Fields are the values of all fields of a name.
func (m *Message) Fields(h Header) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		left := m.count[h]
		for i := int(m.first[h]) - 1; left > 0; i++ {
			if f := &m.fields[i]; f.header == h {
				if left--; !yield(m.data[f.from:f.to]) {
					return
				}
			}
		}
	}
}

// Other is the first value of a header field by its name, for those that have
// no Header; nil where there is none.
func (m *Message) Other(name string) []byte {
	for i := range m.fields {
		f := &m.fields[i]
		if equalFold(m.data[f.name:f.last], name) {
			return m.data[f.from:f.to]
		}
	}
	return nil
}

// Elements are the elements of a list header field, over all its fields: commas
// inside quotes and angle brackets separate nothing (RFC 3261 §7.3.1). Empty
// ones are passed over.
func (m *Message) Elements(h Header) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for element := range m.elements(h) {
			if len(element) > 0 && !yield(element) {
				return
			}
		}
	}
}

// elements are those of Elements, and the empty ones.
func (m *Message) elements(h Header) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for value := range m.Fields(h) {
			for more := true; more; {
				var element []byte
				element, value, more = cutElement(value)
				if !yield(trim(element)) {
					return
				}
			}
		}
	}
}

func cutElement(b []byte) (element, rest []byte, more bool) {
	if i := indexOutside(b, ','); i >= 0 {
		return b[:i], b[i+1:], true
	}
	return b, nil, false
}

// indexOutside is the place of the first c that is neither in quotes nor in
// angle brackets, -1 where there is none.
func indexOutside(b []byte, c byte) int {
	quoted, angle := false, false
	for i := 0; i < len(b); i++ {
		switch {
		case quoted && b[i] == '\\':
			i++
		case b[i] == '"' && !angle:
			quoted = !quoted
		case quoted:
		case b[i] == '<':
			angle = true
		case b[i] == '>':
			angle = false
		case b[i] == c && !angle:
			return i
		}
	}
	return -1
}
