package app_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"lamplight/app"
	"lamplight/body/dialoginfo"
	calls "lamplight/call"
	"lamplight/callcontrol"
	"lamplight/event"
	"lamplight/event/presence"
	"lamplight/policy"
	"lamplight/sip"
	"lamplight/sip/transaction"
	"lamplight/sip/ua"
)

// click is a call that the server makes, and what it tells of it.
type click struct {
	o      *office
	events chan callcontrol.Event
	ended  chan error
	giveUp context.CancelFunc
}

// click has the server make a call.
func (o *office) click(user, target string) *click {
	return o.begin(func(ctx context.Context, tell func(callcontrol.Event)) error {
		return o.server.Calls().Call(ctx, callcontrol.Order{User: event.AoR(aor(user)), Target: target}, tell)
	})
}

func (o *office) begin(f func(context.Context, func(callcontrol.Event)) error) *click {
	c := &click{o: o, events: make(chan callcontrol.Event, 10), ended: make(chan error, 1)}
	ctx, cancel := context.WithCancel(o.Context())
	c.giveUp = cancel
	go func() { c.ended <- f(ctx, func(e callcontrol.Event) { c.events <- e }) }()
	return c
}

// says checks the next step of the call.
func (c *click) says(state callcontrol.State, text string) {
	c.o.Helper()
	select {
	case e := <-c.events:
		if e.State != state || e.Text != text {
			c.o.Errorf("it says %s %q (%d), want %s %q", e.State, e.Text, e.Code, state, text)
		}
	case <-time.After(6 * time.Minute):
		c.o.Fatalf("it does not say %s", state)
	}
}

// over checks that it says no more, and what came of it.
func (c *click) over(failed bool) {
	c.o.Helper()
	select {
	case err := <-c.ended:
		if (err != nil) != failed {
			c.o.Errorf("it ended with %v", err)
		}
	case <-time.After(time.Hour):
		c.o.Fatal("it does not end")
	}
	select {
	case e := <-c.events:
		c.o.Errorf("it says %+v beside", e)
	default:
	}
}

// obedient follows the REFERs that it gets.
func obedient(o *ua.Options) {
	o.OnRefer = func(r ua.Referral) { _, _ = r.Follow(ua.InviteOptions{Body: ua.SDP("sendrecv")}) }
}

// from is what a call's INVITE says in a header field.
func from(c *ua.Call, h sip.Header) string { return string(c.Invitation().Value(h)) }

// A phone that takes REFER ends in an ordinary call, which the server is no part of.
// The history has that one call.
func TestClickToCallLeavesAnOrdinaryCall(t *testing.T) {
	var history ended
	inSwitchboard(t, func(o *app.Options) { o.History = &history }, func(o *office) {
		alice, bob := o.telephone("alice", obedient), o.telephone("bob")
		o.publish("alice", presence.Available)
		o.watch("carol", "alice", "dialog")
		o.lampOf("carol", "alice")
		c := o.click("alice", "bob")
		c.says(callcontrol.Calling, "calling your phone")
		first := alice.rung()
		if f := from(first, sip.From); !strings.HasPrefix(f, "<sip:bob@example.test>") {
			t.Errorf("Alice's phone shows %s", f)
		}
		o.lamps("alice " + dialoginfo.Trying)
		o.must(first.Ring())
		o.lamps("alice " + dialoginfo.Early)
		o.must(first.Answer(ua.SDP("inactive")))
		second := bob.rung()
		if f := from(second, sip.From); !strings.HasPrefix(f, "<sip:alice@example.test>") {
			t.Errorf("Bob's phone shows %s", f)
		}
		o.must(second.Ring())
		c.says(callcontrol.Ringing, "bob@example.test's phone rings")
		o.must(second.Answer(ua.SDP("sendrecv")))
		c.says(callcontrol.Connected, "you talk to bob@example.test")
		o.reaches(first, ua.Ended)
		if !first.Ending().Remote {
			t.Error("it was not the server that left")
		}
		o.advance(time.Minute)
		if second.State() != ua.Confirmed {
			t.Errorf("the call of both is %v", second.State())
		}
		o.must(second.Hangup(soon(o)))
		c.says(callcontrol.Ended, "the call has ended")
		c.over(false)
		o.advance(time.Minute)
		history.are(t, "alice bob out answered", "bob alice in answered")
	})
}

