package call_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	. "lamplight/call"
)

// The messages of one call, in an order in which they are sent, and the lamps in
// the end. Each is a thread of lessons that other servers had to learn.
var threads = []struct {
	name     string
	messages string
	lamps    string // of Alice, Bob and Carol
}{
	{"a late 180 after the CANCEL", "invite, 180, cancel, refuse 487, final 487, 180 tag=late", "off, off, off"},
	{"one of two branches wins", "invite b1, invite b2 carol, 180 b1, 180 b2 carol, answer b1, cancel b2, refuse b2 487", "confirmed, confirmed, off"},
	{"and both are the same user's", "invite b1, invite b2, 180 b1, 180 b2, answer b1, cancel b2, refuse b2 487", "confirmed, confirmed, off"},
	{"PRACK while it rings", "invite, 180, prack alice, update bob, prack alice", "early, early, off"},
	{"PRACK, answer and end", "invite, 180, prack alice, answer, update alice, bye alice", "off, off, off"},
	{"a 200 crosses the CANCEL", "invite, 180, cancel, answer, bye alice, final 487", "off, off, off"},
	{"and she talks after all", "invite, 180, cancel b1, answer", "confirmed, confirmed, off"},
	{"the BYE is lost", "invite, 180, answer, 481", "off, off, off"},
	{"the 200 comes again", "invite, 180, answer, answer, bye bob, answer", "off, off, off"},
	{"2xx of two branches", "invite b1, invite b2 carol, answer b1, answer b2 carol, bye alice tag=tb2, cancel b2", "confirmed, confirmed, off"},
	{"a BYE before the ACK", "invite, 180, answer, bye bob, update alice", "off, off, off"},
	{"a BYE of an early dialog", "invite, 180, bye alice, refuse 487, final 487", "off, off, off"},
	{"a re-INVITE fails with 481", "invite, 180, answer, hold alice, 481", "off, off, off"},
	{"one branch is busy", "invite b1, invite b2 carol, 180 b1, refuse b1 486, 180 b2 carol, answer b2 carol", "confirmed, off, confirmed"},
	{"forked further on", "invite, 180 tag=x, 180 tag=y, answer tag=x", "confirmed, confirmed, off"},
	{"the branch times out", "invite, 100, refuse 408, final 408", "off, off, off"},
	{"the password comes later", "invite, refuse 407, final 407, invite b2 cseq=2, 180 b2 cseq=2, answer b2 cseq=2", "confirmed, confirmed, off"},
	{"picked up elsewhere", "invite, 180, pickup carol, cancel, refuse 487, final 487", "off, off, off"},
}

// heard is a script's messages as they are seen.
func heard(t *testing.T, script string) (list []Seen) {
	t.Helper()
	w := &world{t: t}
	for _, line := range strings.Split(script, ", ") {
		words := strings.Fields(line)
		seen, wrong := w.message(words)
		if wrong != "" {
			t.Fatalf("%s: %s", line, wrong)
		}
		list = append(list, seen)
	}
	return list
}

// TestEveryOrderOfTheMessagesEndsWithTheRightLamps takes the messages of each
// thread in all orders, and has them stored and read again on the way. What has
// ended by a BYE or a 481 is not shown again in any of them.
func TestEveryOrderOfTheMessagesEndsWithTheRightLamps(t *testing.T) {
	for _, thread := range threads {
		t.Run(thread.name, func(t *testing.T) {
			t.Parallel()
			list, orders := heard(t, thread.messages), 0
			permute(list, 0, func() {
				orders++
				f, over, made := NewFacts(), false, false
				for n, seen := range list {
					f.Take(seen, start)
					if n == orders%len(list) {
						var same bool
						if f, same = f.Reread(); !same {
							t.Fatalf("%s is stored and another is read", order(list))
						}
					}
					over = over || seen.What == Bye && seen.ToTag == "tb1" || seen.What == Gone
					made = made || seen.ToTag == "tb1" && (seen.What == Progress || seen.What == Answer)
					if over && made && lit(f.Shown(aorOf("bob"))) != "off" {
						t.Fatalf("%s: Bob's lamp is lit after the end", order(list[:n+1]))
					}
				}
				if got := lamps(f); got != thread.lamps {
					t.Fatalf("%s: %s, want %s", order(list), got, thread.lamps)
				}
			})
			if want := factorial(len(list)); orders != want {
				t.Errorf("%d orders, want %d", orders, want)
			}
		})
	}
}

