package xcap

import (
	"errors"
	"maps"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"lamplight/body/xmldoc"
	"lamplight/event"
)

// request is what a user wants of a resource.
type request struct {
	user                 event.AoR
	target               selector
	body                 []byte
	ifMatch, ifNoneMatch string // lists of quoted entity-tags, or "*"
}

// answer is what comes of it.
type answer struct {
	body      []byte
	mediaType string
	etag      string // "": the document is gone
	made      bool   // something new
}

// stored is the document of a request, an empty one without an ETag where there
// is none yet.
func (s *Server) stored(r request) (Document, error) {
	if len(r.target.name) > 1 {
		return Document{}, ErrNotFound
	}
	d, err := s.Store.Document(r.target.key)
	if errors.Is(err, ErrNotFound) {
		return Document{Key: r.target.key}, nil
	}
	return d, err
}

func (s *Server) get(r request) (answer, error) {
	u := usages[r.target.auid]
	d, err := s.stored(r)
	if r.target.global {
		d, err = Document{ETag: "caps", Body: capabilities}, nil
	}
	if err != nil {
		return answer{}, err
	}
	if d.ETag == "" {
		return answer{}, ErrNotFound
	}
	a := answer{body: d.Body, mediaType: u.mediaType, etag: d.ETag}
	if r.target.node != nil {
		if a.body, a.mediaType, err = r.target.node.read(d.Body, u); err != nil {
			return answer{}, err
		}
	}
	switch {
	case r.ifMatch != "" && !matches(r.ifMatch, d.ETag):
		return a, ErrPrecondition
	case r.ifNoneMatch != "" && matches(strings.ReplaceAll(r.ifNoneMatch, "W/", ""), d.ETag):
		return a, ErrNotModified
	}
	return a, nil
}

// read is a node of a document, and its media type (RFC 4825 §8.3).
func (n *node) read(body []byte, u *usage) ([]byte, string, error) {
	d, err := xmldoc.Parse(body)
	if err != nil {
		return nil, "", err
	}
	e := n.element(d, u)
	if e == nil {
		return nil, "", ErrNotFound
	}
	switch {
	case n.bindings:
		return bindingsOf(e), "application/xcap-ns+xml", nil
	case n.attr == nil:
		return body[e.At.Start:e.At.End], "application/xcap-el+xml", nil
	}
	a, ok := n.attribute(d, e)
	if !ok {
		return nil, "", ErrNotFound
	}
	return d.Value(a), "application/xcap-att+xml", nil
}

// conditions are those of RFC 4825 §8.2.6. An entity-tag is that of the whole
// document, also for a node that is not there yet.
func (r request) conditions(etag string) error {
	if r.ifMatch != "" && (etag == "" || !matches(r.ifMatch, etag)) || r.ifNoneMatch != "" && etag != "" && matches(r.ifNoneMatch, etag) {
		return ErrPrecondition
	}
	return nil
}

// matches tells whether a list of entity-tags has one, by the strong comparison.
func matches(list, etag string) bool {
	for tag := range strings.SplitSeq(list, ",") {
		if tag = strings.TrimSpace(tag); tag == "*" || tag == `"`+etag+`"` {
			return true
		}
	}
	return false
}

func (s *Server) put(r request) (answer, error) {
	if len(r.body) > MaxBody {
		return answer{}, ErrTooLarge
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(r.target.name) > 1 {
		c := conflict("no-parent", "there are no directories")
		c.Ancestor = "../"
		return answer{}, c
	}
	old, err := s.stored(r)
	if err != nil {
		return answer{}, err
	}
	if old.ETag == "" && r.target.node != nil {
		return answer{}, conflict("no-parent", "there is no such document")
	}
	if err := r.conditions(old.ETag); err != nil {
		return answer{}, err
	}
	body, made, err := r.edited(old)
	if err != nil {
		return answer{}, err
	}
	if err := s.valid(old.Key, body); err != nil {
		return answer{}, err
	}
	if old.ETag == "" {
		if n, err := s.Store.Count(old.AoR); err != nil || n >= MaxDocuments {
			return answer{}, errors.Join(err, conflict("constraint-failure", "no more than %d documents", MaxDocuments))
		}
	}
	tag, err := s.write(old, body)
	return answer{etag: tag, made: made}, err
}

// edited is the document after a PUT.
func (r request) edited(old Document) (body []byte, made bool, err error) {
	n, u := r.target.node, usages[r.target.auid]
	if n == nil {
		return r.body, old.ETag == "", nil
	}
	d, err := xmldoc.Parse(old.Body)
	if err != nil {
		return nil, false, err
	}
	if n.attr != nil {
		return n.setAttribute(d, u, r.body)
	}
	return n.setElement(d, u, r.body)
}

func (s *Server) delete(r request) (answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old, err := s.stored(r)
	if err != nil {
		return answer{}, err
	}
	if old.ETag == "" {
		return answer{}, ErrNotFound
	}
	if err := r.conditions(old.ETag); err != nil {
		return answer{}, err
	}
	if r.target.node == nil {
		return answer{}, s.erase(old)
	}
	d, err := xmldoc.Parse(old.Body)
	if err != nil {
		return answer{}, err
	}
	body, err := r.target.node.remove(d, usages[r.target.auid])
	if err != nil {
		return answer{}, err
	}
	if err := s.valid(old.Key, body); err != nil {
		return answer{}, err
	}
	tag, err := s.write(old, body)
	return answer{etag: tag}, err
}

// isUTF8 tells whether a document is UTF-8 and says nothing else of itself.
func isUTF8(body []byte) bool {
	label := xmldoc.Encoding(body)
	return utf8.Valid(body) && (label == "" || strings.EqualFold(label, "utf-8") || strings.EqualFold(label, "us-ascii"))
}

// escape is a step of a selector as it stands in a URI.
func escape(step string) string { return url.PathEscape(step) }

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
