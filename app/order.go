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
	return p.order(o.User, o.When, func(aor event.AoR, until time.Time) error { return p.SetDND(aor, o.On, until) })
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
