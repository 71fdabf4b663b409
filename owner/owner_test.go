package owner_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"lamplight/owner"
	"lamplight/store/fault"
)

// counter is a stage: a number per key, kept.
type counter struct {
	values map[string]int
	said   []string
}

func (c *counter) add(key string) owner.Job {
	return owner.Func(func(t *owner.Turn) {
		c.values[key]++
		n := c.values[key]
		t.Save(owner.Record{Key: owner.Key(key, 'c', ""), Value: []byte{byte(n)}})
		t.Say(func(failed error) {
			if failed != nil {
				c.said = append(c.said, key+" failed")
				return
			}
			c.said = append(c.said, fmt.Sprintf("%s %d", key, n))
		})
	})
}

func (c *counter) Forget(_ *owner.Turn, key string) { delete(c.values, key) }

func (c *counter) Restore(_ *owner.Turn, key string, _ byte, _ string, value []byte) error {
	c.values[key] = int(value[0])
	return nil
}

func newCounter() *counter { return &counter{values: map[string]int{}} }

var start = time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC)

func TestNothingIsSaidBeforeTheCommit(t *testing.T) {
	j, c := &fault.Journal{}, newCounter()
	o := owner.New(j, c, owner.Options{Owners: 1})
	post(t, o, "alice", owner.Func(func(turn *owner.Turn) {
		turn.Save(owner.Record{Key: owner.Key("alice", 'c', ""), Value: []byte{1}})
		turn.Say(func(error) {
			if j.Len() != 1 {
				t.Error("said before the record was durable")
			}
		})
	}))
	settle(t, o, start)
}

func TestFailedCommitTellsNobodyAndIsReadAgain(t *testing.T) {
	for _, written := range []bool{false, true} {
		j, c := &fault.Journal{}, newCounter()
		o := owner.New(j, c, owner.Options{Owners: 1})
		post(t, o, "alice", c.add("alice"))
		settle(t, o, start)
		j.Fail(func(int) (bool, bool) { return true, written })
		post(t, o, "alice", c.add("alice"))
		settle(t, o, start)
		j.Fail(nil)
		post(t, o, "alice", c.add("alice"))
		settle(t, o, start)

		want := []string{"alice 1", "alice failed", "alice 2"}
		if written {
			want[2] = "alice 3"
		}
		if !slices.Equal(c.said, want) {
			t.Errorf("written %t: said %q, want %q", written, c.said, want)
		}
	}
}

func TestPostsOfAFailedTurnAreNotDelivered(t *testing.T) {
	j, c := &fault.Journal{}, newCounter()
	j.Fail(func(int) (bool, bool) { return true, false })
	o := owner.New(j, c, owner.Options{Owners: 2})
	delivered := false
	post(t, o, "alice", owner.Func(func(turn *owner.Turn) {
		turn.Save(owner.Record{Key: owner.Key("alice", 'c', ""), Value: []byte{1}})
		turn.Post("bob", owner.Func(func(*owner.Turn) { delivered = true }))
	}))
	settle(t, o, start)
	if delivered {
		t.Error("bob was told of what was not stored")
	}
}

func TestAlarmsGoOffInTheirOrderAndCanBeMoved(t *testing.T) {
	o := owner.New(nil, newCounter(), owner.Options{Owners: 1})
	var rang []string
	ring := func(name string) owner.Job {
		return owner.Func(func(*owner.Turn) { rang = append(rang, name) })
	}
	var a, b, c owner.Alarm
	post(t, o, "k", owner.Func(func(turn *owner.Turn) {
		turn.Wake(&a, "k", start.Add(3*time.Second), ring("a"))
		turn.Wake(&b, "k", start.Add(time.Second), ring("b"))
		turn.Wake(&c, "k", start.Add(2*time.Second), ring("c"))
		turn.Wake(&b, "k", start.Add(4*time.Second), ring("b"))
		turn.Wake(&c, "k", time.Time{}, nil)
	}))
	settle(t, o, start)
	for at := o.Next(); !at.IsZero(); at = o.Next() {
		settle(t, o, at)
	}
	if want := []string{"a", "b"}; !slices.Equal(rang, want) {
		t.Errorf("rang %q, want %q", rang, want)
	}
}

