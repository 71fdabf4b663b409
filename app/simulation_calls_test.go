package app_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"lamplight/body/dialoginfo"
	"lamplight/body/pidf"
	"lamplight/event/presence"
	"lamplight/sip/ua"
)

// TestSimulationCalls has two phones call each other over a network that loses,
// doubles and delays datagrams, is cut at times, and has a server that is killed. A
// seed chooses what happens. Whatever it is, once all have hung up, or think so, no
// lamp stays lit for longer than what there is to prove it, and presence goes along.
func TestSimulationCalls(t *testing.T) {
	last := uint64(10)
	if n, err := strconv.ParseUint(os.Getenv("LAMPLIGHT_SEEDS"), 10, 32); err == nil {
		last = n
	}
	for seed := uint64(1); seed <= last; seed++ {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			t.Parallel()
			inSwitchboard(t, nil, func(o *office) {
				s := &storm{office: o, random: rand.New(rand.NewPCG(seed, 11)), phones: [2]*telephone{o.telephone("alice"), o.telephone("bob")}}
				o.watch("pbx", "alice", "dialog")
				o.net.SetDuplicate(0.2)
				o.net.SetDelay(0, 300*time.Millisecond)
				for range 6 {
					o.net.SetLoss(s.random.Float64() / 3)
					s.call()
				}
				o.net.SetLoss(0)
				o.advance(5 * time.Minute)
				s.dark()
			})
		})
	}
}

// storm is one run.
type storm struct {
	*office
	random *rand.Rand
	phones [2]*telephone
}

// call has one phone call the other, and ends that in some way.
func (s *storm) call() {
	from, to := s.phones[0], s.phones[1]
	if s.often(2) {
		from, to = to, from
	}
	out, err := from.Invite(aor(to.user), ua.InviteOptions{Body: ua.SDP("sendrecv")})
	if err != nil {
		s.Fatal(err)
	}
	in := s.comes(to)
	switch s.random.IntN(6) {
	case 0: // nobody does anything
	case 1:
		s.soon(in, (*ua.Call).Ring)
	case 2:
		s.soon(in, func(c *ua.Call) error { return c.Reject(486) })
	default:
		s.soon(in, (*ua.Call).Ring)
		s.soon(in, func(c *ua.Call) error { return c.Answer(ua.SDP("sendrecv")) })
	}
	s.passes(10 * time.Second)
	if s.often(3) { // what is said now is lost
		s.net.SetLoss(1)
	}
	if s.often(5) {
		s.crash()
	}
	for _, c := range []*ua.Call{out, in} {
		if c != nil && s.often(2) {
			go func() { _ = c.Hangup(soon(s)) }()
			s.passes(time.Second)
		}
	}
	s.passes(40 * time.Second) // Timer F
	s.net.SetLoss(0.1)
	for _, c := range []*ua.Call{out, in} {
		if c != nil && c.State() != ua.Ended {
			_ = c.Hangup(soon(s))
		}
	}
	s.passes(10 * time.Second)
}

// comes is the call that comes within a while; nil: none does.
func (s *storm) comes(p *telephone) *ua.Call {
	select {
	case c := <-p.calls:
		return c
	case <-time.After(20 * time.Second):
		return nil
	}
}

// soon does something with a call, which may have ended by then.
func (s *storm) soon(c *ua.Call, do func(*ua.Call) error) {
	s.passes(2 * time.Second)
	if c != nil {
		_ = do(c)
	}
}

func (s *storm) passes(most time.Duration) { s.advance(time.Duration(s.random.Int64N(int64(most)))) }

// often is true once in so many times.
func (s *storm) often(n int) bool { return s.random.IntN(n) == 0 }

// dark checks what a new watcher sees.
func (s *storm) dark() {
	for _, p := range s.phones {
		s.watch("carol", p.user, "dialog")
		doc, err := dialoginfo.Parse(s.notified("carol", p.user, "dialog").Body)
		s.must(err)
		for _, d := range doc.Dialogs {
			if d.State != dialoginfo.Terminated {
				s.Errorf("%s's lamp stays lit: %+v", p.user, d)
			}
		}
		s.watch("carol", p.user, "presence")
		person, err := pidf.Parse(s.notified("carol", p.user, "presence").Body)
		s.must(err)
		if state, _, _ := presence.StateOf(person); state == presence.OnThePhone || state == presence.Ringing {
			s.Errorf("%s is shown as %v", p.user, state)
		}
	}
}
