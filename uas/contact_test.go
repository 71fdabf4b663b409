package uas

import (
	"math"
	"testing"
	"time"

	"lamplight/registrar"
	"lamplight/sip"
)

func TestIntervalsOfContacts(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"":                                registrar.Unasked,
		";expires=0":                      0,
		";expires=300":                    300 * time.Second,
		";EXPIRES=300":                    300 * time.Second,
		";expires=4294967295":             math.MaxUint32 * time.Second,
		";expires=99999999999999999999":   math.MaxUint32 * time.Second,
		";expires=-1":                     time.Hour, // RFC 3261 §10.2.1.1: what cannot be read is an hour
		";expires":                        time.Hour,
		`;expires="Thu, 01 Jan 2026 GMT"`: time.Hour,
	} {
		c, err := contact([]byte("<sip:a@h>" + value))
		if err != nil || c.Expires != want {
			t.Errorf("%q: %v, %v, want %v", value, c.Expires, err, want)
		}
	}
}

func TestQualities(t *testing.T) {
	for value, want := range map[string]bool{
		"0": true, "1": true, "0.": true, "0.5": true, "0.123": true, "1.000": true,
		"": false, "2": false, "1.1": false, "0.1234": false, "-1": false, ".5": false, "0.x": false, "0.5.5": false,
	} {
		if got := isQuality(value); got != want {
			t.Errorf("%q: %t", value, got)
		}
	}
}

func FuzzContact(f *testing.F) {
	f.Add([]byte(`"A \" B" <sip:a@h;x=1?h=1>;q=0.5;expires=60;+sip.instance="<urn:uuid:1>";reg-id=1`))
	f.Add([]byte(`<sip:a@h>;a="\`))
	f.Add([]byte(`*`))
	f.Fuzz(func(t *testing.T, element []byte) {
		c, err := contact(element)
		if err != nil {
			return
		}
		if c.Expires < registrar.Unasked {
			t.Errorf("expires %v", c.Expires)
		}
		b := []byte("<" + c.URI + ">")
		for _, p := range c.Params {
			b = append(append(append(append(b, ';'), p.Name...), '='), p.Value...)
		}
		n, err := sip.ParseNameAddr(b)
		if err != nil {
			t.Fatalf("%q was read, and is written as %q: %v", element, b, err)
		}
		if got := params(n.Params); len(got) != len(c.Params) {
			t.Errorf("%q: %d parameters became %d", element, len(c.Params), len(got))
		}
	})
}
