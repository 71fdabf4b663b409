package callcontrol

import (
	"context"
	"errors"
	"time"

	"lamplight/event"
	"lamplight/sip/ua"
)

// Order is a call to be made.
type Order struct {
	User   event.AoR // whose phone is called
	Target string    // whom it is to call, as somebody has typed it
	Anyway bool      // also where the target does not want to be disturbed
}

// session is a call that is being made.
type session struct {
	control  *Control
	user     Party
	target   Party
	replaces string // the call whose place it takes; "": none
	tell     func(Event)

	phone     *ua.Call // the leg to the user's phone
	toPhone   origin
	rang      bool
	connected bool
	peers     peers // where both legs stay
}

// Call makes a call and returns when it is over, or could not be made; tell is
// given each step of it, on this goroutine. Where the context ends before both
// talk the call is given up; afterwards it goes on without anybody looking on.
func (c *Control) Call(ctx context.Context, o Order, tell func(Event)) error {
	target, err := c.o.People.Target(o.User, o.Target)
	if err != nil {
		return told(err, tell)
	}
	if !o.Anyway && target.AoR != "" && target.AoR != o.User && c.o.People.Undisturbed(target.AoR, o.User) {
		err := &asking{target.name()}
		tell(Event{State: Asks, Text: err.Error()})
		return err
	}
	if o.Anyway && target.AoR != "" {
		c.o.People.LetThrough(target.AoR, o.User)
	}
	return c.make(ctx, &session{control: c, user: c.o.People.User(o.User), target: target, tell: tell})
}

// asking is ErrAsks with the name of who is called.
type asking struct{ who string }

func (a *asking) Error() string { return a.who + " " + ErrAsks.Error() }
func (a *asking) Unwrap() error { return ErrAsks }

// told tells of a failure.
func told(err error, tell func(Event)) error {
	e := Event{State: Failed, Text: err.Error()}
	var f *Failure
	if errors.As(err, &f) {
		e.Code = f.Code
	}
	tell(e)
	return err
}

// make makes the call of a session.
func (c *Control) make(ctx context.Context, s *session) error {
	if err := c.enter(); err != nil {
		return told(err, s.tell)
	}
	defer c.leave()
	phones := c.o.People.Phones(s.user.AoR)
	switch {
	case len(phones) == 0:
		return told(ErrNoPhone, s.tell)
	case !c.limit.take(s.user.AoR, time.Now()):
		return told(ErrTooMany, s.tell)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.ctx, cancel)()
	err := s.run(ctx, answerLines(phones))
	switch {
	case s.connected:
		if err == nil {
			s.tell(Event{State: Ended, Text: "the call has ended"})
		}
		return nil
	case ctx.Err() != nil:
		err = &Failure{Text: "the call was given up", Code: 487}
	}
	return told(err, s.tell)
}

// run makes the call. Without an error it was made, and has ended.
func (s *session) run(ctx context.Context, lines []byte) error {
	defer func() { s.control.hangUp(s.phone) }()
	s.tell(Event{State: Calling, Text: "calling your phone"})
	err := s.ring(ctx, lines, true)
	var refused *Failure
	if errors.As(err, &refused) && refused.Code == 488 { // such as a browser's, which takes no plain stream
		err = s.ring(ctx, lines, false)
	}
	if err != nil {
		return err
	}
	if s.refers() {
		err := s.refer(ctx)
		if !errors.Is(err, errNoRefer) {
			return err
		}
	}
	return s.stay(ctx)
}

// ring calls the user's phone, and returns when it is answered. It shows the
// target, as the one whom the user talks to then.
func (s *session) ring(ctx context.Context, lines []byte, media bool) (err error) {
	s.phone, err = s.control.agent.Invite(s.user.URI, ua.InviteOptions{From: s.target.nameAddr(), Header: lines,
		Body: s.toPhone.silent(media), OnOffer: func(sdp []byte) []byte { return s.peers.offered(false, sdp) }})
	if err != nil {
		return err
	}
	wait, cancel := context.WithTimeout(ctx, s.control.o.AnswerIn)
	defer cancel()
	err = s.phone.Wait(wait, ua.Confirmed)
	e := s.phone.Ending()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case wait.Err() != nil:
		return &Failure{Text: "you did not answer your phone", Code: 408}
	case e.Code == 603, e.Code == 486, e.Code == 600:
		return &Failure{Text: "your phone is busy, or you refused the call", Code: e.Code}
	}
	return failure("your phone", e.Code, e.Reason)
}

// rings tells that the target's phone rings, once.
func (s *session) rings() {
	if !s.rang && !s.connected {
		s.rang = true
		s.tell(Event{State: Ringing, Text: s.target.name() + "'s phone rings"})
	}
}

// talks tells that both talk, once.
func (s *session) talks() {
	if !s.connected {
		s.connected = true
		s.tell(Event{State: Connected, Text: "you talk to " + s.target.name()})
	}
}
