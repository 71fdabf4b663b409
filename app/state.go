package app

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"lamplight/body/pidf"
	"lamplight/esc"
	"lamplight/event"
	"lamplight/event/presence"
	"lamplight/owner"
)

// The keys of what a user forces.
var (
	dndKey    = event.Key{Event: "presence", Source: event.User, ID: "dnd"}
	manualKey = event.Key{Event: "presence", Source: event.User, ID: "manual"}

	hardKey = event.Key{Event: "presence", Source: event.Default, ID: "hard"}
	saidKey = event.Key{Event: "presence", Source: event.User, ID: "document"} // by hand, in the hard state's document
)

// Status is what a user has chosen to be, beside what is known of devices and
// calls.
type Status struct {
	State presence.State // Available, Busy, Meeting, Away or OutOfOffice
	Note  string         // in the user's own words; up to 1,024 bytes
	Until time.Time      // zero: until it is cleared
}

// UserState is what a user has forced, and what comes of it.
type UserState struct {
	State    presence.State // as the user sees it
	DND      bool           // whoever said so
	DNDUntil time.Time      // zero: until it is taken off
	Status   *Status        // nil: none is chosen

	Forwarding Forwarding
	LetThrough []event.AoR // whose calls do not disturb
}

// Why a state is not forced. What the server cannot do now is errNotStored or
// an error of the owner's.
var (
	errPast      = errors.New("the time is over already")
	errFar       = errors.New("the time is more than ten years ahead")
	errNote      = errors.New("a note is up to 1,024 bytes of text, without control characters")
	errNotChosen = errors.New("want available, busy, meeting, away or out-of-office: the others come from calls and devices, and dnd has a command of its own")
	errNotStored = errors.New("it could not be stored")
)

const (
	maxNote  = 1024                      // bytes
	farAhead = 10 * 366 * 24 * time.Hour // nobody means a time after that
)

// SetDND says of a user that they do not want to be disturbed, until a time
// (zero: until it is taken off), or takes that off. What a device publishes is
// not touched by it.
func (s *Server) SetDND(aor event.AoR, on bool, until time.Time) error {
	return s.change(aor, func(t *owner.Turn) error { return s.setDND(t, aor, on, until) })
}

// setDND is SetDND in a turn of the user's owner.
func (s *spine) setDND(t *owner.Turn, aor event.AoR, on bool, until time.Time) error {
	if !on {
		s.esc.Release(t, aor, dndKey)
		return nil
	}
	return s.force(t, aor, dndKey, pidf.Person{DND: true, DNDUntil: until}, until)
}

// SetStatus says of a user what they have chosen to be.
func (s *Server) SetStatus(aor event.AoR, to Status) error {
	if err := to.check(); err != nil {
		return err
	}
	return s.change(aor, func(t *owner.Turn) error {
		person := pidf.Person{Manual: true}
		if said := presence.Publication("", "", to.State, to.Note, t.Now).Persons; said != nil {
			person.Activities, person.Notes = said[0].Activities, said[0].Notes
		}
		return s.force(t, aor, manualKey, person, to.Until)
	})
}

func (to *Status) check() error {
	switch to.State {
	case presence.Available, presence.Busy, presence.Meeting, presence.Away, presence.OutOfOffice:
	default:
		return errNotChosen
	}
	if len(to.Note) > maxNote || !utf8.ValidString(to.Note) || strings.ContainsFunc(to.Note, unicode.IsControl) {
		return errNote
	}
	return nil
}

// ClearStatus takes away what a user has chosen to be.
func (s *Server) ClearStatus(aor event.AoR) error {
	return s.change(aor, func(t *owner.Turn) error {
		s.esc.Release(t, aor, manualKey)
		return nil
	})
}

// SetHardState makes a PIDF document a user's hard state (RFC 4827): what is shown
// where no device has published. What its person says by hand, <dnd/> or <manual/>,
// is no hard state and counts beside publications as well. Without a body there is
// none any more. The error may be of event.Package.Parse.
func (s *Server) SetHardState(aor event.AoR, body []byte) error {
	return s.change(aor, func(t *owner.Turn) error { return s.setHardState(t, aor, body) })
}

func (s *spine) setHardState(t *owner.Turn, aor event.AoR, body []byte) error {
	if body == nil {
		s.esc.Release(t, aor, hardKey)
		s.esc.Release(t, aor, saidKey)
		return nil
	}
	hard := esc.Forced{Key: hardKey, Made: t.Now, Type: pidf.Type, Body: body}
	if err := s.esc.Force(t, aor, hard); err != nil {
		return err
	}
	in, _ := s.esc.Input(aor, hardKey)
	said := pidf.Presence{Entity: string(aor)}
	for _, p := range in.Doc.(*pidf.Presence).Persons {
		if p.DND || p.Manual {
			said.Persons = append(said.Persons, p)
		}
	}
	if said.Persons == nil {
		s.esc.Release(t, aor, saidKey)
		return nil
	}
	return s.esc.Force(t, aor, esc.Forced{Key: saidKey, Made: t.Now, Type: pidf.Type, Body: said.Append(nil)})
}