// A phone that takes none talks through the server, which gives each one's session
// description to the other, also later (RFC 3725 §4.4).
func TestClickToCallByThirdPartyControl(t *testing.T) {
	for what, refusing := range map[string]func(*ua.Options){
		"by its Allow": func(*ua.Options) {},
		"by its refusal": func(o *ua.Options) {
			obedient(o)
			o.OnRequest = refuses(405)
		},
	} {
		t.Run(what, func(t *testing.T) {
			var history ended
			inSwitchboard(t, func(o *app.Options) { o.History = &history }, func(o *office) {
				alice, bob := o.telephone("alice", refusing), o.telephone("bob")
				c := o.click("alice", "bob")
				c.says(callcontrol.Calling, "calling your phone")
				first := alice.rung()
				o.must(first.Answer(ua.SDP("inactive")))
				second := bob.rung()
				if f := from(second, sip.From) + from(second, sip.PAssertedIdentity); !strings.HasPrefix(f, `"Alice" <sip:alice@example.test>`) ||
					!strings.HasSuffix(f, `"Alice" <sip:alice@example.test>`) {
					t.Errorf("Bob's phone shows %s", f)
				}
				if len(second.Invitation().Body()) > 0 {
					t.Error("Bob was offered something")
				}
				o.must(second.Ring())
				c.says(callcontrol.Ringing, "bob@example.test's phone rings")
				o.must(second.Answer([]byte("v=0\r\no=bob 7 7 IN IP4 192.0.2.77\r\ns=-\r\nc=IN IP4 192.0.2.77\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n")))
				c.says(callcontrol.Connected, "you talk to bob@example.test")
				c.giveUp() // nobody looks on any more
				o.advance(time.Second)
				offered, before := string(first.RemoteBody()), string(first.Invitation().Body())
				if !strings.Contains(offered, "c=IN IP4 192.0.2.77") || originOf(offered) != originOf(before) || strings.Contains(offered, "o=bob") {
					t.Errorf("Alice was offered\n%s\nafter\n%s", offered, before)
				}
				o.advance(0)
				if !strings.Contains(string(second.RemoteBody()), "m=audio 9") {
					t.Errorf("Bob got\n%s", second.RemoteBody())
				}
				if _, err := second.Reinvite(soon(o), ua.SDP("sendonly")); err != nil || !strings.Contains(string(first.RemoteBody()), "a=sendonly") ||
					!strings.Contains(string(second.RemoteBody()), "a=recvonly") {
					t.Errorf("hold: %v, Alice's phone has\n%s\nand Bob's\n%s", err, first.RemoteBody(), second.RemoteBody())
				}
				o.must(first.Hangup(soon(o)))
				c.says(callcontrol.Ended, "the call has ended")
				c.over(false)
				o.reaches(second, ua.Ended)
				o.advance(time.Minute)
				history.are(t, "alice bob out answered", "bob alice in answered")
			})
		})
	}
}

func originOf(sdp string) string {
	_, rest, _ := strings.Cut(sdp, "o=")
	fields := strings.Fields(rest)
	return strings.Join(fields[:2], " ") // the version follows
}

// refuses answers a REFER.
func refuses(status int) func(*transaction.Request) bool {
	return func(r *transaction.Request) bool {
		if r.Message.Method() != sip.REFER {
			return false
		}
		r.Respond(&sip.Response{Status: status, ToTag: sip.NewTag()})
		return true
	}
}

// ended keeps the calls that are over.
type ended struct {
	mu   sync.Mutex
	list []string
}

func (h *ended) Keep(list []calls.Ended, kept func()) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range list {
		way := "in"
		if c.Outgoing {
			way = "out"
		}
		h.list = append(h.list, strings.Join([]string{short(c.AoR), short(c.Other.AoR), way, string(c.Result)}, " "))
	}
	go kept()
	return true
}

func short(a event.AoR) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(string(a), "sip:"), "@")
	return name
}

// are checks what the history has.
func (h *ended) are(t *testing.T, want ...string) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	slices.Sort(h.list)
	if !slices.Equal(h.list, want) {
		t.Errorf("the history has %q, want %q", h.list, want)
	}
}

