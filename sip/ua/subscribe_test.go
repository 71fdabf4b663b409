package ua_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"lamplight/sip"
	"lamplight/sip/transaction"
	"lamplight/sip/ua"
)

// subscriptions is a script: each SUBSCRIBE gets 200 with what it asks for, and a
// NOTIFY; the notifiers come out of the channel.
func subscriptions(made chan *notifier) func(*peer, *transaction.Request) {
	var mu sync.Mutex
	mine := map[string]*notifier{}
	return func(p *peer, r *transaction.Request) {
		mu.Lock()
		defer mu.Unlock()
		to, _ := r.Message.To()
		n := mine[string(to.Tag())]
		expires := string(r.Message.Value(sip.Expires))
		if n == nil && len(to.Tag()) > 0 {
			answer(r, 481)
			return
		}
		fresh := n == nil
		if fresh {
			n = p.accept(r, fmt.Sprintf("n%d", len(mine)+1))
			mine[n.dialog.LocalTag] = n
		}
		resp := sip.Response{Status: 200, ToTag: n.dialog.LocalTag, Header: []byte(p.contact() + "\r\nExpires: " + expires + "\r\n")}
		r.Respond(&resp)
		if expires == "0" {
			n.send("terminated;reason=timeout", "last", nil)
			delete(mine, n.dialog.LocalTag)
		} else {
			n.send("active;expires="+expires, "state", nil)
		}
		if fresh {
			select {
			case made <- n:
			default: // the test takes no more
			}
		}
	}
}

