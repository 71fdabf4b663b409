package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"lamplight/body/dialoginfo"
	"lamplight/callcontrol"
	"lamplight/control"
	"lamplight/event"
	"lamplight/event/dialog"
	"lamplight/event/presence"
	"lamplight/owner"
	"lamplight/uas"
)

// errNoProxy says why no calls are made.
var errNoProxy = errors.New("the server makes no calls: it has no role proxy")

// startControl starts what makes calls for others, where the calls can be passed on.
func (s *Server) startControl() error {
	if s.proxy == nil {
		return nil
	}
	c, err := callcontrol.New(callcontrol.Options{People: callers{s}, Attach: s.layer.Attach, PerUser: s.o.Limit.OrDefault().UserCalls, Logger: s.log})
	s.control.Store(c)
	return err
}

func (s *Server) stopControl() error {
	c := s.control.Load()
	if c == nil {
		return nil
	}
	return c.Close()
}

// Calls makes calls for others; nil where the server does not.
func (s *Server) Calls() *callcontrol.Control { return s.control.Load() }

// callers tells who can call and be called, and how they are.
type callers struct{ *Server }

// User is a user as a party of a call.
func (c callers) User(aor event.AoR) callcontrol.Party {
	return callcontrol.Party{AoR: aor, URI: string(aor), Name: c.book.Load().Name(aor)}
}

// Target is whom a user means.
func (c callers) Target(by event.AoR, typed string) (callcontrol.Party, error) {
	uri, aor, err := c.target(by, typed)
	switch {
	case err != nil:
		return callcontrol.Party{}, err
	case aor != "":
		return c.User(aor), nil
	}
	return callcontrol.Party{URI: uri}, nil
}

// Phones are a user's registered phones.
func (c callers) Phones(aor event.AoR) []callcontrol.Phone {
	if c.registrar == nil {
		return nil
	}
	var list []callcontrol.Phone
	err := c.visit(aor, func(*owner.Turn) {
		for _, b := range c.registrar.Lookup(aor) {
			list = append(list, callcontrol.Phone{Answers: uas.ProfileOf(b.UserAgent, c.uas.Profiles).Answer})
		}
	})
	if err != nil {
		return nil
	}
	return list
}

// Undisturbed tells whether somebody does not want to be disturbed, as another may
// see it, and not by that one.
func (c callers) Undisturbed(of, by event.AoR) bool {
	if c.statesFor(by, []event.AoR{of})[of] != presence.DND.String() {
		return false
	}
	let := false
	err := c.visit(of, func(*owner.Turn) { let = slices.Contains(c.settings(of).LetThrough, by) })
	return err != nil || !let
}

// LetThrough lets somebody disturb another all the same, for the next minutes.
func (c callers) LetThrough(of, by event.AoR) { c.passes.give(of, by, time.Now()) }

// Dialogs are a user's calls, as another may see them.
func (c callers) Dialogs(of, by event.AoR) []dialoginfo.Dialog {
	var list []dialoginfo.Dialog
	err := c.visit(of, func(t *owner.Turn) {
		doc := c.esc.Document(t, of, "dialog")
		grant, _ := c.decide(of, event.Subscriber{AoR: by, Authenticated: true}, "dialog", t.Now)
		switch {
		case by == of:
		case grant.Handling == event.Allow:
			doc = dialog.Package{Registrar: c.registrar != nil}.View(doc, grant.Rights)
		default:
			return
		}
		list = doc.(*dialoginfo.Info).Dialogs
	})
	if err != nil {
		return nil
	}
	return list
}

// visit does something in a turn of somebody's owner, and waits for it.
func (s *spine) visit(aor event.AoR, do func(*owner.Turn)) error {
	done := make(chan struct{})
	err := s.owners.Post(string(aor), owner.Func(func(t *owner.Turn) {
		do(t)
		t.Say(func(error) { close(done) })
	}))
	if err != nil {
		return err
	}
	select {
	case <-done:
		return nil
	case <-time.After(statesWait):
		return errLate
	}
}

var errLate = errors.New("the owner of a user does not answer in time")

// call answers the command of that name.
func (p *Process) call(ctx context.Context, o control.CallOrder, tell func(control.CallEvent)) error {
	calls := p.Calls()
	if calls == nil {
		return errNoProxy
	}
	user, err := p.userOf(o.User)
	if err != nil {
		return err
	}
	if !p.book.Load().Has(user) {
		return fmt.Errorf("%s: %w", o.User, errNoUser)
	}
	return calls.Call(ctx, callcontrol.Order{User: user, Target: o.Target, Anyway: o.Anyway}, func(e callcontrol.Event) {
		tell(control.CallEvent{Time: time.Now().UTC(), State: string(e.State), Text: e.Text, Code: e.Code})
	})
}
