package app

import (
	"time"

	"lamplight/body/pidf"
	"lamplight/event"
	"lamplight/owner"
	"lamplight/policy"
)

// sphere is the one that a user's own devices say the user is in, in a turn of the
// user's owner.
func (s *spine) sphere(aor event.AoR, now time.Time) string {
	doc, _ := s.esc.Package("presence").Compose(aor, s.esc.Inputs(aor), now)
	return doc.(*pidf.Presence).Sphere(now)
}

// bySphere tells the notifier, and has it ask policy again where the sphere has
// changed that a user's rules ask for.
type bySphere struct{ s *spine }

func (b bySphere) Watched(aor event.AoR, name event.Name) bool {
	return b.s.notifier.Watched(aor, name) || name == "presence" && b.s.policy.AsksSphere(aor)
}

func (b bySphere) Changed(t *owner.Turn, aor event.AoR, name event.Name, doc event.Document) {
	if p, ok := doc.(*pidf.Presence); ok && name == "presence" && b.s.policy.SphereIs(aor, p.Sphere(t.Now)) {
		b.s.notifier.RulesChanged(t, aor)
	}
	if b.s.notifier.Watched(aor, name) {
		b.s.notifier.Changed(t, aor, name, doc)
	}
}

// setRules puts a user's own rules into force; nil: the domain's hold.
func (s *spine) setRules(aor event.AoR, rules policy.Rules) {
	s.owners.Return(string(aor), owner.Func(func(t *owner.Turn) {
		s.policy.Set(aor, rules)
		s.notifier.RulesChanged(t, aor)
	}))
}
