package app

import (
	"lamplight/event"
	"lamplight/policy"
)

// UseRules takes a user's rules in, without a document.
func (s *Server) UseRules(aor event.AoR, rules policy.Rules) { s.setRules(aor, rules) }
