package transaction_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lamplight/sip"
	"lamplight/sip/transaction"
)

// called is a server that keeps the requests it is given, and what it sends
// with the times since its beginning.
type called struct {
	*pair
	t     *testing.T
	got   []*transaction.Request
	began time.Time
	sent  []string
	send  func(string)
}

func isCalled(t *testing.T, o transaction.Options, test func(c *called)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := &called{t: t, began: time.Now()}
		c.pair = newPair(t, answers(func(r *transaction.Request) { c.got = append(c.got, r) }))
		if o.MaxOpen > 0 {
			c.server.Close()
			o.Listen = func(_, addr string) (transaction.PacketConn, error) { return c.net.Listen(addr) }
			c.server = transaction.New(answers(func(r *transaction.Request) { c.got = append(c.got, r) }), o)
			if _, err := c.server.Listen("udp:127.0.0.1:5060"); err != nil {
				t.Fatal(err)
			}
		}
		defer c.close()
		s := c.sink(t, "127.0.0.1:7000")
		c.send = func(text string) {
			s.send(netip.MustParseAddrPort("127.0.0.1:5060"), []byte(text))
			synctest.Wait()
		}
		c.net.Tap(func(from, _ netip.AddrPort, b []byte) {
			if from.Port() == 5060 {
				written.Lock()
				defer written.Unlock()
				c.sent = append(c.sent, fmt.Sprintf("%v %s", time.Since(c.began).Round(T100), b[8:11]))
			}
		})
		test(c)
	})
}

// said compares what was sent since the last time.
func (c *called) said(what string, want ...string) {
	c.t.Helper()
	synctest.Wait()
	written.Lock()
	defer written.Unlock()
	if !slices.Equal(c.sent, want) {
		c.t.Errorf("%s: sent %q, want %q", what, c.sent, want)
	}
	c.sent = nil
}

func (c *called) open(what string, want int) {
	c.t.Helper()
	if n, _ := c.server.Open(); n != want {
		c.t.Errorf("%s: %d transactions are open, want %d", what, n, want)
	}
}

func say(r *transaction.Request, status int) {
	r.Respond(&sip.Response{Status: status, ToTag: "t"})
}

var anInvite = request("INVITE", "z9hG4bKi", "1 INVITE")

// RFC 3261 §17.2.1: 100 after 200 ms, unless something else is said before.
func TestTrying(t *testing.T) {
	isCalled(t, transaction.Options{}, func(c *called) {
		c.send(anInvite)
		c.said("at once")
		time.Sleep(time.Second)
		c.said("after a while", "200ms 100")
		c.send(anInvite)
		c.said("to a retransmission", "1s 100")
		say(c.got[0], 180)
		say(c.got[0], 183)
		c.send(anInvite)
		c.said("the last provisional one again", "1s 180", "1s 183", "1s 183")
		time.Sleep(time.Hour)
		c.said("provisional responses are not repeated")
		if len(c.got) != 1 {
			t.Errorf("%d handled", len(c.got))
		}
	})
	isCalled(t, transaction.Options{}, func(c *called) {
		c.send(anInvite)
		say(c.got[0], 180)
		time.Sleep(time.Second)
		c.said("no 100", "0s 180")
	})
}

// RFC 3261 §17.2.1: a response of 300 and above is repeated (Timer G) until its
// ACK comes or Timer H ends; repeated ACKs are absorbed (Timer I).
func TestARefusedINVITE(t *testing.T) {
	isCalled(t, transaction.Options{}, func(c *called) {
		c.send(anInvite)
		say(c.got[0], 486)
		say(c.got[0], 200) // too late
		say(c.got[0], 180)
		time.Sleep(time.Minute)
		c.said("until Timer H", "0s 486", "500ms 486", "1.5s 486", "3.5s 486", "7.5s 486", "11.5s 486", "15.5s 486", "19.5s 486", "23.5s 486", "27.5s 486", "31.5s 486")
		c.open("after Timer H", 0)
	})
	isCalled(t, transaction.Options{}, func(c *called) {
		c.send(anInvite)
		say(c.got[0], 486)
		time.Sleep(time.Second)
		c.send(anInvite)
		c.said("to a retransmission too", "0s 486", "500ms 486", "1s 486")
		c.send(request("ACK", "z9hG4bKi", "1 ACK"))
		c.send(anInvite)
		time.Sleep(2 * time.Second)
		c.send(request("ACK", "z9hG4bKi", "1 ACK"))
		c.said("after the ACK")
		c.open("until Timer I", 1)
		time.Sleep(4 * time.Second)
		c.open("after Timer I", 0)
		if len(c.got) != 1 {
			t.Errorf("%d handled: an ACK was not absorbed", len(c.got))
		}
	})
}

