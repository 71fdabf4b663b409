// Package messagesummary is the document of waiting messages (RFC 3842 §3.5,
// application/simple-message-summary): whether there are any, whose mailbox it is,
// and how many of each class. It leaves out the header fields of the messages
// themselves, which are for those alone who were told of all messages before.
package messagesummary

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// Type is the document's media type.
const Type = "application/simple-message-summary"

// Voice is the class of voice messages.
const Voice = "Voice-Message"

// What a document may hold at the most.
const (
	MaxClasses = 16
	maxName    = 64  // bytes of a class's name
	maxAccount = 512 // bytes of an account
)

var (
	errStatus  = errors.New("no Messages-Waiting: yes or no")
	errLine    = errors.New("a line without a colon")
	errCount   = errors.New("a count is no number")
	errAccount = errors.New("Message-Account is no URI")
	errClasses = errors.New("too many classes, or a name too long")
)

// Summary is what is known of somebody's messages.
type Summary struct {
	Waiting bool
	Account string // the mailbox, a URI; "": not said
	Classes []Class
	Unknown bool // nobody has said anything; the document has no word for it
}

// Class is how many messages of one message-context-class there are.
type Class struct {
	Name     string // "Voice-Message"
	New, Old uint32
	Urgent   bool // whether it is said how many of them are urgent
	NewUrgent,
	OldUrgent uint32
}

// Parse reads a document. Lines that it does not know are left out, as is what
// comes after an empty line.
func Parse(b []byte) (*Summary, error) {
	s := &Summary{}
	said := false
	for line := range strings.SplitSeq(string(b), "\n") {
		line = strings.TrimRight(line, "\r \t")
		if line == "" && said {
			break
		}
		if line == "" || line[0] == ' ' || line[0] == '\t' {
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return nil, errLine
		}
		var err error
		switch name, value := strings.TrimSpace(name), strings.TrimSpace(value); {
		case strings.EqualFold(name, "Messages-Waiting"):
			said = true
			s.Waiting, err = status(value)
		case strings.EqualFold(name, "Message-Account"):
			s.Account, err = account(value)
		default:
			err = s.class(name, value)
		}
		if err != nil {
			return nil, err
		}
	}
	if !said {
		return nil, errStatus
	}
	return s, nil
}

func status(value string) (bool, error) {
	switch {
	case strings.EqualFold(value, "yes"):
		return true, nil
	case strings.EqualFold(value, "no"):
		return false, nil
	}
	return false, errStatus
}

// account is a URI; some write it between angle brackets, which RFC 3842 §3.5
// forbids.
func account(value string) (string, error) {
	if strings.HasPrefix(value, "<") && strings.HasSuffix(value, ">") {
		value = value[1 : len(value)-1]
	}
	scheme, rest, _ := strings.Cut(value, ":")
	if !isToken(scheme) || rest == "" || len(value) > maxAccount || strings.ContainsFunc(value, isBlank) {
		return "", errAccount
	}
	return value, nil
}

func isBlank(r rune) bool { return r <= ' ' || r == 0x7f || r == '<' || r == '>' }

// class takes a line of counts in; what has another form is no such line.
func (s *Summary) class(name, value string) error {
	if value == "" || value[0] < '0' || value[0] > '9' || !strings.Contains(value, "/") || !isToken(name) {
		return nil
	}
	c := Class{Name: canonical(name)}
	all, urgent, hasUrgent := strings.Cut(value, "(")
	var err error
	if c.New, c.Old, err = counts(all); err != nil {
		return err
	}
	if hasUrgent {
		c.Urgent = true
		if c.NewUrgent, c.OldUrgent, err = counts(strings.TrimSuffix(urgent, ")")); err != nil {
			return err
		}
	}
	for _, other := range s.Classes {
		if other.Name == c.Name {
			return nil // the first counts
		}
	}
	if len(s.Classes) == MaxClasses || len(name) > maxName {
		return errClasses
	}
	s.Classes = append(s.Classes, c)
	return nil
}

func isToken(s string) bool {
	return s != "" && strings.Trim(strings.ToLower(s), "abcdefghijklmnopqrstuvwxyz0123456789-.!%*_+`'~") == "" &&
		!strings.ContainsFunc(s, func(r rune) bool { return isBlank(r) || r > 0x7e || strings.ContainsRune(`()@,;:\"/[]?={}`, r) })
}

// canonical writes a class as RFC 3842 does: names are the same in any case.
func canonical(name string) string {
	b := []byte(strings.ToLower(name))
	for i := range b {
		if (i == 0 || b[i-1] == '-') && b[i] >= 'a' && b[i] <= 'z' {
			b[i] -= 'a' - 'A'
		}
	}
	return string(b)
}

// counts reads "2/8".
func counts(s string) (first, second uint32, err error) {
	a, b, _ := strings.Cut(s, "/")
	if first, err = count(a); err != nil {
		return 0, 0, err
	}
	second, err = count(b)
	return first, second, err
}

// count reads a number; what is larger than the largest is that one (RFC 3842
// §3.5).
func count(s string) (uint32, error) {
	n, err := strconv.ParseUint(strings.TrimSpace(s), 10, 32)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, errCount
	}
	return uint32(min(n, math.MaxUint32)), nil
}

// Append prints the document.
func (s *Summary) Append(b []byte) []byte {
	b = append(b, "Messages-Waiting: "...)
	if s.Waiting {
		b = append(b, "yes\r\n"...)
	} else {
		b = append(b, "no\r\n"...)
	}
	if s.Account != "" {
		b = append(append(append(b, "Message-Account: "...), s.Account...), "\r\n"...)
	}
	for _, c := range s.Classes {
		b = append(append(b, c.Name...), ": "...)
		b = appendCounts(b, c.New, c.Old)
		if c.Urgent {
			b = append(appendCounts(append(b, " ("...), c.NewUrgent, c.OldUrgent), ')')
		}
		b = append(b, "\r\n"...)
	}
	return b
}

func appendCounts(b []byte, first, second uint32) []byte {
	b = append(strconv.AppendUint(b, uint64(first), 10), '/')
	return strconv.AppendUint(b, uint64(second), 10)
}
