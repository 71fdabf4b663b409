package app_test

import (
	"testing"
	"time"

	"lamplight/event/presence"
)

// One lamp, from PUBLISH to NOTIFY, over a crash.
func TestOneLamp(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		o.watch("bob", "alice", "presence")
		o.expectNotify("bob", "alice", presence.Offline)
		o.publish("alice", presence.Busy)
		o.expectNotify("bob", "alice", presence.Busy)
		o.crash()
		o.expectNotify("bob", "alice", presence.Busy)
		o.publish("alice", presence.Available)
		o.expectNotify("bob", "alice", presence.Available)
		o.unpublish("alice", "presence")
		o.expectNotify("bob", "alice", presence.Offline)
		o.expectSilence("bob", "alice", "presence", time.Hour/2)
	})
}
