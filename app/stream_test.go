package app_test

import (
	"encoding/json"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lamplight/event"
	dialogs "lamplight/event/dialog"
	"lamplight/event/presence"
	"lamplight/policy"
)

// browser is a page that watches, and what it was told last.
type browser struct {
	mu    sync.Mutex
	lamps map[string][]byte
	told  int
}

func (b *browser) tell(lamp string, data []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lamps[lamp] = data
	b.told++
}

func (b *browser) lamp(t *testing.T, user string) (l presence.Lamp) {
	t.Helper()
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := json.Unmarshal(b.lamps["presence "+aor(user)], &l); err != nil {
		t.Fatalf("%s: %v in %q", user, err, b.lamps)
	}
	return l
}

func (b *browser) calls(t *testing.T, user string) (l dialogs.Lamp) {
	t.Helper()
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := json.Unmarshal(b.lamps["dialog "+aor(user)], &l); err != nil {
		t.Fatalf("%s: %v in %q", user, err, b.lamps)
	}
	return l
}

// A page in a browser is a watcher like a phone: it sees what policy lets it see,
// at once, and the one who is watched sees it.
func TestABrowserWatches(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		alice := o.handset("alice")
		page := &browser{lamps: map[string][]byte{}}
		stop := o.server.WatchLamps(event.AoR(aor("bob")), []event.AoR{event.AoR(aor("alice")), event.AoR(aor("carol"))}, true, page.tell)
		if l := page.lamp(t, "alice"); l.State != "offline" || l.AoR != "alice@example.test" || l.Text == "" {
			t.Errorf("nobody is there: %+v", l)
		}
		alice.publish("alice", busy)
		if l := page.lamp(t, "alice"); l.State != "busy" {
			t.Errorf("alice is %+v", l)
		}
		alice.publish("alice", "Event: dialog", call("alice", "early"))
		if l := page.calls(t, "alice"); len(l.Calls) != 1 || l.Calls[0].State != "early" || l.Calls[0].With != "" {
			t.Errorf("alice's calls: %+v", l)
		}
		winfo := alice.subscribe("alice", "Event: presence.winfo")
		o.has(winfo.next(), "sip:bob@example.test")

		o.server.UseRules(event.AoR(aor("alice")), policy.Rules{})
		if l := page.lamp(t, "alice"); l.State != "unknown" {
			t.Errorf("a rule was taken away, and alice is %+v", l)
		}
		if l := page.calls(t, "alice"); len(l.Calls) != 0 {
			t.Errorf("a rule was taken away, and alice's calls are %+v", l)
		}
		stop()
		synctest.Wait()
		before := page.told
		o.handset("carol").publish("carol", state("carol", presence.Busy))
		o.advance(time.Second)
		if page.told != before {
			t.Error("a page that was left is told")
		}
	})
}

// A page that stays open longer than its subscription is told all the same.
func TestABrowserWatchesForDays(t *testing.T) {
	inOffice(t, nil, func(o *office) {
		page := &browser{lamps: map[string][]byte{}}
		stop := o.server.WatchLamps(event.AoR(aor("bob")), []event.AoR{event.AoR(aor("alice"))}, false, page.tell)
		defer stop()
		o.advance(50 * time.Hour)
		o.handset("alice").publish("alice", busy)
		if l := page.lamp(t, "alice"); l.State != "busy" {
			t.Errorf("alice is %+v", l)
		}
	})
}
