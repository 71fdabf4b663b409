package winfo

import (
	"strings"
	"testing"
	"time"

	"lamplight/body/watcherinfo"
	"lamplight/event"
	"lamplight/event/eventtest"
	"lamplight/event/presence"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

var pkg = Of(presence.Package{})

func input(id, who, status, why string) event.Input {
	return event.Input{Key: event.Key{Event: "presence.winfo", Source: event.Watcher, ID: id}, Made: noon,
		Doc: &watcherinfo.Watcher{ID: id, URI: who, Status: status, Event: why, Since: noon.Add(-time.Minute), Until: noon.Add(time.Hour)}}
}

// Watcher information is supported. [3856-6.11.1-1]
func TestContract(t *testing.T) {
	if pkg.Event() != "presence.winfo" {
		t.Errorf("event %q", pkg.Event())
	}
	eventtest.Run(t, pkg, input("1", "sip:bob@example.com", watcherinfo.Active, watcherinfo.Subscribe),
		input("2", "sip:carol@example.com", watcherinfo.Pending, watcherinfo.Subscribe),
		input("3", "sip:bob@example.com", watcherinfo.Terminated, watcherinfo.Timeout))
}

func text(t *testing.T, now time.Time, in ...event.Input) string {
	t.Helper()
	d, _ := pkg.Compose("sip:alice@example.com", in, noon)
	b, err := pkg.(event.Aging).EncodeAt("sip:1001@example.com", d, event.Format{}, now)
	if err != nil || !b.Versioned {
		t.Fatalf("versioned %v, %v", b.Versioned, err)
	}
	return string(b.Head) + "0" + string(b.Tail)
}

func TestTheDocumentSaysWhoWatches(t *testing.T) {
	got := text(t, noon, input("call-1;tag", "sip:bob@example.com", watcherinfo.Active, watcherinfo.Approved),
		input("call-2", "sip:carol@example.com", watcherinfo.Pending, watcherinfo.Subscribe))
	for _, want := range []string{`<watcher-list resource="sip:1001@example.com" package="presence">`,
		`status="active" event="approved" expiration="3600" duration-subscribed="60">sip:bob@example.com</watcher>`,
		`status="pending" event="subscribe" expiration="3600" duration-subscribed="60">sip:carol@example.com</watcher>`} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is not in\n%s", want, got)
		}
	}
	if strings.Contains(got, "call-1") {
		t.Errorf("a subscription's Call-ID is in\n%s", got)
	}
	if strings.Index(got, "pending") > strings.Index(got, "active") {
		t.Errorf("who waits for an answer doesn't come first in\n%s", got)
	}
}

func TestNobodyWatches(t *testing.T) {
	if got := text(t, noon); !strings.Contains(got, "<watcher-list ") || strings.Contains(got, "<watcher ") {
		t.Errorf("nobody is\n%s", got)
	}
}
