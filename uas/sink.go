package uas

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	"lamplight/event"
	"lamplight/notifier"
	"lamplight/owner"
	"lamplight/record"
	"lamplight/sip"
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
	d.flow, err = s.target(r, &d.dialog)
	return d, err
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

// target is where notifications go: along the route set, else back to where
// the SUBSCRIBE came from if that was one hop, else to the Contact. A connection
// to the same host is used again.
func (s *Server) target(r *transaction.Request, d *sip.Dialog) (transaction.Flow, error) {
	if r.Flow.IsWebSocket() { // its name for itself is none (RFC 7118 §5)
		return r.Flow, nil
	}
	to, transport := r.Flow.Remote(), r.Flow.Transport()
	switch {
	case len(d.Routes) > 0:
		to, transport = s.address(routeURI(d.Routes[0]), to, transport)
	case hops(&r.Message) > 1:
		to, transport = s.address(d.Target, to, transport)
	}
	if r.Flow.Reliable() && to.Addr() == r.Flow.Remote().Addr() {
		return r.Flow, nil
	}
	if to == r.Flow.Local() {
		return transaction.Flow{}, errTarget
	}
	if s.Outbound != nil && !s.Outbound(to) {
		return transaction.Flow{}, errTarget
	}
	if to == r.Flow.Remote() {
		return r.Flow, nil
	}
	return s.layer.FlowFrom(transport, r.Flow.Local(), to)
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

// address is the IP address, port and transport of a URI, or others where it
// names a host: names are resolved by RFC 3263, which is not built yet.
func (s *Server) address(uri string, other netip.AddrPort, transport string) (netip.AddrPort, string) {
	u, err := sip.ParseURI([]byte(uri))
	if err != nil {
		return other, transport
	}
	addr, err := netip.ParseAddr(strings.Trim(string(u.Host), "[]"))
	if err != nil {
		return other, transport
	}
	transport = "UDP" // RFC 3263 §4.1: of an address without a transport
	if named, ok := u.Params.Get("transport"); ok {
		transport = strings.ToUpper(string(named))
	}
	if strings.EqualFold(string(u.Scheme), "sips") {
		transport = "TLS"
	}
	port := u.PortNumber()
	switch {
	case port == 0 && transport == "TLS":
		port = 5061
	case port == 0:
		port = 5060
	}
	return netip.AddrPortFrom(addr, port), transport
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
	moved.flow, err = d.server.target(r, &moved.dialog)
	return &moved, err
}

func (d *dialogSink) contact() string {
	return "sip:" + d.flow.Local().String() + d.flow.URIParameter()
}

// Notify sends one NOTIFY. Its number is the CSeq, and the document's version.
func (d *dialogSink) Notify(n notifier.Notification) {
	if err := d.findFlow(); err != nil {
		d.Failed(err)
		return
	}
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
	h = append(h, d.contact()...)
	h = append(h, ">\r\n"...)
	req := d.dialog.Request(sip.NOTIFY, n.Seq+1)
	req.Header, req.ContentType, req.Body = h, n.Type, versioned(n)
	d.flow.Lasts(n.Left) // what was found again knows of nothing yet
	if err := d.server.layer.Send(d.flow, &req, d); err != nil {
		d.Failed(err)
	}
}

// findFlow makes the stored flow one of a listener of now, and finds another
// where the subscriber's connection is gone.
func (d *dialogSink) findFlow() error {
	at := d.at()
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
		if d.findFlow() != nil {
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
	w := record.NewWriter(2)
	w.String(string(d.aor))
	w.String(d.event)
	at := d.at()
	w.String(at.transport)
	w.String(at.local.String())
	w.String(at.remote.String())
	dialog, _ := d.dialog.AppendBinary(nil)
	w.Blob(dialog)
	w.Uint(at.token)
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
	if err != nil || r.Err() != nil {
		s.log.Error("a stored dialog cannot be read", "subscription", id, "error", err)
	}
	d.stored = &stored{transport, local, remote, token}
	return d
}
