package presence

import (
	"slices"
	"testing"
	"time"

	"lamplight/body/pidf"
	"lamplight/event"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func said(id string, s State, note string) event.Input {
	return event.Input{Key: event.Key{Event: "presence", Source: event.EPA, ID: id}, Made: noon,
		Doc: Publication("sip:alice@example.com", "t", s, note, noon)}
}

func compose1(in ...event.Input) *pidf.Presence {
	doc, _ := Package{}.Compose("sip:alice@example.com", in, noon)
	return doc.(*pidf.Presence)
}

func TestTheStateThatSaysMostWins(t *testing.T) {
	for _, c := range []struct {
		in   []event.Input
		want State
	}{
		{nil, Offline},
		{[]event.Input{said("1", Available, "")}, Available},
		{[]event.Input{said("1", Available, ""), said("2", Busy, "")}, Busy},
		{[]event.Input{said("1", Away, ""), said("2", Meeting, "")}, Meeting},
		{[]event.Input{said("1", Meeting, ""), said("2", OnThePhone, "")}, OnThePhone},
		{[]event.Input{said("1", DND, "")}, DND},
		{[]event.Input{said("1", OutOfOffice, "")}, OutOfOffice},
		{[]event.Input{said("1", Offline, "")}, Offline},
		{[]event.Input{said("1", Offline, ""), said("2", Away, "")}, Away},
	} {
		if got, _, _ := StateOf(compose1(c.in...)); got != c.want {
			t.Errorf("got %v, want %v", got, c.want)
		}
		slices.Reverse(c.in)
		if got, _, _ := StateOf(compose1(c.in...)); got != c.want {
			t.Errorf("in the other order: got %v, want %v", got, c.want)
		}
	}
}

func TestWhatIsPublishedCanBeReadAtTheOtherEnd(t *testing.T) {
	for s := OnThePhone; s <= Unknown; s++ {
		doc := compose1(said("1", s, "back at four"))
		body, err := Package{}.Encode("sip:alice@example.com", doc, event.Format{})
		if err != nil {
			t.Fatal(err)
		}
		read, err := Package{}.Parse(pidf.Type, body.Head)
		if err != nil {
			t.Fatalf("%v in %s", err, body.Head)
		}
		got, note, since := StateOf(read.(*pidf.Presence))
		if got != s || note != "back at four" || !since.Equal(noon) {
			t.Errorf("%v: got %v, %q, %v", s, got, note, since)
		}
		if w, ok := ParseState(s.String()); !ok || w != s {
			t.Errorf("%v is not read back", s)
		}
	}
}

func TestTupleIDsAreUnique(t *testing.T) {
	doc := compose1(said("1", Busy, ""), said("2", Busy, ""))
	if len(doc.Tuples) != 2 || doc.Tuples[0].ID == doc.Tuples[1].ID {
		t.Errorf("tuples %+v", doc.Tuples)
	}
}

func TestAnInputCountsWithinItsTime(t *testing.T) {
	in := said("1", Busy, "")
	in.From, in.Until = noon.Add(time.Minute), noon.Add(time.Hour)
	doc, next := Package{}.Compose("sip:alice@example.com", []event.Input{in}, noon)
	if s, _, _ := StateOf(doc.(*pidf.Presence)); s != Offline || !next.Equal(in.From) {
		t.Errorf("before: %v, next %v", s, next)
	}
	doc, next = Package{}.Compose("sip:alice@example.com", []event.Input{in}, in.From)
	if s, _, _ := StateOf(doc.(*pidf.Presence)); s != Busy || !next.Equal(in.Until) {
		t.Errorf("within: %v, next %v", s, next)
	}
}

func TestAViewWithholds(t *testing.T) {
	doc := compose1(said("1", Busy, "secret"))
	if s, note, _ := StateOf(Package{}.View(doc, RightsBasic).(*pidf.Presence)); s != Available || note != "" {
		t.Errorf("basic: %v, %q", s, note)
	}
	if s, note, _ := StateOf(Package{}.View(doc, "").(*pidf.Presence)); s != Offline || note != "" {
		t.Errorf("nothing: %v, %q", s, note)
	}
}
