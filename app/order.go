package app

import (
	"strings"
	"time"

	"lamplight/control"
	"lamplight/event"
	"lamplight/event/presence"
)

// userState answers the command that asks what a user has forced.
func (p *Process) userState(user string) (control.UserState, error) {
	aor, err := p.userOf(user)
	if err != nil {
		return control.UserState{}, err
	}
	return p.shownState(aor)
}

func (p *Process) shownState(aor event.AoR) (control.UserState, error) {
	u, err := p.State(aor)
	if err != nil {
		return control.UserState{}, err
	}
	zone := p.zone(aor)
	out := control.UserState{AoR: strings.TrimPrefix(string(aor), "sip:"), State: u.State.String(),
		DND: control.DND{On: u.DND, Until: instant(u.DNDUntil, zone)}}
	if u.Status != nil {
		out.Status = &control.Status{State: u.Status.State.String(), Note: u.Status.Note, Until: instant(u.Status.Until, zone)}
	}
	for _, one := range u.LetThrough {
		out.LetThrough = append(out.LetThrough, strings.TrimPrefix(string(one), "sip:"))
	}
	if f := u.Forwarding; f.Immediate+f.Busy+f.NoAnswer != "" {
		out.Forwarding = &control.Forwarding{Immediate: f.Immediate, Busy: f.Busy, NoAnswer: f.NoAnswer, After: f.Wait().Seconds()}
	}
	return out, nil
}

// instant is a time for JSON; nil: there is none.
func instant(at time.Time, zone *time.Location) *time.Time {
	if at.IsZero() {
		return nil
	}
	at = at.In(zone).Truncate(time.Second)
	return &at
}

// orderDND answers the command dnd.
func (p *Process) orderDND(o control.DNDOrder) (control.UserState, error) {
	return p.order(o.User, o.When, func(aor event.AoR, until time.Time) error {
		if o.LetThrough != nil {
			if err := p.letThrough(aor, *o.LetThrough); err != nil {
				return err
			}
		}
		return p.SetDND(aor, o.On, until)
	})
}

func (p *Process) letThrough(aor event.AoR, users []string) error {
	var list []event.AoR
	for _, one := range users {
		if one == "" { // by which the list is emptied
			continue
		}
		user, err := p.userOf(strings.TrimPrefix(uriOf(aor, one), "sip:"))
		if err != nil {
			return err
		}
		list = append(list, user)
	}
	return p.SetLetThrough(aor, list)
}

// orderForwarding answers the command forward.
func (p *Process) orderForwarding(o control.ForwardingOrder) (control.UserState, error) {
	return p.order(o.User, control.When{}, func(aor event.AoR, _ time.Time) error {
		u, err := p.State(aor)
		if err != nil {
			return err
		}
		to := u.Forwarding
		for _, one := range []struct{ to, order *string }{{&to.Immediate, o.Immediate}, {&to.Busy, o.Busy}, {&to.NoAnswer, o.NoAnswer}} {
			if one.order != nil {
				*one.to = *one.order
			}
		}
		if o.After != nil {
			to.After = *o.After
		}
		return p.SetForwarding(aor, to)
	})
}

// orderStatus answers the command status.
func (p *Process) orderStatus(o control.StatusOrder) (control.UserState, error) {
	return p.order(o.User, o.When, func(aor event.AoR, until time.Time) error {
		if o.State == "" {
			return p.ClearStatus(aor)
		}
		state, _ := presence.ParseState(o.State)
		return p.SetStatus(aor, Status{State: state, Note: o.Note, Until: until})
	})
}

// order does something for a user until a time, and shows what comes of it.
func (p *Process) order(user string, w control.When, do func(event.AoR, time.Time) error) (control.UserState, error) {
	aor, err := p.userOf(user)
	if err != nil {
		return control.UserState{}, err
	}
	end, err := until(w.Until, w.For, time.Now(), p.zone(aor))
	if err == nil {
		err = do(aor, end)
	}
	if err != nil {
		return control.UserState{}, err
	}
	return p.shownState(aor)
}
