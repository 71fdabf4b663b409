package app

import (
	"strings"
	"time"

	"lamplight/body/dialoginfo"
	"lamplight/body/pidf"
	"lamplight/control"
	"lamplight/event"
	"lamplight/event/presence"
	"lamplight/owner"
)

// Explained is why a user's state is as it is, and who sees what of it.
type Explained = control.Explained

// handlings are the words of RFC 5025 §3.2.1.
var handlings = [...]string{event.Block: "block", event.Confirm: "confirm", event.PoliteBlock: "polite-block", event.Allow: "allow"}

// explain answers the command of that name.
func (p *Process) explain(user, as string) (Explained, error) {
	aor, err := p.userOf(user)
	if err != nil {
		return Explained{}, err
	}
	var watcher event.AoR
	if as != "" {
		watcher = event.AoR(uriOf(aor, as))
		if own, err := p.userOf(as); err == nil {
			watcher = own
		}
	}
	return p.Explain(aor, watcher)
}

// Explain says why a user's state and lamp are as they are: of all that is known
// what counts and which layer won, what each class of watchers sees, or one watcher
// (as; "": none is asked for), and when it changes.
func (s *Server) Explain(aor, as event.AoR) (e Explained, err error) {
	err = s.change(aor, func(t *owner.Turn) error {
		e = s.explain(t, aor, as)
		return nil
	})
	return e, err
}

func (s *spine) explain(t *owner.Turn, aor, as event.AoR) Explained {
	zone := s.zone(aor)
	e := Explained{AoR: strings.TrimPrefix(string(aor), "sip:"), At: t.Now.In(zone).Truncate(time.Second)}
	e.Explanation, e.Lamp = s.reasons(t, aor, "presence"), s.reasons(t, aor, "dialog")
	if as != "" {
		one := s.shown(t, aor, as, "watcher")
		one.AoR = strings.TrimPrefix(string(as), "sip:")
		e.Watchers = []control.Shown{one}
		return e
	}
	_, domain, _ := strings.Cut(string(aor), "@")
	e.Watchers = []control.Shown{s.shown(t, aor, aor, "the user"), s.shown(t, aor, "sip:~@"+event.AoR(domain), "own domain")}
	for _, other := range s.book.Load().Listed(domain) {
		one := s.shown(t, aor, "sip:~@"+event.AoR(other), "listed domain")
		one.AoR = other
		e.Watchers = append(e.Watchers, one)
	}
	e.Watchers = append(e.Watchers, s.shown(t, aor, "sip:~@invalid", "stranger"))
	return e
}

// reasons is what a package says of what it composes, in the user's time zone.
func (s *spine) reasons(t *owner.Turn, aor event.AoR, name event.Name) event.Explanation {
	pkg := s.esc.Package(name)
	explainer, ok := pkg.(event.Explainer)
	if !ok {
		return event.Explanation{}
	}
	var in []event.Input
	for _, i := range s.esc.Inputs(aor) {
		for _, read := range pkg.Reads() {
			if i.Event == read {
				in = append(in, i)
			}
		}
	}
	e := explainer.Explain(aor, in, t.Now)
	zone := s.zone(aor)
	times := []*time.Time{&e.Next}
	for i := range e.Inputs {
		times = append(times, &e.Inputs[i].Made, &e.Inputs[i].From, &e.Inputs[i].Until)
	}
	for i := range e.Layers {
		times = append(times, &e.Layers[i].Until)
	}
	for _, at := range times {
		if !at.IsZero() {
			*at = at.In(zone).Truncate(time.Second)
		}
	}
	return e
}

// shown is what a watcher sees of a user.
func (s *spine) shown(t *owner.Turn, aor, watcher event.AoR, who string) control.Shown {
	doc, grant, next := s.viewFor(t, aor, watcher, "presence")
	one := control.Shown{Who: who, Handling: handlings[grant.Handling], Rights: string(grant.Rights)}
	if !next.IsZero() {
		one.Next = next.In(s.zone(aor)).Truncate(time.Second)
	}
	if p, ok := doc.(*pidf.Presence); ok {
		state, note, _ := presence.StateOf(p)
		one.State, one.Note = state.Token(), note
	}
	if who == "watcher" && doc != nil {
		if body, err := s.esc.Package("presence").Encode(string(aor), doc, event.Format{}); err == nil {
			one.Document = string(body.Head)
		}
	}
	if doc, _, _ := s.viewFor(t, aor, watcher, "dialog"); doc != nil {
		if info := doc.(*dialoginfo.Info); len(info.Dialogs) > 0 {
			one.Lamp = info.Dialogs[0].State
		}
	}
	return one
}

// viewFor is a user's document as somebody may see it, in a turn of its owner; nil
// where the watcher is told nothing yet, or never.
func (s *spine) viewFor(t *owner.Turn, aor, watcher event.AoR, name event.Name) (event.Document, event.Grant, time.Time) {
	grant, next := s.decide(aor, event.Subscriber{AoR: watcher, Authenticated: true}, name, t.Now)
	doc := s.esc.Document(t, aor, name)
	viewer, ok := s.esc.Package(name).(event.Viewer)
	switch {
	case !ok:
		return nil, grant, next
	case grant.Handling == event.Allow:
		return viewer.View(doc, grant.Rights), grant, next
	case grant.Handling == event.PoliteBlock:
		return viewer.View(doc, ""), grant, next
	}
	return nil, grant, next
}
