package main

import (
	"context"
	"math/rand/v2"
	"time"

	"lamplight/sip/ua"
)

// call calls a colleague, talks for a while, and hangs up.
func (p *person) call(ctx context.Context, other *person) {
	if p == other {
		return
	}
	p.office.view.said(p.user, "INVITE "+other.user)
	p.office.view.said(other.user, "INVITE by "+p.user)
	c, err := p.agent.Invite(demoAoR(other.user), ua.InviteOptions{Body: ua.SDP("sendrecv")})
	if err == nil {
		p.talk(ctx, c, 5*p.office.pace)
	}
}

// called lets it ring, and answers; now and then nobody is at the desk. Who calls by
// a click is at the desk.
func (p *person) called(ctx context.Context, c *ua.Call) {
	desk := p.user == reception
	if !desk && !p.take() {
		_ = c.Reject(486)
		return
	}
	if !desk {
		defer p.release()
	}
	if err := c.Ring(); err != nil {
		return
	}
	wait := p.office.pace
	if desk {
		wait = min(wait, time.Second)
	}
	if !pause(ctx, wait) || !desk && rand.IntN(8) == 0 {
		_ = c.Reject(480)
		return
	}
	p.office.view.said(p.user, "200 to INVITE")
	if c.Answer(ua.SDP("sendrecv")) == nil {
		p.talk(ctx, c, 10*p.office.pace)
	}
}

// transferred calls whom another says, in place of the call with that other.
func (p *person) transferred(ctx context.Context, r ua.Referral) {
	p.office.view.said(p.user, "INVITE for a REFER")
	if c, err := r.Follow(ua.InviteOptions{Body: ua.SDP("sendrecv")}); err == nil {
		p.talk(ctx, c, 10*p.office.pace)
	}
}

// talk goes on until the other hangs up, it has lasted long enough, or the day is
// over.
func (p *person) talk(ctx context.Context, c *ua.Call, most time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, most/2+rand.N(most))
	defer cancel()
	if c.Wait(ctx, ua.Ended) == nil || c.State() == ua.Ended {
		return
	}
	p.office.view.said(p.user, "BYE")
	ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	_ = c.Hangup(ctx)
}
