package calendar

import (
	"strings"
	"time"
	_ "time/tzdata" // a server may stand where there are none

	"github.com/emersion/go-ical"
)

// zones are the time zones of one calendar.
type zones struct {
	own   *time.Location            // of times that name none
	named map[string]*time.Location // as the calendar describes them, by their names in it
}

// time reads a moment, or a day: its beginning.
func (z zones) time(p *ical.Prop) (at time.Time, allDay bool, err error) {
	zone := z.own
	one := ical.Prop{Name: p.Name, Params: ical.Params{}, Value: strings.TrimSpace(p.Value)}
	if name := p.Params.Get(ical.PropTimezoneID); name != "" {
		zone = z.find(name)
	}
	if allDay = len(one.Value) == len("20060102"); allDay {
		one.SetValueType(ical.ValueDate)
		zone = z.own
	}
	at, err = one.DateTime(zone)
	return at, allDay, err
}

// find is the zone of a name: one of IANA's, that another program has put
// something before, or one of Windows', else what the calendar says of it.
func (z zones) find(name string) *time.Location {
	if zone := iana(name); zone != nil {
		return zone
	}
	if zone := z.named[name]; zone != nil {
		return zone
	}
	return z.own
}

func iana(name string) *time.Location {
	name = strings.Trim(name, `"`)
	if of, ok := windows[name]; ok {
		name = of
	}
	for name != "" && name != "Local" {
		if zone, err := time.LoadLocation(name); err == nil {
			return zone
		}
		_, rest, more := strings.Cut(strings.TrimPrefix(name, "/"), "/") // /mozilla.org/20050126_1/Europe/Berlin
		if !more {
			return nil
		}
		name = rest
	}
	return nil
}

// zonesOf reads how a calendar describes its zones (RFC 5545): under the name
// that they have elsewhere, else the known zone with the same offsets, else the
// offset of standard time.
func zonesOf(cal *ical.Calendar, own *time.Location) zones {
	z := zones{own: own, named: map[string]*time.Location{}}
	for _, c := range cal.Children {
		name := c.Props.Get(ical.PropTimezoneID)
		if c.Name != ical.CompTimezone || name == nil {
			continue
		}
		if known := c.Props.Get("X-LIC-LOCATION"); known != nil && iana(known.Value) != nil {
			z.named[name.Value] = iana(known.Value)
			continue
		}
		standard, summer := offsets(c)
		z.named[name.Value] = like(standard, summer, name.Value)
	}
	return z
}

// observance is what a zone's clock shows in a part of the year.
type observance struct {
	offset int // seconds east
	month  time.Month
	there  bool
}

func offsets(c *ical.Component) (standard, summer observance) {
	for _, part := range c.Children {
		to := &standard
		if part.Name == ical.CompTimezoneDaylight {
			to = &summer
		}
		p := part.Props.Get(ical.PropTimezoneOffsetTo)
		if p == nil {
			continue
		}
		at, err := time.Parse("-0700", p.Value)
		if err != nil {
			if at, err = time.Parse("-070000", p.Value); err != nil {
				continue
			}
		}
		to.there = true
		_, to.offset = at.Zone()
		if rule := part.Props.Get(ical.PropRecurrenceRule); rule != nil {
			to.month = monthOf(rule.Value)
		}
	}
	return standard, summer
}

// monthOf is the month of a rule like FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3.
func monthOf(rule string) time.Month {
	for part := range strings.SplitSeq(rule, ";") {
		if value, ok := strings.CutPrefix(strings.ToUpper(part), "BYMONTH="); ok {
			if t, err := time.Parse("1", value); err == nil {
				return t.Month()
			}
		}
	}
	return 0
}

// like is the known zone whose clock shows the same.
func like(standard, summer observance, name string) *time.Location {
	fixed := time.FixedZone(name, standard.offset)
	if !standard.there || !summer.there || standard.offset == summer.offset {
		return fixed
	}
	for _, candidate := range likely {
		zone := iana(candidate)
		if changes(zone, summer) && changes(zone, standard) {
			return zone
		}
	}
	return fixed
}

// changes tells whether a zone's clock shows an offset from that month on, and not
// before.
func changes(zone *time.Location, o observance) bool {
	year := time.Now().Year()
	offset := func(m time.Month) int {
		_, seconds := time.Date(year, m, 1, 12, 0, 0, 0, zone).Zone()
		return seconds
	}
	return o.month != 0 && offset(o.month) != o.offset && offset(o.month+1) == o.offset
}

