package calendar

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-ical"
	"github.com/teambition/rrule-go"
)

// look is what an event says of its owner; ok is false where that is nothing.
func look(e *ical.Event) (b Busy, ok bool) {
	is := func(name string) string {
		if p := e.Props.Get(name); p != nil {
			return strings.ToUpper(strings.TrimSpace(p.Value))
		}
		return ""
	}
	busy := is("X-MICROSOFT-CDO-BUSYSTATUS")
	switch {
	case is(ical.PropStatus) == "CANCELLED", is(ical.PropTransparency) == "TRANSPARENT" && busy != "OOF",
		busy == "FREE", busy == "WORKINGELSEWHERE":
		return b, false
	}
	b.Away = busy == "OOF" || is("X-MICROSOFT-CDO-INTENDEDSTATUS") == "OOF" && busy == ""
	b.Title, _ = e.Props.Text(ical.PropSummary)
	b.Title = short(strings.Map(printable, strings.TrimSpace(b.Title)))
	return b, true
}

// printable has a line of text stay one.
func printable(r rune) rune {
	if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' {
		return ' '
	}
	return r
}

// length is how long each occurrence lasts: for days, on the clock on the wall,
// or exactly (RFC 5545).
type length struct {
	days  int
	exact time.Duration
}

func (l length) after(at time.Time) time.Time { return at.AddDate(0, 0, l.days).Add(l.exact) }

// span is when an event begins and how long it lasts (RFC 5545): without an
// end, an all-day event takes a day, and any other no time at all.
func (r *reader) span(e *ical.Event) (start time.Time, l length, err error) {
	begin := e.Props.Get(ical.PropDateTimeStart)
	if begin == nil {
		return start, l, errNoStart
	}
	start, allDay, err := r.zones.time(begin)
	if err != nil {
		return start, l, err
	}
	var exact time.Duration
	if end := e.Props.Get(ical.PropDateTimeEnd); end != nil {
		at, _, err := r.zones.time(end)
		if err != nil {
			return start, l, err
		}
		exact = at.Sub(start)
	} else if d := e.Props.Get(ical.PropDuration); d != nil {
		if exact, err = d.Duration(); err != nil {
			return start, l, err
		}
	} else if allDay {
		exact = 24 * time.Hour
	}
	if allDay {
		return start, length{days: int(math.Round(exact.Hours() / 24))}, nil
	}
	return start, length{exact: exact}, nil
}

// occurrences are when an event begins, as far as that matters (RFC 5545).
func (r *reader) occurrences(e *ical.Event, start time.Time, l length) []time.Time {
	if e.Props.Get(ical.PropRecurrenceID) != nil {
		return []time.Time{start}
	}
	first := r.from.Add(start.Sub(l.after(start))) // one that began after this may still last
	all := r.recurring(e, start, first)
	for _, p := range e.Props.Values(ical.PropRecurrenceDates) {
		for _, one := range split(p) {
			if at, _, err := r.zones.time(&one); err == nil && len(all) < maxEach {
				all = append(all, at)
			}
		}
	}
	return slices.DeleteFunc(all, func(at time.Time) bool {
		return r.excepted(e, at) || slices.ContainsFunc(r.moved[r.uid(e)], at.Equal)
	})
}

// recurring are the occurrences that the rules of an event make of it.
func (r *reader) recurring(e *ical.Event, start, first time.Time) []time.Time {
	all := []time.Time{start}
	for _, p := range e.Props.Values(ical.PropRecurrenceRule) {
		o, err := rrule.StrToROptionInLocation(p.Value, start.Location())
		if err != nil || o.Freq > rrule.DAILY || len(o.Byhour) > 0 || len(o.Byminute) > 0 || len(o.Bysecond) > 0 {
			continue // no meeting is held every hour
		}
		if start.Before(r.from.AddDate(-maxYears, 0, 0)) {
			continue
		}
		o.Dtstart = start
		if untilDay(p.Value) {
			o.Until = o.Until.AddDate(0, 0, 1).Add(-time.Second) // the whole of that day
		}
		if o.Until.IsZero() || o.Until.After(r.until) {
			o.Until = r.until
		}
		rule, err := rrule.NewRRule(*o)
		if err != nil {
			continue
		}
		next := rule.Iterator()
		for n := 0; n < maxEach && time.Now().Before(r.gives); {
			at, ok := next()
			if !ok || at.After(r.until) {
				break
			}
			if !at.Before(first) && !at.Equal(start) {
				all = append(all, at)
				n++
			}
		}
	}
	return all
}

// untilDay tells whether a rule ends with a day, not at a moment.
func untilDay(rule string) bool {
	for part := range strings.SplitSeq(rule, ";") {
		if value, ok := strings.CutPrefix(strings.ToUpper(part), "UNTIL="); ok {
			return len(value) == len("20060102")
		}
	}
	return false
}

// excepted tells whether an event does not take place at one of its times: the time
// is named, or the day of it is.
func (r *reader) excepted(e *ical.Event, at time.Time) bool {
	for _, p := range e.Props.Values(ical.PropExceptionDates) {
		for _, one := range split(p) {
			out, allDay, err := r.zones.time(&one)
			if err == nil && (out.Equal(at) || allDay && at.Format(time.DateOnly) == out.Format(time.DateOnly)) {
				return true
			}
		}
	}
	return false
}

// split is a property for each of the values in a list.
func split(p ical.Prop) []ical.Prop {
	var list []ical.Prop
	for value := range strings.SplitSeq(p.Value, ",") {
		one := p
		one.Value, _, _ = strings.Cut(value, "/") // of a period its beginning
		list = append(list, one)
	}
	return list
}

// freeBusy enters the times of a component that has only those (RFC 5545).
func (r *reader) freeBusy(c *ical.Component) {
	for _, p := range c.Props.Values(ical.PropFreeBusy) {
		kind := strings.ToUpper(p.Params.Get("FBTYPE"))
		if kind == "FREE" {
			continue
		}
		for period := range strings.SplitSeq(p.Value, ",") {
			begin, end, _ := strings.Cut(period, "/")
			from, err := time.Parse("20060102T150405Z", begin)
			if err != nil || len(r.busy) >= 4*maxBusy {
				continue
			}
			until, err := time.Parse("20060102T150405Z", end)
			if err != nil {
				d, err := (&ical.Prop{Name: ical.PropDuration, Value: end}).Duration()
				if err != nil {
					continue
				}
				until = from.Add(d)
			}
			r.enter(Busy{From: from, Until: until, Away: kind == "BUSY-UNAVAILABLE"})
		}
	}
}
