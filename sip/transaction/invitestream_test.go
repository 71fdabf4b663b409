package transaction_test

import (
	"strings"
	"testing"

	"lamplight/sip"
	"lamplight/sip/transaction"
)

// Over a connection nothing is sent again: there is no Timer G, and Timer I is 0, and a
// transaction is over with its ACK (RFC 3261 §17.2.1).
func TestINVITEsOverTCP(t *testing.T) {
	server, addr := listenTCP(t, answers(func(r *transaction.Request) {
		if r.Message.Method() == sip.ACK {
			t.Error("the ACK of a 486 is handed on")
		}
		r.Respond(&sip.Response{Status: 180, ToTag: "t"})
		r.Respond(&sip.Response{Status: 486, ToTag: "t"})
	}), transaction.Options{})
	c := dial(t, addr)
	c.say(overTCP("INVITE", "z9hG4bKi"))
	for _, want := range []string{"180", "486"} {
		if m := c.message(); !strings.HasPrefix(m, "SIP/2.0 "+want) {
			t.Errorf("%q, want %s", m, want)
		}
	}
	if n, _ := server.Open(); n != 1 {
		t.Errorf("%d are open before the ACK", n)
	}
	c.say(overTCP("ACK", "z9hG4bKi"))
	c.say(overTCP("INVITE", "z9hG4bKi")) // a new one, for the first is over
	for _, want := range []string{"180", "486"} {
		if m := c.message(); !strings.HasPrefix(m, "SIP/2.0 "+want) {
			t.Errorf("%q, want %s", m, want)
		}
	}
}
