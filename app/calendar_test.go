package app_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lamplight/app"
	"lamplight/body/pidf"
	"lamplight/event"
	"lamplight/event/presence"
	"lamplight/sip/ua"
	"lamplight/store/cold"
)

// shelf keeps calendars for one server after the other.
type shelf struct {
	mu sync.Mutex
	of map[event.AoR]cold.Calendar
}

func (s *shelf) Calendars() (map[event.AoR]cold.Calendar, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[event.AoR]cold.Calendar{}
	for aor, c := range s.of {
		all[aor] = c
	}
	return all, nil
}

func (s *shelf) SetCalendar(aor event.AoR, c cold.Calendar) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.of, aor)
	if c.URL != "" {
		s.of[aor] = c
	}
	return nil
}

// calendarServer gives a calendar on loopback, whatever it is at the moment.
type calendarServer struct {
	*httptest.Server
	text    atomic.Pointer[string] // nil: it fails
	asked   atomic.Int32
	changed atomic.Int32 // answers that were not "as it was"
}

func newCalendarServer(t *testing.T) *calendarServer {
	c := &calendarServer{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.asked.Add(1)
		text := c.text.Load()
		switch {
		case text == nil:
			http.Error(w, "down", http.StatusInternalServerError)
		case r.Header.Get("If-None-Match") == fmt.Sprintf("%q", fmt.Sprint(len(*text))):
			w.WriteHeader(http.StatusNotModified)
		default:
			c.changed.Add(1)
			w.Header().Set("ETag", fmt.Sprintf("%q", fmt.Sprint(len(*text))))
			_, _ = io.WriteString(w, *text)
		}
	}))
	t.Cleanup(c.Close)
	return c
}

func (c *calendarServer) holds(events ...string) {
	text := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n" + strings.Join(events, "") + "END:VCALENDAR\r\n"
	c.text.Store(&text)
}

func meeting(from, until time.Time, lines string) string {
	const form = "20060102T150405Z"
	return "BEGIN:VEVENT\r\nUID:" + from.Format(form) + "\r\nDTSTART:" + from.Format(form) + "\r\nDTEND:" + until.Format(form) + "\r\n" + lines + "END:VEVENT\r\n"
}

// inOfficeWithCalendars runs a script in an office that may read calendars on
// loopback; the calendars' server is outside of the bubble.
func inOfficeWithCalendars(t *testing.T, script func(o *office, c *calendarServer)) {
	c := newCalendarServer(t)
	inOffice(t, func(o *app.Options) {
		o.Calendars = &shelf{of: map[event.AoR]cold.Calendar{}}
		o.CalendarNetwork = []string{"127.0.0.0/8"}
	}, func(o *office) { script(o, c) })
}

// there has alice's device say that she is, for a day.
func (o *office) there() {
	o.Helper()
	o.published("alice", ua.Publication{Event: "presence", Type: pidf.Type, Body: []byte(state("alice", presence.Available)), Expires: 24 * time.Hour})
}

// comesTo reads what bob is told of alice until it is a state, and gives its note.
func (o *office) comesTo(want presence.State) string {
	o.Helper()
	for {
		doc, err := pidf.Parse(o.notified("bob", "alice", "presence").Body)
		if err != nil {
			o.Fatal(err)
		}
		if got, note, _ := presence.StateOf(doc); got == want {
			return note
		}
	}
}

// A meeting begins and ends in time, and whoever watches is told; it lasts over a
// restart, and goes when it is cancelled.
func TestAMeetingBeginsAndEnds(t *testing.T) {
	inOfficeWithCalendars(t, func(o *office, c *calendarServer) {
		began := time.Now().UTC()
		c.holds(meeting(began.Add(time.Hour), began.Add(2*time.Hour), "SUMMARY:Redundancies\r\n"),
			meeting(began.Add(24*time.Hour), began.Add(27*time.Hour), "X-MICROSOFT-CDO-BUSYSTATUS:OOF\r\n"))
		o.there()
		o.watch("bob", "alice", "presence")
		o.must(o.server.SetCalendar("sip:alice@example.test", c.URL, false))
		o.advance(time.Until(began.Add(time.Hour - time.Second)))
		if s, err := o.server.State("sip:alice@example.test"); err != nil || s.State != presence.Available {
			t.Error(s.State, err)
		}
		if o.comesTo(presence.Meeting); time.Since(began) > time.Hour+time.Second {
			t.Error(time.Since(began))
		}
		o.crash()
		o.advance(30 * time.Second)
		if s, err := o.server.State("sip:alice@example.test"); err != nil || s.State != presence.Meeting {
			t.Error(s.State, err)
		}
		o.advance(time.Until(began.Add(2*time.Hour - time.Second)))
		if note := o.comesTo(presence.Available); note != "" || time.Since(began) > 2*time.Hour+time.Second {
			t.Error(note, time.Since(began))
		}
		o.advance(12 * time.Hour)
		o.there()
		o.advance(10*time.Hour - 10*time.Second)
		o.comesTo(presence.OutOfOffice)
		c.holds()
		o.advance(12 * time.Minute)
		o.comesTo(presence.Available)
	})
}

