package transaction

import (
	"hash/maphash"

	"lamplight/sip"
)

// Forward sends a request that was received on, in a client transaction of its
// own (RFC 3261 §16.6): with a Via of ours, and changed by e. The mark, a token,
// stands in its branch, so that a proxy knows the request again when it comes
// back (RFC 3261 §16.6 item 8, RFC 5393 §4.2). It is written before Forward
// returns; x may be told of responses by then.
func (l *Layer) Forward(f Flow, r *Request, e *sip.Edit, mark string, x Exchange) (Sent, error) {
	f, err := l.usable(f)
	if err != nil {
		return Sent{}, err
	}
	slot, id, err := l.clients.reserve()
	if err != nil {
		return Sent{}, err
	}
	message := buffers.Get().(*buffer)
	var via [192]byte
	message.b = e.AppendRequest(message.b[:0], &r.Message, r.Flow.remote, appendVia(via[:0], f, slot, id, mark))
	if !f.Reliable() && len(message.b) > maxDatagramRequest {
		l.Large.Add(1)
	}
	return l.begin(slot, client{id: id, method: r.Message.Method(), flow: f, message: message, exchange: x})
}

// ForwardACK sends the ACK of a 2xx on. It has no transaction: the same ACK gets
// the same branch (RFC 3261 §16.11).
func (l *Layer) ForwardACK(f Flow, r *Request, e *sip.Edit) error {
	f, err := l.usable(f)
	if err != nil {
		return err
	}
	top, _ := r.Message.TopVia()
	via := l.statelessVia(f, string(top.Branch()), string(r.Message.CallID()))
	return l.write(f, e.AppendRequest(nil, &r.Message, r.Flow.remote, via))
}

// SendACK sends the ACK of a 2xx to an INVITE of ours. It has no transaction: it
// is sent again whenever the 2xx is.
func (l *Layer) SendACK(f Flow, r *sip.Request) error {
	f, err := l.usable(f)
	if err != nil {
		return err
	}
	return l.write(f, r.Append(nil, l.statelessVia(f, r.To, r.CallID)))
}

// statelessVia is a Via whose branch comes of what names the request. No slot
// has this number.
func (l *Layer) statelessVia(f Flow, a, b string) []byte {
	var h maphash.Hash
	h.SetSeed(l.servers.seeds[0])
	_, _ = h.WriteString(a)
	_ = h.WriteByte(0)
	_, _ = h.WriteString(b)
	return appendVia(nil, f, 1<<32-1, h.Sum64(), "")
}

func (l *Layer) write(f Flow, b []byte) error {
	l.Sent.Add(1)
	l.trace(f, true, b)
	if f.write(b) != nil {
		return ErrTransport
	}
	return nil
}
