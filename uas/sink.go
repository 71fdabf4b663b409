package uas

import (
	"errors"
	"net/netip"
	"strconv"
	"time"

	"lamplight/event"
	"lamplight/notifier"
	"lamplight/owner"
	"lamplight/record"
	"lamplight/sip"
	"lamplight/sip/resolve"
	"lamplight/sip/transaction"
)

// dialogSink tells a subscription inside its dialog (RFC 6665 §4.2.2). It is
// the exchange of the notification in flight as well.
type dialogSink struct {
	server *Server
	aor    event.AoR
	id     string
	event  string // the Event header field's value
	dialog sip.Dialog
	flow   transaction.Flow
	next   string  // the URI that leads to the subscriber, where it is looked up; "": the flow does
	stored *stored // after a restart, until the first notification
}

// stored is a flow as it is kept: the listeners open after the subscriptions
// are read back.
type stored struct {
	transport     string
	local, remote netip.AddrPort
	token         uint64 // of a connection that the subscriber made; 0: none
}

func (s *Server) newSink(r *transaction.Request, aor event.AoR) (*dialogSink, error) {
	m := &r.Message
	if m.Count(sip.Contact) != 1 {
		return nil, errNoContact
	}
	tag := newLocalTag(aor)
	dialog, err := sip.NewUASDialog(m, tag)
	if err != nil {
		return nil, errMalformed
	}
	d := &dialogSink{server: s, aor: aor, id: subscriptionID(tag, m), event: eventValue(m), dialog: dialog}
	return d, d.target(r)
}

// eventValue is what a NOTIFY's Event must repeat: the package and the id.
func eventValue(m *sip.Message) string {
	e, err := m.Event()
	switch {
	case err != nil:
		return ""
	case len(e.ID) == 0:
		return string(e.Package)
	}
	return string(e.Package) + ";id=" + string(e.ID)
}

// target finds out where notifications go: along the route set, else back to
// where the SUBSCRIBE came from if that was one hop, else to the Contact. A
// connection to the same host is used again. What leads through a name, or needs
// a connection first, is found anew for each notification; then the flow of the
// SUBSCRIBE is our side of it.
func (d *dialogSink) target(r *transaction.Request) error {
	s := d.server
	d.flow, d.next, d.stored = r.Flow, "", nil
	to := r.Flow.Remote()
	if uri := d.nextHop(r); uri != "" {
		u, err := sip.ParseURI([]byte(uri))
		if err != nil {
			return s.mayGo(r.Flow, to)
		}
		t, err := s.names.Resolver.Direct(u)
		switch {
		case errors.Is(err, resolve.ErrLookup):
			d.next = uri
			return nil
		case err == nil:
			return d.direct(r, uri, t)
		}
	}
	return s.mayGo(r.Flow, to)
}

// nextHop is the URI that leads to the subscriber; "": the way back does.
func (d *dialogSink) nextHop(r *transaction.Request) string {
	if r.Flow.IsWebSocket() { // its name for itself is none (RFC 7118 §5)
		return ""
	}
	switch {
	case len(d.dialog.Routes) > 0:
		return routeURI(d.dialog.Routes[0])
	case hops(&r.Message) > 1:
		return d.dialog.Target
	}
	return ""
}

// direct takes a target that needed no look-up.
func (d *dialogSink) direct(r *transaction.Request, uri string, t resolve.Target) (err error) {
	if r.Flow.Reliable() && t.Addr.Addr() == r.Flow.Remote().Addr() {
		return nil
	}
	switch err := d.server.mayGo(r.Flow, t.Addr); {
	case err != nil:
		return err
	case t.Addr == r.Flow.Remote():
		return nil
	case t.Transport != "UDP":
		d.next = uri
		return nil
	}
	d.flow, err = d.server.layer.FlowFrom(t.Transport, r.Flow.Local(), t.Addr)
	return err
}

// mayGo refuses targets that are the server itself, or outside the outbound list,
// or where no phone is.
func (s *Server) mayGo(from transaction.Flow, to netip.AddrPort) error {
	switch {
	case from.Reliable() && to == from.Remote():
		return nil
	case to == from.Local(), s.Outbound != nil && !s.Outbound(to), to != from.Remote() && strange(to, from.Remote().Addr()):
		return errTarget
	}
	return nil
}