// Titles are shown where the user allows it.
func TestTitlesOfMeetings(t *testing.T) {
	inOfficeWithCalendars(t, func(o *office, c *calendarServer) {
		now := time.Now().UTC()
		c.holds(meeting(now.Add(-time.Hour), now.Add(time.Hour), "SUMMARY:All hands\r\n"))
		o.there()
		o.watch("bob", "alice", "presence")
		for _, titles := range []bool{true, false} {
			o.must(o.server.SetCalendar("sip:alice@example.test", c.URL, titles))
			note := ""
			if titles {
				note = "All hands"
			}
			if got := o.comesTo(presence.Meeting); got != note {
				t.Errorf("%q, want %q", got, note)
			}
		}
		o.must(o.server.SetCalendar("sip:alice@example.test", "", false))
		o.comesTo(presence.Available)
	})
}

// A calendar that cannot be read any more counts for another day; it is asked for
// less and less often, and only what changed is read.
func TestACalendarThatFails(t *testing.T) {
	inOfficeWithCalendars(t, func(o *office, c *calendarServer) {
		now := time.Now().UTC()
		c.holds(meeting(now.Add(20*time.Hour), now.Add(30*time.Hour), ""))
		if err := o.server.SetCalendar("sip:alice@example.test", c.URL, false); err != nil {
			t.Fatal(err)
		}
		o.advance(65 * time.Minute)
		if asked, changed := c.asked.Load(), c.changed.Load(); asked < 6 || asked > 8 || changed != 1 {
			t.Errorf("asked %d times, read %d times", asked, changed)
		}
		c.text.Store(nil)
		o.advance(12 * time.Minute)
		state, _ := o.server.Calendar("sip:alice@example.test")
		if state.Error != "its server answered 500 Internal Server Error" || len(state.Busy) != 1 {
			t.Errorf("%+v", state)
		}
		before := c.asked.Load()
		o.advance(20 * time.Hour)
		if state, _ := o.server.State("sip:alice@example.test"); state.State != presence.Meeting {
			t.Error(state.State)
		}
		if n := c.asked.Load() - before; n > 12 {
			t.Errorf("asked %d times in 20 hours", n)
		}
		o.advance(8 * time.Hour)
		if state, _ := o.server.State("sip:alice@example.test"); state.State != presence.Offline {
			t.Error(state.State)
		}
	})
}

// Only addresses that are allowed are asked, whatever leads to them.
func TestWhereCalendarsAreReadFrom(t *testing.T) {
	c := newCalendarServer(t)
	c.holds()
	away := httptest.NewServer(http.RedirectHandler(c.URL, http.StatusFound))
	t.Cleanup(away.Close)
	for _, r := range []struct {
		url               string
		network, outbound []string
		want              string
	}{
		{c.URL, nil, nil, "127.0.0.1 is this machine"},
		{away.URL, nil, nil, "127.0.0.1 is this machine"},
		{"http://10.0.0.1/", nil, nil, "no address of the public Internet"},
		{"http://169.254.169.254/latest", nil, nil, "no address of the public Internet"},
		{"http://[::ffff:127.0.0.1]/", nil, nil, "127.0.0.1 is this machine"},
		{c.URL, nil, []string{"192.0.2.0/24"}, "--outbound does not hold it"},
		{c.URL, nil, []string{"127.0.0.0/8"}, ""},
		{away.URL, []string{"127.0.0.1"}, nil, ""},
	} {
		inOffice(t, func(o *app.Options) {
			o.Calendars = &shelf{of: map[event.AoR]cold.Calendar{}}
			o.CalendarNetwork, o.Outbound = r.network, r.outbound
		}, func(o *office) {
			if err := o.server.SetCalendar("sip:alice@example.test", r.url, false); err != nil {
				t.Fatal(err)
			}
			o.advance(time.Minute)
			state, _ := o.server.Calendar("sip:alice@example.test")
			if !strings.Contains(state.Error, r.want) || (state.Error == "") != (r.want == "") {
				t.Errorf("%s: %q", r.url, state.Error)
			}
		})
	}
	inOffice(t, nil, func(o *office) {
		for _, bad := range []string{"ftp://a.test/x", "alice.ics", "http://", "file:///etc/passwd"} {
			if err := o.server.SetCalendar("sip:alice@example.test", bad, false); err == nil {
				t.Error(bad)
			}
		}
	})
}