// RFC 6026 §7.1: after a 2xx the INVITE is absorbed and not answered; the 2xx is
// its user's to send again, and its ACK is handed on.
func TestAnAcceptedINVITE(t *testing.T) {
	isCalled(t, transaction.Options{}, func(c *called) {
		c.send(anInvite)
		say(c.got[0], 200)
		c.send(anInvite)
		time.Sleep(500 * time.Millisecond)
		say(c.got[0], 200)
		say(c.got[0], 486)
		c.said("each 2xx and nothing else", "0s 200", "500ms 200")
		for _, branch := range []string{"z9hG4bKother", "z9hG4bKi"} {
			c.send(request("ACK", branch, "1 ACK"))
		}
		if len(c.got) != 3 || c.got[2].Message.Method() != sip.ACK {
			t.Fatalf("%d handled", len(c.got))
		}
		say(c.got[1], 200) // no ACK is answered
		c.got[2].RespondStateless(&sip.Response{Status: 500})
		c.said("to an ACK")
		time.Sleep(33 * time.Second)
		c.open("after Timer L", 0)
		say(c.got[0], 200)
		c.said("what comes too late is dropped (RFC 6026 §7.1)")
		c.send(anInvite)
		if len(c.got) != 4 {
			t.Errorf("%d handled: it is not new", len(c.got))
		}
	})
}

// RFC 3261 §9.2.
func TestACANCELFindsItsINVITE(t *testing.T) {
	for name, branch := range map[string]string{"with the cookie": "z9hG4bKi", "of an older client": "i"} {
		t.Run(name, func(t *testing.T) {
			isCalled(t, transaction.Options{}, func(c *called) {
				c.send(request("INVITE", branch, "1 INVITE"))
				c.send(request("CANCEL", "z9hG4bKother", "1 CANCEL"))
				c.send(request("CANCEL", branch, "1 CANCEL"))
				if len(c.got) != 3 {
					t.Fatalf("%d handled", len(c.got))
				}
				invite, other, cancel := c.got[0], c.got[1], c.got[2]
				if other.Cancels() != nil || other.CancelsAnother() {
					t.Error("another CANCEL finds it")
				}
				if cancel.Cancels() != invite || !cancel.CancelsAnother() {
					t.Error("the CANCEL does not find it")
				}
				say(invite, 487)
				if cancel.Cancels() != nil || !cancel.CancelsAnother() {
					t.Error("there is nothing to cancel any more, but it was there")
				}
				say(cancel, 200)
				c.send(request("ACK", branch, "1 ACK"))
				time.Sleep(time.Minute)
				if len(c.got) != 3 {
					t.Error("the ACK was not absorbed")
				}
				c.said("in all", "0s 487", "0s 200")
			})
		})
	}
}

// Nothing is kept of what is refused statelessly or dropped, and no more is
// taken than there is room for.
func TestBoundsOfINVITEs(t *testing.T) {
	isCalled(t, transaction.Options{MaxOpen: 2}, func(c *called) {
		for i := range 4 {
			c.send(request("INVITE", fmt.Sprint("z9hG4bK", i), fmt.Sprint(i, " INVITE")))
		}
		c.said("too many", "0s 503", "0s 503")
		c.open("as many as may", 2)
		c.got[0].RespondStateless(&sip.Response{Status: 403})
		c.got[1].Drop()
		c.said("refused", "0s 403")
		c.open("none", 0)
		c.send(strings.ReplaceAll(request("INVITE", "z9hG4bKi", "1 INVITE"), "Call-ID: one\r\nCSeq: 1 INVITE", "CSeq: 1 INVITE\r\nCall-ID\x01:"))
		c.open("what cannot be read", 0)
	})
}

// A malformed copy does not end the transaction of the good one.
func TestABrokenCopyOfAnINVITE(t *testing.T) {
	isCalled(t, transaction.Options{}, func(c *called) {
		c.send(anInvite)
		c.send(strings.Replace(anInvite, "Content-Length: 0", "Content-Length: 1", 1))
		c.open("the first", 1)
		c.send(anInvite)
		if len(c.got) != 1 {
			t.Errorf("%d handled", len(c.got))
		}
	})
}

// RFC 3261 §16.3: a proxy may get the same INVITE by two ways.
func TestAnINVITEByTwoWays(t *testing.T) {
	isCalled(t, transaction.Options{}, func(c *called) {
		for _, branch := range []string{"z9hG4bKa", "z9hG4bKb"} {
			c.send(request("INVITE", branch, "1 INVITE"))
			c.send(request("CANCEL", branch, "1 CANCEL"))
		}
		if len(c.got) != 4 || len(c.sent) != 0 {
			t.Errorf("%d handled, %q", len(c.got), c.sent)
		}
	})
}
