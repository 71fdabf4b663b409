package cold

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestCallsOfAShortWhileAreStoredTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &Recorder{come: make(chan entry), stop: make(chan struct{})}
		go func() {
			for range 2 {
				time.Sleep(gathered * 3 / 4)
				r.come <- entry{}
			}
		}()
		if n := len(r.gather(entry{})); n != 2 {
			t.Errorf("%d together, not the two of one tenth of a second", n)
		}
		<-r.come
		began := time.Now()
		close(r.stop)
		if r.gather(entry{}); time.Since(began) > 0 {
			t.Error("the end waits for more")
		}
	})
}
