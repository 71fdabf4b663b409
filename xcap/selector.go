package xcap

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of a request's URI.
const (
	maxURI     = 8 << 10 // bytes
	maxSegment = 255     // bytes of one part of a document's selector
)

// selector is what a URI behind the XCAP root names (RFC 4825 §6).
type selector struct {
	auid   string
	global bool
	xui    string
	name   []string // the path in the tree
	node   *node    // nil: the whole document
	key    Key      // when the user is known
	path   string   // of the document, as it was written
	query  string   // as it was written
}

// parseSelector reads the path behind the root, not decoded yet, and the query.
// What tries to leave a tree is none. The error is ErrSelector or ErrNotFound.
func parseSelector(path, query string) (s selector, err error) {
	if len(path)+len(query) > maxURI {
		return s, ErrSelector
	}
	segments := strings.Split(strings.TrimPrefix(path, "/"), "/")
	document, rest := segments, ""
	for i, segment := range segments {
		if strings.ReplaceAll(strings.ReplaceAll(segment, "%7E", "~"), "%7e", "~") == "~~" {
			document, rest = segments[:i], strings.Join(segments[i+1:], "/")
			s.node = &node{}
			break
		}
	}
	s.path, s.query = strings.Join(document, "/"), query
	var names []string
	for _, segment := range document {
		name, err := url.PathUnescape(segment)
		if err != nil || !isSegment(name) {
			return s, ErrSelector
		}
		names = append(names, name)
	}
	if err := s.place(names); err != nil {
		return s, err
	}
	if s.node != nil {
		s.node, err = parseNode(rest, query)
	}
	return s, err
}

// place finds the tree and the document.
func (s *selector) place(names []string) error {
	if len(names) < 3 {
		return ErrNotFound
	}
	s.auid = names[0]
	switch {
	case names[1] == "global":
		s.global, s.name = true, names[2:]
	case names[1] == "users" && len(names) > 3:
		s.xui, s.name = names[2], names[3:]
	default:
		return ErrNotFound
	}
	return nil
}

// isSegment tells whether a part of a path names something, once decoded:
// nothing that a file system or another server could take for a way out.
func isSegment(s string) bool {
	return s != "" && s != "." && s != ".." && len(s) <= maxSegment && utf8.ValidString(s) &&
		!strings.ContainsAny(s, "/\\") && !strings.ContainsFunc(s, unicode.IsControl) &&
		!strings.Contains(s, "%")
}
