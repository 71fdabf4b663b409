// Package xcap is a server of the XML Configuration Access Protocol (RFC 4825):
// users read and write their documents and single nodes of them by HTTP, each
// in their own tree, for the usages resource-lists and rls-services (RFC 4826),
// pres-rules (RFC 5025), pidf-manipulation (RFC 4827) and xcap-caps. It is told
// who has signed in, stores through an interface, and makes no directories.
// Schemas are checked by tables of its own.
package xcap

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"time"

	"lamplight/event"
)

// Limits of what users keep.
const (
	MaxBody      = 256 << 10 // bytes of a document
	MaxDocuments = 64        // of one user
)

var (
	// ErrNotFound says that there is no such resource.
	ErrNotFound = errors.New("there is no such resource")
	// ErrForbidden says that a tree is not the user's, whether it is there or not.
	ErrForbidden = errors.New("not your tree")
	// ErrSelector says that a path or a query cannot be read.
	ErrSelector = errors.New("not a selector of XCAP")
	// ErrPrecondition says that a document is not as the request wants it.
	ErrPrecondition = errors.New("the document is not the one that was meant")
	// ErrMediaType says that a body has another media type than the resource.
	ErrMediaType = errors.New("another media type than that of the resource")
	// ErrTooLarge says that a document would have more than MaxBody bytes.
	ErrTooLarge = errors.New("the document is too large")
	// ErrMethod says that a resource can only be read.
	ErrMethod = errors.New("the resource can only be read")
	// ErrNotModified answers a read of what the client has already.
	ErrNotModified = errors.New("not modified")
	// ErrStale is the store's word for a document that is not the one that was
	// to be changed.
	ErrStale = errors.New("the document was changed meanwhile")
)

// Key names a document: the one of a user, in an application usage.
type Key struct {
	AoR        event.AoR
	AUID, Name string
}

// Document is a document as it was written.
type Document struct {
	Key
	ETag    string
	Body    []byte
	Changed time.Time
}

// Store keeps documents. Errors are ErrNotFound and ErrStale, or what goes wrong.
type Store interface {
	Document(Key) (Document, error)
	// Documents are all of a usage, of one user or with "" of all.
	Documents(aor event.AoR, auid string) ([]Document, error)
	Count(event.AoR) (int, error)
	// Put takes the place of the document whose entity-tag is was, "": of none.
	Put(d Document, was string) error
	Delete(k Key, was string) error
}

// Change is a document that was written or, without an ETag, deleted. Without
// Was it is new.
type Change struct {
	Document
	Was string // the entity-tag before
}

// Options is what a server is made of.
type Options struct {
	Store Store
	Root  string // the path of the XCAP root: "/xcap-root"
	// Resolve finds the user that a SIP or SIPS URI, or one without a scheme,
	// means.
	Resolve func(uri string) (event.AoR, bool)
	// Check, if there is one, judges a document that keeps to its schema. Its
	// error's words are for the user.
	Check func(Document) error
	// Changed, if there is one, is told of each change after it was stored, in
	// order.
	Changed func(Change)
	Now     func() time.Time
}

// Server answers requests. Its methods may be called from several goroutines.
type Server struct {
	Options
	mu       sync.Mutex     // held over a change, from reading what is there
	services map[string]Key // which document has the service with a URI (RFC 4826 §4.4.5)
}

// New makes a server. The error is the store's.
func New(o Options) (*Server, error) {
	s := &Server{Options: o, services: map[string]Key{}}
	list, err := o.Store.Documents("", "rls-services")
	for _, d := range list {
		s.index(Change{Document: d})
	}
	return s, err
}

type userKey struct{}

// WithUser tells the server who has signed in.
func WithUser(ctx context.Context, user event.AoR) context.Context {
	return context.WithValue(ctx, userKey{}, user)
}

// Get reads a whole document of a user's. The error may be ErrNotFound.
func (s *Server) Get(user event.AoR, auid, name string) (Document, error) {
	if usages[auid] == nil {
		return Document{}, ErrNotFound
	}
	return s.Store.Document(Key{user, auid, name})
}

// Put writes a whole document as a request would, and returns its entity-tag.
// Match, unless "", is the entity-tag of the one that is meant; "*" means any.
// The error is ErrNotFound for an unknown usage, ErrPrecondition, ErrTooLarge, a
// *Conflict, or the store's.
func (s *Server) Put(user event.AoR, auid, name, match string, body []byte) (string, error) {
	r := request{user: user, target: selector{auid: auid, key: Key{user, auid, name}}, body: body, ifMatch: tagged(match)}
	if usages[auid] == nil {
		return "", ErrNotFound
	}
	a, err := s.put(r)
	return a.etag, err
}

// Delete deletes a whole document. Match is that of Put, the error may also be
// ErrNotFound.
func (s *Server) Delete(user event.AoR, auid, name, match string) error {
	r := request{user: user, target: selector{auid: auid, key: Key{user, auid, name}}, ifMatch: tagged(match)}
	if usages[auid] == nil {
		return ErrNotFound
	}
	_, err := s.delete(r)
	return err
}

func tagged(match string) string {
	if match == "" || match == "*" {
		return match
	}
	return `"` + match + `"`
}

// write stores a document under the lock and tells of it.
func (s *Server) write(old Document, body []byte) (string, error) {
	d := Document{old.Key, rand.Text(), body, s.Now()}
	if err := s.Store.Put(d, old.ETag); err != nil {
		return "", stale(err)
	}
	s.tell(Change{d, old.ETag})
	return d.ETag, nil
}

func (s *Server) erase(old Document) error {
	if err := s.Store.Delete(old.Key, old.ETag); err != nil {
		return stale(err)
	}
	s.tell(Change{Document{Key: old.Key, Changed: s.Now()}, old.ETag})
	return nil
}

func (s *Server) tell(c Change) {
	s.index(c)
	if s.Changed != nil {
		s.Changed(c)
	}
}

// stale takes what another process changed for a condition that failed.
func stale(err error) error {
	if errors.Is(err, ErrStale) {
		return ErrPrecondition
	}
	return err
}
