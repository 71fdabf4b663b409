package app

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"lamplight/directory"
	"lamplight/event"
	"lamplight/notifier"
	"lamplight/owner"
	"lamplight/policy"
	"lamplight/store/cold"
)

// Policies is where rules and groups are kept.
type Policies interface {
	Document(cold.DocumentKey) (cold.Document, error)
	Documents(aor event.AoR, auid string) ([]cold.Document, error)
	PutDocument(d cold.Document, was string) error
	DeleteDocument(k cold.DocumentKey, was string) error
	Groups() ([]directory.Group, error)
}

// rulesUsage is the application usage that a user's rules are a document of, and
// rulesName the document (RFC 5025 §9.1, §9.7).
const (
	rulesUsage = "pres-rules"
	rulesName  = "index"
)

var (
	errNoPolicies = errors.New("rules are kept nowhere")
	errOneself    = errors.New("nobody has to be let watch themselves")
	errHandling   = errors.New("want allow, block, polite-block or confirm")
	errTooLong    = errors.New("rules are up to 256 KiB")
)

// maxRules is the most bytes of a document of rules.
const maxRules = 256 << 10

// company is what is set for all: rules of domains, and groups. A domain whose
// rules cannot be read shows nothing to anybody.
func (s *Server) company(domains []directory.Domain) (*policy.Company, error) {
	c := &policy.Company{Domains: map[string]policy.Rules{}, Groups: map[string]map[event.AoR]bool{}}
	for _, d := range domains {
		if d.Rules == "" {
			continue
		}
		c.Domains[d.Name] = s.compiled(d.Name, []byte(d.Rules))
	}
	if s.o.Policies == nil {
		return c, nil
	}
	groups, err := s.o.Policies.Groups()
	for _, g := range groups {
		members := map[event.AoR]bool{}
		for _, m := range g.Members {
			members[m] = true
		}
		c.Groups[g.Name] = members
		if g.Pickup {
			c.Pickup = append(c.Pickup, members)
		}
	}
	return c, err
}

// compiled reads stored rules. Of those that cannot be read nothing is granted.
func (s *Server) compiled(whose string, doc []byte) policy.Rules {
	rules, err := policy.Parse(doc)
	if err != nil {
		s.log.Error("rules cannot be read: nothing is shown", "of", whose, "error", err)
		return policy.Rules{}
	}
	return rules
}

// loadRules puts all users' stored rules into force, before anything runs.
func (s *Server) loadRules() error {
	if s.o.Policies == nil {
		return nil
	}
	docs, err := s.o.Policies.Documents("", rulesUsage)
	for _, d := range docs {
		if d.Name == rulesName {
			s.policy.Set(d.AoR, s.compiled(string(d.AoR), d.Body))
		}
	}
	return err
}

// Rules are a user's own rules, a document of RFC 4745; where there are none, own
// is false and the document is one that grants the same as the domain's.
func (s *Server) Rules(aor event.AoR) (doc []byte, own bool, err error) {
	d, err := s.storedRules(aor)
	if err != nil {
		return nil, false, err
	}
	if d.ETag != "" {
		return d.Body, true, nil
	}
	return s.domainRules(aor), false, nil
}

func (s *Server) storedRules(aor event.AoR) (cold.Document, error) {
	if s.o.Policies == nil {
		return cold.Document{}, errNoPolicies
	}
	k := cold.DocumentKey{AoR: aor, AUID: rulesUsage, Name: rulesName}
	d, err := s.o.Policies.Document(k)
	if errors.Is(err, cold.ErrNoDocument) {
		return cold.Document{DocumentKey: k}, nil
	}
	return d, err
}

// domainRules are those of a user's domain, as a document.
func (s *Server) domainRules(aor event.AoR) []byte {
	_, domain, _ := strings.Cut(string(aor), "@")
	book := s.book.Load()
	if text := book.Rules(domain); text != "" {
		return []byte(text)
	}
	return policy.Default(append([]string{domain}, book.Listed(domain)...)...).Append(nil)
}

