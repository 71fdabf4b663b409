package transaction

import (
	"errors"
	"net/netip"
	"strconv"
	"sync"

	"lamplight/sip"
)

// Request is a received request. Whoever has it owns it until it is answered or
// dropped; then it, and what points into its message, is used again.
type Request struct {
	Message sip.Message
	Flow    Flow

	layer *Layer
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
// retransmissions (RFC 3261 §17.2.2). To an INVITE it keeps none. Provisional
// responses and 408 may not be said to other requests over UDP, and are not (RFC
// 4320 §4).
func (r *Request) Respond(resp *sip.Response) {
	switch {
	case r.Message.Method() == sip.INVITE:
		r.RespondStateless(resp)
		return
	case resp.Status < 200 || resp.Status == 408:
		r.recycle()
		return
	}
	if r.Flow.Reliable() { // nothing is sent again: Timer J is 0 (RFC 3261 §17.2.2)
		r.RespondStateless(resp)
		return
	}
	r.tag(resp)
	r.layer.answer(r.Message.Method(), resp.Status)
	r.out = resp.Append(r.out[:0], &r.Message, r.Flow.remote)
	r.layer.servers.answered(r.key, r.out)
	r.layer.clock.wake(TimerJ)
	r.send()
	r.recycle()
}

// RespondStateless answers the request and keeps nothing: a retransmission is
// handled anew (RFC 3261 §8.2.7).
func (r *Request) RespondStateless(resp *sip.Response) {
	r.layer.servers.forget(r.key, &r.Message)
	r.tag(resp)
	r.layer.answer(r.Message.Method(), resp.Status)
	r.out = resp.Append(r.out[:0], &r.Message, r.Flow.remote)
	r.send()
	r.recycle()
}

// tag gives a response that begins no dialog the To tag that every response
// but 100 needs: the same for the same request (RFC 3261 §8.2.6.2, §8.2.7).
func (r *Request) tag(resp *sip.Response) {
	if resp.ToTag == "" && resp.Status > 100 {
		resp.ToTag = strconv.FormatUint(r.key[0], 36) + strconv.FormatUint(r.key[1], 36)
	}
}

// Drop leaves the request without an answer.
func (r *Request) Drop() {
	r.layer.servers.forget(r.key, &r.Message)
	r.recycle()
}

// cancelled are the methods whose requests a CANCEL may name.
var cancelled = [...]sip.Method{sip.SUBSCRIBE, sip.PUBLISH, sip.REGISTER, sip.NOTIFY, sip.OPTIONS, sip.MESSAGE}

// CancelsAnother tells whether there is a transaction that a CANCEL is for (RFC
// 3261 §9.2). It has no effect on one that is not of an INVITE.
func (r *Request) CancelsAnother() bool {
	for _, method := range cancelled {
		if r.layer.servers.has(r.layer.servers.keyFor(&r.Message, method)) {
			return true
		}
	}
	return false
}

func (r *Request) send() {
	to := r.Flow.remote
	if !r.Flow.Reliable() {
		to = r.back()
	}
	r.layer.trace(Flow{r.Flow.via, to}, true, r.out)
	_ = Flow{r.Flow.via, to}.write(r.out) // lost as any datagram may be; the client asks again
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
	r.layer, r.Flow, r.key = l, f, key{}
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
		r.recycle() // of an INVITE that was refused statelessly
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
	if !errors.As(err, &syntax) || !m.IsRequest() || m.Method() == sip.ACK {
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

func (l *Layer) request(r *Request) {
	r.key = l.servers.keyOf(&r.Message)
	state, kept := l.servers.begin(r.key, &r.Message, r.out[:0])
	switch state {
	case repeated:
		l.Absorbed.Add(1)
		if r.out = kept; len(kept) > 0 {
			r.send()
		}
		r.recycle()
	case merged: // RFC 3261 §8.2.2.2
		r.RespondStateless(&sip.Response{Status: 482})
	case full:
		l.Overloaded.Add(1)
		r.RespondStateless(&sip.Response{Status: 503, Header: []byte("Retry-After: 5\r\n")})
	default:
		l.Counters.request(r.Message.Method(), r.Flow.Transport())
		l.clock.wake(TimerJ)
		l.handler.Request(r)
	}
}
