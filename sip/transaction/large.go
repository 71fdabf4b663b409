package transaction

import (
	"errors"
	"net/netip"
	"strings"

	"lamplight/sip"
)

// maxDatagramRequest is the largest request that goes over UDP where there is
// another way (RFC 3261 §18.1.1), in bytes.
const maxDatagramRequest = 1300

// size is about what a request has on the wire, in bytes: the names of what each
// has are some 200.
func size(r *sip.Request) int {
	n := 200 + len(r.URI) + len(r.From) + len(r.To) + len(r.CallID) + len(r.Header) + len(r.ContentType) + len(r.Body)
	for _, route := range r.Routes {
		n += len(route) + 10
	}
	return n
}

// sendLarge sends a request over a connection where there is a way; where not
// it goes whole, and is counted.
func (l *Layer) sendLarge(f Flow, r *sip.Request, x Exchange) error {
	if way, ok := l.larger(f, r); ok {
		if _, err := l.send(way, r, &byDatagram{x, l, f, *r}); err == nil {
			return nil
		}
	}
	l.Large.Add(1)
	_, err := l.send(f, r, x)
	return err
}

// larger is a way to the other end of a flow that takes a large request: the
// connection from the same address, or one to the target that asks for it by its
// URI (RFC 3261 §18.1.1, §19.1.1).
func (l *Layer) larger(f Flow, r *sip.Request) (Flow, bool) {
	if s := l.streams.find(end{transport: "TCP", remote: f.remote}); s != nil {
		return Flow{s, f.remote}, true
	}
	to, ok := streamTarget(r)
	if !ok || l.isOurs(to) || l.o.Allow != nil && !l.o.Allow(to) {
		return Flow{}, false
	}
	local, tcp := f.Local(), end{transport: "TCP", remote: to}
	if l.doorTo(local, tcp) == nil { // whoever cannot be reached over TCP does not begin it
		return Flow{}, false
	}
	flow, err := l.streamFlow(local, tcp)
	return flow, err == nil
}

// Larger is a connection for a request of so many bytes that would go over a flow of
// datagrams, to a URI by some routes; ok is false where there is no need, or no way
// (RFC 3261 §18.1.1). Where it fails the request may go by the flow all the same.
func (l *Layer) Larger(f Flow, size int, uri string, routes []string) (way Flow, ok bool) {
	if f.Reliable() || size <= maxDatagramRequest {
		return Flow{}, false
	}
	return l.larger(f, &sip.Request{URI: uri, Routes: routes})
}

// streamTarget is the address of a request's target, where it is to be reached
// over TCP without another hop.
func streamTarget(r *sip.Request) (netip.AddrPort, bool) {
	u, err := sip.ParseURI([]byte(r.URI))
	if err != nil || len(r.Routes) > 0 {
		return netip.AddrPort{}, false
	}
	transport, _ := u.Params.Get("transport")
	addr, err := netip.ParseAddr(strings.Trim(string(u.Host), "[]"))
	if err != nil || !strings.EqualFold(string(transport), "tcp") {
		return netip.AddrPort{}, false
	}
	port := u.PortNumber()
	if port == 0 {
		port = 5060
	}
	return netip.AddrPortFrom(addr.Unmap(), port), true
}

// isOurs tells whether an address is one that we listen at.
func (l *Layer) isOurs(to netip.AddrPort) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, d := range l.doors {
		if d.at(to) && (!d.wildcard() || d.route(to).Addr() == to.Addr()) {
			return true
		}
	}
	return false
}

// byDatagram is the exchange of a large request that went over a connection:
// where that is lost it goes as it is (RFC 3261 §18.1.1).
type byDatagram struct {
	Exchange
	layer   *Layer
	flow    Flow
	request sip.Request
}

func (x *byDatagram) Failed(err error) {
	if errors.Is(err, ErrFlowLost) {
		x.layer.Large.Add(1)
		if _, err = x.layer.send(x.flow, &x.request, x.Exchange); err == nil {
			return
		}
	}
	x.Exchange.Failed(err)
}
