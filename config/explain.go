package config

import (
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"time"
)

// Explain says the settings in words, a sentence each; what is unsafe is
// marked.
func (s *Serve) Explain() []string {
	lines := []string{
		"Serves " + strings.Join(s.Domain, ", ") + " as " + enumerate(s.Role) + ".",
		"Listens on " + strings.Join(s.Listen, ", ") + ".",
	}
	if s.Memory() {
		lines = append(lines, "Keeps nothing: a restart forgets users and state.")
	} else {
		lines = append(lines, "Keeps users and state in "+s.Data+".")
	}
	lines = append(lines, s.explainNames()...)
	lines = append(lines, s.explainCalls()...)
	lines = append(lines, s.explainMessages()...)
	lines = append(lines, s.explainFlows()...)
	lines = append(lines, s.explainLimits()...)
	lines = append(lines, s.explainOperation()...)
	return append(lines, s.warnings()...)
}

// enumerate lists words as a sentence does.
func enumerate(words []string) string {
	n := len(words) - 1
	if n < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:n], ", ") + " and " + words[n]
}

// explainMessages says who is told of waiting messages, where that is set.
func (s *Serve) explainMessages() (lines []string) {
	if s.VoiceMail != "" {
		lines = append(lines, "Sends who wants to hear their messages to "+s.VoiceMail+".")
	}
	if s.MWI == "subscribers" {
		lines = append(lines, "Tells those phones alone of waiting messages that subscribe.")
	}
	return lines
}

// explainNames says how others know the server, and whom it knows.
func (s *Serve) explainNames() (lines []string) {
	switch {
	case !s.HasListener("tls") && !s.HasListener("wss"):
	case s.TLSCert != "":
		lines = append(lines, "Shows the certificate in "+s.TLSCert+", also when it changes.")
	default:
		lines = append(lines, "Shows a certificate of its own making over TLS: clients have to be told to believe it.")
	}
	lines = append(lines, s.webSockets()...)
	switch {
	case s.PresenceServer != "":
		lines = append(lines, "Publishes registrations and calls to "+s.PresenceServer+", and passes SUBSCRIBE and PUBLISH on to it.")
	case !s.HasRole("presence"):
		lines = append(lines, "Takes no publications, and no subscriptions but to registrations: it is no presence server.")
	}
	for _, d := range s.AliasDomain {
		lines = append(lines, fmt.Sprintf("%s is another name of %s.", d, s.Domain[0]))
	}
	for _, a := range s.Advertise {
		lines = append(lines, "Tells others to reach it at "+a+".")
	}
	for _, t := range s.Trust {
		lines = append(lines, "Believes "+t+", which may publish for the domains served, and call their users.")
	}
	if len(s.DNS) > 0 {
		lines = append(lines, "Looks names up at "+strings.Join(s.DNS, ", ")+".")
	} else {
		lines = append(lines, "Looks names up at the name servers of this machine.")
	}
	if len(s.Outbound) == 0 {
		return append(lines, "Sends requests to any address that subscribes.")
	}
	return append(lines, "Sends requests only to "+strings.Join(s.Outbound, ", ")+".")
}

// explainFlows says what becomes of phones that are reached by a connection or through
// a NAT.
func (s *Serve) explainFlows() (lines []string) {
	if s.FlowGrace > 0 {
		lines = append(lines, fmt.Sprintf("Waits %s for a phone whose connection is lost to come back.", s.FlowGrace))
	} else {
		lines = append(lines, "Takes a phone for gone as soon as its connection is lost.")
	}
	if s.NATPing > 0 {
		return append(lines, fmt.Sprintf("Pings phones behind a NAT every %s over UDP.", s.NATPing))
	}
	return append(lines, "Pings nobody: a phone behind a NAT has to keep its way open itself.")
}

// webSockets says which web pages may connect.
func (s *Serve) webSockets() []string {
	switch {
	case !s.HasListener("ws") && !s.HasListener("wss"):
		return nil
	case len(s.WSOrigin) == 0:
		return []string{"Takes WebSockets of programs, and of web pages of the very host and port they connect to."}
	}
	return []string{"Takes WebSockets of programs, and of web pages of " + strings.Join(s.WSOrigin, ", ") + "."}
}

