package app_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"lamplight/app"
	"lamplight/event/presence"
	"lamplight/owner"
)

// What cannot be read again is named and left out; all else is there.
func TestARecordThatCannotBeRead(t *testing.T) {
	var log bytes.Buffer
	quietly := func(o *app.Options) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) }
	inOffice(t, quietly, func(o *office) {
		alice := o.handset("alice")
		tag := alice.publish("alice", busy)
		o.server.Kill()
		for kind, value := range map[byte]string{'p': "\x01", 's': "\x01garbage", 'r': "\x07", 'b': "", '?': "new"} {
			if err := o.journal.Commit([]owner.Record{{Key: owner.Key("sip:bob@example.test", kind, "x"), Value: []byte(value)}}); err != nil {
				t.Fatal(err)
			}
		}
		o.start()
		o.shows(o.handset("carol").subscribe("alice").next(), presence.Busy)
		alice.publish("alice", "SIP-If-Match: "+tag)
	})
	if n := strings.Count(log.String(), "cannot be read"); n < 4 || !strings.Contains(log.String(), "sip:bob@example.test") {
		t.Errorf("%d records were named in\n%s", n, log.String())
	}
}
