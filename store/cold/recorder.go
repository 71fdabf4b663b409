package cold

import (
	"log/slog"
	"sync"
	"time"

	"lamplight/call"
)

// How a Recorder works.
const (
	waitingCalls = 8192                   // handed over and not stored yet
	storedAtOnce = 512                    // in one transaction
	gathered     = 100 * time.Millisecond // for which others are waited, since a transaction costs more than a call
	storeAgain   = time.Second            // after it could not
	dropEvery    = 15 * time.Minute       // what is too old
)

// Recorder writes the history of calls behind the owners' backs. It implements
// call.History.
type Recorder struct {
	store *Store
	keep  time.Duration
	log   *slog.Logger
	come  chan entry
	stop  chan struct{}
	done  sync.WaitGroup
}

// entry is a call, and whom to tell that it is stored.
type entry struct {
	calls []call.Ended
	kept  func()
}

// NewRecorder begins to write calls, and to forget those that are older than keep.
// Close must be called before the store's.
func NewRecorder(s *Store, keep time.Duration, log *slog.Logger) *Recorder {
	r := &Recorder{store: s, keep: keep, log: log, come: make(chan entry, waitingCalls), stop: make(chan struct{})}
	r.done.Go(r.run)
	return r
}

// Keep implements call.History. It returns at once.
func (r *Recorder) Keep(calls []call.Ended, kept func()) bool {
	select {
	case r.come <- entry{calls, kept}:
		return true
	default:
		return false
	}
}

// Close writes what was handed over, once nothing more is. What cannot be written
// then is handed over again after the next start.
func (r *Recorder) Close() error {
	close(r.stop)
	r.done.Wait()
	return nil
}

func (r *Recorder) run() {
	drop := time.NewTicker(dropEvery)
	defer drop.Stop()
	r.drop()
	for {
		select {
		case e := <-r.come:
			r.write(r.gather(e))
		case <-drop.C:
			r.drop()
		case <-r.stop:
			for len(r.come) > 0 {
				r.write(r.gather(<-r.come))
			}
			return
		}
	}
}

// gather takes what comes in a short while, up to a transaction's worth. What has
// to wait is not lost: who handed it over keeps it until it is stored.
func (r *Recorder) gather(first entry) []entry {
	list := []entry{first}
	enough := time.NewTimer(gathered)
	defer enough.Stop()
	for len(list) < storedAtOnce {
		select {
		case e := <-r.come:
			list = append(list, e)
		case <-enough.C:
			return list
		case <-r.stop:
			return list // the rest is taken at the end
		}
	}
	return list
}

// write stores calls, again and again where that fails, until it is to stop.
func (r *Recorder) write(list []entry) {
	var calls []call.Ended
	for _, e := range list {
		calls = append(calls, e.calls...)
	}
	for {
		err := r.store.AddCalls(calls)
		if err == nil {
			break
		}
		r.log.Error("calls cannot be stored", "calls", len(calls), "error", err)
		select {
		case <-r.stop:
			return
		case <-time.After(storeAgain):
		}
	}
	for _, e := range list {
		e.kept()
	}
}

func (r *Recorder) drop() {
	if err := r.store.DropCalls(time.Now().Add(-r.keep)); err != nil {
		r.log.Error("old calls cannot be dropped", "error", err)
	}
}
