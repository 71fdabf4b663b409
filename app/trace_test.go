package app_test

import (
	"strings"
	"testing"

	"lamplight/event/presence"
)

// What was said of a user is there to be looked at, in its order and with whom,
// by each of the user's names.
func TestTrace(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		o.watch("bob", "alice", "presence")
		o.expectNotify("bob", "alice", presence.Offline)
		o.publish("carol", presence.Busy)
		var ladder []string
		for _, m := range o.server.Trace("alice", 0) {
			first, _, _ := strings.Cut(string(m.Bytes), "\r\n")
			ladder = append(ladder, m.From.String()+" "+m.To.String()+" "+first)
			if strings.Contains(string(m.Bytes), "response=") {
				t.Errorf("credentials in\n%s", m.Bytes)
			}
		}
		bob := "198.51.100.1:5060"
		want := []string{
			bob + " " + at + " SUBSCRIBE sip:alice@example.test SIP/2.0", at + " " + bob + " SIP/2.0 401 Unauthorized",
			bob + " " + at + " SUBSCRIBE sip:alice@example.test SIP/2.0", at + " " + bob + " SIP/2.0 200 OK",
			at + " " + bob + " NOTIFY sip:bob@" + bob + " SIP/2.0", bob + " " + at + " SIP/2.0 200 OK",
		}
		if strings.Join(ladder, "\n") != strings.Join(want, "\n") {
			t.Errorf("the ladder is\n%s\nwant\n%s", strings.Join(ladder, "\n"), strings.Join(want, "\n"))
		}
		o.watch("bob", "1002", "presence")
		before := len(ladder)
		if n := len(o.server.Trace("alice", 0)); n <= before {
			t.Errorf("%d messages, with those to the other name too", n)
		}
		if n := len(o.server.Trace("dave@other.test", 0)); n != 0 {
			t.Errorf("%d messages of somebody of whom nothing was said", n)
		}
	})
}