// leastPort is the first that is nobody's in particular: below it are services
// that could be made to answer somebody else.
const leastPort = 1024

// strange tells a target where no phone is: what reaches many, or this host or
// link, though the request came from elsewhere.
func strange(to netip.AddrPort, from netip.Addr) bool {
	a := to.Addr().Unmap()
	switch {
	case to.Port() < leastPort, a.IsMulticast(), a.IsUnspecified(), a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return true
	case a.IsLoopback():
		return !from.IsLoopback()
	}
	return a.IsLinkLocalUnicast() && !from.IsLinkLocalUnicast()
}

// routeURI is the URI of a route; "": it cannot be read.
func routeURI(route string) string {
	n, err := sip.ParseNameAddr([]byte(route))
	if err != nil {
		return ""
	}
	return string(n.URI)
}

func hops(m *sip.Message) (n int) {
	for range m.Elements(sip.Via) {
		n++
	}
	return n
}

// refreshed is the sink after a SUBSCRIBE in its dialog: the target may have
// moved (RFC 3261 §12.2.2).
func (d *dialogSink) refreshed(r *transaction.Request) (*dialogSink, error) {
	m := &r.Message
	from, err := m.From()
	if err != nil || string(m.CallID()) != d.dialog.CallID || string(from.Tag()) != d.dialog.RemoteTag {
		return nil, notifier.ErrNoSubscription
	}
	cseq, err := m.CSeq()
	if err != nil {
		return nil, errMalformed
	}
	if cseq.Number <= d.dialog.RemoteCSeq {
		return nil, errOldCSeq
	}
	moved := *d
	moved.dialog.RemoteCSeq = cseq.Number
	if m.Has(sip.Contact) {
		n, err := sip.ParseNameAddr(m.Value(sip.Contact))
		if err != nil {
			return nil, errMalformed
		}
		moved.dialog.Target = string(n.URI)
	}
	return &moved, moved.target(r)
}

func contactOf(f transaction.Flow) string {
	return "sip:" + f.Local().String() + f.URIParameter()
}

// Notify sends one NOTIFY. Its number is the CSeq, and the document's version.
func (d *dialogSink) Notify(n notifier.Notification) {
	if d.next != "" {
		d.locate(n)
		return
	}
	if err := d.findFlow(); err != nil {
		d.Failed(err)
		return
	}
	if err := d.server.layer.Send(d.flow, d.request(n, d.flow), d); err != nil {
		d.Failed(err)
	}
}

// locate sends one NOTIFY to where the next hop's name leads, and does not wait
// for that.
func (d *dialogSink) locate(n notifier.Notification) {
	u, err := sip.ParseURI([]byte(d.next))
	if err != nil {
		d.Failed(err)
		return
	}
	at := d.at()
	d.server.names.Send(resolve.Way{URI: u, Local: at.local, Known: d.flow}, func(f transaction.Flow, x transaction.Exchange) error {
		if to := f.Remote(); to != at.remote && strange(to, at.remote.Addr()) {
			return errTarget // a name can be made to lead anywhere
		}
		return d.server.layer.Send(f, d.request(n, f), x)
	}, d)
}

// request is the NOTIFY that goes out on a flow.
func (d *dialogSink) request(n notifier.Notification, f transaction.Flow) *sip.Request {
	h := append(make([]byte, 0, 256), "Event: "...)
	h = append(h, d.event...)
	h = append(h, "\r\nSubscription-State: "...)
	h = append(h, n.State...)
	if n.State == notifier.Terminated {
		h = append(h, ";reason="...)
		h = append(h, n.Reason...)
	} else {
		h = append(h, ";expires="...)
		h = strconv.AppendInt(h, int64((n.Left+time.Second-1)/time.Second), 10)
	}
	h = append(h, "\r\nContact: <"...)
	h = append(h, contactOf(f)...)
	h = append(h, ">\r\n"...)
	req := d.dialog.Request(sip.NOTIFY, n.Seq+1)
	req.Header, req.ContentType, req.Body = h, n.Type, versioned(n)
	f.Lasts(n.Left) // what was found again knows of nothing yet
	return &req
}

