package call_test

import (
	"fmt"
	"testing"
	"time"

	. "lamplight/call"
)

// BenchmarkCall is a call from its INVITE to its BYE, with its lamps composed and
// stored, but not told.
func BenchmarkCall(b *testing.B) {
	w := newWorld(b, 1)
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		for _, what := range []What{Invite, Progress, Answer, Bye} {
			s := fromAlice(what)
			s.CallID, s.CSeq = fmt.Sprint("call-", n), 1
			if what != Invite {
				s.ToTag = "t"
			}
			if what != Bye {
				s.Branch = fmt.Sprint("b", n)
			}
			w.saw(s)
		}
		if n%64 == 0 {
			w.wait(time.Minute)
			clear(w.told)
		}
	}
}