// Each reason why nothing comes of a call is told in words; and nobody's phone
// rings on.
func TestClickToCallThatFails(t *testing.T) {
	for what, play := range map[string]func(o *office){
		"the user does not answer": func(o *office) {
			alice := o.telephone("alice")
			c := o.click("alice", "bob")
			c.says(callcontrol.Calling, "calling your phone")
			rung := alice.rung()
			o.must(rung.Ring())
			c.says(callcontrol.Failed, "you did not answer your phone")
			o.refusedWith(rung, 487)
			c.over(true)
		},
		"the user refuses": func(o *office) {
			alice := o.telephone("alice")
			c := o.click("alice", "bob")
			c.says(callcontrol.Calling, "calling your phone")
			o.must(alice.rung().Reject(603))
			c.says(callcontrol.Failed, "your phone is busy, or you refused the call")
			c.over(true)
		},
		"the target is busy": func(o *office) {
			alice, bob := o.telephone("alice", obedient), o.telephone("bob")
			c := o.click("alice", "bob")
			c.says(callcontrol.Calling, "calling your phone")
			first := alice.rung()
			o.must(first.Answer(ua.SDP("inactive")))
			o.must(bob.rung().Reject(486))
			c.says(callcontrol.Failed, "bob@example.test is busy")
			c.over(true)
			o.reaches(first, ua.Ended)
		},
		"the target is busy, and the server is between": func(o *office) {
			alice, bob := o.telephone("alice"), o.telephone("bob")
			c := o.click("alice", "bob")
			c.says(callcontrol.Calling, "calling your phone")
			first := alice.rung()
			o.must(first.Answer(ua.SDP("inactive")))
			o.must(bob.rung().Reject(486))
			c.says(callcontrol.Failed, "bob@example.test is busy")
			c.over(true)
			o.reaches(first, ua.Ended)
		},
		"the user hangs up too soon": func(o *office) {
			alice, bob := o.telephone("alice"), o.telephone("bob")
			c := o.click("alice", "bob")
			c.says(callcontrol.Calling, "calling your phone")
			first := alice.rung()
			o.must(first.Answer(ua.SDP("inactive")))
			second := bob.rung()
			o.must(second.Ring())
			c.says(callcontrol.Ringing, "bob@example.test's phone rings")
			o.must(first.Hangup(soon(o)))
			c.says(callcontrol.Failed, "you hung up")
			c.over(true)
			o.refusedWith(second, 487)
		},
		"it is given up": func(o *office) {
			alice := o.telephone("alice")
			c := o.click("alice", "bob")
			c.says(callcontrol.Calling, "calling your phone")
			rung := alice.rung()
			o.must(rung.Ring())
			c.giveUp()
			c.says(callcontrol.Failed, "the call was given up")
			c.over(true)
			o.refusedWith(rung, 487)
		},
		"the phone does not do as it says": func(o *office) {
			alice := o.telephone("alice", func(u *ua.Options) { u.OnRefer = func(ua.Referral) {} })
			c := o.click("alice", "bob")
			c.says(callcontrol.Calling, "calling your phone")
			first := alice.rung()
			o.must(first.Answer(ua.SDP("inactive")))
			c.says(callcontrol.Failed, "your phone was told to call bob@example.test, and does not")
			c.over(true)
			o.reaches(first, ua.Ended)
		},
		"there is no phone": func(o *office) {
			c := o.click("alice", "bob")
			c.says(callcontrol.Failed, "none of your phones is registered")
			c.over(true)
		},
		"there is nobody": func(o *office) {
			alice := o.telephone("alice")
			c := o.click("alice", "nobody")
			c.says(callcontrol.Failed, "nobody: no such user")
			c.over(true)
			alice.quiet(time.Minute)
		},
		"it would leave the domains": func(o *office) {
			alice := o.telephone("alice")
			for _, target := range []string{"sip:mallory@elsewhere.test", "mallory@elsewhere.test", "sip:bob@203.0.113.7", "tel:+15551234567"} {
				c := o.click("alice", target)
				if e := <-c.events; e.State != callcontrol.Failed {
					o.Errorf("%s: %+v", target, e)
				}
				c.over(true)
			}
			alice.quiet(time.Minute)
		},
		"it is one too many": func(o *office) {
			alice := o.telephone("alice")
			for range 5 {
				c := o.click("alice", "bob")
				c.says(callcontrol.Calling, "calling your phone")
				o.must(alice.rung().Reject(486))
				c.says(callcontrol.Failed, "your phone is busy, or you refused the call")
				c.over(true)
			}
			c := o.click("alice", "bob")
			c.says(callcontrol.Failed, "too many calls in a short time: wait a minute")
			c.over(true)
			alice.quiet(time.Minute)
			o.click("alice", "bob").says(callcontrol.Calling, "calling your phone")
			o.must(alice.rung().Reject(486))
		},
	} {
		t.Run(what, func(t *testing.T) { inSwitchboard(t, nil, play) })
	}
}

