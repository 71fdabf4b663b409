package owner_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"lamplight/owner"
	"lamplight/store/fault"
)

// tidy is a counter that wants something cleared away whenever it reads, as a
// stage does with what ended meanwhile.
type tidy struct {
	*counter
	reads int
}

func (c *tidy) Restore(t *owner.Turn, key string, kind byte, id string, value []byte) error {
	c.reads++
	t.Save(owner.Record{Key: owner.Key(key, 'x', "")})
	return c.counter.Restore(t, key, kind, id, value)
}

func TestABrokenDiskKeepsAnOwnerFromNothingElse(t *testing.T) {
	j, c := &fault.Journal{}, &tidy{counter: newCounter()}
	o := owner.New(j, c, owner.Options{Owners: 1})
	post(t, o, "alice", c.add("alice"))
	settle(t, o, start)
	j.Fail(func(int) (bool, bool) { return true, false })
	post(t, o, "alice", c.add("alice"))
	settle(t, o, start) // would never end if the key were read again and again
	asked := false
	post(t, o, "alice", owner.Func(func(turn *owner.Turn) {
		turn.Say(func(failed error) { asked = failed == nil && c.values["alice"] == 1 })
	}))
	settle(t, o, start)
	if !asked {
		t.Error("what needs no disk was not answered, or with what is not stored")
	}
	if at := o.Next(); !at.Equal(start.Add(time.Second)) {
		t.Errorf("reads again at %v, want a second later", at)
	}
	settle(t, o, start.Add(time.Second))
	if c.reads != 2 {
		t.Errorf("read %d times in a second, want 2", c.reads)
	}
	j.Fail(nil)
	settle(t, o, start.Add(2*time.Second))
	post(t, o, "alice", c.add("alice"))
	settle(t, o, start.Add(2*time.Second))
	if want := []string{"alice 1", "alice failed", "alice 2"}; !slices.Equal(c.said, want) || c.reads != 3 || !o.Next().IsZero() {
		t.Errorf("said %q after %d readings, then something at %v", c.said, c.reads, o.Next())
	}
}

func TestAlarmsOfAFailedTurnAreForgottenAndNoOthers(t *testing.T) {
	j, c := &fault.Journal{}, newCounter()
	o := owner.New(j, c, owner.Options{Owners: 1})
	var rang []string
	var alarms [20]owner.Alarm
	for i := range alarms {
		key := fmt.Sprint("user", i%4)
		post(t, o, key, owner.Func(func(turn *owner.Turn) {
			turn.Wake(&alarms[i], key, start.Add(time.Duration(20-i)*time.Second), owner.Func(func(*owner.Turn) { rang = append(rang, fmt.Sprint(key, " ", i)) }))
		}))
	}
	settle(t, o, start)
	nth := j.Commits() + 1
	j.Fail(func(n int) (bool, bool) { return n == nth, false })
	post(t, o, "user1", c.add("user1"))
	post(t, o, "user2", c.add("user2"))
	settle(t, o, start)
	for at := o.Next(); !at.IsZero(); at = o.Next() {
		settle(t, o, at)
	}
	want := []string{"user3 19", "user0 16", "user3 15", "user0 12", "user3 11", "user0 8", "user3 7", "user0 4", "user3 3", "user0 0"}
	if !slices.Equal(rang, want) {
		t.Errorf("rang %q, want %q", rang, want)
	}
	if at := alarms[1].At(); !at.IsZero() {
		t.Errorf("a forgotten alarm is set to %v", at)
	}
}
