package owner

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// jobsPerTurn bounds a turn, so that answers don't wait for a whole intake.
const jobsPerTurn = 1024

// readAgainEvery is how often keys are read again whose reading needs a commit
// that fails.
const readAgainEvery = time.Second

// worker is one owner: an intake, the alarms of its keys, and its turn.
type worker struct {
	owners *Owners
	limit  int
	alarms alarms
	turn   *Turn
	lost   map[string]struct{} // keys to be read again before anything else
	again  map[string]struct{} // and those to be read again at retry
	retry  time.Time
	done   chan error

	mu     sync.Mutex
	intake []post
	wake   chan struct{} // holds one while something came
	spare  []post
}

func newWorker(o *Owners, limit int) *worker {
	w := &worker{owners: o, limit: limit, wake: make(chan struct{}, 1), done: make(chan error, 1),
		lost: map[string]struct{}{}, again: map[string]struct{}{}}
	w.turn = &Turn{w: w, keys: map[string]struct{}{}}
	return w
}

func (w *worker) post(key string, j Job, refusable bool) error {
	w.mu.Lock()
	if refusable && len(w.intake) >= w.limit {
		w.mu.Unlock()
		return ErrBusy
	}
	w.intake = append(w.intake, post{key, j})
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
	return nil
}

// came takes at most a turn's jobs off the intake.
func (w *worker) came() []post {
	w.mu.Lock()
	defer w.mu.Unlock()
	jobs := w.intake
	w.intake = w.spare[:0]
	if len(jobs) > jobsPerTurn {
		w.intake = append(w.intake, jobs[jobsPerTurn:]...)
		clear(jobs[jobsPerTurn:])
		jobs = jobs[:jobsPerTurn]
	}
	w.spare = nil
	return jobs
}

func (w *worker) giveBack(jobs []post) {
	clear(jobs)
	w.mu.Lock()
	w.spare = jobs[:0]
	w.mu.Unlock()
}

func (w *worker) waiting() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.intake)
}

func (w *worker) ready(now time.Time) bool {
	next := w.next()
	return len(w.lost) > 0 || w.waiting() > 0 || !next.IsZero() && !next.After(now)
}

// next is when there is something to do if nothing comes; zero: never.
func (w *worker) next() time.Time {
	next := w.alarms.next()
	if len(w.again) > 0 && (next.IsZero() || w.retry.Before(next)) {
		return w.retry
	}
	return next
}

// run takes turns until the context ends and the intake is empty.
func (w *worker) run(ctx, lost context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for lost.Err() == nil {
		now := time.Now()
		if w.ready(now) {
			if err := w.take(now); err != nil {
				w.owners.failOnce.Do(func() { w.owners.fail(err) })
			}
			continue
		}
		if ctx.Err() != nil {
			return
		}
		w.rest(ctx, lost, timer, now)
	}
}

// rest waits for a job, the next alarm, or the end.
func (w *worker) rest(ctx, lost context.Context, timer *time.Timer, now time.Time) {
	var alarm <-chan time.Time
	if next := w.next(); !next.IsZero() {
		timer.Reset(next.Sub(now))
		alarm = timer.C
	}
	select {
	case <-w.wake:
	case <-alarm:
	case <-ctx.Done():
	case <-lost.Done():
	}
}

// take takes one turn. Its error is that of a journal that is lost.
func (w *worker) take(now time.Time) error {
	t := w.turn
	t.reset(now)
	if len(w.again) > 0 && !w.retry.After(now) {
		maps.Copy(w.lost, w.again)
		clear(w.again)
	}
	if len(w.lost) > 0 {
		return w.readAgain()
	}
	for n := 0; n < jobsPerTurn; n++ {
		a := w.alarms.due(now)
		if a == nil {
			break
		}
		t.do(a.key, a.job)
	}
	jobs := w.came()
	for _, p := range jobs {
		t.do(p.key, p.job)
	}
	w.giveBack(jobs)
	w.finish(w.lost)
	return nil
}

// finish ends the turn's work, commits it and tells what it has to tell. Where
// the commit fails the turn's keys are forgotten, and read again as at a start,
// because nobody knows how much of it was written: lost takes them.
func (w *worker) finish(lost map[string]struct{}) (failed error) {
	t := w.turn
	t.end()
	if failed = w.commit(t.records); failed != nil {
		maps.Copy(lost, t.keys)
	}
	t.say(failed)
	if failed != nil {
		return failed
	}
	for _, p := range t.posts {
		w.owners.Return(p.key, p.job)
	}
	return nil
}

func (w *worker) commit(records []Record) error {
	switch {
	case len(records) == 0:
		return nil
	case w.owners.commits == nil:
		return w.owners.journal.Commit(records)
	}
	w.owners.commits.waiting <- commit{records, w.done}
	return <-w.done
}

// readAgain brings the memory of the keys of a failed commit back to what is
// stored. Where that wants something stored itself (the end of what is over)
// and cannot, the keys serve as they are until the next try, so that a full
// disk doesn't keep the owner from everything else.
func (w *worker) readAgain() error {
	t, o := w.turn, w.owners
	keys := slices.Sorted(maps.Keys(w.lost)) // a simulation repeats itself
	w.alarms.forget(w.lost)
	clear(w.lost)
	for _, key := range keys {
		o.restore.Forget(t, key)
		t.keys[key] = struct{}{}
		err := o.journal.Load(Prefix(key), func(r Record) error { return o.restoreRecord(t, r) })
		if err != nil {
			return fmt.Errorf("read %s again: %w", key, err)
		}
	}
	if w.finish(w.again) != nil {
		w.retry = t.Now.Add(readAgainEvery)
	}
	return nil
}
