package cold

import (
	"errors"
	"testing"

	"lamplight/event"
)

func TestCalendars(t *testing.T) {
	s, err := OpenMemory()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := errors.Join(s.AddDomain("example.test"), s.AddUser("alice@example.test", "", nil, "secret"), s.AddUser("bob@example.test", "", nil, "secret")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []Calendar{{"http://a.test/1", false}, {"http://a.test/2", true}} {
		if err := s.SetCalendar("sip:alice@example.test", c); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.SetCalendar("sip:bob@example.test", Calendar{URL: "http://b.test"}); err != nil {
		t.Fatal(err)
	}
	if all, err := s.Calendars(); err != nil || len(all) != 2 || all["sip:alice@example.test"] != (Calendar{"http://a.test/2", true}) {
		t.Errorf("%v, %v", all, err)
	}
	if err := errors.Join(s.SetCalendar("sip:bob@example.test", Calendar{}), s.RemoveUser("alice@example.test")); err != nil {
		t.Fatal(err)
	}
	if all, err := s.Calendars(); err != nil || len(all) != 0 {
		t.Errorf("%v, %v", all, err)
	}
	if err := s.SetCalendar(event.AoR("sip:eve@example.test"), Calendar{URL: "x"}); !errors.Is(err, ErrNoUser) {
		t.Error(err)
	}
}
