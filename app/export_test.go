package app

import (
	"lamplight/body/pidf"
	"lamplight/esc"
	"lamplight/event"
	"lamplight/owner"
	"lamplight/policy"
)

// SetHard makes a document a user's hard state (RFC 4827 §4), as whoever keeps
// such documents will do it.
func (s *Server) SetHard(aor event.AoR, body string) error {
	k := event.Key{Event: "presence", Source: event.Default, ID: "hard"}
	return s.change(aor, func(t *owner.Turn) error {
		if body == "" {
			s.esc.Release(t, aor, k)
			return nil
		}
		return s.esc.Force(t, aor, esc.Forced{Key: k, Made: t.Now, Type: pidf.Type, Body: []byte(body)})
	})
}

// SetRules takes a user's rules in, as whoever keeps rules will do it.
func (s *Server) SetRules(aor event.AoR, rules policy.Rules) {
	s.owners.Return(string(aor), owner.Func(func(t *owner.Turn) {
		s.policy.Set(aor, rules)
		s.notifier.RulesChanged(t, aor)
	}))
}
