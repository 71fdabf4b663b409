package callcontrol

import (
	"context"
	"sync"

	"lamplight/sip/ua"
)

// peers are the two legs of a call that we stay in. What one offers the other is
// offered (RFC 3725 §7).
type peers struct {
	mu         sync.Mutex
	ctx        context.Context
	phone, far *ua.Call
	toPhone    *origin
	toFar      *origin
}

// join makes two legs one call: from now on what one offers goes to the other.
func (p *peers) join(ctx context.Context, phone, far *ua.Call, toPhone, toFar *origin) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ctx, p.phone, p.far, p.toPhone, p.toFar = ctx, phone, far, toPhone, toFar
}

// offered gives the answer to a leg's offer; nil: there is none. Who asks for an
// offer is shown again what there is.
func (p *peers) offered(byFar bool, sdp []byte) []byte {
	p.mu.Lock()
	ctx, other, back, there := p.ctx, p.far, p.toPhone, p.toFar
	if byFar {
		other, back, there = p.phone, p.toFar, p.toPhone
	}
	p.mu.Unlock()
	if ctx == nil {
		return nil
	}
	if len(sdp) == 0 {
		return back.again()
	}
	answer, err := other.Reinvite(ctx, there.of(sdp))
	if err != nil {
		return nil
	}
	return back.of(answer)
}

// stay calls the target in the user's name, and stays between the two legs (RFC
// 3725 §4.4).
func (s *session) stay(ctx context.Context) error {
	lines := "P-Asserted-Identity: " + s.user.nameAddr() + "\r\n"
	if s.replaces != "" {
		lines += "Replaces: " + s.replaces + "\r\nRequire: replaces\r\n"
	}
	var toFar origin
	far, err := s.control.agent.Invite(s.target.URI, ua.InviteOptions{From: s.user.nameAddr(), Header: []byte(lines), WaitACK: true,
		OnOffer: func(sdp []byte) []byte { return s.peers.offered(true, sdp) }})
	if err != nil {
		return err
	}
	defer func() { s.control.hangUp(far) }()
	for {
		select {
		case e := <-far.Events():
			switch e.What {
			case ua.Progressed:
				if e.Status >= 180 {
					s.rings()
				}
			case ua.Answered:
				if err := s.join(ctx, far, &toFar); err != nil {
					return err
				}
				s.talks()
				ctx = s.control.ctx // it is theirs now: whoever looked on may go
			case ua.CallEnded:
				if s.connected {
					return nil
				}
				end := far.Ending()
				return failure(s.target.name(), end.Code, end.Reason)
			}
		case e := <-s.phone.Events():
			if e.What != ua.CallEnded {
				continue
			}
			if s.connected {
				return nil
			}
			return &Failure{Text: "you hung up"}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// join gives the target's offer to the phone, and the phone's answer to the target.
func (s *session) join(ctx context.Context, far *ua.Call, toFar *origin) error {
	offer := far.RemoteBody()
	if len(offer) == 0 {
		return failure(s.target.name(), 488, "")
	}
	answer, err := s.phone.Reinvite(ctx, s.toPhone.of(offer))
	if err != nil {
		if s.phone.State() == ua.Ended {
			return &Failure{Text: "you hung up"}
		}
		return failure(s.target.name(), 488, "")
	}
	if err := far.Acknowledge(toFar.of(answer)); err != nil {
		return failure(s.target.name(), 487, "")
	}
	s.peers.join(s.control.ctx, s.phone, far, &s.toPhone, toFar)
	return nil
}
