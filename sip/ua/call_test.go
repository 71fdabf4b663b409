package ua_test

import (
	"context"
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
	"lamplight/sip/ua"
	"lamplight/sip/wire"
)

// exchangeboard is a peer that passes requests between the agents that know it,
// by the user of the Request-URI; to all of them at once where a user has more.
type exchangeboard struct {
	*peer
	mu       sync.Mutex
	phones   map[string][]netip.AddrPort
	branches map[*transaction.Request][]transaction.Sent
}

// fork gathers what the branches of a request say.
type fork struct {
	b    *exchangeboard
	r    *transaction.Request
	mu   sync.Mutex
	left int
}

func (f *fork) Provisional(m *sip.Message) {
	if m.Status() > 100 {
		f.r.Forward(m, &sip.Edit{})
	}
}

func (f *fork) Failed(err error) { f.r.Respond(&sip.Response{Status: 408}) }

func (f *fork) Response(m *sip.Message) {
	if m.Status() < 300 {
		f.r.Forward(m, &sip.Edit{})
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.left--; f.left == 0 {
		f.r.Forward(m, &sip.Edit{})
	}
}

func (b *exchangeboard) serve(p *peer, r *transaction.Request) {
	m := &r.Message
	if m.Method() == sip.REGISTER {
		from, _ := m.From()
		u, _ := from.ParseURI()
		b.mu.Lock()
		b.phones[string(u.User)] = append(b.phones[string(u.User)], r.Flow.Remote())
		b.mu.Unlock()
		answer(r, 200, "Expires: 3600")
		return
	}
	if m.Method() == sip.CANCEL {
		b.mu.Lock()
		sent := b.branches[r.Cancels()]
		b.mu.Unlock()
		for _, s := range sent {
			s.Cancel(nil)
		}
		r.Respond(&sip.Response{Status: 200})
		return
	}
	b.pass(r)
}

func (b *exchangeboard) pass(r *transaction.Request) {
	m := &r.Message
	u, _ := sip.ParseURI(m.RequestURI())
	b.mu.Lock()
	to := b.phones[string(u.User)]
	b.mu.Unlock()
	if host, err := netip.ParseAddrPort(string(u.Host) + ":" + string(u.Port)); err == nil { // inside a dialog
		to = []netip.AddrPort{host}
	}
	if len(to) == 0 {
		answer(r, 404)
		return
	}
	f := &fork{b: b, r: r, left: len(to)}
	edit := &sip.Edit{MaxForwards: 69}
	for _, addr := range to {
		flow, err := b.layer.Flow(addr)
		if err != nil {
			b.t.Error(err)
			return
		}
		if m.Method() == sip.ACK {
			if err := b.layer.ForwardACK(flow, r, edit); err != nil {
				b.t.Error(err)
			}
			continue
		}
		sent, err := b.layer.Forward(flow, r, edit, "", f)
		if err != nil {
			b.t.Error(err)
			continue
		}
		if m.Method() == sip.INVITE {
			b.mu.Lock()
			b.branches[r] = append(b.branches[r], sent)
			b.mu.Unlock()
		}
	}
}

// phone is an agent that hands over the calls that come.
type phone struct {
	*ua.Agent
	calls     chan *ua.Call
	referrals chan ua.Referral
	texts     chan string
}

// next is the next call that comes.
func (p *phone) next(t testing.TB) *ua.Call {
	t.Helper()
	select {
	case c := <-p.calls:
		return c
	case <-time.After(time.Minute):
		t.Fatal("no call came")
		return nil
	}
}

// phones runs a test in a bubble with phones of these users on one switchboard.
func phones(t *testing.T, test func(t *testing.T, b *exchangeboard, p map[string]*phone), users ...string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &exchangeboard{phones: map[string][]netip.AddrPort{}, branches: map[*transaction.Request][]transaction.Sent{}}
		b.peer = newPeer(t, wire.New(1), b.serve)
		defer b.layer.Close()
		list := map[string]*phone{}
		for _, name := range users {
			p := b.phone(t, ua.Options{User: "sip:" + strings.TrimRight(name, "0123456789") + "@example.test"})
			defer p.Close()
			list[name] = p
		}
		test(t, b, list)
	})
}

