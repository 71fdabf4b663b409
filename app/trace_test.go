package app_test

import (
	"strings"
	"testing"

	"lamplight/app"
	"lamplight/event/presence"
	"lamplight/sip/trace"
)

func traced(o *app.Options) { o.TraceMessages = 1000 }

func (o *office) traced(user string) []trace.Message {
	o.Helper()
	list, err := o.server.Trace(user, 0)
	if err != nil {
		o.Fatal(err)
	}
	return list
}

// Nothing is kept where nothing should be.
func TestTraceOff(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		o.watch("bob", "alice", "presence")
		if list, err := o.server.Trace("alice", 0); err == nil || list != nil {
			t.Errorf("%d messages, %v", len(list), err)
		}
	})
}

// What was said of a user is there to be looked at, in its order and with whom,
// by each of the user's names.
func TestTrace(t *testing.T) {
	inOffice(t, traced, func(o *office) {
		o.watch("bob", "alice", "presence")
		o.expectNotify("bob", "alice", presence.Offline)
		o.publish("carol", presence.Busy)
		var ladder []string
		for _, m := range o.traced("alice") {
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
		if n := len(o.traced("alice")); n <= before {
			t.Errorf("%d messages, with those to the other name too", n)
		}
		if n := len(o.traced("dave@other.test")); n != 0 {
			t.Errorf("%d messages of somebody of whom nothing was said", n)
		}
	})
}