func watch(t testing.TB, a *ua.Agent, o ua.SubscribeOptions) *ua.Subscription {
	t.Helper()
	s, err := a.Subscribe(soon(t), "sip:alice@example.test", "presence", o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestASubscriptionFromItsBeginningToItsEnd(t *testing.T) {
	made := make(chan *notifier, 1)
	inMemory(t, ua.Options{Display: "Bob", UserAgent: "test"}, subscriptions(made), func(t *testing.T, p *peer, a *ua.Agent) {
		s := watch(t, a, ua.SubscribeOptions{Expires: time.Hour, Accept: []string{"application/pidf+xml", "a/b"}, ID: "7"})
		expect(t, "the first NOTIFY", next(t, s), "active state")
		n := <-made
		n.expect(200, "active;expires=3000", "changed", nil)
		expect(t, "the next", next(t, s), "active changed")
		if err := s.Refresh(soon(t), 30*time.Minute); err != nil {
			t.Fatal(err)
		}
		expect(t, "after a refresh", next(t, s), "active state")
		if err := s.Unsubscribe(soon(t)); err != nil {
			t.Fatal(err)
		}
		expect(t, "at the end", next(t, s), "terminated timeout last")
		if _, err := s.Next(soon(t)); !errors.Is(err, ua.ErrEnded) {
			t.Errorf("after the end: %v", err)
		}
		n.expect(481, "active;expires=1", "late", nil)

		sent := p.requests(sip.SUBSCRIBE)
		expect(t, "SUBSCRIBEs", len(sent), 3)
		first := sent[0]
		expect(t, "Request-URI", string(first.RequestURI()), "sip:alice@example.test")
		expect(t, "Event", string(first.Value(sip.Event)), "presence;id=7")
		expect(t, "Accept", string(first.Value(sip.Accept)), "application/pidf+xml, a/b")
		expect(t, "Expires", string(first.Value(sip.Expires)), "3600")
		expect(t, "Contact", string(first.Value(sip.Contact)), fmt.Sprintf("<sip:bob@%s>", a.Local()))
		expect(t, "User-Agent", string(first.Value(sip.UserAgent)), "test")
		if from := string(first.Value(sip.From)); !strings.HasPrefix(from, `"Bob" <sip:bob@example.test>;tag=`) {
			t.Errorf("From: %s", from)
		}
		for i, m := range sent[1:] {
			c, _ := m.CSeq()
			before, _ := sent[i].CSeq()
			to, _ := m.To()
			if c.Number != before.Number+1 || string(to.Tag()) != "n1" || string(m.RequestURI()) != fmt.Sprintf("sip:%s", p.addr) ||
				string(m.CallID()) != string(first.CallID()) {
				t.Errorf("not the next request of the dialog: %s", m.Bytes())
			}
		}
		expect(t, "the refresh's Expires", string(sent[1].Value(sip.Expires)), "1800")
		expect(t, "the last Expires", string(sent[2].Value(sip.Expires)), "0")
	})
}

func TestANotifyMayComeBeforeTheResponse(t *testing.T) {
	script := func(p *peer, r *transaction.Request) {
		n := p.accept(r, "early")
		go func() { // the answer waits for the NOTIFY's
			n.expect(200, "active;expires=60", "early", nil)
			answer(r, 200, p.contact(), "Expires: 60")
		}()
	}
	inMemory(t, ua.Options{}, script, func(t *testing.T, p *peer, a *ua.Agent) {
		s := watch(t, a, ua.SubscribeOptions{Expires: time.Minute, NoRefresh: true})
		expect(t, "the NOTIFY", next(t, s), "active early")
		expect(t, "the dialog is the NOTIFY's", s.Dialog().RemoteTag, "early")
	})
}

func TestWhichNotifiesAreRefused(t *testing.T) {
	made := make(chan *notifier, 1)
	inMemory(t, ua.Options{}, subscriptions(made), func(t *testing.T, p *peer, a *ua.Agent) {
		s := watch(t, a, ua.SubscribeOptions{Expires: time.Hour})
		expect(t, "the first NOTIFY", next(t, s), "active state")
		n := <-made
		replace := func(old, new string) func(*sip.Request) {
			return func(r *sip.Request) { r.Header = []byte(strings.ReplaceAll(string(r.Header), old, new)) }
		}
		n.expect(481, "active", "", func(r *sip.Request) { r.CallID = "another" })
		n.expect(481, "active", "", func(r *sip.Request) { r.To = "<sip:bob@example.test>;tag=another" })
		n.expect(481, "active", "", func(r *sip.Request) { r.From = "<sip:alice@example.test>;tag=fork" })
		n.expect(481, "active", "", replace("Event: presence", "Event: dialog"))
		n.expect(481, "active", "", replace("Event: presence", "Event: presence;id=1"))
		n.expect(489, "active", "", replace("Event: presence\r\n", ""))
		n.expect(400, "active", "", replace("Subscription-State: active\r\n", ""))
		n.expect(400, "active;expires=x", "", nil)
		n.expect(200, "active", "good", nil)
		n.expect(500, "active", "old", func(r *sip.Request) { r.CSeq = 101 })
		n.expect(500, "active", "same", func(r *sip.Request) { r.CSeq = n.cseq - 2 })
		n.expect(200, "active", "better", func(r *sip.Request) { r.CSeq += 1000 })
		expect(t, "of all these", next(t, s)+", "+next(t, s), "active good, active better")
		for i := range 64 {
			n.cseq = 5000
			n.expect(200, "active", "", func(r *sip.Request) { r.CSeq += uint32(i) })
		}
		n.cseq = 6000
		n.expect(500, "active", "one too many", nil)
		next(t, s)
		n.expect(200, "active", "there is room again", nil)
	})
}

func TestOtherRequestsAreAnswered(t *testing.T) {
	inMemory(t, ua.Options{}, func(*peer, *transaction.Request) {}, func(t *testing.T, p *peer, a *ua.Agent) {
		flow, err := p.layer.Flow(a.Local())
		if err != nil {
			t.Fatal(err)
		}
		for method, status := range map[sip.Method]int{sip.OPTIONS: 200, sip.MESSAGE: 405, sip.INVITE: 405, sip.NOTIFY: 481} {
			e := make(ending, 1)
			err := p.layer.Send(flow, &sip.Request{Method: method, URI: a.Contact(), From: "<sip:x@y>;tag=1", To: "<sip:x@y>",
				CallID: "1", CSeq: 1, Header: []byte("Event: presence\r\n")}, e)
			if err != nil {
				t.Fatal(err)
			}
			expect(t, string(method), <-e, status)
		}
	})
}

func TestAFetchEndsWithItsNotify(t *testing.T) {
	inMemory(t, ua.Options{}, subscriptions(make(chan *notifier, 1)), func(t *testing.T, p *peer, a *ua.Agent) {
		s := watch(t, a, ua.SubscribeOptions{Keep: true})
		expect(t, "the NOTIFY", next(t, s), "terminated timeout last")
		expect(t, "then", next(t, s), ua.ErrEnded.Error())
		pass(time.Hour)
		expect(t, "SUBSCRIBEs", len(p.requests(sip.SUBSCRIBE)), 1)
	})
}

func TestASubscriptionRefreshesItself(t *testing.T) {
	for _, lifetime := range []time.Duration{5 * time.Second, time.Minute, time.Hour} {
		made := make(chan *notifier, 1)
		inMemory(t, ua.Options{}, subscriptions(made), func(t *testing.T, p *peer, a *ua.Agent) {
			s := watch(t, a, ua.SubscribeOptions{Expires: lifetime, OnNotify: func(ua.Notify) {}})
			pass(10 * lifetime)
			sent := p.requests(sip.SUBSCRIBE)
			if len(sent) < 10 || len(sent) > 21 {
				t.Errorf("%d SUBSCRIBEs in ten lifetimes of %v", len(sent), lifetime)
			}
			if err := s.Err(); err != nil {
				t.Error(err)
			}
			for _, m := range sent {
				expect(t, "Call-ID", string(m.CallID()), string(sent[0].CallID()))
			}
		})
	}
}

func TestTheNotifierMayShortenALifetime(t *testing.T) {
	made := make(chan *notifier, 1)
	inMemory(t, ua.Options{}, subscriptions(made), func(t *testing.T, p *peer, a *ua.Agent) {
		watch(t, a, ua.SubscribeOptions{Expires: time.Hour})
		n := <-made
		n.expect(200, "active;expires=120", "", nil)
		pass(2 * time.Minute)
		expect(t, "SUBSCRIBEs", len(p.requests(sip.SUBSCRIBE)), 2)
	})
}

func TestWithoutRefreshItEndsWithTheNotifiersWord(t *testing.T) {
	made := make(chan *notifier, 1)
	inMemory(t, ua.Options{}, subscriptions(made), func(t *testing.T, p *peer, a *ua.Agent) {
		s := watch(t, a, ua.SubscribeOptions{Expires: time.Minute, NoRefresh: true})
		expect(t, "the first NOTIFY", next(t, s), "active state")
		pass(time.Minute + time.Second)
		(<-made).expect(200, "terminated;reason=timeout", "", nil)
		expect(t, "the last", next(t, s), "terminated timeout")
		expect(t, "then", next(t, s), ua.ErrEnded.Error())
	})
}

func TestASilentNotifierIsGivenUp(t *testing.T) {
	script := func(p *peer, r *transaction.Request) { answer(r, 200, p.contact(), "Expires: 3600") }
	inMemory(t, ua.Options{}, script, func(t *testing.T, p *peer, a *ua.Agent) {
		begun := time.Now()
		s := watch(t, a, ua.SubscribeOptions{Expires: time.Hour})
		expect(t, "the end", next(t, s), ua.ErrSilent.Error())
		expect(t, "given up after", time.Since(begun).Round(time.Second), 32*time.Second)
		expect(t, "because", s.Err(), ua.ErrSilent)
	})
}

func TestARefusedSubscription(t *testing.T) {
	script := func(p *peer, r *transaction.Request) { answer(r, 423, "Min-Expires: 60", "Retry-After: 7 (soon)") }
	inMemory(t, ua.Options{}, script, func(t *testing.T, p *peer, a *ua.Agent) {
		_, err := a.Subscribe(soon(t), "alice@example.test", "presence", ua.SubscribeOptions{Expires: time.Second})
		var status *ua.StatusError
		if !errors.As(err, &status) || status.Code != 423 || status.MinExpires != time.Minute || status.RetryAfter != 7*time.Second {
			t.Errorf("%#v", err)
		}
		n := p.accept(&transaction.Request{Message: *p.requests(sip.SUBSCRIBE)[0]}, "late")
		n.flow, _ = p.layer.Flow(a.Local())
		n.expect(481, "active", "", nil)
	})
}

// What follows the end of a subscription that is kept (RFC 6665 §4.1.3).
func TestAKeptSubscriptionBeginsAgain(t *testing.T) {
	for _, c := range []struct {
		state string
		after time.Duration // 0: never
	}{
		{"terminated;reason=deactivated", time.Millisecond},
		{"terminated;reason=timeout", time.Millisecond},
		{"terminated;reason=probation;retry-after=90", 90 * time.Second},
		{"terminated;reason=giveup", time.Minute},
		{"terminated", 5 * time.Second},
		{"terminated;reason=fun;retry-after=20", 20 * time.Second},
		{"terminated;reason=rejected", 0},
		{"terminated;reason=noresource;retry-after=1", 0},
		{"terminated;reason=invariant", 0},
	} {
		made := make(chan *notifier, 4)
		inMemory(t, ua.Options{}, subscriptions(made), func(t *testing.T, p *peer, a *ua.Agent) {
			s := watch(t, a, ua.SubscribeOptions{Expires: time.Hour, Keep: true})
			expect(t, "the first NOTIFY", next(t, s), "active state")
			(<-made).expect(200, c.state, "", nil)
			next(t, s)
			if c.after == 0 {
				expect(t, c.state, next(t, s), ua.ErrEnded.Error())
				return
			}
			pass(c.after - time.Millisecond)
			synctest.Wait()
			before := len(p.requests(sip.SUBSCRIBE))
			pass(time.Millisecond)
			expect(t, c.state+": again", next(t, s), "active state")
			sent := p.requests(sip.SUBSCRIBE)
			if c.after > time.Millisecond && before != 1 || len(sent) != 2 {
				t.Errorf("%s: %d SUBSCRIBEs before %v, %d after", c.state, before, c.after, len(sent))
			}
			if string(sent[0].CallID()) == string(sent[1].CallID()) {
				t.Errorf("%s: the same Call-ID", c.state)
			}
			if err := s.Unsubscribe(soon(t)); err != nil {
				t.Error(err)
			}
		})
	}
}

// A notifier that ends subscriptions as they begin is not flooded.
func TestBeginningAgainSlowsDown(t *testing.T) {
	script := func(p *peer, r *transaction.Request) {
		n := p.accept(r, sip.NewTag())
		r.Respond(&sip.Response{Status: 200, ToTag: n.dialog.LocalTag, Header: []byte(p.contact() + "\r\nExpires: 3600\r\n")})
		n.send("terminated;reason=deactivated", "", nil)
	}
	inMemory(t, ua.Options{}, script, func(t *testing.T, p *peer, a *ua.Agent) {
		watch(t, a, ua.SubscribeOptions{Expires: time.Hour, Keep: true, OnNotify: func(ua.Notify) {}})
		pass(10 * time.Minute)
		if n := len(p.requests(sip.SUBSCRIBE)); n < 10 || n > 20 {
			t.Errorf("%d SUBSCRIBEs in ten minutes", n)
		}
	})
}

// A refresh that fails ends the subscription, or it lasts as long as it was
// granted (RFC 6665 §4.1.2.2).
func TestAFailedRefresh(t *testing.T) {
	for _, c := range []struct {
		status int // of refreshes
		keep   bool
		want   string
	}{
		{481, false, "ua: 481 Call/Transaction Does Not Exist"},
		{481, true, "active state"},
		{404, false, "ua: 404 Not Found"},
		{503, false, ua.ErrSilent.Error()},
		{503, true, "active state"},
	} {
		var serve func(*peer, *transaction.Request)
		script := func(p *peer, r *transaction.Request) {
			if to, _ := r.Message.To(); len(to.Tag()) > 0 {
				answer(r, c.status)
				return
			}
			serve(p, r)
		}
		serve = subscriptions(make(chan *notifier, 9))
		inMemory(t, ua.Options{}, script, func(t *testing.T, p *peer, a *ua.Agent) {
			s := watch(t, a, ua.SubscribeOptions{Expires: 2 * time.Minute, Keep: c.keep})
			expect(t, "the first NOTIFY", next(t, s), "active state")
			pass(2*time.Minute - time.Second)
			if c.status == 503 && s.Err() != nil {
				t.Errorf("%d ended what was granted: %v", c.status, s.Err())
			}
			expect(t, fmt.Sprint(c), next(t, s), c.want)
		})
	}
}

// Whatever the network does, NOTIFYs are delivered once each and in their order.
func TestNotifiesOverABadNetwork(t *testing.T) {
	made := make(chan *notifier, 1)
	inMemory(t, ua.Options{}, subscriptions(made), func(t *testing.T, p *peer, a *ua.Agent) {
		p.net.SetLoss(0.3)
		p.net.SetDuplicate(0.3)
		p.net.SetDelay(time.Millisecond, 900*time.Millisecond)
		var got []string
		last := uint32(0)
		s := watch(t, a, ua.SubscribeOptions{Expires: time.Hour, OnNotify: func(n ua.Notify) {
			got = append(got, string(n.Body))
			if n.CSeq <= last || n.Seq != len(got) {
				t.Errorf("CSeq %d after %d, Seq %d", n.CSeq, last, n.Seq)
			}
			last = n.CSeq
		}})
		n := <-made
		want := []string{"state"}
		pass(time.Minute)
		for i := range 50 {
			want = append(want, fmt.Sprint(i))
			n.expect(200, "active;expires=3000", fmt.Sprint(i), nil)
		}
		expect(t, "delivered", strings.Join(got, " "), strings.Join(want, " "))
		p.net.SetLoss(0)
		if err := s.Unsubscribe(soon(t)); err != nil {
			t.Error(err)
		}
	})
}

func TestOnRequestMayAnswerOrDrop(t *testing.T) {
	made := make(chan *notifier, 1)
	var status atomic.Int64
	o := ua.Options{OnRequest: func(r *transaction.Request) bool {
		switch status := int(status.Load()); status {
		case 0:
			return false
		case -1:
			r.Drop()
		default:
			answer(r, status)
		}
		return true
	}}
	inMemory(t, o, subscriptions(made), func(t *testing.T, p *peer, a *ua.Agent) {
		s := watch(t, a, ua.SubscribeOptions{Expires: time.Hour})
		n := <-made
		expect(t, "the first NOTIFY", next(t, s), "active state")
		status.Store(481)
		n.expect(481, "active", "", nil)
		status.Store(-1)
		n.expect(0, "active", "", nil)
		status.Store(0)
		n.expect(200, "active", "now", nil)
		expect(t, "the only one that was let through", next(t, s), "active now")
	})
}