func (b *exchangeboard) phone(t *testing.T, o ua.Options) *phone {
	p := &phone{calls: make(chan *ua.Call, 8), referrals: make(chan ua.Referral, 8), texts: make(chan string, 8)}
	o.OnCall = func(c *ua.Call) { p.calls <- c }
	o.OnRefer = func(r ua.Referral) { p.referrals <- r }
	o.OnMessage = func(m *sip.Message) { p.texts <- string(m.Body()) }
	p.Agent = b.agent(o)
	if _, err := p.Register(soon(t), time.Hour); err != nil {
		t.Fatal(err)
	}
	return p
}

// must ends a test at an error.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func dial(t testing.TB, from *phone, to string, o ua.InviteOptions) *ua.Call {
	t.Helper()
	if o.Body == nil {
		o.Body = ua.SDP("sendrecv")
	}
	c, err := from.Invite("sip:"+to+"@example.test", o)
	must(t, err)
	return c
}

// talk is a call that was answered, from both sides.
func talk(t *testing.T, from, to *phone, user string, o ua.InviteOptions) (out, in *ua.Call) {
	t.Helper()
	out = dial(t, from, user, o)
	in = to.next(t)
	must(t, in.Ring())
	must(t, out.Wait(soon(t), ua.Ringing))
	must(t, in.Answer(ua.SDP("sendrecv")))
	must(t, out.Wait(soon(t), ua.Confirmed))
	synctest.Wait()
	return out, in
}

// states compares how far two calls have come.
func states(t testing.TB, what string, want ua.CallState, calls ...*ua.Call) {
	t.Helper()
	synctest.Wait()
	for i, c := range calls {
		if got := c.State(); got != want {
			t.Errorf("%s: side %d is %v, want %v", what, i, got, want)
		}
	}
}

// happened are the events so far, as "what status".
func happened(c *ua.Call) (list []string) {
	synctest.Wait()
	for {
		select {
		case e := <-c.Events():
			list = append(list, fmt.Sprint([]string{"progress", "answered", "ack", "modified", "transfer", "transferred", "ended"}[e.What], " ", e.Status))
		default:
			return list
		}
	}
}

func TestACall(t *testing.T) {
	phones(t, func(t *testing.T, b *exchangeboard, p map[string]*phone) {
		for _, byCaller := range []bool{true, false} {
			out, in := talk(t, p["alice"], p["bob"], "bob", ua.InviteOptions{})
			states(t, "answered", ua.Confirmed, out, in)
			if !strings.Contains(string(out.RemoteBody()), "sendrecv") || !strings.Contains(string(in.RemoteBody()), "sendrecv") {
				t.Errorf("the sessions are %q and %q", out.RemoteBody(), in.RemoteBody())
			}
			one, other := out, in
			if !byCaller {
				one, other = in, out
			}
			must(t, one.Hangup(soon(t)))
			states(t, "hung up", ua.Ended, out, in)
			if one.Ending().Remote || !other.Ending().Remote || one.Ending().Code != 0 {
				t.Errorf("ended as %+v and %+v", one.Ending(), other.Ending())
			}
			expect(t, "the caller's events", strings.Join(happened(out), ", "), "progress 180, answered 200, ended 0")
			expect(t, "the callee's events", strings.Join(happened(in), ", "), "answered 200, ack 0, ended 0")
			must(t, one.Hangup(soon(t))) // once more
		}
	}, "alice", "bob")
}

