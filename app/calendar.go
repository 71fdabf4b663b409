package app

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"lamplight/body/pidf"
	"lamplight/calendar"
	"lamplight/config"
	"lamplight/control"
	"lamplight/event"
	"lamplight/owner"
	"lamplight/store/cold"
)

// CalendarStore keeps where users' calendars are.
type CalendarStore interface {
	Calendars() (map[event.AoR]cold.Calendar, error)
	SetCalendar(event.AoR, cold.Calendar) error
}

var (
	errNoCalendars = errors.New("nothing is kept of calendars here")
	errNotAllowed  = errors.New("--outbound does not hold it")
)

// What of a calendar is entered: it is read again long before that is over.
const (
	entersAhead = 26 * time.Hour
	entersMost  = 40
)

// newCalendars is what reads calendars.
func (s *Server) newCalendars() *calendar.Calendars {
	return calendar.New(calendar.Options{Every: time.Duration(s.o.CalendarEvery), Allow: s.calendarAllowed(), Zone: s.zone, Logger: s.log,
		Enter: func(aor event.AoR, busy []calendar.Busy) {
			s.owners.Return(string(aor), owner.Func(func(t *owner.Turn) { s.enterCalendar(t, aor, busy) }))
		}})
}

// calendarAllowed says which addresses calendars are fetched from: public ones or,
// where the outbound list is not empty, those in it; loopback where the server is
// served there; and those of networks that are named for this.
func (s *Server) calendarAllowed() func(netip.Addr) error {
	var named []netip.Prefix
	for _, n := range s.o.CalendarNetwork {
		p, _ := config.Prefix(n) // it was checked
		named = append(named, p)
	}
	outbound, _ := s.o.Networks()
	within := func(a netip.Addr) func(netip.Prefix) bool {
		return func(p netip.Prefix) bool { return p.Contains(a) }
	}
	return func(a netip.Addr) error {
		a = a.Unmap().WithZone("")
		switch {
		case slices.ContainsFunc(named, within(a)), a.IsLoopback() && s.onLoopback():
			return nil
		case outbound == nil:
			return calendar.Public(a)
		case slices.ContainsFunc(outbound, within(a)):
			return nil
		}
		return fmt.Errorf("%s: %w", a, errNotAllowed)
	}
}

// onLoopback tells whether the server is for this machine alone.
func (s *Server) onLoopback() bool {
	return len(s.o.Serve.Listen) > 0 && !slices.ContainsFunc(s.o.Serve.Listen, func(l string) bool {
		a, err := config.AddrPort(l)
		return err != nil || !a.Addr().IsLoopback()
	})
}

// loadCalendars takes in which users have one.
func (s *Server) loadCalendars() error {
	if s.o.Calendars == nil {
		return nil
	}
	stored, err := s.o.Calendars.Calendars()
	if err != nil {
		return err
	}
	sources := map[event.AoR]calendar.Source{}
	for aor, c := range stored {
		sources[aor] = calendar.Source(c)
	}
	s.calendars.Load(sources)
	return nil
}

// SetCalendar says where a user's calendar is, and has it read; without a URL there
// is none any more. What its times are called is shown to others where titles says
// so.
func (s *Server) SetCalendar(aor event.AoR, url string, titles bool) error {
	source := calendar.Source{URL: url, Titles: titles}
	if s.o.Calendars == nil {
		return errNoCalendars
	}
	if url != "" {
		if err := source.Check(); err != nil {
			return err
		}
	}
	if err := s.o.Calendars.SetCalendar(aor, cold.Calendar(source)); err != nil {
		return err
	}
	if url == "" {
		s.calendars.Clear(aor)
	} else {
		s.calendars.Set(aor, source)
	}
	return nil
}

// Calendar is what is known of a user's calendar; ok is false where the user has
// none.
func (s *Server) Calendar(aor event.AoR) (c calendar.State, ok bool) { return s.calendars.State(aor) }

// enterCalendar makes what a calendar says inputs of its user, and takes away what
// it says no more.
func (s *spine) enterCalendar(t *owner.Turn, aor event.AoR, busy []calendar.Busy) {
	state, has := s.calendars.State(aor)
	if !has || !s.book.Load().Has(aor) {
		busy = nil
	}
	inputs := calendarInputs(aor, busy, state.Titles, t.Now)
	for _, in := range s.esc.Inputs(aor) {
		if in.Source != event.Calendar {
			continue
		}
		if _, still := inputs[in.Key]; still {
			delete(inputs, in.Key) // it is as it was: all that it says is in its ID
		} else {
			s.esc.Withdraw(t, aor, in.Key)
		}
	}
	for _, in := range inputs {
		s.esc.Put(t, aor, in)
	}
}

// calendarInputs are those of a day and a little more.
func calendarInputs(aor event.AoR, busy []calendar.Busy, titles bool, now time.Time) map[event.Key]event.Input {
	inputs := map[event.Key]event.Input{}
	for _, b := range busy {
		if !b.Until.After(now) || b.From.After(now.Add(entersAhead)) || len(inputs) >= entersMost {
			continue
		}
		what, title := "meeting", ""
		if b.Away {
			what = "vacation"
		}
		if titles {
			title = b.Title
		}
		k := event.Key{Event: "presence", Source: event.Calendar, ID: strings.TrimSpace(strings.Join([]string{what,
			strconv.FormatInt(b.From.Unix(), 36), strconv.FormatInt(b.Until.Unix(), 36), title}, " "))}
		person := pidf.Person{ID: "calendar", Activities: []string{what}}
		if title != "" {
			person.Notes = []pidf.Note{{Text: title}}
		}
		inputs[k] = event.Input{Key: k, Made: now, From: b.From, Until: b.Until, Doc: &pidf.Presence{Entity: string(aor), Persons: []pidf.Person{person}}}
	}
	return inputs
}

// calendarOf answers the command of that name.
func (p *Process) calendarOf(user string) (control.Calendar, error) {
	aor, err := p.userOf(user)
	if err != nil {
		return control.Calendar{}, err
	}
	return p.shownCalendar(aor), nil
}

func (p *Process) orderCalendar(o control.CalendarOrder) (control.Calendar, error) {
	aor, err := p.userOf(o.User)
	if err == nil {
		err = p.SetCalendar(aor, o.URL, o.Titles)
	}
	if err != nil {
		return control.Calendar{}, err
	}
	return p.shownCalendar(aor), nil
}

func (s *Server) shownCalendar(aor event.AoR) control.Calendar {
	state, _ := s.Calendar(aor)
	zone := s.zone(aor)
	shown := control.Calendar{AoR: strings.TrimPrefix(string(aor), "sip:"), URL: state.URL, Titles: state.Titles, Error: state.Error, Busy: []control.Busy{}}
	in := func(t time.Time) time.Time {
		if t.IsZero() {
			return t
		}
		return t.In(zone).Truncate(time.Second)
	}
	shown.Read, shown.Next = in(state.Read), in(state.Next)
	for _, b := range state.Busy {
		if b.Until.After(time.Now()) {
			shown.Busy = append(shown.Busy, control.Busy{From: in(b.From), Until: in(b.Until), OutOfOffice: b.Away, Title: b.Title})
		}
	}
	return shown
}
