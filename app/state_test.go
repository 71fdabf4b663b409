package app

import (
	"testing"
	"time"
)

// A time of day is the next such one where the user is, whenever the clocks are
// changed there.
func TestUntil(t *testing.T) {
	zone := func(name string) *time.Location {
		z, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		return z
	}
	at := func(s string) time.Time {
		t.Helper()
		v, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, c := range []struct {
		zone, now, text string
		after           time.Duration
		want            string
	}{
		{"Asia/Seoul", "2026-11-25T03:00:00Z", "15:00", 0, "2026-11-25T06:00:00Z"},
		{"Asia/Seoul", "2026-11-25T06:00:00Z", "15:00", 0, "2026-11-26T06:00:00Z"},
		{"Asia/Seoul", "2026-11-25T16:00:00Z", "00:30", 0, "2026-11-26T15:30:00Z"},
		{"Europe/Berlin", "2026-10-24T14:00:00Z", "15:00", 0, "2026-10-25T14:00:00Z"},
		{"Asia/Seoul", "2026-11-25T03:00:00Z", "2026-11-30T15:00", 0, "2026-11-30T06:00:00Z"},
		{"Asia/Seoul", "2026-11-25T03:00:00Z", "2026-11-30", 0, "2026-11-29T15:00:00Z"},
		{"Asia/Seoul", "2026-11-25T03:00:00Z", "2026-11-30T15:00:00+01:00", 0, "2026-11-30T14:00:00Z"},
		{"Asia/Seoul", "2026-11-25T03:00:00Z", "", 90 * time.Minute, "2026-11-25T04:30:00Z"},
		{"Asia/Seoul", "2026-11-25T03:00:00Z", "", 0, "0001-01-01T00:00:00Z"},
		{"Asia/Seoul", "2026-11-25T03:00:00Z", "", -time.Minute, ""},
		{"Asia/Seoul", "2026-11-25T03:00:00Z", "25:00", 0, ""},
		{"Asia/Seoul", "2026-11-25T03:00:00Z", "soon", 0, ""},
	} {
		got, err := until(c.text, c.after, at(c.now), zone(c.zone))
		if (err != nil) != (c.want == "") || err == nil && !got.Equal(at(c.want)) {
			t.Errorf("%+v: %v, %v", c, got, err)
		}
	}
}