func TestACallThatIsNotAnswered(t *testing.T) {
	phones(t, func(t *testing.T, b *exchangeboard, p map[string]*phone) {
		out := dial(t, p["alice"], "bob", ua.InviteOptions{})
		in := p["bob"].next(t)
		must(t, in.Ring())
		must(t, out.Wait(soon(t), ua.Ringing))
		must(t, out.Hangup(soon(t)))
		states(t, "cancelled", ua.Ended, out, in)
		expect(t, "the caller's end", out.Ending().Code, 487)
		expect(t, "the callee's end", in.Ending(), ua.Ending{Code: 487, Reason: "Request Terminated", Remote: true})
		if in.Answer(nil) != ua.ErrAnswered || in.Ring() != ua.ErrAnswered || in.Reject(486) != ua.ErrAnswered {
			t.Error("what was cancelled can be answered")
		}

		out = dial(t, p["alice"], "bob", ua.InviteOptions{})
		must(t, p["bob"].next(t).Reject(486, "Reason: Q.850;cause=17"))
		if err := out.Wait(soon(t), ua.Confirmed); err == nil || !strings.Contains(err.Error(), "486 Q.850;cause=17") {
			t.Errorf("busy: %v", err)
		}
		out = dial(t, p["alice"], "bob", ua.InviteOptions{})
		must(t, p["bob"].next(t).Hangup(soon(t)))
		if err := out.Wait(soon(t), ua.Confirmed); err == nil || !strings.Contains(err.Error(), "603 Decline") {
			t.Errorf("declined: %v", err)
		}
		if err := dial(t, p["alice"], "carol", ua.InviteOptions{}).Wait(soon(t), ua.Ringing); err == nil || !strings.Contains(err.Error(), "404") {
			t.Errorf("nobody: %v", err)
		}
		out = dial(t, p["alice"], "bob", ua.InviteOptions{}) // a CANCEL that has to wait
		must(t, out.Hangup(soon(t)))
		states(t, "cancelled at once", ua.Ended, out, p["bob"].next(t))
	}, "alice", "bob")
}

// A CANCEL and a 2xx that cross end in a BYE (RFC 3261 §15).
func TestACANCELThatComesTooLate(t *testing.T) {
	phones(t, func(t *testing.T, b *exchangeboard, p map[string]*phone) {
		b.net.SetDelay(100*time.Millisecond, 100*time.Millisecond)
		out := dial(t, p["alice"], "bob", ua.InviteOptions{})
		in := p["bob"].next(t)
		must(t, in.Ring())
		must(t, out.Wait(soon(t), ua.Ringing))
		must(t, in.Answer(nil))
		must(t, out.Hangup(soon(t)))
		time.Sleep(time.Second)
		states(t, "after both", ua.Ended, out, in)
		expect(t, "BYEs", len(b.requests(sip.BYE)), 1)
	}, "alice", "bob")
}

// Over a bad network calls begin and end all the same, on both sides.
func TestCallsOverABadNetwork(t *testing.T) {
	phones(t, func(t *testing.T, b *exchangeboard, p map[string]*phone) {
		b.net.SetLoss(0.2)
		b.net.SetDuplicate(0.1)
		b.net.SetDelay(0, 100*time.Millisecond)
		ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
		defer cancel()
		for i := range 20 {
			out := dial(t, p["alice"], "bob", ua.InviteOptions{})
			in := p["bob"].next(t)
			must(t, in.Ring())
			must(t, in.Answer(ua.SDP("sendrecv")))
			must(t, out.Wait(ctx, ua.Confirmed))
			if i%2 == 0 {
				out, in = in, out
			}
			must(t, out.Hangup(ctx))
			must(t, in.Wait(ctx, ua.Ended))
		}
	}, "alice", "bob")
}

