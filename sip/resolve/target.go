package resolve

import (
	"net/netip"
	"strings"

	"lamplight/sip"
)

// Target is one place to which a request can be sent.
type Target struct {
	Transport string // as Via writes it: UDP, TCP or TLS, or for a client WS or WSS
	Addr      netip.AddrPort
	// Name is what a certificate has to prove over TLS, and what a WebSocket server
	// is called: the domain of the URI, not what DNS made of it (RFC 5922 §7.3). "": the address.
	Name string
}

// request is what of a URI decides where it leads.
type request struct {
	host      string // TARGET of RFC 3263 §4, in lower case and without brackets
	name      string // the URI's own host
	port      uint16 // 0: none is written
	transport string // "": none is named
	secure    bool   // sips
}

func (r *Resolver) read(u sip.URI) (request, error) {
	if u.IsTel() {
		return request{}, ErrTransport
	}
	q := request{name: hostName(u.Host), port: u.PortNumber(), secure: strings.EqualFold(string(u.Scheme), "sips")}
	q.host = q.name
	if maddr, ok := u.Params.Get("maddr"); ok {
		q.host = hostName(maddr)
	}
	if named, ok := u.Params.Get("transport"); ok {
		q.transport = strings.ToUpper(string(named))
	}
	switch {
	case q.host == "" || len(q.host) > maxName:
		return q, ErrNoName
	case q.secure && q.transport == "TCP": // over TLS it is TCP still (RFC 3261 §26.2.2)
		q.transport = "TLS"
	case q.secure && q.transport == "UDP":
		return q, ErrTransport
	}
	switch q.transport {
	case "", "UDP", "TCP", "TLS":
		return q, nil
	case "WS", "WSS":
		if q.secure {
			q.transport = "WSS"
		}
		if r.o.WebSocket {
			return q, nil
		}
	}
	return q, ErrTransport
}

// maxName is the longest a domain name can be.
const maxName = 253

func hostName(b []byte) string {
	return strings.ToLower(strings.TrimSuffix(strings.Trim(string(b), "[]"), "."))
}

// fallback is the transport where neither the URI nor DNS names one (RFC 3263
// §4.1).
func (q request) fallback() string {
	switch {
	case q.transport != "":
		return q.transport
	case q.secure:
		return "TLS"
	}
	return "UDP"
}

// literal is the target of a URI that needs no look-up (RFC 3263 §4.2).
func (q request) literal() (Target, bool) {
	addr, err := netip.ParseAddr(q.host)
	if err != nil {
		return Target{}, false
	}
	return q.at(addr.Unmap(), q.port, q.fallback()), true
}

// at is a target; port 0 is the transport's own.
func (q request) at(a netip.Addr, port uint16, transport string) Target {
	t := Target{Transport: transport, Addr: netip.AddrPortFrom(a, port)}
	if transport == "TLS" || q.webSocket() {
		if _, err := netip.ParseAddr(q.name); err != nil {
			t.Name = q.name
		}
	}
	if port == 0 {
		t.Addr = netip.AddrPortFrom(a, defaultPort(transport))
	}
	return t
}

// defaultPort is that of RFC 3261 §19.1.2 and RFC 7118 §5.5.
func defaultPort(transport string) uint16 {
	switch transport {
	case "TLS":
		return 5061
	case "WS":
		return 80
	case "WSS":
		return 443
	}
	return 5060
}

func (q request) webSocket() bool { return q.transport == "WS" || q.transport == "WSS" }
