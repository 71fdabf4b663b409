package transaction_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lamplight/sip"
	"lamplight/sip/transaction"
)

// progress is an exchange that writes down all it is told.
type progress struct{ told *[]string }

// written guards what the tests write down, on the layer's goroutines and on
// their own: a timer is no order between them.
var written sync.Mutex

func (p *progress) write(format string, args ...any) {
	written.Lock()
	defer written.Unlock()
	*p.told = append(*p.told, fmt.Sprintf(format, args...))
}
func (p *progress) Provisional(m *sip.Message) { p.write("~%d", m.Status()) }
func (p *progress) Failed(err error)           { p.write("%v", err) }
func (p *progress) Response(m *sip.Message) {
	to, _ := m.To()
	p.write("%d %s", m.Status(), to.Tag())
}

// calls is a client whose INVITE arrives at a sink.
type calls struct {
	*pair
	sink    *sink
	t       *testing.T
	sent    transaction.Sent
	told    []string
	began   time.Time
	invite  *sip.Message
	carried []string // what arrived at the sink, with its times
}

func calling(t *testing.T, test func(c *calls)) {
	t.Helper()
	toSink(t, func(p *pair, s *sink) {
		c := &calls{pair: p, sink: s, t: t, began: time.Now()}
		p.net.Tap(func(_, to netip.AddrPort, b []byte) {
			if to.Port() == 7000 {
				method, _, _ := strings.Cut(string(b), " ")
				written.Lock()
				defer written.Unlock()
				c.carried = append(c.carried, fmt.Sprintf("%v %s", time.Since(c.began).Round(T100), method))
			}
		})
		r := &sip.Request{Method: sip.INVITE, URI: "sip:bob@127.0.0.1", Routes: []string{"<sip:p1;lr>", "<sip:p2;lr>"}, From: "<sip:a@example.com>;tag=1",
			To: "<sip:b@example.com>", CallID: "c", CSeq: 7, ContentType: "application/sdp", Body: []byte("v=0")}
		var err error
		if c.sent, err = p.client.Invite(p.to, r, &progress{told: &c.told}); err != nil {
			t.Fatal(err)
		}
		c.invite = s.next()
		test(c)
	})
}

// answered sends a response with a To tag.
func (c *calls) answered(status int, tag string) {
	c.sink.send(c.local(c.t), (&sip.Response{Status: status, ToTag: tag}).Append(nil, c.invite, netip.AddrPort{}))
	synctest.Wait()
}

func (c *calls) said(what string, want ...string) {
	c.t.Helper()
	synctest.Wait()
	written.Lock()
	defer written.Unlock()
	if !slices.Equal(c.carried, want) {
		c.t.Errorf("%s: sent %q, want %q", what, c.carried, want)
	}
	c.carried = nil
}

func (c *calls) heard(what string, want ...string) {
	c.t.Helper()
	synctest.Wait()
	written.Lock()
	defer written.Unlock()
	if !slices.Equal(c.told, want) {
		c.t.Errorf("%s: told %q, want %q", what, c.told, want)
	}
	c.told = nil
}

func (c *calls) open(what string, want int) {
	c.t.Helper()
	if _, n := c.client.Open(); n != want {
		c.t.Errorf("%s: %d are open, want %d", what, n, want)
	}
}

// RFC 3261 §17.1.1.2: Timer A doubles without limit, Timer B ends it.
func TestAnINVITEWithoutAnAnswer(t *testing.T) {
	calling(t, func(c *calls) {
		time.Sleep(time.Minute)
		c.said("Timer A", "0s INVITE", "500ms INVITE", "1.5s INVITE", "3.5s INVITE", "7.5s INVITE", "15.5s INVITE", "31.5s INVITE")
		c.heard("Timer B", transaction.ErrTimeout.Error())
		c.open("after it", 0)
	})
}

// A provisional response ends the retransmissions, and the call may ring for
// ever: a proxy's Timer C is not the layer's.
func TestAnINVITEThatRings(t *testing.T) {
	calling(t, func(c *calls) {
		c.answered(100, "")
		c.answered(180, "x")
		c.answered(183, "y")
		time.Sleep(time.Hour)
		c.said("once", "0s INVITE")
		c.heard("all of them", "~100", "~180", "~183")
		c.open("still", 1)
		c.client.Close()
		c.heard("at the end", transaction.ErrClosed.Error())
	})
}

// RFC 3261 §17.1.1.3: the layer acknowledges what is no 2xx, as often as it comes
// (Timer D), and tells it once.
func TestTheACKOfARefusal(t *testing.T) {
	calling(t, func(c *calls) {
		c.answered(180, "x")
		c.answered(486, "x")
		ack := c.sink.next()
		for range 2 {
			c.answered(486, "x")
		}
		c.answered(200, "late")
		c.answered(180, "late")
		c.said("an ACK each", "0s INVITE", "0s ACK", "0s ACK", "0s ACK")
		c.heard("once", "~180", "486 x")
		for _, h := range []sip.Header{sip.Via, sip.From, sip.CallID} {
			if string(ack.Value(h)) != string(c.invite.Value(h)) {
				t.Errorf("%s: %q, want the INVITE's %q", h, ack.Value(h), c.invite.Value(h))
			}
		}
		routes := slices.Collect(ack.Elements(sip.Route))
		if string(ack.RequestURI()) != "sip:bob@127.0.0.1" || string(ack.Value(sip.To)) != "<sip:b@example.com>;tag=x" || string(ack.Value(sip.CSeq)) != "7 ACK" ||
			len(routes) != 2 || string(routes[0]) != "<sip:p1;lr>" || len(ack.Body()) != 0 || ack.Count(sip.Via) != 1 {
			t.Errorf("the ACK is %s", ack.Bytes())
		}
		c.open("until Timer D", 1)
		time.Sleep(33 * time.Second)
		c.open("after it", 0)
		c.answered(486, "x")
		c.said("what comes then is dropped")
		if c.client.Unmatched.Load() != 1 {
			t.Errorf("%d are unmatched", c.client.Unmatched.Load())
		}
	})
}