// Nobody acknowledges: the callee says its 200 again and again, and then BYE
// (RFC 3261 §13.3.1.4).
func TestA200WithoutACK(t *testing.T) {
	phones(t, func(t *testing.T, b *exchangeboard, p map[string]*phone) {
		dial(t, p["alice"], "bob", ua.InviteOptions{WaitACK: true})
		in := p["bob"].next(t)
		must(t, in.Answer(ua.SDP("sendrecv")))
		states(t, "at first", ua.Confirmed, in)
		must(t, in.Wait(soon(t), ua.Ended))
		synctest.Wait()
		expect(t, "BYEs", len(b.requests(sip.BYE)), 1)
		expect(t, "ACKs", len(b.requests(sip.ACK)), 0)
	}, "alice", "bob")
}

// The other side offers in its 200, and the ACK answers (RFC 3261 §13.2.1).
func TestTheCalleeOffers(t *testing.T) {
	phones(t, func(t *testing.T, b *exchangeboard, p map[string]*phone) {
		for _, wait := range []bool{false, true} {
			out, err := p["alice"].Invite("sip:bob@example.test", ua.InviteOptions{WaitACK: wait, ACK: func(m *sip.Message) []byte {
				return append([]byte("answer to "), m.Body()...)
			}})
			must(t, err)
			in := p["bob"].next(t)
			must(t, in.Answer([]byte("offer")))
			must(t, out.Wait(soon(t), ua.Confirmed))
			if wait {
				pass(3 * time.Second)
				expect(t, "without an ACK", len(in.RemoteBody()), 0)
				must(t, out.Acknowledge([]byte("answer to offer")))
			}
			synctest.Wait()
			expect(t, "the answer", string(in.RemoteBody()), "answer to offer")
			must(t, out.Hangup(soon(t)))
		}
	}, "alice", "bob")
}

func TestHold(t *testing.T) {
	phones(t, func(t *testing.T, b *exchangeboard, p map[string]*phone) {
		out, in := talk(t, p["alice"], p["bob"], "bob", ua.InviteOptions{})
		for _, c := range []struct {
			by, at *ua.Call
			change func(context.Context, []byte) ([]byte, error)
		}{{out, in, out.Reinvite}, {in, out, in.Reinvite}, {out, in, out.Update}, {in, out, in.Update}} {
			for _, direction := range [][2]string{{"sendonly", "recvonly"}, {"inactive", "inactive"}, {"sendrecv", "sendrecv"}} {
				got, err := c.change(soon(t), ua.SDP(direction[0]))
				must(t, err)
				synctest.Wait()
				if !strings.Contains(string(got), "a="+direction[1]) || !strings.Contains(string(c.at.RemoteBody()), "a="+direction[0]) {
					t.Errorf("%s is answered by %q; the other side knows %q", direction[0], got, c.at.RemoteBody())
				}
				if !slices.Contains(happened(c.at), "modified 0") {
					t.Errorf("%s: no event", direction[0])
				}
			}
		}
		pass(time.Minute)
		states(t, "nothing is repeated for want of an ACK", ua.Confirmed, out, in)
		must(t, out.Hangup(soon(t)))
	}, "alice", "bob")
}

// A request that finds no call at the other side ends ours (RFC 3261 §12.2.1.2).
func TestACallThatIsGone(t *testing.T) {
	phones(t, func(t *testing.T, b *exchangeboard, p map[string]*phone) {
		for i, try := range []func(*ua.Call) error{
			func(c *ua.Call) error { _, err := c.Reinvite(soon(t), ua.SDP("sendonly")); return err },
			func(c *ua.Call) error { _, err := c.Update(soon(t), ua.SDP("sendonly")); return err },
			func(c *ua.Call) error { _, err := c.Do(soon(t), sip.Request{Method: sip.OPTIONS}); return err },
		} {
			bob := b.phone(t, ua.Options{User: fmt.Sprintf("sip:bob%d@example.test", i)})
			out, _ := talk(t, p["alice"], bob, fmt.Sprintf("bob%d", i), ua.InviteOptions{})
			local := bob.Local()
			bob.Close() // as a crash would
			again := newAgentAt(t, b, local)
			defer again.Close()
			_ = try(out)
			states(t, "after a 481", ua.Ended, out)
			expect(t, "because of", out.Ending().Code, 481)
		}
	}, "alice")
}