// likely are the zones with summer time that a calendar of its own description is
// taken for.
var likely = []string{
	"Europe/Berlin", "Europe/London", "Europe/Athens", "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles",
	"America/Anchorage", "America/Halifax", "America/St_Johns", "Australia/Sydney", "Australia/Adelaide", "Pacific/Auckland", "America/Santiago",
}

// windows are the zones of Microsoft's products by IANA's names, after the table
// of Unicode's CLDR.
var windows = map[string]string{
	"AUS Central Standard Time": "Australia/Darwin", "AUS Eastern Standard Time": "Australia/Sydney", "Alaskan Standard Time": "America/Anchorage",
	"Arab Standard Time": "Asia/Riyadh", "Arabian Standard Time": "Asia/Dubai", "Argentina Standard Time": "America/Argentina/Buenos_Aires",
	"Atlantic Standard Time": "America/Halifax", "Bangladesh Standard Time": "Asia/Dhaka", "Canada Central Standard Time": "America/Regina",
	"Cen. Australia Standard Time": "Australia/Adelaide", "Central America Standard Time": "America/Guatemala", "Central Asia Standard Time": "Asia/Bishkek",
	"Central Europe Standard Time": "Europe/Budapest", "Central European Standard Time": "Europe/Warsaw", "Central Standard Time": "America/Chicago",
	"Central Standard Time (Mexico)": "America/Mexico_City", "China Standard Time": "Asia/Shanghai", "E. Africa Standard Time": "Africa/Nairobi",
	"E. Australia Standard Time": "Australia/Brisbane", "E. Europe Standard Time": "Europe/Chisinau", "E. South America Standard Time": "America/Sao_Paulo",
	"Eastern Standard Time": "America/New_York", "Egypt Standard Time": "Africa/Cairo", "FLE Standard Time": "Europe/Kiev", "GMT Standard Time": "Europe/London",
	"GTB Standard Time": "Europe/Bucharest", "Greenwich Standard Time": "Atlantic/Reykjavik", "Hawaiian Standard Time": "Pacific/Honolulu",
	"India Standard Time": "Asia/Kolkata", "Iran Standard Time": "Asia/Tehran", "Israel Standard Time": "Asia/Jerusalem", "Jordan Standard Time": "Asia/Amman",
	"Korea Standard Time": "Asia/Seoul", "Middle East Standard Time": "Asia/Beirut", "Morocco Standard Time": "Africa/Casablanca",
	"Mountain Standard Time": "America/Denver", "Myanmar Standard Time": "Asia/Yangon", "Nepal Standard Time": "Asia/Kathmandu",
	"New Zealand Standard Time": "Pacific/Auckland", "Newfoundland Standard Time": "America/St_Johns", "North Asia Standard Time": "Asia/Krasnoyarsk",
	"Pacific SA Standard Time": "America/Santiago", "Pacific Standard Time": "America/Los_Angeles", "Pakistan Standard Time": "Asia/Karachi",
	"Romance Standard Time": "Europe/Paris", "Russian Standard Time": "Europe/Moscow", "SA Pacific Standard Time": "America/Bogota",
	"SE Asia Standard Time": "Asia/Bangkok", "Singapore Standard Time": "Asia/Singapore", "South Africa Standard Time": "Africa/Johannesburg",
	"Sri Lanka Standard Time": "Asia/Colombo", "Taipei Standard Time": "Asia/Taipei", "Tasmania Standard Time": "Australia/Hobart",
	"Tokyo Standard Time": "Asia/Tokyo", "Turkey Standard Time": "Europe/Istanbul", "US Eastern Standard Time": "America/Indiana/Indianapolis",
	"US Mountain Standard Time": "America/Phoenix", "UTC": "UTC", "Ulaanbaatar Standard Time": "Asia/Ulaanbaatar", "Venezuela Standard Time": "America/Caracas",
	"Vladivostok Standard Time": "Asia/Vladivostok", "W. Australia Standard Time": "Australia/Perth", "W. Central Africa Standard Time": "Africa/Lagos",
	"W. Europe Standard Time": "Europe/Berlin", "West Asia Standard Time": "Asia/Tashkent", "West Pacific Standard Time": "Pacific/Port_Moresby",
}