func TestIntakeRefusesFromOutsideButNeverAnOutcome(t *testing.T) {
	o := owner.New(nil, newCounter(), owner.Options{Owners: 1, Intake: 2})
	nop := owner.Func(func(*owner.Turn) {})
	post(t, o, "k", nop)
	post(t, o, "k", nop)
	if err := o.Post("k", nop); !errors.Is(err, owner.ErrBusy) {
		t.Errorf("a third job: %v, want ErrBusy", err)
	}
	done := false
	o.Return("k", owner.Func(func(*owner.Turn) { done = true }))
	settle(t, o, start)
	if !done {
		t.Error("the outcome was lost")
	}
}

func TestWaitingTurnsShareACommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, c := &fault.Journal{}, newCounter()
		o := owner.New(j, c, owner.Options{Owners: 1, Floor: 10 * time.Millisecond})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- o.Run(ctx) }()
		for range 100 {
			post(t, o, "alice", c.add("alice"))
			time.Sleep(time.Millisecond)
		}
		stop()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		if len(c.said) != 100 || j.Commits() > 12 {
			t.Errorf("%d answers in %d commits, want 100 in about 10", len(c.said), j.Commits())
		}
	})
}

func TestLoadBringsEverythingBack(t *testing.T) {
	j, c := &fault.Journal{}, newCounter()
	o := owner.New(j, c, owner.Options{Owners: 3})
	for i := range 50 {
		key := fmt.Sprint("user", i)
		post(t, o, key, c.add(key))
	}
	settle(t, o, start)
	again := newCounter()
	if err := owner.New(j, again, owner.Options{Owners: 7}).Load(start); err != nil {
		t.Fatal(err)
	}
	if len(again.values) != 50 {
		t.Errorf("%d of 50 keys came back", len(again.values))
	}
}

// teller is a stage that tells another key what it reads.
type teller struct {
	*counter
	told int
}

func (r *teller) Restore(t *owner.Turn, key string, kind byte, id string, value []byte) error {
	t.Post("b", owner.Func(func(t *owner.Turn) {
		r.told++
		t.End(func() { r.said = append(r.said, fmt.Sprint("b is told of ", r.told)) })
	}))
	t.Say(func(error) { r.said = append(r.said, key+" is said") })
	return r.counter.Restore(t, key, kind, id, value)
}

// What is posted while keys are read counts before anybody is told of any.
func TestLoadPostsBeforeItSays(t *testing.T) {
	j := &fault.Journal{}
	for _, key := range []string{"a", "c"} {
		if err := j.Commit([]owner.Record{{Key: owner.Key(key, 'c', ""), Value: []byte{1}}}); err != nil {
			t.Fatal(err)
		}
	}
	for _, owners := range []int{1, 7} {
		r := &teller{counter: newCounter()}
		if err := owner.New(j, r, owner.Options{Owners: owners}).Load(start); err != nil {
			t.Fatal(err)
		}
		slices.Sort(r.said)
		if want := []string{"a is said", "b is told of 2", "b is told of 2", "c is said"}; !slices.Equal(r.said, want) {
			t.Errorf("%d owners: %q, want %q", owners, r.said, want)
		}
	}
}

func TestKeysOfRecordsComeApart(t *testing.T) {
	for _, key := range []string{"", "sip:alice@example.test", string(make([]byte, 300))} {
		got, kind, id, err := owner.ParseKey(owner.Key(key, 'p', "id"))
		if got != key || kind != 'p' || id != "id" || err != nil {
			t.Errorf("%q: %q %q %q %v", key, got, kind, id, err)
		}
	}
	full := owner.Key("alice", 'p', "")
	for n := range len(full) {
		if _, _, _, err := owner.ParseKey(full[:n]); err == nil {
			t.Errorf("cut at %d: no error", n)
		}
	}
}

func FuzzParseKey(f *testing.F) {
	f.Add(owner.Key("alice", 'p', "id"))
	f.Add([]byte{0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1, 0})
	f.Fuzz(func(t *testing.T, b []byte) { _, _, _, _ = owner.ParseKey(b) })
}

func post(t *testing.T, o *owner.Owners, key string, j owner.Job) {
	t.Helper()
	if err := o.Post(key, j); err != nil {
		t.Fatal(err)
	}
}

func settle(t *testing.T, o *owner.Owners, now time.Time) {
	t.Helper()
	if err := o.Settle(now); err != nil {
		t.Fatal(err)
	}
}