// SetRules keeps a user's own rules and puts them into force: all who watch are
// decided about again before it returns. Without a document the domain's rules
// hold again.
func (s *Server) SetRules(aor event.AoR, doc []byte) error {
	d, err := s.storedRules(aor)
	if err != nil {
		return err
	}
	return s.replaceRules(d, doc)
}

// replaceRules keeps new rules in the place of those that were read.
func (s *Server) replaceRules(d cold.Document, doc []byte) (err error) {
	was := d.ETag
	switch {
	case len(doc) > maxRules:
		return errTooLong
	case len(doc) == 0 && was == "":
		return nil
	case len(doc) == 0:
		err = s.o.Policies.DeleteDocument(d.DocumentKey, was)
	default:
		if _, err := policy.Parse(doc); err != nil {
			return fmt.Errorf("rules: %w", err)
		}
		sum := sha256.Sum256(append([]byte(was), doc...))
		d.Body, d.ETag, d.Changed = bytes.Clone(doc), hex.EncodeToString(sum[:12]), time.Now()
		err = s.o.Policies.PutDocument(d, was)
	}
	if err != nil {
		return err
	}
	return s.RulesStored(d.AoR, doc)
}

// RulesStored puts a user's rules into force that were stored by somebody else;
// none: the domain's hold.
func (s *Server) RulesStored(aor event.AoR, doc []byte) error {
	var rules policy.Rules
	if len(doc) > 0 {
		rules = s.compiled(string(aor), doc)
	}
	return s.change(aor, func(t *owner.Turn) error {
		s.policy.Set(aor, rules)
		s.notifier.RulesChanged(t, aor)
		return nil
	})
}

// Allow lets somebody watch a user, as colleagues do.
func (s *Server) Allow(aor, watcher event.AoR) error { return s.answer(aor, watcher, event.Allow) }

// Block lets somebody watch a user no longer: politely, where they shall see an
// offline user.
func (s *Server) Block(aor, watcher event.AoR, politely bool) error {
	if politely {
		return s.answer(aor, watcher, event.PoliteBlock)
	}
	return s.answer(aor, watcher, event.Block)
}

// answers is how often a change begins anew that another one overtook.
const answers = 5

// answer changes a user's rules so that a watcher is dealt with in one way.
func (s *Server) answer(aor, watcher event.AoR, h event.Handling) (err error) {
	if aor == watcher {
		return errOneself
	}
	for range answers {
		var d cold.Document
		if d, err = s.storedRules(aor); err != nil {
			return err
		}
		doc := d.Body
		if d.ETag == "" {
			doc = s.domainRules(aor)
		}
		if doc, err = policy.Set(doc, watcher, h); err != nil {
			return err
		}
		if err = s.replaceRules(d, doc); !errors.Is(err, cold.ErrStale) {
			return err
		}
	}
	return err
}

// Watchers are those who watch a user, or wait until they may.
func (s *Server) Watchers(aor event.AoR) (list []notifier.Watching, err error) {
	err = s.change(aor, func(t *owner.Turn) error {
		list = s.notifier.Watching(t, aor)
		return nil
	})
	return list, err
}

// Viewed is what a watcher would be told of a user.
type Viewed struct {
	Handling event.Handling
	Rights   event.Rights
	Type     string
	Body     []byte // none where the watcher is refused
}

// ViewAs is what a watcher would get of a user's state now, to the byte, but for
// what a phone's profile makes of it; a version number is 0.
func (s *Server) ViewAs(aor, watcher event.AoR, name event.Name) (v Viewed, err error) {
	pkg := s.esc.Package(name)
	if pkg == nil {
		return v, notifier.ErrBadEvent
	}
	err = s.change(aor, func(t *owner.Turn) (err error) {
		g, _ := s.decide(aor, event.Subscriber{AoR: watcher, Authenticated: true}, name, t.Now)
		v.Handling, v.Rights = g.Handling, g.Rights
		if g.Handling == event.Block {
			return nil
		}
		v.Type = pkg.Types()[0]
		v.Body, err = s.notifier.View(t, aor, string(aor), g, event.Format{Type: v.Type}, name)
		return err
	})
	return v, err
}
