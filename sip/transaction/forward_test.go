package transaction_test

import (
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"

	"lamplight/sip"
	"lamplight/sip/transaction"
)

// upstream gives what comes back to the request it is for.
type upstream struct{ r *transaction.Request }

func (u upstream) Provisional(m *sip.Message) { u.r.Forward(m, &sip.Edit{}) }
func (u upstream) Response(m *sip.Message)    { u.r.Forward(m, &sip.Edit{}) }
func (u upstream) Failed(error)               { u.r.Respond(&sip.Response{Status: 504}) }

// A request goes through a proxy and its responses come back; the ACK of a 2xx
// follows with a branch of its own, the same each time (RFC 3261 §16.6, §16.7,
// §16.11).
func TestForward(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var onward transaction.Flow
		var p *pair
		p = newPair(t, answers(func(r *transaction.Request) {
			edit := &sip.Edit{URI: "sip:bob@127.0.0.1:7001", MaxForwards: 69, RecordRoute: []string{"<sip:127.0.0.1:5060;lr>"}}
			if r.Message.Method() == sip.ACK {
				if err := p.server.ForwardACK(onward, r, edit); err != nil {
					t.Error(err)
				}
				r.Drop()
				return
			}
			if _, err := p.server.Forward(onward, r, edit, "mark", upstream{r}); err != nil {
				t.Error(err)
			}
		}))
		defer p.close()
		caller, callee := p.sink(t, "127.0.0.1:7000"), p.sink(t, "127.0.0.1:7001")
		var err error
		if onward, err = p.server.Flow(netip.MustParseAddrPort("127.0.0.1:7001")); err != nil {
			t.Fatal(err)
		}
		proxy := netip.MustParseAddrPort("127.0.0.1:5060")
		caller.send(proxy, []byte(strings.Replace(request("INVITE", "z9hG4bKi", "1 INVITE"), "Content-Length: 0\r\n\r\n", "l: 4\r\nX-Odd : a\r\n\r\nbody", 1)))
		invite := callee.next()
		top, _ := invite.TopVia()
		if string(invite.RequestURI()) != "sip:bob@127.0.0.1:7001" || invite.Count(sip.Via) != 2 || !strings.HasSuffix(string(top.Branch()), ".mark") ||
			string(invite.Body()) != "body" || string(invite.Value(sip.MaxForwards)) != "69" || string(invite.Other("X-Odd")) != "a" {
			t.Errorf("the INVITE became %s", invite.Bytes())
		}
		for _, status := range []int{180, 200} {
			callee.send(proxy, (&sip.Response{Status: status, ToTag: "callee"}).Append(nil, invite, netip.AddrPort{}))
			m := caller.next()
			to, _ := m.To()
			if m.Status() != status || m.Count(sip.Via) != 1 || string(to.Tag()) != "callee" {
				t.Errorf("%d became %s", status, m.Bytes())
			}
		}
		for range 2 {
			caller.send(proxy, []byte(request("ACK", "z9hG4bKack", "1 ACK")))
		}
		first, second := callee.next(), callee.next()
		if first.Method() != sip.ACK || string(first.Value(sip.Via)) != string(second.Value(sip.Via)) || string(first.Value(sip.Via)) == string(invite.Value(sip.Via)) {
			t.Errorf("the ACKs are %s and %s", first.Bytes(), second.Bytes())
		}
		caller.send(proxy, []byte(strings.Replace(request("BYE", "z9hG4bKbye", "2 BYE"), "To: <sip:alice@example.com>", "To: <sip:alice@example.com>;tag=callee", 1)))
		bye := callee.next()
		callee.send(proxy, (&sip.Response{Status: 200}).Append(nil, bye, netip.AddrPort{}))
		if m := caller.next(); m.Status() != 200 || m.Method() != sip.BYE {
			t.Errorf("the BYE is answered by %s", m.Bytes())
		}
	})
}