// Who does not want to be disturbed is only called by who insists.
func TestClickToCallAsksBeforeItDisturbs(t *testing.T) {
	inSwitchboard(t, nil, func(o *office) {
		alice, bob := o.telephone("alice", obedient), o.telephone("bob")
		o.publish("bob", presence.DND)
		c := o.click("alice", "bob")
		c.says(callcontrol.Asks, "bob@example.test does not want to be disturbed")
		c.over(true)
		alice.quiet(time.Second)
		c = o.begin(func(ctx context.Context, tell func(callcontrol.Event)) error {
			return o.server.Calls().Call(ctx, callcontrol.Order{User: event.AoR(aor("alice")), Target: "bob", Anyway: true}, tell)
		})
		c.says(callcontrol.Calling, "calling your phone")
		o.must(alice.rung().Answer(ua.SDP("inactive")))
		o.must(bob.rung().Answer(ua.SDP("sendrecv")))
		c.says(callcontrol.Connected, "you talk to bob@example.test")
	})
}

// The only phone of a user answers by itself, if it is of a make that can; where
// there are several all ring.
func TestClickToCallHasThePhoneAnswer(t *testing.T) {
	inSwitchboard(t, nil, func(o *office) {
		alice := o.telephone("alice", func(u *ua.Options) { u.UserAgent = "Yealink SIP-T46S 66.86.0.15" })
		headers := func() string {
			c := o.click("alice", "bob")
			c.says(callcontrol.Calling, "calling your phone")
			rung := alice.rung()
			o.must(rung.Reject(486))
			return string(rung.Invitation().Other("Call-Info"))
		}
		if h := headers(); !strings.Contains(h, ";answer-after=0") {
			t.Errorf("Call-Info: %s", h)
		}
		other := o.telephone("alice")
		if h := headers(); h != "" {
			t.Errorf("with two phones, Call-Info: %s", h)
		}
		o.must(other.rung().Reject(486))
	})
}

// operator lets Carol see and pick up the calls of Bob.
func (o *office) operator() {
	o.server.UseRules("sip:bob@example.test", policy.Rules{{One: []event.AoR{"sip:carol@example.test"}, Handling: event.Allow, Rights: event.RightsAll}})
}

// An operator takes a call that rings elsewhere: its caller talks to the operator.
func TestAnOperatorPicksUp(t *testing.T) {
	for what, change := range map[string]func(*ua.Options){"by REFER": obedient, "by third party control": func(*ua.Options) {}} {
		t.Run(what, func(t *testing.T) {
			inSwitchboard(t, nil, func(o *office) {
				o.operator()
				alice, bob, carol := o.telephone("alice"), o.telephone("bob"), o.telephone("carol", change)
				out := alice.call("sip:bob@example.test")
				rung := bob.rung()
				o.must(rung.Ring())
				o.reaches(out, ua.Ringing)
				o.advance(time.Second)
				c := o.begin(func(ctx context.Context, tell func(callcontrol.Event)) error {
					return o.server.Calls().PickUp(ctx, event.AoR(aor("carol")), event.AoR(aor("bob")), out.CallID(), tell)
				})
				c.says(callcontrol.Calling, "calling your phone")
				o.must(carol.rung().Answer(ua.SDP("inactive")))
				taken := alice.rung()
				if taken.Replaced() != out {
					t.Error("it takes no call's place")
				}
				o.must(taken.Answer(ua.SDP("sendrecv")))
				c.says(callcontrol.Connected, "you talk to Alice")
				o.refusedWith(rung, 487)
				o.must(taken.Hangup(soon(o)))
				c.says(callcontrol.Ended, "the call has ended")
				c.over(false)
			})
		})
	}
}

