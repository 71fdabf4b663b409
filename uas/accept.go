package uas

import (
	"slices"
	"strconv"
	"strings"

	"lamplight/event"
	"lamplight/sip"
)

// format chooses the content type of a subscription (RFC 6665 §4.2.1.1, RFC
// 3261 §20.1): the one that the subscriber likes best among those that the
// package can send. Without Accept it is the package's default. What the phone's
// profile says goes before that.
func (s *Server) format(m *sip.Message, pkg event.Package) (event.Format, error) {
	types, p := pkg.Types(), s.profile(m)
	if !m.Has(sip.Accept) {
		return event.Format{Type: types[0], Profile: p.Render}, nil
	}
	best, quality, named := "", 0.0, false
	for element := range m.Elements(sip.Accept) {
		accepted, q := mediaRange(string(element))
		named = named || accepted == p.Prefer && q > 0
		if t := matching(types, accepted); t != "" && q > quality {
			best, quality = t, q
		}
	}
	if best == "" {
		return event.Format{}, errNotAcceptable
	}
	return event.Format{Type: p.label(best, named && slices.Contains(types, p.Prefer)), Profile: p.Render}, nil
}

// matching is the first type that a media range covers.
func matching(types []string, accepted string) string {
	i := slices.IndexFunc(types, func(t string) bool {
		major, _, _ := strings.Cut(t, "/")
		return accepted == t || accepted == "*/*" || accepted == major+"/*"
	})
	if i < 0 {
		return ""
	}
	return types[i]
}

// mediaRange takes an element of Accept apart into its range and quality.
func mediaRange(element string) (string, float64) {
	accepted, params, _ := strings.Cut(element, ";")
	q := 1.0
	for p := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		if strings.EqualFold(name, "q") {
			if v, err := strconv.ParseFloat(value, 64); err == nil {
				q = v
			}
		}
	}
	return strings.ToLower(strings.TrimSpace(accepted)), q
}
