package sip

import "math"

// The states of a subscription (RFC 6665 §4.1.3).
const (
	Active     = "active"
	Pending    = "pending"
	Terminated = "terminated"
)

// SubscriptionStateValue is the value of Subscription-State (RFC 6665 §8.2.3).
type SubscriptionStateValue struct {
	State      string // in lower case; others than the three known may come
	Reason     string // in lower case, "": none
	Expires    uint32 // seconds
	RetryAfter uint32 // seconds
	HasExpires bool
	HasRetry   bool
	Params     Params
}

// SubscriptionState is what a NOTIFY says of its subscription; ErrMissing where
// it has no such header field.
func (m *Message) SubscriptionState() (SubscriptionStateValue, error) {
	if !m.Has(SubscriptionState) {
		return SubscriptionStateValue{}, ErrMissing
	}
	return ParseSubscriptionState(m.Value(SubscriptionState))
}

// ParseSubscriptionState takes a value of Subscription-State apart.
func ParseSubscriptionState(b []byte) (SubscriptionStateValue, error) {
	state, params := cutParams(b)
	state = trim(state)
	v := SubscriptionStateValue{State: string(toLower(state)), Params: params}
	if !isToken(state) || !params.wellFormed() {
		return v, bad("Malformed Subscription-State")
	}
	if reason, ok := params.Get("reason"); ok {
		v.Reason = string(toLower(reason))
	}
	var err1, err2 error
	v.Expires, v.HasExpires, err1 = params.seconds("expires")
	v.RetryAfter, v.HasRetry, err2 = params.seconds("retry-after")
	if err1 != nil || err2 != nil {
		return v, bad("Malformed Subscription-State")
	}
	return v, nil
}

// seconds is a parameter that is delta-seconds.
func (p Params) seconds(name string) (uint32, bool, error) {
	value, ok := p.Get(name)
	if !ok {
		return 0, false, nil
	}
	n, ok := number(value, math.MaxUint32)
	if !ok {
		return 0, false, bad("Malformed " + name)
	}
	return uint32(n), true, nil
}