func newAgentAt(t *testing.T, b *exchangeboard, at netip.AddrPort) *ua.Agent {
	t.Helper()
	a, err := ua.New(ua.Options{User: "sip:bob@example.test", Server: b.addr.String(), Local: at.String(), Listen: b.listen(), OnCall: func(*ua.Call) {}})
	must(t, err)
	return a
}

// Two phones of one user ring; both answer at once: the second is acknowledged
// and hung up (RFC 3261 §13.2.2.4).
func TestTwoPhonesAnswer(t *testing.T) {
	phones(t, func(t *testing.T, b *exchangeboard, p map[string]*phone) {
		out := dial(t, p["alice"], "bob", ua.InviteOptions{})
		one, two := p["bob1"].next(t), p["bob2"].next(t)
		must(t, one.Ring())
		must(t, two.Ring())
		must(t, two.Answer(ua.SDP("sendrecv")))
		must(t, one.Answer(ua.SDP("sendrecv")))
		must(t, out.Wait(soon(t), ua.Confirmed))
		pass(time.Minute)
		states(t, "the first", ua.Confirmed, out, two)
		states(t, "the second", ua.Ended, one)
		expect(t, "BYEs", len(b.requests(sip.BYE)), 1)
		must(t, two.Hangup(soon(t)))
		states(t, "at the end", ua.Ended, out)
	}, "alice", "bob1", "bob2")
}

// The same INVITE by two ways rings once (RFC 3261 §8.2.2.2).
func TestTheSameINVITETwice(t *testing.T) {
	phones(t, func(t *testing.T, b *exchangeboard, p map[string]*phone) {
		b.mu.Lock()
		b.phones["bob"] = append(b.phones["bob"], b.phones["bob"]...)
		b.mu.Unlock()
		out := dial(t, p["alice"], "bob", ua.InviteOptions{})
		in := p["bob"].next(t)
		pass(time.Second)
		expect(t, "more calls", len(p["bob"].calls), 0)
		must(t, in.Answer(nil))
		must(t, out.Wait(soon(t), ua.Confirmed))
		must(t, out.Hangup(soon(t)))
	}, "alice", "bob")
}

// RFC 3262: a provisional response is repeated until its PRACK comes.
func TestPRACK(t *testing.T) {
	phones(t, func(t *testing.T, b *exchangeboard, p map[string]*phone) {
		out := dial(t, p["alice"], "bob", ua.InviteOptions{Reliable: true})
		in := p["bob"].next(t)
		must(t, in.Progress(183, ua.SDP("sendrecv"), true))
		pass(10 * time.Second)
		must(t, in.Progress(180, nil, true))
		pass(10 * time.Second)
		expect(t, "PRACKs", len(b.requests(sip.PRACK)), 2)
		expect(t, "what came", strings.Join(happened(out), ", "), "progress 183, progress 180")
		must(t, in.Answer(ua.SDP("sendrecv")))
		must(t, out.Wait(soon(t), ua.Confirmed))
		must(t, out.Hangup(soon(t)))

		out = dial(t, p["alice"], "bob", ua.InviteOptions{})
		in = p["bob"].next(t)
		must(t, in.Progress(180, nil, true)) // which the caller does not support
		pass(10 * time.Second)
		expect(t, "PRACKs", len(b.requests(sip.PRACK)), 2)
		must(t, out.Hangup(soon(t)))
	}, "alice", "bob")
}

