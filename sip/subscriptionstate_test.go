package sip_test

import (
	"testing"

	"lamplight/sip"
)

func TestSubscriptionState(t *testing.T) {
	for _, c := range []struct {
		text string
		want sip.SubscriptionStateValue
	}{
		{"active;expires=3599", sip.SubscriptionStateValue{State: sip.Active, Expires: 3599, HasExpires: true}},
		{"Active ; Expires = 60", sip.SubscriptionStateValue{State: sip.Active, Expires: 60, HasExpires: true}},
		{"pending", sip.SubscriptionStateValue{State: sip.Pending}},
		{"terminated;reason=TIMEOUT", sip.SubscriptionStateValue{State: sip.Terminated, Reason: "timeout"}},
		{"terminated;reason=probation;retry-after=30",
			sip.SubscriptionStateValue{State: sip.Terminated, Reason: "probation", RetryAfter: 30, HasRetry: true}},
		{"active;expires=99999999999", sip.SubscriptionStateValue{State: sip.Active, Expires: 1<<32 - 1, HasExpires: true}},
		{"dormant;x=y", sip.SubscriptionStateValue{State: "dormant"}},
	} {
		got, err := sip.ParseSubscriptionState([]byte(c.text))
		if err != nil {
			t.Errorf("%q: %v", c.text, err)
		}
		got.Params = nil
		if got.State != c.want.State || got.Reason != c.want.Reason || got.Expires != c.want.Expires ||
			got.RetryAfter != c.want.RetryAfter || got.HasExpires != c.want.HasExpires || got.HasRetry != c.want.HasRetry {
			t.Errorf("%q: %+v, want %+v", c.text, got, c.want)
		}
	}
	for _, text := range []string{"", ";expires=1", "act ive", "active;expires", "active;expires=soon", "active;expires=-1",
		"terminated;retry-after=", `active;reason="x`} {
		if got, err := sip.ParseSubscriptionState([]byte(text)); err == nil {
			t.Errorf("%q was read as %+v", text, got)
		}
	}
}

func FuzzSubscriptionState(f *testing.F) {
	for _, seed := range []string{"active;expires=3600", "terminated;reason=giveup;retry-after=5", `pending;x="a;b"`, "a;;;"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := sip.ParseSubscriptionState(b)
		if err == nil && (v.State == "" || !v.HasExpires && v.Expires != 0 || !v.HasRetry && v.RetryAfter != 0) {
			t.Errorf("%q was read as %+v", b, v)
		}
	})
}