// Of what an operator does not see, nothing is picked up; nor what is not there.
func TestAnOperatorPicksUpOnlyWhatIsSeen(t *testing.T) {
	inSwitchboard(t, nil, func(o *office) {
		alice, bob := o.telephone("alice"), o.telephone("bob")
		out := alice.call("sip:bob@example.test")
		o.must(bob.rung().Ring())
		o.reaches(out, ua.Ringing)
		o.advance(time.Second)
		for _, by := range []struct{ operator, call string }{{"sip:dave@other.test", out.CallID()}, {aor("carol"), out.CallID()}, {aor("bob"), "another"}} {
			c := o.begin(func(ctx context.Context, tell func(callcontrol.Event)) error {
				return o.server.Calls().PickUp(ctx, event.AoR(by.operator), event.AoR(aor("bob")), by.call, tell)
			})
			c.says(callcontrol.Failed, "there is no such call any more, or it may not be seen")
			c.over(true)
		}
	})
}

// A phone that is told by Target-Dialog which call to transfer does so, or says why
// not.
func TestAnOperatorTransfers(t *testing.T) {
	for _, one := range []struct {
		status int
		want   string
	}{
		{202, ""}, {403, "bob@example.test's phone lets nobody else transfer its calls"},
		{420, "bob@example.test's phone cannot be told to transfer a call"},
	} {
		t.Run(fmt.Sprint(one.status), func(t *testing.T) {
			inSwitchboard(t, nil, func(o *office) {
				o.operator()
				refers := make(chan string, 10)
				alice, bob := o.telephone("alice"), o.telephone("bob", func(u *ua.Options) {
					u.OnRequest = func(r *transaction.Request) bool {
						if r.Message.Method() == sip.REFER {
							refers <- string(r.Message.Value(sip.ReferTo)) + " " + string(r.Message.Other("Target-Dialog"))
						}
						return refuses(one.status)(r)
					}
				})
				_, call := o.talk(alice, bob)
				o.advance(time.Second)
				d := call.Dialog()
				err := o.server.Calls().Transfer(soon(o), event.AoR(aor("carol")), event.AoR(aor("bob")), d.CallID, "1002")
				if got := fmt.Sprint(err); one.want == "" && err != nil || one.want != "" && got != one.want {
					t.Errorf("it ended with %v", err)
				}
				if len(refers) == 0 {
					t.Fatal("the phone was told nothing")
				}
				if got, want := <-refers, "<sip:alice@example.test> "+d.CallID+";local-tag="+d.LocalTag+";remote-tag="+d.RemoteTag; got != want {
					t.Errorf("the phone was told %q, want %q", got, want)
				}
			})
		})
	}
}

// A call that the server stays in ends with the server.
func TestAStopEndsTheCallsBetween(t *testing.T) {
	inSwitchboard(t, nil, func(o *office) {
		alice, bob := o.telephone("alice"), o.telephone("bob")
		c := o.click("alice", "bob")
		c.says(callcontrol.Calling, "calling your phone")
		first := alice.rung()
		o.must(first.Answer(ua.SDP("inactive")))
		second := bob.rung()
		o.must(second.Answer(ua.SDP("sendrecv")))
		c.says(callcontrol.Connected, "you talk to bob@example.test")
		o.must(o.server.Stop())
		o.reaches(first, ua.Ended)
		o.reaches(second, ua.Ended)
		c.over(false)
		o.start()
	})
}

// A call that was handed over and ends without a word is over when the server has
// given it up, and not hours later.
func TestClickToCallWhoseEndIsLost(t *testing.T) {
	inSwitchboard(t, nil, func(o *office) {
		alice, bob := o.telephone("alice", obedient), o.telephone("bob")
		c := o.click("alice", "bob")
		c.says(callcontrol.Calling, "calling your phone")
		o.must(alice.rung().Answer(ua.SDP("inactive")))
		o.must(bob.rung().Answer(ua.SDP("sendrecv")))
		c.says(callcontrol.Connected, "you talk to bob@example.test")
		o.advance(time.Second)
		o.net.SetLoss(1)
		began := time.Now()
		c.says(callcontrol.Ended, "the call has ended")
		if after := time.Since(began); after > 4*time.Minute {
			t.Errorf("it is over after %v", after)
		}
		c.over(false)
		o.net.SetLoss(0)
	})
}