// TestLampsOverSeveralOwners takes seeded orders of the threads through the whole
// way, some messages twice, to the lamps that watchers see.
func TestLampsOverSeveralOwners(t *testing.T) {
	for seed := range uint64(6 * len(threads)) {
		thread := threads[int(seed)%len(threads)]
		r := rand.New(rand.NewPCG(seed, 1))
		list := heard(t, thread.messages)
		list = append(list, list[r.IntN(len(list))])
		r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		w := newWorld(t, 1+int(seed%3))
		for _, seen := range list {
			w.saw(seen)
			if r.IntN(8) == 0 {
				w.begin(1 + r.IntN(3)) // after kill -9
				w.settle(w.now)
			}
			w.wait(time.Duration(r.IntN(400)) * time.Millisecond)
		}
		var lamps []string
		for _, name := range []string{"alice", "bob", "carol"} {
			lamps = append(lamps, lit(w.lamp(name)))
		}
		if got := strings.Join(lamps, ", "); got != thread.lamps {
			t.Errorf("seed %d: %s: %s, want %s", seed, order(list), got, thread.lamps)
		}
	}
}

// TestWhatIsOverLeavesNothing: whatever the order, in the end there is no call, no
// record and no input.
func TestWhatIsOverLeavesNothing(t *testing.T) {
	for seed := range uint64(2 * len(threads)) {
		thread := threads[int(seed)%len(threads)]
		r := rand.New(rand.NewPCG(seed, 2))
		list := heard(t, thread.messages)
		r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		w := newWorld(t, 2)
		w.phones = map[string]string{"alice": "silent", "bob": "silent", "carol": "silent"}
		for _, seen := range list {
			w.saw(seen)
		}
		w.wait(5 * time.Minute)
		left := 0
		for _, name := range []string{"alice", "bob", "carol"} {
			left += len(w.esc.Inputs(aorOf(name))) - 1 // its registration
			if lamp := lit(w.lamp(name)); lamp != "off" {
				t.Errorf("seed %d: %s: %s's lamp is %s", seed, order(list), name, lamp)
			}
		}
		if records := w.journal.Len(); left > 0 || records > 0 || w.calls.Live() > 0 {
			t.Errorf("seed %d: %s leaves %d inputs, %d records, %d calls", seed, order(list), left, records, w.calls.Live())
		}
	}
}

func permute(list []Seen, from int, each func()) {
	if from == len(list) {
		each()
		return
	}
	for i := from; i < len(list); i++ {
		list[from], list[i] = list[i], list[from]
		permute(list, from+1, each)
		list[from], list[i] = list[i], list[from]
	}
}

func factorial(n int) int {
	if n < 2 {
		return 1
	}
	return n * factorial(n-1)
}

func order(list []Seen) string {
	names := []string{"", "invite", "progress", "answer", "refused", "cancelled", "bye", "gone", "refreshed", "alive", "replaced"}
	var words []string
	for _, s := range list {
		words = append(words, strings.TrimSpace(fmt.Sprint(names[s.What], " ", s.Branch, " ", s.ToTag)))
	}
	return strings.Join(slices.Clip(words), ", ")
}

func lamps(f Facts) string {
	var list []string
	for _, name := range []string{"alice", "bob", "carol"} {
		list = append(list, lit(f.Shown(aorOf(name))))
	}
	return strings.Join(list, ", ")
}
