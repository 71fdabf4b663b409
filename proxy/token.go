package proxy

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/netip"
	"strings"

	"lamplight/sip/transaction"
)

// key is the secret of tokens.
type key [32]byte

// end is the way to one end of a dialog: the flow by which its INVITE came, or
// went.
type end struct {
	transport     string
	local, remote netip.AddrPort
	connection    uint64 // that the other side made; 0: none
}

// ends are the two ends of a dialog, as seen from its INVITE.
type ends struct{ caller, callee end }

func endOf(f transaction.Flow) end {
	return end{f.Transport(), f.Local(), f.Remote(), f.Token()}
}

// transports are how a token writes them, by their place.
var transports = [...]string{"UDP", "TCP", "TLS", "WS", "WSS"}

// encoding is what may stand in a URI's user part.
var encoding = base64.RawURLEncoding.Strict()

const macLength = 12

// token is what stands in the user part of our Record-Route (RFC 5626 §5.2): the
// two ends, and a code over them, the Call-ID and the caller's tag. Who shows it
// knows of the dialog, and can reach nothing with it but the dialog's ends.
func (k *key) token(e *ends, callID, callerTag string) string {
	b := appendEnd(make([]byte, 0, 96), &e.caller)
	b = appendEnd(b, &e.callee)
	return encoding.EncodeToString(append(b, k.code(b, callID, callerTag)...))
}

func (k *key) code(b []byte, callID, callerTag string) []byte {
	mac := hmac.New(sha256.New, k[:])
	mac.Write(b)
	mac.Write([]byte{0})
	mac.Write([]byte(callID))
	mac.Write([]byte{0})
	mac.Write([]byte(callerTag))
	return mac.Sum(nil)[:macLength]
}

// open reads a token of a dialog.
func (k *key) open(token, callID, callerTag string) (e ends, ok bool) {
	b, err := encoding.DecodeString(token)
	if err != nil || len(b) <= macLength {
		return ends{}, false
	}
	b, code := b[:len(b)-macLength], b[len(b)-macLength:]
	if !hmac.Equal(code, k.code(b, callID, callerTag)) {
		return ends{}, false
	}
	b, ok1 := e.caller.read(b)
	_, ok2 := e.callee.read(b)
	return e, ok1 && ok2
}

func appendEnd(b []byte, e *end) []byte {
	for i, t := range transports {
		if t == e.transport {
			b = append(b, byte(i))
		}
	}
	b = appendAddress(appendAddress(b, e.local), e.remote)
	return binary.AppendUvarint(b, e.connection)
}

func appendAddress(b []byte, a netip.AddrPort) []byte {
	addr := a.Addr().Unmap().WithZone("").AsSlice()
	b = append(append(b, byte(len(addr))), addr...)
	return binary.BigEndian.AppendUint16(b, a.Port())
}

// read takes an end off the front.
func (e *end) read(b []byte) (rest []byte, ok bool) {
	if len(b) == 0 || int(b[0]) >= len(transports) {
		return nil, false
	}
	e.transport, b = transports[b[0]], b[1:]
	for _, a := range [...]*netip.AddrPort{&e.local, &e.remote} {
		if *a, b, ok = cutAddress(b); !ok {
			return nil, false
		}
	}
	connection, n := binary.Uvarint(b)
	if n <= 0 {
		return nil, false
	}
	e.connection = connection
	return b[n:], true
}

func cutAddress(b []byte) (a netip.AddrPort, rest []byte, ok bool) {
	if len(b) == 0 || len(b) < 1+int(b[0])+2 {
		return a, nil, false
	}
	n := 1 + int(b[0])
	addr, ok := netip.AddrFromSlice(b[1:n])
	return netip.AddrPortFrom(addr, binary.BigEndian.Uint16(b[n:])), b[n+2:], ok || b[0] == 0
}

// flow is the way to an end now. A connection that is gone cannot be made again
// but by who made it (RFC 5626 §5.3).
func (p *Proxy) flow(e *end) (transaction.Flow, error) {
	if e.connection == 0 {
		return p.layer.FlowFrom(e.transport, e.local, e.remote)
	}
	f, err := p.layer.FlowOf(e.connection)
	if err == nil && !f.Alive() {
		err = transaction.ErrFlowLost
	}
	return f, err
}

// routeURI is the value of Record-Route for one side, which faces a flow.
func routeURI(token string, f transaction.Flow, secure bool) string {
	var b strings.Builder
	scheme := "<sip:"
	if secure {
		scheme = "<sips:"
	}
	b.WriteString(scheme)
	if token != "" {
		b.WriteString(token + "@")
	}
	b.WriteString(f.Local().String())
	if !secure || f.IsWebSocket() {
		b.WriteString(f.URIParameter())
	}
	b.WriteString(";lr>")
	return b.String()
}