// force enters what is said of a person.
func (s *spine) force(t *owner.Turn, aor event.AoR, k event.Key, said pidf.Person, until time.Time) error {
	switch {
	case !until.IsZero() && !until.After(t.Now):
		return errPast
	case until.After(t.Now.Add(farAhead)):
		return errFar
	}
	said.ID, said.Timestamp = k.ID, t.Now.UTC()
	doc := pidf.Presence{Entity: string(aor), Persons: []pidf.Person{said}}
	return s.esc.Force(t, aor, esc.Forced{Key: k, Made: t.Now, Until: until, Type: pidf.Type, Body: doc.Append(nil)})
}

// State is what a user has forced, and what comes of it.
func (s *Server) State(aor event.AoR) (u UserState, err error) {
	err = s.change(aor, func(t *owner.Turn) error {
		u = s.stateOf(t, aor)
		return nil
	})
	return u, err
}

func (s *spine) stateOf(t *owner.Turn, aor event.AoR) (u UserState) {
	u.State, _, _ = presence.StateOf(s.esc.Document(t, aor, "presence").(*pidf.Presence))
	u.DND, u.DNDUntil = s.dnd(aor, t.Now)
	if in, ok := s.esc.Input(aor, manualKey); ok && (in.Until.IsZero() || in.Until.After(t.Now)) {
		u.Status = chosen(in.Doc.(*pidf.Presence), in.Until)
	}
	set := s.settings(aor)
	u.Forwarding, u.LetThrough = set.Forwarding, set.LetThrough
	return u
}

// dnd tells whether a user does not want to be disturbed, whoever said so, and
// until when (zero: until it is taken off), in a turn of the user's owner.
func (s *spine) dnd(aor event.AoR, now time.Time) (on bool, until time.Time) {
	for _, in := range s.esc.Inputs(aor) {
		doc, ok := in.Doc.(*pidf.Presence)
		if !ok || in.Event != "presence" || in.From.After(now) || !in.Until.IsZero() && !in.Until.After(now) {
			continue
		}
		if also, end := doc.DND(now); also && (!on || end.IsZero() || !until.IsZero() && end.After(until)) {
			on, until = true, end
		}
	}
	return on, until
}

// chosen reads a status as SetStatus writes it.
func chosen(doc *pidf.Presence, until time.Time) *Status {
	state, note, _ := presence.StateOf(doc)
	if state == presence.Unknown { // nobody need say more of who is there
		state = presence.Available
	}
	return &Status{State: state, Note: note, Until: until}
}

// change does something in a turn of a user's owner, and waits until that is
// durable.
func (s *Server) change(aor event.AoR, do func(*owner.Turn) error) error {
	if !s.book.Load().Has(aor) {
		return fmt.Errorf("%s: %w", strings.TrimPrefix(string(aor), "sip:"), errNoUser)
	}
	done := make(chan error, 1)
	err := s.owners.Post(string(aor), owner.Func(func(t *owner.Turn) {
		err := do(t)
		t.Say(func(failed error) {
			if failed != nil {
				err = errNotStored
			}
			done <- err
		})
	}))
	if err != nil {
		return err
	}
	select {
	case err := <-done:
		return err
	case <-time.After(statesWait):
		return errLate
	}
}

// zone is the time zone of a user's domain, that of the server where none is set.
func (s *spine) zone(aor event.AoR) *time.Location {
	if name := s.book.Load().Zone(aor); name != "" {
		if zone, err := time.LoadLocation(name); err == nil {
			return zone
		}
	}
	return time.Local
}

var errWhen = errors.New("want a time of day (15:00), a date (2026-11-30), both (2026-11-30T15:00), or a length of time from now (90m)")

// until reads a time as people write it, in their time zone: the next such time of
// day, or the beginning of a day. "" is no time.
func until(text string, after time.Duration, now time.Time, zone *time.Location) (time.Time, error) {
	text = strings.TrimSpace(text)
	now = now.In(zone)
	switch {
	case after < 0:
		return time.Time{}, errPast
	case after > 0:
		return now.Add(after).UTC(), nil
	case text == "":
		return time.Time{}, nil
	}
	if at, err := time.ParseInLocation("15:04", text, zone); err == nil {
		next := time.Date(now.Year(), now.Month(), now.Day(), at.Hour(), at.Minute(), 0, 0, zone)
		if !next.After(now) {
			next = time.Date(now.Year(), now.Month(), now.Day()+1, at.Hour(), at.Minute(), 0, 0, zone)
		}
		return next.UTC(), nil
	}
	for _, layout := range []string{"2006-01-02", "2006-01-02T15:04", "2006-01-02 15:04", time.RFC3339} {
		if at, err := time.ParseInLocation(layout, text, zone); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q: %w", text, errWhen)
}