// A blind transfer: bob sends alice to carol, is told how it goes, and leaves.
func TestTransfer(t *testing.T) {
	phones(t, func(t *testing.T, b *exchangeboard, p map[string]*phone) {
		out, in := talk(t, p["alice"], p["bob"], "bob", ua.InviteOptions{})
		happened(in)
		must(t, in.Refer(soon(t), "sip:carol@example.test"))
		ref := <-p["alice"].referrals
		expect(t, "to", ref.Target, "sip:carol@example.test")
		expect(t, "by", ref.ReferredBy, "<sip:bob@example.test>")
		moved, err := ref.Follow(ua.InviteOptions{Body: ua.SDP("sendrecv")})
		must(t, err)
		third := p["carol"].next(t)
		must(t, third.Ring())
		pass(time.Second)
		must(t, third.Answer(ua.SDP("sendrecv")))
		must(t, moved.Wait(soon(t), ua.Confirmed))
		expect(t, "what bob is told", strings.Join(happened(in), ", "), "transfer 100, transfer 180, transferred 200")
		must(t, in.Hangup(soon(t)))
		states(t, "the first call", ua.Ended, out, in)
		states(t, "the second", ua.Confirmed, moved, third)
	}, "alice", "bob", "carol")
}

// An attended transfer: bob, who talks to both, has alice take his place at
// carol's (RFC 3891, RFC 5589 §7).
func TestAttendedTransfer(t *testing.T) {
	phones(t, func(t *testing.T, b *exchangeboard, p map[string]*phone) {
		out, in := talk(t, p["alice"], p["bob"], "bob", ua.InviteOptions{})
		asking, asked := talk(t, p["bob"], p["carol"], "carol", ua.InviteOptions{})
		must(t, in.Refer(soon(t), asking.ReferTo()))
		ref := <-p["alice"].referrals
		moved, err := ref.Follow(ua.InviteOptions{Body: ua.SDP("sendrecv")})
		must(t, err)
		third := p["carol"].next(t)
		if third.Replaced() != asked {
			t.Fatal("it does not take the place of the call with bob")
		}
		must(t, third.Answer(ua.SDP("sendrecv")))
		must(t, moved.Wait(soon(t), ua.Confirmed))
		pass(time.Second)
		states(t, "the call that was replaced", ua.Ended, asking, asked)
		states(t, "the new one", ua.Confirmed, moved, third)
		must(t, in.Hangup(soon(t)))
		states(t, "the first", ua.Ended, out)
	}, "alice", "bob", "carol")
}

// A third phone picks up what rings: its INVITE takes the place of the caller's
// early dialog, which is cancelled (RFC 3891 §3).
func TestPickup(t *testing.T) {
	phones(t, func(t *testing.T, b *exchangeboard, p map[string]*phone) {
		out := dial(t, p["alice"], "bob", ua.InviteOptions{})
		in := p["bob"].next(t)
		must(t, in.Ring())
		must(t, out.Wait(soon(t), ua.Ringing))
		picked := dial(t, p["carol"], "alice", ua.InviteOptions{Header: []byte("Replaces: " + in.Replaces() + "\r\n")})
		taken := p["alice"].next(t)
		if taken.Replaced() != out {
			t.Fatal("it does not take the ringing call's place")
		}
		must(t, taken.Answer(ua.SDP("sendrecv")))
		must(t, picked.Wait(soon(t), ua.Confirmed))
		pass(time.Second)
		states(t, "what rang", ua.Ended, out, in)
		states(t, "what was picked up", ua.Confirmed, picked, taken)

		for what, c := range map[string]struct {
			replaces string
			want     int
		}{
			"what has ended":        {in.Replaces(), 603},
			"what is not there":     {"x;to-tag=1;from-tag=2", 481},
			"another tag":           {picked.CallID() + ";to-tag=" + taken.Dialog().LocalTag + ";from-tag=x", 481},
			"early only, confirmed": {picked.Replaces() + ";early-only", 486},
		} {
			c2 := dial(t, p["carol"], "alice", ua.InviteOptions{Header: []byte("Replaces: " + c.replaces + "\r\n")})
			_ = c2.Wait(soon(t), ua.Confirmed)
			expect(t, what, c2.Ending().Code, c.want)
		}
		out = dial(t, p["alice"], "bob", ua.InviteOptions{})
		in = p["bob"].next(t)
		must(t, in.Ring())
		must(t, out.Wait(soon(t), ua.Ringing))
		c2 := dial(t, p["carol"], "bob", ua.InviteOptions{Header: []byte("Replaces: " + out.Replaces() + "\r\n")})
		_ = c2.Wait(soon(t), ua.Confirmed)
		expect(t, "an early dialog that the other side began", c2.Ending().Code, 481)
		must(t, out.Hangup(soon(t)))
	}, "alice", "bob", "carol")
}

