package resolve

import (
	"cmp"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// resolutions are the services of RFC 3263 §4.1 that we can use. Those of
// WebSocket (RFC 7118 §6) are for clients.
var resolutions = map[string]string{"SIP+D2U": "UDP", "SIP+D2T": "TCP", "SIPS+D2T": "TLS"}

// chosen are the services of a domain's NAPTR records: those of the least order
// at which we can use one, as others must not be considered then (RFC 3403).
func chosen(records []dns.RR, secure bool) (list []service) {
	usable := make([]*dns.NAPTR, 0, len(records))
	for _, rr := range records {
		if n, ok := rr.(*dns.NAPTR); ok && transportOf(n, secure) != "" {
			usable = append(usable, n)
		}
	}
	slices.SortStableFunc(usable, func(a, b *dns.NAPTR) int {
		return cmp.Or(cmp.Compare(a.Order, b.Order), cmp.Compare(a.Preference, b.Preference))
	})
	for _, n := range usable[:min(len(usable), maxServices)] {
		if n.Order == usable[0].Order {
			list = append(list, service{transport: transportOf(n, secure), name: n.Replacement, byNAPTR: true})
		}
	}
	return list
}

// transportOf is the transport that a record names, "" where it is not one for
// us: it has to lead to SRV records, without a rule to rewrite anything.
func transportOf(n *dns.NAPTR, secure bool) string {
	transport := resolutions[strings.ToUpper(n.Service)]
	if !strings.EqualFold(n.Flags, "s") || n.Regexp != "" || n.Replacement == "." || secure && transport != "TLS" {
		return ""
	}
	return transport
}
