package app_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"lamplight/app"
	"lamplight/body/dialoginfo"
	"lamplight/config"
	"lamplight/sip"
	"lamplight/sip/ua"
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

// answers says a response by hand.
func (h *handset) answers(m *sip.Message, resp sip.Response) {
	h.o.Helper()
	_, _ = h.socket.WriteToUDPAddrPort(resp.Append(nil, m, serverAt), serverAt)
}

// picksUp takes the call that comes next, by hand.
func (h *handset) picksUp() {
	h.o.Helper()
	h.status.Store(0)
	m := h.next()
	h.o.expect(m, "INVITE")
	h.answers(m, sip.Response{Status: 200, ToTag: "hand", Header: []byte("Contact: <" + h.contact() + ">\r\n" + recorded(m))})
	for h.next().Method() != sip.ACK {
	}
}

func recorded(m *sip.Message) (lines string) {
	for v := range m.Fields(sip.RecordRoute) {
		lines += "Record-Route: " + string(v) + "\r\n"
	}
	return lines
}

// A BYE that is to be said again with credentials ends nothing yet, and the lamps
// stay lit; one that nobody answers ends the call for who has said it (RFC 3261
// §15.1.1).
func TestABYEThatIsChallenged(t *testing.T) {
	for _, answered := range []bool{true, false} {
		inSwitchboard(t, nil, func(o *office) {
			alice, hand := o.telephone("alice"), o.handset("bob")
			o.expect(hand.do("REGISTER", "sip:example.test", "To: <"+aor("bob")+">", anHour), "200 OK")
			o.watch("carol", "bob", "dialog")
			o.lampOf("carol", "bob")
			c := alice.call(aor("bob"))
			hand.picksUp()
			o.reaches(c, ua.Confirmed)
			o.comesToShow("carol", "bob", dialoginfo.Confirmed)
			done := make(chan error, 1)
			go func() { done <- c.Hangup(soon(o)) }()
			bye := hand.next()
			o.expect(bye, "BYE")
			if answered {
				hand.answers(bye, sip.Response{Status: 407, Header: []byte("Proxy-Authenticate: Digest realm=\"hand\", nonce=\"1\", algorithm=MD5\r\n")})
				if bye = hand.next(); !bye.Has(sip.ProxyAuthorization) {
					t.Errorf("it is said again as\n%s", bye.Bytes())
				}
				o.expectSilence("carol", "bob", "dialog", 900*time.Millisecond)
				hand.answers(bye, sip.Response{Status: 200})
			}
			o.comesToShow("carol", "bob", dialoginfo.Terminated)
			if err := <-done; err != nil && answered {
				t.Error(err)
			}
		})
	}
}

// A gateway that wants credentials is the caller's to answer: he is shown its
// challenge, whoever else he is known to, and the history says why nothing came of
// it; where he has them the call goes on.
func TestAGatewayThatChallenges(t *testing.T) {
	var history ended
	inSwitchboard(t, func(o *app.Options) {
		o.History, o.Route = &history, []config.Route{{Pattern: "0*", Target: "sip:203.0.113.1"}}
	}, func(o *office) {
		gateway, alice := o.handset("gateway@elsewhere.test"), o.handset("alice")
		gateway.status.Store(0)
		for status, line := range map[int]string{407: "Proxy-Authenticate", 401: "WWW-Authenticate"} {
			alice.send(alice.paying("INVITE", "sip:0123@example.test"))
			m := gateway.next()
			if m.Has(sip.ProxyAuthorization) {
				t.Errorf("the gateway gets the credentials for the server:\n%s", m.Bytes())
			}
			gateway.answers(m, sip.Response{Status: status, ToTag: "g", Header: []byte(line + ": Digest realm=\"gateway\", nonce=\"1\"\r\n")})
			resp := alice.response("")
			for resp.Status() < 200 {
				resp = alice.response("")
			}
			o.expect(resp, strconv.Itoa(status), line+`: Digest realm="gateway", nonce="1"`)
			gateway.next() // ACK
		}
		o.advance(time.Minute)
		history.are(t, "alice  out failed", "alice  out failed")
	})
}