func TestMessage(t *testing.T) {
	phones(t, func(t *testing.T, b *exchangeboard, p map[string]*phone) {
		must(t, p["alice"].Message(soon(t), "sip:bob@example.test", "hello"))
		expect(t, "the text", <-p["bob"].texts, "hello")
		if err := p["alice"].Message(soon(t), "sip:carol@example.test", "hello"); err == nil {
			t.Error("to nobody")
		}
	}, "alice", "bob")
}

// A challenge is acknowledged and answered, once for each that asks.
func TestAnINVITEThatIsChallenged(t *testing.T) {
	for _, password := range []string{"secret", "wrong", ""} {
		accept := func(p *peer, r *transaction.Request) {
			if r.Message.Method() == sip.INVITE {
				answer(r, 200, p.contact())
			} else {
				answer(r, 200)
			}
		}
		script := guarded(verifier(time.Now), "example.test", accept)
		inMemory(t, ua.Options{Password: password}, func(p *peer, r *transaction.Request) {
			if r.Message.Method() == sip.ACK {
				r.Drop()
				return
			}
			script(p, r)
		}, func(t *testing.T, p *peer, a *ua.Agent) {
			c, err := a.Invite("sip:alice@example.test", ua.InviteOptions{Body: ua.SDP("sendrecv")})
			must(t, err)
			err = c.Wait(soon(t), ua.Confirmed)
			if password != "secret" {
				tries := 1
				if password != "" {
					tries = 2
				}
				expect(t, "INVITEs", len(p.requests(sip.INVITE)), tries)
				expect(t, "the end", c.Ending().Code, 401)
				return
			}
			must(t, err)
			_, err = c.Reinvite(soon(t), ua.SDP("sendonly"))
			must(t, err)
			must(t, c.Hangup(soon(t)))
			invites, acks := p.requests(sip.INVITE), p.requests(sip.ACK)
			expect(t, "INVITEs", len(invites), 3)
			expect(t, "ACKs", len(acks), 2) // those of the challenges are the layer's
			expect(t, "the ACK's number", strings.Fields(string(acks[0].Value(sip.CSeq)))[0], strings.Fields(string(invites[1].Value(sip.CSeq)))[0])
			if !acks[0].Has(sip.Authorization) {
				t.Error("the ACK has no credentials (RFC 3261 §22.1)")
			}
			pass(time.Minute)
			if servers, _ := p.layer.Open(); servers != 0 {
				t.Errorf("%d transactions are open", servers)
			}
		})
	}
}

func TestCallsEndWithTheAgent(t *testing.T) {
	phones(t, func(t *testing.T, b *exchangeboard, p map[string]*phone) {
		out, in := talk(t, p["alice"], p["bob"], "bob", ua.InviteOptions{})
		ringing := dial(t, p["alice"], "bob", ua.InviteOptions{})
		p["alice"].Close()
		states(t, "closed", ua.Ended, out, ringing)
		if _, err := p["alice"].Invite("sip:bob@example.test", ua.InviteOptions{}); err == nil {
			t.Error("a closed agent calls")
		}
		states(t, "the other side knows nothing", ua.Confirmed, in)
	}, "alice", "bob")
}
