package main

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"lamplight/body/pidf"
	"lamplight/event/presence"
	"lamplight/sip/ua"
)

// staff is who works in the demo's office.
var staff = []struct{ user, name, number string }{
	{"alice", "Alice Kim", "1001"}, {"bob", "Bob Lee", "1002"}, {"carol", "Carol Park", "1003"},
	{"daeho", "정대호", "1004"}, {"emma", "Emma Weber", "1005"}, {"frank", "Frank Jung", "1006"},
	{"gildong", "홍길동", "1007"}, {"hana", "최하나", "1008"}, {"ines", "Inês Costa", "1009"},
	{"jonas", "Jonas Berg", "1010"}, {"kyung", "이경", "1011"}, {"lena", "Lena Roth", "1012"},
}

// moods are what people set by hand, and what they say with it.
var moods = []struct {
	state presence.State
	note  string
}{
	{presence.Available, ""}, {presence.Available, "at my desk"}, {presence.Busy, "closing the month"},
	{presence.Meeting, "back at four"}, {presence.Away, "lunch"}, {presence.DND, ""}, {presence.OutOfOffice, "until Monday"},
}

// office is the simulated people.
type office struct {
	server string
	pace   time.Duration
	view   *view
}

// person is one of them: a user agent, and what it publishes.
type person struct {
	user, name string
	office     *office
	agent      *ua.Agent
	status     *ua.Publisher

	mu   sync.Mutex
	busy bool // in a call, or away from the office
}

// hire gives somebody a phone.
func (o *office) hire(ctx context.Context, user, name string) (*person, error) {
	p := &person{user: user, name: name, office: o}
	agent, err := ua.New(ua.Options{User: demoAoR(user), Server: o.server, Password: demoPassword, Display: name, UserAgent: "Lamplight demo",
		OnCall:  func(c *ua.Call) { go p.called(ctx, c) },
		OnRefer: func(r ua.Referral) { go p.transferred(ctx, r) }})
	if err != nil {
		return nil, err
	}
	p.agent, p.status = agent, agent.NewPublisher("", "presence", time.Hour)
	return p, nil
}

// open has everybody come in, work until the context ends, and go home.
func (o *office) open(ctx context.Context) error {
	var people []*person
	defer func() { goHome(people) }()
	for _, s := range staff {
		p, err := o.hire(ctx, s.user, s.name)
		if err != nil {
			return err
		}
		people = append(people, p)
		if err := p.come(ctx); err != nil {
			return err
		}
	}
	var working sync.WaitGroup
	for _, p := range people {
		working.Go(func() { p.work(ctx, people) })
	}
	o.view.run(ctx)
	working.Wait()
	return nil
}

// goHome takes everything back, within two seconds.
func goHome(people []*person) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	var leaving sync.WaitGroup
	for _, p := range people {
		leaving.Go(func() {
			p.leave(ctx)
			_ = p.agent.Close()
		})
	}
	leaving.Wait()
}

// work does something now and then.
func (p *person) work(ctx context.Context, colleagues []*person) {
	for pause(ctx, p.office.pace) {
		if !p.take() {
			continue
		}
		switch n := rand.IntN(10); {
		case n < 4:
			p.call(ctx, colleagues[rand.IntN(len(colleagues))])
		case n < 9:
			p.set(ctx)
		default:
			p.leave(ctx)
			pause(ctx, p.office.pace)
			_ = p.come(ctx)
		}
		p.release()
	}
}

// pause waits half to one and a half of a time; false when the day is over.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d/2 + rand.N(d)):
		return true
	}
}

// take makes a person busy, unless it is.
func (p *person) take() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.busy {
		return false
	}
	p.busy = true
	return true
}

func (p *person) release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.busy = false
}

func (p *person) come(ctx context.Context) error {
	p.office.view.said(p.user, "REGISTER")
	return p.agent.KeepRegistered(ctx, time.Hour)
}

func (p *person) leave(ctx context.Context) {
	p.office.view.said(p.user, "REGISTER, Expires: 0")
	_ = p.status.Remove(ctx)
	_ = p.agent.Unregister(ctx)
}

func (p *person) set(ctx context.Context) {
	m := moods[rand.IntN(len(moods))]
	p.office.view.said(p.user, "PUBLISH presence "+m.state.String())
	doc := presence.Publication(p.agent.AoR(), "desk", m.state, m.note, time.Now())
	_, _ = p.status.Publish(ctx, pidf.Type, doc.Append(nil)) // what fails shows in the lamp
}
