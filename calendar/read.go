package calendar

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-ical"
)

// Busy is a time at which somebody is in a meeting, or out of office.
type Busy struct {
	From, Until time.Time
	Away        bool   // out of office
	Title       string // up to 200 bytes; "": none
}

// What is read of one calendar at most. A calendar that takes longer than
// reading is given up: its rules were made for that.
const (
	maxBytes = 16 << 20
	maxDepth = 4   // of components within each other; an alarm is in an event in a calendar
	maxEach  = 100 // times of one event
	maxBusy  = 500 // times in all
	maxTitle = 200 // bytes
	maxYears = 100 // an event that began before that is not expanded
	reading  = 5 * time.Second
)

var (
	errNoStart    = errors.New("an event without a beginning")
	errNoCalendar = errors.New("what it gives is no calendar (iCalendar)")
	errDeep       = errors.New("its components are too deep within each other")
	errSlow       = errors.New("its recurring events take too long to work out")
)

// Read finds the times of a calendar that touch a span, in their order. zone is
// that of all-day events and of times without one. What is cancelled, or says
// that its owner is free meanwhile, is left out, and so is an event that cannot be
// read: the others still count. The error says why there is no calendar in it.
func Read(text []byte, zone *time.Location, from, until time.Time) ([]Busy, error) {
	if err := checkDepth(text); err != nil {
		return nil, err
	}
	in := ical.NewDecoder(bytes.NewReader(text))
	var r reader
	for n := 0; ; n++ {
		cal, err := in.Decode()
		if err != nil && n > 0 { // what follows the calendar
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %s", errNoCalendar, short(err.Error()))
		}
		r = reader{busy: r.busy, zones: zonesOf(cal, zone), from: from, until: until, gives: time.Now().Add(reading)}
		if err := r.read(cal); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(r.busy, func(a, b Busy) int {
		return cmp.Or(a.From.Compare(b.From), a.Until.Compare(b.Until), cmp.Compare(a.Title, b.Title))
	})
	r.busy = slices.Compact(r.busy)
	return r.busy[:min(len(r.busy), maxBusy)], nil
}

// checkDepth refuses what the decoder would follow down without an end.
func checkDepth(text []byte) error {
	depth := 0
	for line := range bytes.Lines(text) {
		switch head := bytes.ToUpper(line[:min(len(line), 6)]); {
		case bytes.HasPrefix(head, []byte("BEGIN:")), bytes.HasPrefix(head, []byte("BEGIN;")):
			if depth++; depth > maxDepth {
				return errDeep
			}
		case bytes.HasPrefix(head, []byte("END:")), bytes.HasPrefix(head, []byte("END;")):
			depth--
		}
	}
	return nil
}

// short is the beginning of what somebody else wrote.
func short(s string) string {
	if len(s) > maxTitle {
		s = s[:maxTitle]
	}
	return strings.ToValidUTF8(s, "")
}

// reader reads one calendar.
type reader struct {
	zones       zones
	from, until time.Time
	gives       time.Time // when it gives up
	busy        []Busy
	moved       map[string][]time.Time // by UID: occurrences that stand elsewhere
}

func (r *reader) read(cal *ical.Calendar) error {
	r.moved = map[string][]time.Time{}
	events := cal.Events()
	for i := range events {
		if at := events[i].Props.Get(ical.PropRecurrenceID); at != nil {
			if was, _, err := r.zones.time(at); err == nil {
				uid := r.uid(&events[i])
				r.moved[uid] = append(r.moved[uid], was)
			}
		}
	}
	for i := range events {
		if time.Now().After(r.gives) {
			return errSlow
		}
		if len(r.busy) < 4*maxBusy {
			r.event(&events[i])
		}
	}
	for _, c := range cal.Children {
		if c.Name == ical.CompFreeBusy {
			r.freeBusy(c)
		}
	}
	return nil
}

func (r *reader) uid(e *ical.Event) string {
	if p := e.Props.Get(ical.PropUID); p != nil {
		return p.Value
	}
	return ""
}

// event enters the times of an event.
func (r *reader) event(e *ical.Event) {
	busy, ok := look(e)
	if !ok {
		return
	}
	start, length, err := r.span(e)
	if err != nil {
		return
	}
	for _, at := range r.occurrences(e, start, length) {
		busy.From, busy.Until = at.UTC(), length.after(at).UTC()
		r.enter(busy)
	}
}

func (r *reader) enter(b Busy) {
	if b.Until.After(r.from) && b.From.Before(r.until) && b.Until.After(b.From) {
		r.busy = append(r.busy, b)
	}
}
