package proxy

import (
	"lamplight/sip"
)

// Probe asks an end of a dialog whether it is still in it. It is declared as by
// whoever follows calls.
type Probe = struct {
	CallID         string
	FromTag, ToTag string
	From, To       string
	Target         string
	Routes         []string
	CSeq           uint32
	ToCaller       bool
}

// Probe sends an OPTIONS inside a dialog, by the way that was told with the call.
// Any answer but 481 and 408 says that the end is there.
func (p *Proxy) Probe(q Probe) {
	if len(q.Routes) == 0 {
		return
	}
	x := &probe{proxy: p, Probe: q}
	from, to := q.FromTag, q.ToTag
	if q.ToCaller {
		from, to = to, from
	}
	u, err := sip.ParseURI([]byte(uriOf(q.Routes[0])))
	if err != nil {
		return
	}
	e, ok := p.key.Load().open(string(u.User), q.CallID, from)
	if !ok {
		return
	}
	x.seen = Seen{CallID: q.CallID, FromTag: from, ToTag: to, CSeq: q.CSeq, ByCaller: q.ToCaller}
	way := &e.callee
	if q.ToCaller {
		way = &e.caller
	}
	f, err := p.flow(way)
	if err != nil {
		return
	}
	uri, routes, _ := strictly(q.Target, q.Routes[1:])
	err = p.layer.Send(f, &sip.Request{Method: sip.OPTIONS, URI: uri, Routes: routes, From: "<" + q.From + ">;tag=" + q.FromTag,
		To: "<" + q.To + ">;tag=" + q.ToTag, CallID: q.CallID, CSeq: q.CSeq}, x)
	if err != nil {
		p.log.Debug("a call was not probed", "call_id", q.CallID, "error", err)
	}
}

// probe is the exchange of one.
type probe struct {
	Probe
	proxy *Proxy
	seen  Seen
}

func (x *probe) Response(m *sip.Message) {
	switch x.seen.What = Alive; m.Status() {
	case 408:
		return
	case 481:
		x.seen.What = Gone
	}
	x.seen.Code = m.Status()
	x.proxy.o.Saw(x.seen)
}

func (x *probe) Failed(error) {}
