package notifier_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"lamplight/event"
	"lamplight/notifier"
	"lamplight/owner"
)

const alice = event.AoR("sip:alice@example.test")

var noon = time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)

// lamp is an event package whose documents are texts; it counts how often one
// is written.
type lamp struct{ encoded int }

func (*lamp) Event() event.Name    { return "lamp" }
func (*lamp) Reads() []event.Name  { return []event.Name{"lamp"} }
func (*lamp) Types() []string      { return []string{"text/plain"} }
func (*lamp) Urgent(a, b any) bool { return b.(string) == "ringing" }

func (*lamp) Lifetime() event.Lifetime {
	return event.Lifetime{Min: time.Minute, Default: time.Hour, Max: 24 * time.Hour, Refill: time.Second, Burst: 5}
}

func (*lamp) Parse(string, []byte) (event.Document, error) { return nil, event.ErrUnsupportedType }

func (*lamp) Compose(event.AoR, []event.Input, time.Time) (event.Document, time.Time) {
	return "off", time.Time{}
}

func (l *lamp) Encode(_ string, d event.Document, _ event.Format) (event.Body, error) {
	l.encoded++
	if d == "unspeakable" {
		return event.Body{}, errors.New("no words for it")
	}
	return event.Body{Head: []byte(d.(string))}, nil
}

// hall is a notifier with one lamp and many who watch it. They answer at once.
type hall struct {
	*notifier.Notifier
	owners *owner.Owners
	lamp   *lamp
	told   int
	last   map[string]string
}

type watcher struct {
	hall *hall
	id   string
}

func (w *watcher) Save() []byte { return nil }

func (w *watcher) Notify(n notifier.Notification) {
	w.hall.told++
	if w.hall.last != nil {
		w.hall.last[w.id] = string(n.Body.Head)
	}
	w.hall.owners.Return(string(alice), (*answered)(w))
}

type answered watcher

func (w *answered) Do(t *owner.Turn) { w.hall.Done(t, alice, w.id, notifier.Delivered) }

type none struct{}

func (none) Forget(*owner.Turn, string) {}

func (none) Restore(*owner.Turn, string, byte, string, []byte) error { return nil }

func newHall(t testing.TB, watchers int, o notifier.Options) *hall {
	h := &hall{lamp: &lamp{}}
	o.Document = func(*owner.Turn, event.AoR, event.Name) event.Document { return "off" }
	allow := func(event.AoR, event.Subscriber, event.Name, time.Time) (event.Grant, time.Time) {
		return event.Grant{Handling: event.Allow, Rights: event.RightsAll}, time.Time{}
	}
	h.Notifier = notifier.New([]event.Package{h.lamp}, allow, o)
	h.owners = owner.New(nil, none{}, owner.Options{Owners: 1})
	for i := range watchers {
		id := fmt.Sprint("s", i)
		h.do(t, func(turn *owner.Turn) {
			_, err := h.Subscribe(turn, notifier.Request{ID: id, AoR: alice, Entity: string(alice), Event: "lamp",
				Watcher: event.Subscriber{AoR: event.AoR(fmt.Sprint("sip:", i)), Authenticated: true}, Expires: 2 * time.Hour,
				Format: event.Format{Type: "text/plain"}, Sink: &watcher{h, id}})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
	return h
}

func (h *hall) do(t testing.TB, f func(*owner.Turn)) {
	if err := h.owners.Post(string(alice), owner.Func(f)); err != nil {
		t.Fatal(err)
	}
	if err := h.owners.Settle(noon); err != nil {
		t.Fatal(err)
	}
}

func (h *hall) change(t testing.TB, doc string) {
	h.do(t, func(turn *owner.Turn) { h.Changed(turn, alice, "lamp", doc) })
}

func TestManyWatchersAreToldOverSeveralTurnsAndNobodyTwice(t *testing.T) {
	h := newHall(t, 2500, notifier.Options{EveryTurn: 1000})
	h.told, h.last, h.lamp.encoded = 0, map[string]string{}, 0
	h.change(t, "on")
	if h.told != 2500 || len(h.last) != 2500 {
		t.Errorf("%d notifications to %d watchers, want 2500 to 2500", h.told, len(h.last))
	}
	if h.lamp.encoded != 1 {
		t.Errorf("the document was written %d times for those who see the same", h.lamp.encoded)
	}
}

func TestADocumentThatCannotBeWrittenIsToldOnceWithoutABody(t *testing.T) {
	h := newHall(t, 1, notifier.Options{})
	h.told, h.last = 0, map[string]string{}
	h.change(t, "unspeakable")
	if h.told != 1 || h.last["s0"] != "" {
		t.Errorf("%d notifications, the last %q", h.told, h.last["s0"])
	}
	if h.change(t, "on"); h.told != 2 || h.last["s0"] != "on" {
		t.Errorf("%d notifications, the last %q", h.told, h.last["s0"])
	}
}

// BenchmarkFanOut is one change told to a thousand watchers, with their
// answers; ns/notify is the notifier's and the owner's share of each.
func BenchmarkFanOut(b *testing.B) {
	for _, watchers := range []int{10, 1000, 10_000} {
		b.Run(fmt.Sprint(watchers), func(b *testing.B) {
			h := newHall(b, watchers, notifier.Options{RateOff: true})
			h.told = 0
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				h.change(b, []string{"on", "off"}[i%2])
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(h.told), "ns/notify")
		})
	}
}
