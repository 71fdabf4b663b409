package resolve

import (
	"bytes"
	"io"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// system is what this machine knows without asking: its name servers, and names
// with their addresses. Both files are read again now and then, as a laptop that
// moves has others.
type system struct {
	hostsFile string

	mu    sync.Mutex
	read  time.Time
	names map[string][]netip.Addr
	at    []netip.AddrPort
}

// The files are read again after a time, and not without end.
const (
	systemTTL   = 5 * time.Second
	maxHosts    = 1 << 20
	resolvConf  = "/etc/resolv.conf"
	maxServers  = 3 // as many as others look at
	defaultPeer = "127.0.0.1"
)

// servers are the name servers of this machine.
func (s *system) servers() []netip.AddrPort {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refresh()
	return s.at
}

// hosts are the addresses of a name that needs no DNS; none for others.
// "localhost" is this machine, whatever others say (RFC 6761).
func (s *system) hosts(name string) []netip.Addr {
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refresh()
	return s.names[name]
}

func (s *system) refresh() {
	if now := time.Now(); s.read.IsZero() || now.Sub(s.read) > systemTTL {
		s.read = now
		s.names = map[string][]netip.Addr{}
		if f, err := os.Open(s.hostsFile); err == nil {
			b, _ := io.ReadAll(io.LimitReader(f, maxHosts))
			s.names = parseHosts(b)
			_ = f.Close()
		}
		s.at = systemServers()
	}
}

func systemServers() (list []netip.AddrPort) {
	c, err := dns.ClientConfigFromFile(resolvConf)
	if err != nil {
		c = new(dns.ClientConfig)
	}
	for _, server := range c.Servers {
		if a, err := netip.ParseAddr(server); err == nil && len(list) < maxServers {
			list = append(list, netip.AddrPortFrom(a, 53))
		}
	}
	if len(list) == 0 {
		list = append(list, netip.AddrPortFrom(netip.MustParseAddr(defaultPeer), 53))
	}
	return list
}

// parseHosts reads lines of an address and its names; what follows # is a remark.
func parseHosts(b []byte) map[string][]netip.Addr {
	names := map[string][]netip.Addr{}
	for line := range bytes.Lines(b) {
		line, _, _ = bytes.Cut(line, []byte("#"))
		fields := strings.Fields(string(line))
		if len(fields) < 2 {
			continue
		}
		a, err := netip.ParseAddr(fields[0])
		if err != nil {
			continue
		}
		for _, name := range fields[1:] {
			name = hostName([]byte(name))
			names[name] = append(names[name], a.Unmap())
		}
	}
	return names
}
