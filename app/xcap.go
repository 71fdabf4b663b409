package app

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"lamplight/body/pidf"
	"lamplight/event"
	"lamplight/owner"
	"lamplight/policy"
	"lamplight/sip"
	"lamplight/store/cold"
	"lamplight/xcap"
)

// Documents is where users' documents are kept.
type Documents interface {
	Document(cold.DocumentKey) (cold.Document, error)
	Documents(aor event.AoR, auid string) ([]cold.Document, error)
	DocumentTags(event.AoR) (map[cold.DocumentKey]string, error)
	PutDocument(d cold.Document, was string) error
	DeleteDocument(k cold.DocumentKey, was string) error
}

// xcapRoot is the path of the XCAP root on the web listener.
const xcapRoot = "/xcap-root"

// The application usages whose documents come into force when they are written.
const (
	usageRules = "pres-rules"        // RFC 5025 §9
	usageHard  = "pidf-manipulation" // RFC 4827
	inForce    = "index"             // the document of either
)

var errHardTooLarge = errors.New("a hard state is up to 64 KiB")

// newXCAP makes the server of users' documents.
func (s *Server) newXCAP() (err error) {
	if s.o.Documents == nil {
		return nil
	}
	s.xcap, err = xcap.New(xcap.Options{
		Store: shelves{s.o.Documents}, Root: xcapRoot, Now: time.Now,
		Resolve: s.treeOf, Check: checkDocument, Changed: s.documentChanged,
	})
	return errors.Join(err, s.loadRulesDocuments())
}

// loadRulesDocuments puts users' stored rules into force, before anything runs. Of
// those that cannot be read nothing is granted.
func (s *Server) loadRulesDocuments() error {
	list, err := s.o.Documents.Documents("", usageRules)
	for _, d := range list {
		if d.Name != inForce {
			continue
		}
		rules, err := policy.Parse(d.Body)
		if err != nil {
			s.log.Error("rules cannot be read: nothing is shown", "of", d.AoR, "error", err)
			rules = policy.Rules{}
		}
		s.policy.Set(d.AoR, rules)
	}
	return err
}

// Documents is the server of users' documents, nil where none are kept. It is the
// door for the pages and commands too.
func (s *Server) Documents() *xcap.Server { return s.xcap }

// XCAP serves users' documents at /xcap-root to whom user finds out.
func (s *Server) XCAP(user func(*http.Request) event.AoR) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.xcap.ServeHTTP(w, r.WithContext(xcap.WithUser(r.Context(), user(r))))
	})
}

// treeOf finds the user that a URI means, or one without a scheme.
func (s *Server) treeOf(uri string) (event.AoR, bool) {
	u, err := sip.ParseURI([]byte(uri))
	if err != nil {
		if u, err = sip.ParseURI([]byte("sip:" + uri)); err != nil {
			return "", false
		}
	}
	book := s.book.Load()
	aor, _, err := book.Resolve(u)
	return aor, err == nil && book.Has(aor)
}

// checkDocument refuses what could not come into force.
func checkDocument(d xcap.Document) (err error) {
	switch d.AUID {
	case usageRules:
		_, err = policy.Parse(d.Body)
	case usageHard:
		if len(d.Body) > 64<<10 {
			return errHardTooLarge
		}
		_, err = pidf.Parse(d.Body)
	}
	return err
}

// documentChanged brings a document into force, before its writer is answered.
func (s *Server) documentChanged(c xcap.Change) {
	s.tagChanged(c)
	if c.Name != inForce {
		return
	}
	err := error(nil)
	switch c.AUID {
	case usageRules:
		err = s.rulesChanged(c.AoR, c.Body)
	case usageHard:
		err = s.SetHardState(c.AoR, c.Body)
	}
	if err != nil {
		s.log.Error("a document is stored, and is not in force before the next start", "of", c.AoR, "usage", c.AUID, "error", err)
	}
}

// rulesChanged puts a user's own rules into force, and has all who watch decided
// about again before it returns; without any the domain's hold.
func (s *Server) rulesChanged(aor event.AoR, doc []byte) error {
	var rules policy.Rules
	if len(doc) > 0 {
		var err error
		if rules, err = policy.Parse(doc); err != nil {
			return err
		}
	}
	return s.change(aor, func(t *owner.Turn) error {
		s.policy.Set(aor, rules)
		s.notifier.RulesChanged(t, aor)
		return nil
	})
}

// loadHardStates enters hard states that were stored as documents when the server
// ended, and are not in force yet.
func (s *Server) loadHardStates() {
	if s.o.Documents == nil {
		return
	}
	list, err := s.o.Documents.Documents("", usageHard)
	if err != nil {
		s.log.Error("hard states are not read", "error", err)
	}
	for _, d := range list {
		s.owners.Return(string(d.AoR), owner.Func(func(t *owner.Turn) {
			if in, ok := s.esc.Input(d.AoR, hardKey); ok && !in.Made.Before(d.Changed) {
				return
			}
			if err := s.setHardState(t, d.AoR, d.Body); err != nil {
				s.log.Error("a hard state is not in force", "of", d.AoR, "error", err)
			}
		}))
	}
}

// shelves are the cold store as XCAP knows one.
type shelves struct{ cold Documents }

func (s shelves) Document(k xcap.Key) (xcap.Document, error) {
	d, err := s.cold.Document(cold.DocumentKey(k))
	return fromCold(d), xcapError(err)
}

func fromCold(d cold.Document) xcap.Document {
	return xcap.Document{Key: xcap.Key(d.DocumentKey), ETag: d.ETag, Body: d.Body, Changed: d.Changed}
}

func (s shelves) Documents(aor event.AoR, auid string) (list []xcap.Document, err error) {
	stored, err := s.cold.Documents(aor, auid)
	for _, d := range stored {
		list = append(list, fromCold(d))
	}
	return list, err
}

func (s shelves) Count(aor event.AoR) (int, error) {
	tags, err := s.cold.DocumentTags(aor)
	return len(tags), err
}

func (s shelves) Put(d xcap.Document, was string) error {
	return xcapError(s.cold.PutDocument(cold.Document{DocumentKey: cold.DocumentKey(d.Key), ETag: d.ETag, Body: d.Body, Changed: d.Changed}, was))
}

func (s shelves) Delete(k xcap.Key, was string) error {
	return xcapError(s.cold.DeleteDocument(cold.DocumentKey(k), was))
}

func xcapError(err error) error {
	switch {
	case errors.Is(err, cold.ErrNoDocument), errors.Is(err, cold.ErrNoUser):
		return fmt.Errorf("%w: %s", xcap.ErrNotFound, strings.TrimSpace(err.Error()))
	case errors.Is(err, cold.ErrStale):
		return xcap.ErrStale
	}
	return err
}
