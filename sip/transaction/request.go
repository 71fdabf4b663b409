package transaction

import (
	"errors"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"lamplight/sip"
)

// Request is a received request. Whoever has it owns it until it is answered or
// dropped; then it, and what points into its message, is used again. An INVITE
// that Respond answers is its holder's for as long as he likes.
type Request struct {
	Message sip.Message
	Flow    Flow

	layer *Layer
	began time.Time // when it came
	key   key
	buf   []byte
	out   []byte
}

var pool = sync.Pool{New: func() any { return new(Request) }}

// maxKept is the buffer that goes back into the pool; larger ones are rare.
const maxKept = 8 << 10

func (r *Request) recycle() {
	if cap(r.buf) > maxKept || cap(r.out) > maxKept {
		return
	}
	r.layer, r.Flow = nil, Flow{}
	pool.Put(r)
}

// Respond answers the request by a final response, and keeps it for
// retransmissions (RFC 3261 §17.2.2). Provisional responses and 408 may not be
// said to requests other than INVITE over UDP, and are not (RFC 4320 §4). An
// INVITE may get several provisional responses, and as many 2xx as there are
// (RFC 6026 §7.1); the request stays whose it is.
func (r *Request) Respond(resp *sip.Response) {
	method := r.Message.Method()
	switch {
	case method == sip.INVITE:
		r.tag(resp)
		r.respondInvite(resp.Status, resp.Append(nil, &r.Message, r.Flow.remote))
		return
	case method == sip.ACK, resp.Status < 200 || resp.Status == 408:
		r.recycle()
		return
	}
	r.tag(resp)
	r.out = resp.Append(r.out[:0], &r.Message, r.Flow.remote)
	r.respond(method, resp.Status)
}

// Forward answers the request by a response that came to it from elsewhere,
// without its top Via (RFC 3261 §16.7); otherwise as Respond does.
func (r *Request) Forward(m *sip.Message, e *sip.Edit) {
	method := r.Message.Method()
	switch {
	case method == sip.INVITE:
		r.respondInvite(m.Status(), e.AppendResponse(nil, m))
		return
	case method == sip.ACK, m.Status() < 200 || m.Status() == 408:
		r.recycle()
		return
	}
	r.out = e.AppendResponse(r.out[:0], m)
	r.respond(method, m.Status())
}

// respond sends the final response that is in out, the last word to a request
// that is no INVITE.
func (r *Request) respond(method sip.Method, status int) {
	r.layer.answer(method, status, r.began)
	if r.Flow.Reliable() { // nothing is sent again: Timer J is 0 (RFC 3261 §17.2.2)
		r.forget()
	} else {
		r.layer.servers.answered(r.key, r.out)
		r.layer.clock.wake(TimerJ)
	}
	r.send(r.out)
	r.recycle()
}

func (r *Request) respondInvite(status int, b []byte) {
	if !r.layer.invites.responded(r, status, b) {
		return
	}
	r.layer.clock.wake(T1)
	if status >= 200 {
		r.layer.answer(sip.INVITE, status, r.began)
	}
	r.send(b)
}

// RespondStateless answers the request and keeps nothing: a retransmission is
// handled anew (RFC 3261 §8.2.7).
func (r *Request) RespondStateless(resp *sip.Response) {
	r.forget()
	if r.Message.Method() != sip.ACK {
		r.tag(resp)
		r.layer.answer(r.Message.Method(), resp.Status, r.began)
		r.out = resp.Append(r.out[:0], &r.Message, r.Flow.remote)
		r.send(r.out)
	}
	r.recycle()
}

func (r *Request) forget() {
	switch r.Message.Method() {
	case sip.INVITE:
		r.layer.invites.forget(r, &r.layer.servers)
	case sip.ACK:
	default:
		r.layer.servers.forget(r.key, &r.Message)
	}
}

// tag gives a response that begins no dialog the To tag that every response
// but 100 needs: the same for the same request (RFC 3261 §8.2.6.2, §8.2.7).
func (r *Request) tag(resp *sip.Response) {
	if resp.ToTag == "" && resp.Status > 100 {
		resp.ToTag = strconv.FormatUint(r.key[0], 36)
	}
}

// Drop leaves the request without an answer.
func (r *Request) Drop() {
	r.forget()
	r.recycle()
}

// cancelled are the methods whose requests a CANCEL may name.
var cancelled = [...]sip.Method{sip.SUBSCRIBE, sip.PUBLISH, sip.REGISTER, sip.NOTIFY, sip.OPTIONS, sip.MESSAGE}

// Cancels is the INVITE that a CANCEL is for; nil where there is none, or where
// it has its final response already (RFC 3261 §9.2).
func (r *Request) Cancels() *Request {
	invite, _ := r.layer.invites.of(r.layer.servers.keyFor(&r.Message, sip.INVITE))
	return invite
}

// CancelsAnother tells whether there is a transaction that a CANCEL is for (RFC
// 3261 §9.2). It has no effect on one that is not of an INVITE.
func (r *Request) CancelsAnother() bool {
	if _, found := r.layer.invites.of(r.layer.servers.keyFor(&r.Message, sip.INVITE)); found {
		return true
	}
	for _, method := range cancelled {
		if r.layer.servers.has(r.layer.servers.keyFor(&r.Message, method)) {
			return true
		}
	}
	return false
}

