package resolve

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/miekg/dns"
)

// What one URI may cost.
const (
	maxQuestions = 32 // to name servers
	maxTargets   = 16 // in the list
	maxServices  = 6  // NAPTR records that are followed
	maxPerName   = 8  // addresses of one name
	maxAliases   = 8  // CNAME records in a row
)

// search is one URI's way through DNS.
type search struct {
	request
	r    *Resolver
	ctx  context.Context
	left atomic.Int32 // questions that may still be sent
}

// locate is RFC 3263 §4 for a host that is a name.
func (r *Resolver) locate(ctx context.Context, q request) ([]Target, error) {
	if q.host == "invalid" || strings.HasSuffix(q.host, ".invalid") {
		return nil, ErrNoName // it never exists (RFC 6761)
	}
	s := &search{request: q, r: r, ctx: ctx}
	s.left.Store(maxQuestions)
	if addrs := r.system.hosts(q.host); len(addrs) > 0 {
		return s.targets(addrs, q.port, q.fallback()), nil
	}
	if q.port != 0 || q.webSocket() { // no SRV records are defined for it
		return s.addresses(q.host, q.port, q.fallback())
	}
	services, err := s.services()
	if err != nil {
		return nil, err
	}
	refused := false
	for _, v := range services {
		targets, err := s.servers(v)
		if refused = refused || errors.Is(err, ErrNoService); len(targets) > 0 || err != nil && !refused {
			return targets, err
		}
	}
	switch {
	case refused: // RFC 2782: abort
		return nil, ErrNoService
	case len(services) == 1 || services[0].byNAPTR:
		return s.addresses(q.host, 0, services[0].transport)
	}
	return s.addresses(q.host, 0, q.fallback())
}

// service is a transport, and the name of the SRV records that tell its servers.
type service struct {
	transport, name string
	byNAPTR         bool
}

// services are the transports that may be used, the best one first (RFC 3263
// §4.1). A domain of which a name server knows no NAPTR records, for whatever
// reason, may still have SRV records.
func (s *search) services() ([]service, error) {
	if s.transport != "" {
		return []service{s.ofHost(s.transport)}, nil
	}
	records, err := s.find(s.host, dns.TypeNAPTR)
	if err != nil && !errors.Is(err, ErrServer) {
		return nil, err
	}
	if list := chosen(records, s.secure); len(list) > 0 {
		return list, nil
	}
	if s.secure {
		return []service{s.ofHost("TLS")}, nil
	}
	return []service{s.ofHost("UDP"), s.ofHost("TCP"), s.ofHost("TLS")}, nil
}

// ofHost is a transport's service as RFC 3263 §4.2 names it.
func (s *search) ofHost(transport string) service {
	prefix := map[string]string{"UDP": "_sip._udp.", "TCP": "_sip._tcp.", "TLS": "_sips._tcp."}[transport]
	return service{transport: transport, name: prefix + s.host}
}

// servers are the targets of a service, in the order of RFC 2782; none where it
// has no SRV records.
func (s *search) servers(v service) (targets []Target, err error) {
	records, err := s.find(v.name, dns.TypeSRV)
	if err != nil && !errors.Is(err, ErrServer) {
		return nil, err
	}
	list := s.r.ordered(records)
	if len(list) == 1 && list[0].Target == "." {
		return nil, ErrNoService
	}
	for _, srv := range list {
		if len(targets) >= maxTargets || srv.Target == "." || srv.Port == 0 {
			continue
		}
		found, failed := s.addresses(srv.Target, srv.Port, v.transport)
		if failed != nil {
			err = failed
		}
		targets = append(targets, found...)
	}
	if len(targets) > 0 {
		return targets[:min(len(targets), maxTargets)], nil
	}
	return nil, err
}

// addresses are the targets at a name's addresses, those of IPv6 first. Both
// families are always asked for (RFC 7984).
func (s *search) addresses(name string, port uint16, transport string) ([]Target, error) {
	var found [2][]dns.RR
	var errs [2]error
	var both sync.WaitGroup
	for i, kind := range []uint16{dns.TypeAAAA, dns.TypeA} {
		both.Go(func() { found[i], errs[i] = s.find(name, kind) })
	}
	both.Wait()
	var addrs []netip.Addr
	for _, rr := range append(found[0], found[1]...) {
		if a := address(rr); a.IsValid() {
			addrs = append(addrs, a)
		}
	}
	if len(addrs) > 0 {
		return s.targets(addrs, port, transport), nil
	}
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return nil, ErrNoName
}

// address is that of an A or AAAA record, invalid where it is none of one host.
func address(rr dns.RR) (a netip.Addr) {
	switch rr := rr.(type) {
	case *dns.A:
		a, _ = netip.AddrFromSlice(rr.A)
	case *dns.AAAA:
		a, _ = netip.AddrFromSlice(rr.AAAA)
	}
	if a = a.Unmap(); a.IsUnspecified() || a.IsMulticast() {
		return netip.Addr{}
	}
	return a
}

func (s *search) targets(addrs []netip.Addr, port uint16, transport string) (list []Target) {
	for _, a := range addrs[:min(len(addrs), maxPerName)] {
		list = append(list, s.at(a, port, transport))
	}
	return list
}

// find is a name's records of one type, by way of its aliases.
func (s *search) find(name string, kind uint16) ([]dns.RR, error) {
	q := question{strings.ToLower(dns.Fqdn(name)), kind}
	for range maxAliases {
		a := s.ask(q)
		if a.alias == "" || a.err != nil {
			return a.records, a.err
		}
		q.name = a.alias
	}
	return nil, ErrLaborious
}
