package calendar

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func zone(t testing.TB, name string) *time.Location {
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func at(t testing.TB, s string) time.Time {
	got, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// ics is a calendar of one event, or of what else stands in it.
func ics(lines ...string) string {
	return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//x//EN\r\n" + strings.Join(lines, "\r\n") + "\r\nEND:VCALENDAR\r\n"
}

func vevent(lines ...string) string {
	return "BEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\n" + strings.Join(lines, "\r\n") + "\r\nEND:VEVENT"
}

// words are what was read, a line each.
func words(list []Busy) string {
	var b strings.Builder
	for _, one := range list {
		fmt.Fprintf(&b, "%s %s", one.From.Format("0102T1504"), one.Until.Format("0102T1504"))
		if one.Away {
			b.WriteString(" away")
		}
		if one.Title != "" {
			b.WriteString(" " + one.Title)
		}
		b.WriteString("\n")
	}
	return b.String()
}

const berlin = "BEGIN:VTIMEZONE\r\nTZID:Custom\r\nBEGIN:STANDARD\r\nDTSTART:16010101T030000\r\nTZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10\r\nEND:STANDARD\r\n" +
	"BEGIN:DAYLIGHT\r\nDTSTART:16010101T020000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3\r\nEND:DAYLIGHT\r\nEND:VTIMEZONE"

// The window is two weeks round the end of summer time in Europe (25 October 2026,
// 01:00 UTC); the user is in Seoul.
func TestRead(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"a meeting", ics(vevent("DTSTART:20261022T100000Z", "DTEND:20261022T110000Z", "SUMMARY:Plan\\, A")), "1022T1000 1022T1100 Plan, A\n"},
		{"with a duration", ics(vevent("DTSTART:20261022T100000Z", "DURATION:PT45M")), "1022T1000 1022T1045\n"},
		{"in the user's zone", ics(vevent("DTSTART:20261022T100000", "DTEND:20261022T110000")), "1022T0100 1022T0200\n"},
		{"in a zone", ics(vevent("DTSTART;TZID=Europe/Berlin:20261022T100000", "DTEND;TZID=Europe/Berlin:20261022T110000")), "1022T0800 1022T0900\n"},
		{"in a zone of Windows", ics(vevent("DTSTART;TZID=W. Europe Standard Time:20261022T100000", "DURATION:PT1H")), "1022T0800 1022T0900\n"},
		{"in a zone with a path before it", ics(vevent("DTSTART;TZID=/mozilla.org/20050126_1/Europe/Berlin:20261022T100000", "DURATION:PT1H")), "1022T0800 1022T0900\n"},
		{"in a zone of its own", ics(berlin, vevent("DTSTART;TZID=Custom:20261022T100000", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;COUNT=2")), "1022T0800 1022T0900\n1029T0900 1029T1000\n"},
		{"every week over the change of clocks", ics(vevent("DTSTART;TZID=Europe/Berlin:20260902T100000", "DTEND;TZID=Europe/Berlin:20260902T110000", "RRULE:FREQ=WEEKLY;BYDAY=MO,WE")),
			"1021T0800 1021T0900\n1026T0900 1026T1000\n1028T0900 1028T1000\n1102T0900 1102T1000\n"},
		{"but for a time", ics(vevent("DTSTART:20261020T100000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;UNTIL=20261023T100000Z", "EXDATE:20261021T100000Z,20261022T100000Z")), "1020T1000 1020T1100\n1023T1000 1023T1100\n"},
		{"but for a day", ics(vevent("DTSTART:20261020T100000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;UNTIL=20261021", "EXDATE;VALUE=DATE:20261020")), "1021T1000 1021T1100\n"},
		{"and more times", ics(vevent("DTSTART:20261020T100000Z", "DURATION:PT1H", "RDATE:20261021T120000Z")), "1020T1000 1020T1100\n1021T1200 1021T1300\n"},
		{"one that was moved", ics(vevent("DTSTART:20261020T100000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=2"),
			vevent("RECURRENCE-ID:20261021T100000Z", "DTSTART:20261021T150000Z", "DURATION:PT1H")), "1020T1000 1020T1100\n1021T1500 1021T1600\n"},
		{"one that was cancelled", ics(vevent("DTSTART:20261020T100000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=2"),
			vevent("RECURRENCE-ID:20261021T100000Z", "DTSTART:20261021T100000Z", "DURATION:PT1H", "STATUS:CANCELLED")), "1020T1000 1020T1100\n"},
		{"a whole day", ics(vevent("DTSTART;VALUE=DATE:20261022", "DTEND;VALUE=DATE:20261023")), "1021T1500 1022T1500\n"},
		{"a whole day without an end", ics(vevent("DTSTART;VALUE=DATE:20261022")), "1021T1500 1022T1500\n"},
		{"a holiday", ics(vevent("DTSTART;VALUE=DATE:20261022", "DTEND;VALUE=DATE:20261024", "X-MICROSOFT-CDO-BUSYSTATUS:OOF", "TRANSP:OPAQUE")), "1021T1500 1023T1500 away\n"},
		{"cancelled", ics(vevent("DTSTART:20261022T100000Z", "DURATION:PT1H", "STATUS:CANCELLED")), ""},
		{"transparent", ics(vevent("DTSTART:20261022T100000Z", "DURATION:PT1H", "TRANSP:TRANSPARENT")), ""},
		{"free", ics(vevent("DTSTART:20261022T100000Z", "DURATION:PT1H", "X-MICROSOFT-CDO-BUSYSTATUS:FREE")), ""},
		{"a moment", ics(vevent("DTSTART:20261022T100000Z")), ""},
		{"long over", ics(vevent("DTSTART:20260922T100000Z", "DURATION:PT1H")), ""},
		{"that goes on", ics(vevent("DTSTART:20260922T100000Z", "DTEND:20261021T100000Z")), "0922T1000 1021T1000\n"},
		{"far ahead", ics(vevent("DTSTART:20261222T100000Z", "DURATION:PT1H")), ""},
		{"one that cannot be read beside another", ics(vevent("DTSTART:soon"), vevent("DTSTART:20261022T100000Z", "DURATION:PT1H")), "1022T1000 1022T1100\n"},
		{"busy times", ics("BEGIN:VFREEBUSY\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\nFREEBUSY;FBTYPE=BUSY:20261022T100000Z/PT1H,20261022T120000Z/20261022T130000Z\r\nFREEBUSY;FBTYPE=FREE:20261022T140000Z/PT1H\r\nEND:VFREEBUSY"), "1022T1000 1022T1100\n1022T1200 1022T1300\n"},
		{"every second", ics(vevent("DTSTART:20261022T100000Z", "DURATION:PT1H", "RRULE:FREQ=SECONDLY")), "1022T1000 1022T1100\n"},
	} {
		got, err := Read([]byte(c.text), zone(t, "Asia/Seoul"), at(t, "2026-10-20T00:00:00Z"), at(t, "2026-11-03T00:00:00Z"))
		if err != nil || words(got) != c.want {
			t.Errorf("%s: %v\n%swant\n%s", c.name, err, words(got), c.want)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":  "",
		"a page":   "<!DOCTYPE html><html></html>",
		"a part":   "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\n",
		"the deep": strings.Repeat("BEGIN:VCALENDAR\r\n", 1_000_000),
	} {
		if got, err := Read([]byte(text), time.UTC, time.Now(), time.Now().Add(ahead)); err == nil {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// However many rules never come true, reading ends.
func TestReadGivesUp(t *testing.T) {
	never := vevent("DTSTART:19300101T100000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30")
	text := ics(strings.TrimSuffix(strings.Repeat(never+"\r\n", 2000), "\r\n"))
	began := time.Now()
	_, _ = Read([]byte(text), time.UTC, began.Add(-keeps), began.Add(ahead))
	if took := time.Since(began); took > 4*reading {
		t.Error(took)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(ics(berlin, vevent("DTSTART;TZID=Custom:20261022T100000", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;COUNT=2", "EXDATE:20261022T100000")))
	f.Add(ics(vevent("DTSTART;VALUE=DATE:20261022", "RRULE:FREQ=YEARLY;BYWEEKNO=1;BYSETPOS=-1", "RDATE:20261020/20261021")))
	f.Add(ics("BEGIN:VFREEBUSY\r\nFREEBUSY:20261022T100000Z/PT1H\r\nEND:VFREEBUSY"))
	from, until := at(f, "2026-10-20T00:00:00Z"), at(f, "2026-11-03T00:00:00Z")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 10_000 {
			return
		}
		list, _ := Read([]byte(text), time.UTC, from, until)
		if len(list) > maxBusy {
			t.Error(len(list))
		}
		for _, b := range list {
			if !b.Until.After(b.From) || !b.Until.After(from) || !b.From.Before(until) || len(b.Title) > maxTitle {
				t.Errorf("%+v", b)
			}
		}
	})
}