func (s *Serve) explainLimits() (lines []string) {
	if s.HidesDND() {
		lines = append(lines, "Does not light the busy lamp of who does not want to be disturbed.")
	} else {
		lines = append(lines, "Lights the busy lamp of who does not want to be disturbed.")
	}
	if s.Limits != "off" {
		lines = append(lines, "Bounds how much each source, user and address-of-record may ask for and hold.")
		if changed := s.Limit.changed(); changed != nil {
			lines = append(lines, "Has other limits than by default: "+strings.Join(changed, ", ")+".")
		}
	}
	if s.NotifyRate != "off" {
		lines = append(lines, "Tells each phone a burst of changes at once, then the newest state at the rate of its event package.")
	}
	return lines
}

// changed are the limits that are not the default.
func (l Limit) changed() (list []string) {
	now, usual := reflect.ValueOf(l.OrDefault()), reflect.ValueOf(Limit{}.OrDefault())
	for i := range now.NumField() {
		if v := now.Field(i).Interface(); v != usual.Field(i).Interface() {
			if d, ok := v.(Duration); ok {
				v = time.Duration(d)
			}
			list = append(list, fmt.Sprintf("%s %v", now.Type().Field(i).Tag.Get("toml"), v))
		}
	}
	return list
}

// explainOperation says what whoever operates the server sees of it.
func (s *Serve) explainOperation() []string {
	lines := []string{"Logs " + s.LogLevel + " and worse, with call_id, without credentials and bodies."}
	if s.LogLevel == "error" {
		lines[0] = "Logs errors only, with call_id, without credentials and bodies."
	}
	if s.Admin == "" {
		lines = append(lines, "Shows neither health nor metrics: there is no --admin.")
	} else {
		lines = append(lines, "Answers /healthz, /readyz and /metrics on "+s.Admin+"; told to end, it says so there for "+time.Duration(s.Drain).String()+" before it does.")
	}
	if s.TraceMessages > 0 {
		lines = append(lines, fmt.Sprintf("Keeps the last %d messages in memory for the command trace, credentials masked.", s.TraceMessages))
	} else {
		lines = append(lines, "Keeps no messages for the command trace.")
	}
	if s.HistoryDays > 0 {
		lines = append(lines, fmt.Sprintf("Keeps each user's calls for %d days.", s.HistoryDays))
	} else {
		lines = append(lines, "Keeps no history of calls.")
	}
	if s.HEP != "" {
		line := fmt.Sprintf("Sends a copy of each message to Homer at %s as agent %d, credentials masked", s.HEP, s.HEPID)
		if s.HEPPasswordFile != "" {
			line += ", with the password in " + s.HEPPasswordFile
		}
		lines = append(lines, line+".")
	}
	return lines
}

func (s *Serve) warnings() (lines []string) {
	warn := func(format string, args ...any) { lines = append(lines, "WARNING: "+fmt.Sprintf(format, args...)) }
	if s.InsecureNoAuth {
		warn("--insecure-no-auth: anybody who reaches a listener is whoever they say.")
	}
	if s.Limits == "off" {
		warn("--limits off: a single user can fill the memory.")
	}
	if s.NotifyRate == "off" {
		warn("--notify-rate off: phones may be told more than they can take.")
	}
	if s.AllowStrangers {
		warn("--allow-strangers: anybody can make the phones ring, under any name.")
	}
	networks, _ := s.Peers()
	for _, n := range networks {
		if isWide(n) {
			warn("--trust %s: everybody in this network is believed without a password.", n)
		}
	}
	for _, l := range s.Listen {
		transport, _, _ := strings.Cut(l, ":")
		switch a, _ := AddrPort(l); {
		case a.Addr().IsUnspecified() && len(s.Outbound) == 0:
			warn("--listen %s, and no --outbound: who subscribes can have notifications sent to any address that this machine reaches.", l)
		case isPublic(a.Addr()) && transport != "tls" && transport != "wss":
			warn("--listen %s: on a public address, and what is said there can be read on the way, but for passwords.", l)
		}
	}
	if a, err := AddrPort(s.HEP); err == nil && isPublic(a.Addr()) {
		warn("--hep %s: copies of all messages go to a public address, and can be read on the way.", s.HEP)
	}
	return lines
}

// isWide tells a network of more addresses than one office has.
func isWide(p netip.Prefix) bool {
	return p.Addr().Is4() && p.Bits() < 24 || !p.Addr().Is4() && p.Bits() < 64
}

// isPublic tells an address that others than one's own network may reach.
func isPublic(a netip.Addr) bool { return a.IsGlobalUnicast() && !a.IsPrivate() }
