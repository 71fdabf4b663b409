package cold

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"lamplight/call"
	"lamplight/event"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// past is Alice's N-th call, a minute after the last one.
func past(n int, with string, result call.Result) call.Ended {
	return call.Ended{AoR: "sip:alice@example.test", CallID: fmt.Sprint("call-", n), FromTag: "t", Outgoing: n%2 == 0,
		Began: noon.Add(time.Duration(n) * time.Minute), Result: result, Reason: "words",
		Other:    call.Party{AoR: event.AoR("sip:" + with + "@example.test"), URI: "sip:" + with + "@example.test;user=phone", Display: "The " + with},
		PickedBy: call.Party{URI: "sip:carol@example.test"}, Duration: 1500 * time.Millisecond}
}

// ids are the Call-IDs of a page, and its last cursor.
func ids(t *testing.T, s *Store, q CallQuery) (text, last string) {
	t.Helper()
	if q.AoR == "" {
		q.AoR = "sip:alice@example.test"
	}
	list, err := s.Calls(q)
	must(t, err)
	for _, c := range list {
		text += strings.TrimPrefix(c.CallID, "call-") + " "
		last = c.Cursor
	}
	return strings.TrimSpace(text), last
}

func TestTheHistoryIsAskedForByPageByPartyAndByResult(t *testing.T) {
	s, dir := office(t)
	var list []call.Ended
	for n := range 7 {
		list = append(list, past(n, []string{"bob", "carol"}[n%2], []call.Result{call.Missed, call.Answered, call.Busy}[n%3]))
	}
	list[3].Began = list[4].Began // at the same moment
	bobs := past(9, "alice", call.Missed)
	bobs.AoR = "sip:bob@example.test"
	must(t, s.AddCalls(append(list, bobs)))
	must(t, s.Close())
	s = reopen(t, dir)

	page, cursor := ids(t, s, CallQuery{Limit: 3})
	next, last := ids(t, s, CallQuery{Limit: 3, Before: cursor})
	rest, _ := ids(t, s, CallQuery{Limit: 3, Before: last})
	if page != "6 5 4" || next != "3 2 1" || rest != "0" {
		t.Errorf("pages %q, %q, %q", page, next, rest)
	}
	for q, want := range map[CallQuery]string{
		{Limit: 9, Party: "sip:bob@example.test"}:                            "6 4 2 0",
		{Limit: 9, Number: "Carol"}:                                          "5 3 1",
		{Limit: 9, Number: "carol", Party: "sip:bob@example.test"}:           "6 5 4 3 2 1 0",
		{Limit: 9, Number: "nobody"}:                                         "",
		{Limit: 9, Result: call.Missed}:                                      "6 3 0",
		{Limit: 9, Result: call.Missed, Number: "bob"}:                       "6 0",
		{Limit: 9, AoR: "sip:bob@example.test"}:                              "9",
		{Limit: 0}:                                                           "6",
		{Limit: 9, AoR: "sip:bob@example.test", Party: "sip:x@example.test"}: "",
	} {
		if got, _ := ids(t, s, q); got != want {
			t.Errorf("%+v: %q, want %q", q, got, want)
		}
	}
	got, err := s.Calls(CallQuery{AoR: "sip:alice@example.test", Limit: 1})
	must(t, err)
	if got[0].Began = got[0].Began.UTC(); got[0].Ended != list[6] {
		t.Errorf("read\n%+v, kept\n%+v", got[0].Ended, list[6])
	}
	for _, cursor := range []string{"x", "-", "1-", "1-!", "zzzzzzzzzzzzzzzzzz-1"} {
		if _, err := s.Calls(CallQuery{Before: cursor}); !errors.Is(err, ErrBadCursor) {
			t.Errorf("cursor %q: %v", cursor, err)
		}
	}
}

// What is handed over twice is there once, as it was told last; what is old goes,
// and with a user all that was the user's own.
func TestTheHistoryIsKeptOnceAndForgotten(t *testing.T) {
	s, _ := office(t)
	must(t, s.AddCalls([]call.Ended{past(1, "bob", call.Missed), past(2, "bob", call.Missed)}))
	must(t, s.AddCalls([]call.Ended{past(1, "bob", call.Answered)}))
	if got, _ := ids(t, s, CallQuery{Limit: 9, Result: call.Answered}); got != "1" {
		t.Errorf("answered are %q", got)
	}
	must(t, s.DropCalls(noon.Add(2*time.Minute)))
	if got, _ := ids(t, s, CallQuery{Limit: 9}); got != "2" {
		t.Errorf("left are %q", got)
	}
	must(t, s.RemoveUser("alice@example.test"))
	if got, _ := ids(t, s, CallQuery{Limit: 9}); got != "" {
		t.Errorf("left of a user who was removed are %q", got)
	}
}

// A recorder refuses what it has no room for, writes what it took before it is
// closed, and forgets what is too old when it begins.
func TestARecorderWritesWhatItTook(t *testing.T) {
	s, dir := office(t)
	must(t, s.AddCalls([]call.Ended{past(0, "bob", call.Missed)}))
	r := NewRecorder(s, time.Since(noon)-30*time.Minute, slog.New(slog.DiscardHandler))
	var kept atomic.Int64
	taken := int64(0)
	for n := range 2 * waitingCalls {
		e := past(60+n, "bob", call.Missed)
		if r.Keep([]call.Ended{e}, func() { kept.Add(1) }) {
			taken++
		}
	}
	must(t, r.Close())
	if kept.Load() != taken || taken < waitingCalls {
		t.Errorf("%d calls were taken, %d are kept", taken, kept.Load())
	}
	must(t, s.Close())
	s = reopen(t, dir)
	var n int64
	must(t, s.db.QueryRow("SELECT count(*) FROM calls").Scan(&n))
	if n != taken {
		t.Errorf("%d calls are stored, %d were taken", n, taken)
	}
}

// Where the database fails nothing is taken for kept, and closing goes on.
func TestARecorderWhoseDatabaseIsGone(t *testing.T) {
	s, _ := office(t)
	r := NewRecorder(s, time.Hour, slog.New(slog.DiscardHandler))
	must(t, s.Close())
	if !r.Keep([]call.Ended{past(1, "bob", call.Missed)}, func() { t.Error("what could not be stored is kept") }) {
		t.Error("there was room")
	}
	must(t, r.Close())
}

// A database of the version before is brought up to date with all that is in it.
func TestADatabaseFromBeforeTheHistory(t *testing.T) {
	all := migrations
	migrations = all[:1]
	s, dir := office(t)
	migrations = all
	must(t, s.Close())
	s = reopen(t, dir)
	must(t, s.AddCalls([]call.Ended{past(1, "bob", call.Missed)}))
	if _, users := load(t, s); len(users) != 1 {
		t.Errorf("users %+v", users)
	}
}