// RFC 6026 §7.2, §8.4: every 2xx is told, of whichever branch; its ACK is the
// user's.
func TestMoreThanOne2xx(t *testing.T) {
	calling(t, func(c *calls) {
		c.answered(180, "x")
		c.answered(200, "x")
		c.answered(180, "y")
		c.answered(200, "y")
		time.Sleep(20 * time.Second)
		c.answered(200, "x")
		c.answered(486, "z")
		c.heard("each", "~180", "200 x", "200 y", "200 x")
		c.said("no ACK", "0s INVITE")
		c.open("until Timer M", 1)
		time.Sleep(13 * time.Second)
		c.open("after it", 0)
		c.answered(200, "x")
		c.heard("what comes then is dropped (RFC 6026 §8.9)")
	})
}

// RFC 3261 §9.1: a CANCEL waits for a provisional response.
func TestACANCELWaits(t *testing.T) {
	calling(t, func(c *calls) {
		c.sent.Cancel([]byte("Reason: SIP;cause=200\r\n"))
		c.sent.Cancel(nil)
		time.Sleep(600 * time.Millisecond)
		c.said("the INVITE goes on", "0s INVITE", "500ms INVITE")
		<-c.sink.got
		c.answered(100, "")
		cancel := c.sink.next()
		if string(cancel.Value(sip.Via)) != string(c.invite.Value(sip.Via)) || string(cancel.Value(sip.To)) != "<sip:b@example.com>" || string(cancel.Value(sip.CSeq)) != "7 CANCEL" ||
			string(cancel.RequestURI()) != "sip:bob@127.0.0.1" || string(cancel.Value(sip.Route)) != "<sip:p1;lr>" || string(cancel.Value(sip.Reason)) != "SIP;cause=200" {
			t.Errorf("the CANCEL is %s", cancel.Bytes())
		}
		time.Sleep(time.Second)
		c.said("it is repeated", "600ms CANCEL", "1.1s CANCEL")
		c.sink.send(c.local(t), (&sip.Response{Status: 200, ToTag: "x"}).Append(nil, cancel, netip.AddrPort{}))
		time.Sleep(10 * time.Second)
		c.said("until it is answered")
		c.answered(487, "x")
		c.said("then the INVITE ends", "11.6s ACK")
		c.heard("by its response", "~100", "487 x")
	})
}

func TestACANCELThatChangesNothing(t *testing.T) {
	calling(t, func(c *calls) { // nobody answers the INVITE any more
		c.answered(180, "x")
		c.sent.Cancel(nil)
		c.sink.send(c.local(t), (&sip.Response{Status: 200}).Append(nil, parsed(t, strings.Replace(string(c.invite.Bytes()), "7 INVITE", "7 CANCEL", 1)), netip.AddrPort{}))
		time.Sleep(time.Minute)
		c.said("once", "0s INVITE", "0s CANCEL")
		c.heard("after 64*T1", "~180", transaction.ErrTimeout.Error())
		c.open("and it is gone", 0)
	})
	calling(t, func(c *calls) { // the 2xx crosses it
		c.answered(180, "x")
		c.sent.Cancel(nil)
		c.answered(200, "x")
		time.Sleep(time.Minute)
		c.sent.Cancel(nil)
		c.heard("the 2xx counts", "~180", "200 x")
		c.said("the CANCEL is not repeated", "0s INVITE", "0s CANCEL")
	})
	calling(t, func(c *calls) {
		c.answered(404, "x")
		c.sent.Cancel(nil)
		transaction.Sent{}.Cancel(nil)
		c.said("too late", "0s INVITE", "0s ACK")
	})
}

func parsed(t *testing.T, text string) *sip.Message {
	t.Helper()
	var m sip.Message
	if err := m.Parse([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return &m
}

// However much is lost, a call is answered or refused, each side hears of it
// once, and in the end nothing is open.
func TestINVITEsOverABadNetwork(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			refuse := seed%2 == 0
			p := newPair(t, answers(func(r *transaction.Request) {
				switch {
				case r.Message.Method() == sip.ACK:
					r.Drop()
				case refuse:
					say(r, 180)
					say(r, 486)
				default:
					say(r, 180)
					for i := range 10 { // as its user does until the ACK comes
						time.AfterFunc(time.Duration(i)*time.Second, func() { say(r, 200) })
					}
				}
			}))
			defer p.close()
			p.net.SetLoss(0.3)
			p.net.SetDuplicate(0.2)
			p.net.SetDelay(0, 200*time.Millisecond)
			var told []string
			if _, err := p.client.Invite(p.to, &sip.Request{Method: sip.INVITE, URI: "sip:bob@127.0.0.1", From: "<sip:a@example.com>;tag=1", To: "<sip:b@example.com>", CallID: "c", CSeq: 1}, &progress{told: &told}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Minute)
			synctest.Wait()
			finals := slices.DeleteFunc(told, func(s string) bool { return s[0] == '~' })
			if refuse && !slices.Equal(finals, []string{"486 t"}) || !refuse && (len(finals) == 0 || finals[0] != "200 t") {
				t.Errorf("seed %d: %q", seed, finals)
			}
			if servers, _ := p.server.Open(); servers != 0 {
				t.Errorf("seed %d: %d are open at the server", seed, servers)
			}
			if _, clients := p.client.Open(); clients != 0 {
				t.Errorf("seed %d: %d are open at the client", seed, clients)
			}
		})
	}
}