func (r *Request) send(b []byte) {
	f := r.upstream()
	r.layer.trace(f, true, b)
	_ = f.write(b) // lost as any datagram may be; the client asks again
}

// upstream is where responses go.
func (r *Request) upstream() Flow {
	if r.Flow.Reliable() {
		return r.Flow
	}
	return Flow{r.Flow.via, r.back()}
}

// back is where the response goes (RFC 3261 §18.2.2, RFC 3581 §4): to the
// source's port if rport asks so, else to the port that Via names. maddr is not
// followed: it would let anyone point our answers elsewhere.
func (r *Request) back() netip.AddrPort {
	v, err := r.Message.TopVia()
	if err != nil {
		return r.Flow.remote
	}
	if _, ok := v.Params.Get("rport"); ok {
		return r.Flow.remote
	}
	u := sip.URI{Port: v.Port}
	port := u.PortNumber()
	if port == 0 {
		port = 5060
	}
	return netip.AddrPortFrom(r.Flow.remote.Addr(), port)
}

// message takes one message, whose bytes are the flow's.
func (l *Layer) message(f Flow, b []byte) {
	if len(b) < 12 { // keep-alives, and nothing that could be a message
		return
	}
	l.trace(f, false, b)
	r := pool.Get().(*Request)
	r.layer, r.Flow, r.key, r.began = l, f, key{}, time.Now()
	r.Message.Limits = l.o.Limits
	r.buf = append(r.buf[:0], b...)
	err := r.Message.Parse(r.buf)
	switch {
	case err != nil:
		l.Malformed.Add(1)
		r.refuse(err)
	case !r.Message.IsRequest():
		l.response(&r.Message)
		r.recycle()
	case r.Message.Method() == sip.ACK:
		l.acknowledge(r)
	case viaBroken(&r.Message):
		l.Malformed.Add(1)
		r.refuse(errVia)
	default:
		l.request(r)
	}
}

var errVia = &sip.SyntaxError{Reason: "Malformed Via", Status: 400}

func viaBroken(m *sip.Message) bool {
	_, err := m.TopVia()
	return err != nil
}

// refuse answers what could not be parsed where an answer can be built: a
// request whose header fields that a response repeats are there. Where Via cannot
// be read the answer goes to the source.
func (r *Request) refuse(err error) {
	var syntax *sip.SyntaxError
	m := &r.Message
	if errors.As(err, &syntax) {
		r.layer.Reached(syntax.Limit)
	}
	if syntax == nil || !m.IsRequest() || m.Method() == sip.ACK {
		r.recycle()
		return
	}
	for _, h := range [...]sip.Header{sip.Via, sip.From, sip.To, sip.CallID, sip.CSeq} {
		if !m.Has(h) {
			r.recycle()
			return
		}
	}
	r.key = r.layer.servers.keyOf(m)
	resp := sip.Response{Status: syntax.Status}
	if syntax.Status == 400 {
		resp.Reason = syntax.Reason
	}
	r.RespondStateless(&resp)
}

// acknowledge takes an ACK: that of a response of 300 and above belongs to the
// INVITE's transaction, any other has none and is the handler's (RFC 3261
// §17.2.1, RFC 6026 §7.1).
func (l *Layer) acknowledge(r *Request) {
	if viaBroken(&r.Message) {
		l.Malformed.Add(1)
		r.recycle()
		return
	}
	if l.invites.acknowledged(l.servers.keyFor(&r.Message, sip.INVITE), &l.servers) {
		r.recycle()
		return
	}
	l.Counters.request(sip.ACK, r.Flow.Transport())
	l.handler.Request(r)
}

// invite takes an INVITE. Whether it came another way before is its user's
// question: a proxy may see the same request twice (RFC 3261 §16.3).
func (l *Layer) invite(r *Request) {
	r.key = l.servers.keyOf(&r.Message)
	state, again := l.invites.begin(r, &l.servers)
	switch state {
	case repeated:
		l.Absorbed.Add(1)
		if again.message != nil {
			l.trace(again.flow, true, again.message)
			_ = again.flow.write(again.message)
		}
		r.recycle()
	case full:
		l.overloaded(r)
	default:
		l.Counters.request(sip.INVITE, r.Flow.Transport())
		l.clock.wake(trying)
		l.handler.Request(r)
	}
}

func (l *Layer) overloaded(r *Request) {
	l.Overloaded.Add(1)
	l.Reached(LimitTransactions)
	r.RespondStateless(&sip.Response{Status: 503, Header: []byte("Retry-After: 5\r\n")})
}

func (l *Layer) request(r *Request) {
	if r.Message.Method() == sip.INVITE {
		l.invite(r)
		return
	}
	r.key = l.servers.keyOf(&r.Message)
	state, kept := l.servers.begin(r.key, &r.Message, r.out[:0])
	switch state {
	case repeated:
		l.Absorbed.Add(1)
		if r.out = kept; len(kept) > 0 {
			r.send(r.out)
		}
		r.recycle()
	case merged: // RFC 3261 §8.2.2.2
		r.RespondStateless(&sip.Response{Status: 482})
	case full:
		l.overloaded(r)
	default:
		l.Counters.request(r.Message.Method(), r.Flow.Transport())
		l.clock.wake(TimerJ)
		l.handler.Request(r)
	}
}
