package config

import (
	"fmt"
	"strings"
)

// Explain says the settings in words, a sentence each; what is unsafe is
// marked.
func (s *Serve) Explain() []string {
	lines := []string{
		"Serves " + strings.Join(s.Domain, ", ") + " as " + strings.Join(s.Role, " and ") + ".",
		"Listens on " + strings.Join(s.Listen, ", ") + ".",
	}
	if s.Memory() {
		lines = append(lines, "Keeps nothing: a restart forgets users and state.")
	} else {
		lines = append(lines, "Keeps users and state in "+s.Data+".")
	}
	switch {
	case !s.HasListener("tls"):
	case s.TLSCert != "":
		lines = append(lines, "Shows the certificate in "+s.TLSCert+", also when it changes.")
	default:
		lines = append(lines, "Shows a certificate of its own making over TLS: clients have to be told to believe it.")
	}
	for _, d := range s.AliasDomain {
		lines = append(lines, fmt.Sprintf("%s is another name of %s.", d, s.Domain[0]))
	}
	for _, a := range s.Advertise {
		lines = append(lines, "Tells others to reach it at "+a+".")
	}
	for _, t := range s.Trust {
		lines = append(lines, "Believes "+t+", which may publish for the domains served.")
	}
	if len(s.Outbound) == 0 {
		lines = append(lines, "Sends requests to any address that subscribes.")
	} else {
		lines = append(lines, "Sends requests only to "+strings.Join(s.Outbound, ", ")+".")
	}
	return append(lines, s.warnings()...)
}

func (s *Serve) warnings() (lines []string) {
	if s.InsecureNoAuth {
		lines = append(lines, "WARNING: --insecure-no-auth: anybody who reaches a listener is whoever they say.")
	}
	if s.Limits == "off" {
		lines = append(lines, "WARNING: --limits off: a single user can fill the memory.")
	}
	if s.NotifyRate == "off" {
		lines = append(lines, "WARNING: --notify-rate off: phones may be told more than they can take.")
	}
	return lines
}
