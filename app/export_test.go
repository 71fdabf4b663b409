package app

import (
	"lamplight/event"
	"lamplight/owner"
	"lamplight/policy"
)

// SetRules takes a user's rules in, as whoever keeps rules will do it.
func (s *Server) SetRules(aor event.AoR, rules policy.Rules) {
	s.owners.Return(string(aor), owner.Func(func(t *owner.Turn) {
		s.policy.Set(aor, rules)
		s.notifier.RulesChanged(t, aor)
	}))
}
