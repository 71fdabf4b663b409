package app_test

import (
	"fmt"
	"testing"
	"time"

	"lamplight/app"
	"lamplight/config"
	"lamplight/sip"
)

// A phone that writes its own address into From is its user's inside a dialog too,
// where the Request-URI is the server's address, of whatever domain the user is.
func TestFromWithAnAddressInsideADialog(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		for _, user := range []string{"alice", "dave@other.test"} {
			h := o.handset(user)
			from := fmt.Sprintf("From: <sip:%s@%s>;tag=a", h.user, h.addr.Addr())
			d := h.subscribe(user, from, "Event: reg", "Expires: 600")
			d.next()
			o.expect(d.again(from, "Event: reg", "Expires: 600"), "200 OK")
			d.next()
		}
	})
}

// And through a proxy, which says who it is in the first request alone.
func TestFromWithAnAddressThroughAProxy(t *testing.T) {
	inTwoOffices(t, func(o *office, _ *app.Server) {
		h := o.handset("alice")
		from := fmt.Sprintf("From: <sip:alice@%s>;tag=a", h.addr.Addr())
		m := h.paid("SUBSCRIBE", aor("bob"), from, "Expires: 600", "Call-ID: through")
		o.expect(m, "200 OK")
		h.next()
		to, _ := m.To()
		contact, _ := sip.ParseNameAddr(m.Value(sip.Contact))
		again := []string{from, "To: <" + aor("bob") + ">;tag=" + string(to.Tag()), "Call-ID: through", "CSeq: 1000 SUBSCRIBE", "Expires: 600"}
		for v := range m.Elements(sip.RecordRoute) {
			again = append(again, "+Route: "+string(v))
		}
		o.expect(h.final(h.request("SUBSCRIBE", string(contact.URI), again...)), "200 OK")
	})
}

// Requests inside of calls are not counted for the address that they come from:
// whoever has calls through here, and never authenticates, may end all of them.
func TestRequestsInsideCallsAreNotCounted(t *testing.T) {
	inSwitchboard(t, func(o *app.Options) { o.Limit = config.Limit{SourceBurst: 3, SourceRate: 1} }, func(o *office) {
		alice, bob := o.telephone("alice"), o.telephone("bob")
		_, in := o.talk(alice, bob)
		o.advance(11 * time.Minute) // bob's phone is no longer known by its credentials
		for range 10 {
			m, err := in.Do(soon(o), sip.Request{Method: sip.INFO})
			if err != nil || m.Status() != 200 {
				t.Fatalf("%v %v", m, err)
			}
		}
		o.must(in.Hangup(soon(o)))
	})
}
