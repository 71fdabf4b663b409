package app

import (
	"net"
	"net/netip"
	"strings"

	"lamplight/config"
	"lamplight/directory"
)

// people are the stored domains and users, and the domains of the settings
// with what they answer to beside their names.
func (s *Server) people() (domains []directory.Domain, users []directory.User, err error) {
	if s.o.People != nil {
		if domains, users, err = s.o.People.Load(); err != nil {
			return nil, nil, err
		}
	}
	for i, name := range s.o.Domain {
		d := findDomain(&domains, strings.ToLower(name))
		if i == 0 {
			d.Aliases = append(d.Aliases, s.ownNames()...)
		}
	}
	return domains, users, nil
}

func findDomain(domains *[]directory.Domain, name string) *directory.Domain {
	for i := range *domains {
		if (*domains)[i].Name == name {
			return &(*domains)[i]
		}
	}
	*domains = append(*domains, directory.Domain{Name: name, Realm: name})
	return &(*domains)[len(*domains)-1]
}

// ownNames are what phones write in place of the first domain: its aliases,
// and the addresses that are listened on or advertised.
func (s *Server) ownNames() []string {
	names := append([]string(nil), s.o.AliasDomain...)
	for _, spec := range append(append([]string(nil), s.o.Serve.Listen...), s.o.Advertise...) {
		a, err := config.AddrPort(spec)
		switch {
		case err != nil:
		case a.Addr().IsUnspecified():
			names = append(names, interfaceNames()...)
		default:
			names = append(names, hostName(a.Addr()))
		}
	}
	return names
}

func interfaceNames() (names []string) {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			names = append(names, hostName(p.Addr()))
		}
	}
	return names
}

// hostName is an address as a URI has it.
func hostName(a netip.Addr) string {
	a = a.WithZone("")
	if a.Is6() {
		return "[" + a.String() + "]"
	}
	return a.String()
}
