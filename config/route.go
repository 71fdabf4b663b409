package config

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"lamplight/sip"
)

// Route is where calls and messages to a number, or to another domain, leave the
// own domains: a table [[route]] of the file, or "PATTERN=TARGET,strip=N,prepend=X"
// as a flag.
type Route struct {
	Pattern string `toml:"pattern" json:"pattern"` // a number, "0*" for those that begin so; or a domain
	Target  string `toml:"target" json:"target"`   // the SIP URI of whom it goes to
	Strip   int    `toml:"strip" json:"strip"`     // so many digits are taken off the number's front
	Prepend string `toml:"prepend" json:"prepend"` // and these put there
}

// UnmarshalText reads the form of the flag.
func (r *Route) UnmarshalText(b []byte) error {
	words := strings.Split(string(b), ",")
	pattern, target, ok := strings.Cut(words[0], "=")
	if !ok {
		return fmt.Errorf("route %q: want PATTERN=TARGET", b)
	}
	r.Pattern, r.Target = strings.TrimSpace(pattern), strings.TrimSpace(target)
	for _, word := range words[1:] {
		key, value, _ := strings.Cut(strings.TrimSpace(word), "=")
		switch key {
		case "strip":
			n, err := strconv.Atoi(value)
			if err != nil {
				return fmt.Errorf("route %q: strip is %q, want a number", b, value)
			}
			r.Strip = n
		case "prepend":
			r.Prepend = value
		default:
			return fmt.Errorf("route %q: unknown key %q", b, key)
		}
	}
	return nil
}

// UnmarshalJSON reads a table of the file, as it comes from there.
func (r *Route) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, (*routeTable)(r)) }

// routeTable is a Route that is read key by key.
type routeTable Route

// IsNumber tells a pattern of numbers from a domain.
func (r *Route) IsNumber() bool { return strings.Trim(r.Pattern, "+0123456789*#") == "" }

func (r *Route) check() error {
	target, err := sip.ParseURI([]byte(r.Target))
	switch {
	case r.Pattern == "" || strings.ContainsAny(r.Pattern, " \t@:/;<>\""):
		return fmt.Errorf("--route: pattern %q: neither a number nor a domain", r.Pattern)
	case err != nil || target.IsTel() || len(target.User) > 0:
		return fmt.Errorf("--route %s: target %q: want a SIP URI without a user: sip:gateway.example.org", r.Pattern, r.Target)
	case r.Strip < 0 || r.Strip > 32:
		return fmt.Errorf("--route %s: strip %d: want 0 to 32", r.Pattern, r.Strip)
	case strings.Trim(r.Prepend, "+0123456789*#") != "":
		return fmt.Errorf("--route %s: prepend %q: want digits", r.Pattern, r.Prepend)
	case !r.IsNumber() && (r.Strip != 0 || r.Prepend != ""):
		return fmt.Errorf("--route %s: strip and prepend are for numbers", r.Pattern)
	}
	return nil
}

func (r *Route) explain() string {
	switch prefix, open := strings.CutSuffix(r.Pattern, "*"); {
	case !r.IsNumber():
		return fmt.Sprintf("Lets the own users call and write to %s, by %s.", r.Pattern, r.Target)
	case !open:
		return fmt.Sprintf("Lets the own users call %s, by %s.", r.Pattern, r.Target)
	case prefix == "":
		return fmt.Sprintf("Lets the own users call any number, by %s.", r.Target)
	default:
		return fmt.Sprintf("Lets the own users call numbers that begin with %s, by %s.", prefix, r.Target)
	}
}

// explainCalls says who may call whom.
func (s *Serve) explainCalls() (lines []string) {
	if !s.HasRole("proxy") {
		return nil
	}
	for i := range s.Route {
		lines = append(lines, s.Route[i].explain())
	}
	if len(s.Route) == 0 {
		lines = append(lines, "Lets no call out of the own domains.")
	}
	if s.PickupCode != "" {
		lines = append(lines, "Picks up a call that rings elsewhere by "+s.PickupCode+" and the number.")
	}
	return lines
}