// findFlow makes the stored flow one of a listener of now, and finds another
// where the subscriber's connection is gone.
func (d *dialogSink) findFlow() error {
	at := d.at()
	if d.next != "" {
		return nil // it is looked up
	}
	if d.stored == nil && (at.token == 0 || d.flow.Alive()) {
		return nil
	}
	flow, err := d.server.layer.FlowOf(at.token)
	switch {
	case at.token == 0:
		flow, err = d.server.layer.FlowFrom(at.transport, at.local, at.remote)
	case err != nil || !flow.Alive():
		flow, err = d.elsewhere()
	}
	if err == nil {
		d.flow, d.stored = flow, nil
	}
	return err
}

// at is where the flow leads, to be kept.
func (d *dialogSink) at() stored {
	if d.stored != nil {
		return *d.stored
	}
	return stored{d.flow.Transport(), d.flow.Local(), d.flow.Remote(), d.flow.Token()}
}

// versioned puts the subscription's version into a shared body.
func versioned(n notifier.Notification) []byte {
	if n.Type == "" || !n.Body.Versioned {
		return n.Body.Head
	}
	b := make([]byte, 0, len(n.Body.Head)+len(n.Body.Tail)+10)
	b = append(b, n.Body.Head...)
	b = strconv.AppendUint(b, uint64(n.Seq), 10)
	return append(b, n.Body.Tail...)
}

// Response takes the final response to the NOTIFY in flight.
func (d *dialogSink) Response(m *sip.Message) {
	o := outcome(m.Status())
	if o != notifier.Delivered {
		d.sayFailed(m.Status(), nil)
	}
	d.done(o)
}

// Failed takes the end of a NOTIFY that got no answer. Where the subscriber's own
// connection is gone it could get none, if there is no other way.
func (d *dialogSink) Failed(err error) {
	d.sayFailed(0, err)
	d.server.Owners.Return(string(d.aor), owner.Func(func(t *owner.Turn) {
		o := notifier.Later
		if !d.server.layer.IsClosed() && d.findFlow() != nil {
			o = notifier.Lost
		}
		d.server.Notifier.Done(t, d.aor, d.id, o)
	}))
}

func (d *dialogSink) done(o notifier.Outcome) {
	d.server.Owners.Return(string(d.aor), owner.Func(func(t *owner.Turn) {
		d.server.Notifier.Done(t, d.aor, d.id, o)
	}))
}

// outcome tells what a final response to NOTIFY means (RFC 6665 §4.2.2, RFC
// 5057). What is not in the list is a passing error.
func outcome(status int) notifier.Outcome {
	switch {
	case status < 300:
		return notifier.Delivered
	case status == 481:
		return notifier.NoDialog
	case status >= 480 && status <= 485:
		return notifier.Gone
	}
	switch status {
	case 404, 405, 410, 416, 489, 501, 604:
		return notifier.Gone
	}
	return notifier.Later
}

// Save is the dialog and the flow, for a restart.
func (d *dialogSink) Save() []byte {
	w := record.NewWriter(3) // 1 had no token, 2 no next hop
	w.String(string(d.aor))
	w.String(d.event)
	at := d.at()
	w.String(at.transport)
	w.String(at.local.String())
	w.String(at.remote.String())
	dialog, _ := d.dialog.AppendBinary(nil)
	w.Blob(dialog)
	w.Uint(at.token)
	w.String(d.next)
	return w.Bytes()
}

// Sink makes a saved sink again. Where its listener is gone, the first one
// that fits takes its place.
func (s *Server) Sink(id string, saved []byte) notifier.Sink {
	r, version := record.NewReader(saved)
	d := &dialogSink{server: s, id: id, aor: event.AoR(r.String()), event: r.String()}
	transport := r.String()
	local, _ := netip.ParseAddrPort(r.String())
	remote, _ := netip.ParseAddrPort(r.String())
	err := d.dialog.UnmarshalBinary(r.Blob())
	token := uint64(0)
	if version > 1 { // the first made a connection to wherever one had been
		token = r.Uint()
	}
	if version > 2 {
		d.next = r.String()
	}
	if err != nil || r.Err() != nil {
		s.log.Error("a stored dialog cannot be read", "subscription", id, "error", err)
	}
	d.stored = &stored{transport, local, remote, token}
	return d
}
