// Package owner runs turns: who changes the state of a key, in what order, and
// what may be told once it is durable. Each key (an AoR, a Call-ID) has one
// owner, one goroutine, so nothing in an owner's memory is locked. It knows
// neither SIP nor what the state is.
package owner

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"
)

// ErrBusy refuses a post from outside because the owner has too much to do.
var ErrBusy = errors.New("owner: busy")

// Journal keeps records over a restart.
type Journal interface {
	// Commit stores all records, or none and gives an error. When it returns
	// nil they survive a crash. After an error the journal can be read again,
	// or every later call fails.
	Commit([]Record) error
	// Load reads the records whose keys begin with prefix, in the keys' order.
	Load(prefix []byte, each func(Record) error) error
}

// Restorer reads stored state back into memory.
type Restorer interface {
	// Forget drops what memory holds of a key.
	Forget(t *Turn, key string)
	// Restore takes one record in, at start or after a Forget.
	Restore(t *Turn, key string, kind byte, id string, value []byte) error
}

// Options of New; a zero field takes its default.
type Options struct {
	Owners int           // goroutines: twice the processors
	Floor  time.Duration // least time between two commits: 1 ms; negative: none
	Intake int           // jobs that may wait from outside, each owner: 65,536
}

// Owners share all keys out among them.
type Owners struct {
	journal Journal // nil: nothing is kept
	restore Restorer
	workers []*worker
	commits *committer // while Run
	floor   time.Duration

	failOnce sync.Once
	fail     context.CancelCauseFunc
}

// New makes the owners of an empty memory. Without a journal nothing is kept.
func New(j Journal, r Restorer, o Options) *Owners {
	n := o.Owners
	if n == 0 {
		n = 2 * runtime.GOMAXPROCS(0)
	}
	if o.Floor == 0 {
		o.Floor = time.Millisecond
	}
	if o.Intake == 0 {
		o.Intake = 1 << 16
	}
	all := &Owners{journal: j, restore: r, floor: o.Floor}
	for range n {
		all.workers = append(all.workers, newWorker(all, o.Intake))
	}
	return all
}

func (o *Owners) of(key string) *worker {
	return o.workers[int(Partition(key))%len(o.workers)]
}

// Post gives a job to the owner of a key. The error is ErrBusy.
func (o *Owners) Post(key string, j Job) error { return o.of(key).post(key, j, true) }

// PostPartition gives a job to the owner of a partition, for who holds a local
// tag and not the key. The job says by Turn.Touch whose state it changes. The
// error is ErrBusy.
func (o *Owners) PostPartition(p byte, j Job) error {
	return o.workers[int(p)%len(o.workers)].post("", j, true)
}

// Return gives an owner the outcome of something that it began itself: it is
// never refused.
func (o *Owners) Return(key string, j Job) { _ = o.of(key).post(key, j, false) }

// Load reads all records into memory, before Run or Turn, and does what that posts
// to other keys. What the stages clear away (what ended while the server was down)
// is committed.
func (o *Owners) Load(now time.Time) error {
	for _, w := range o.workers {
		w.turn.reset(now)
	}
	if o.journal != nil {
		if err := o.journal.Load(nil, func(r Record) error { return o.restoreRecord(nil, r) }); err != nil {
			return fmt.Errorf("load: %w", err)
		}
	}
	o.deliver()
	for _, w := range o.workers {
		if err := w.finish(w.lost); err != nil {
			return fmt.Errorf("load: %w", err)
		}
	}
	return nil
}

// deliver does at once what the stages posted while they were read: what is known
// of a key counts before anybody is told of it.
func (o *Owners) deliver() {
	for again := true; again; {
		again = false
		for _, w := range o.workers {
			posts := w.turn.posts
			w.turn.posts = nil
			for _, p := range posts {
				o.of(p.key).turn.do(p.key, p.job)
				again = true
			}
		}
	}
}

func (o *Owners) restoreRecord(t *Turn, r Record) error {
	key, kind, id, err := ParseKey(r.Key)
	if err != nil {
		return err
	}
	if t == nil {
		t = o.of(key).turn
	}
	t.keys[key] = struct{}{}
	return o.restore.Restore(t, key, kind, id, r.Value)
}

// Run turns all owners until the context ends and what had come is done. Its
// error is that of a journal that can be neither written nor read.
func (o *Owners) Run(ctx context.Context) error {
	lost, fail := context.WithCancelCause(context.Background())
	defer fail(nil)
	o.fail = fail
	if o.journal != nil {
		o.commits = &committer{journal: o.journal, floor: o.floor, waiting: make(chan commit, len(o.workers))}
	}
	var committing, turning sync.WaitGroup
	stop, stopped := context.WithCancel(context.Background())
	if o.commits != nil {
		committing.Go(func() { o.commits.run(stop) })
	}
	for _, w := range o.workers {
		turning.Go(func() { w.run(ctx, lost) })
	}
	turning.Wait()
	stopped()
	committing.Wait()
	return context.Cause(lost)
}

// Turn lets one owner (0 to Len-1) take a turn now, on the caller's goroutine,
// and tells whether there was anything to do. It is for tests and the
// simulation; Run must not run.
func (o *Owners) Turn(i int, now time.Time) (bool, error) {
	w := o.workers[i]
	if !w.ready(now) {
		return false, nil
	}
	return true, w.take(now)
}

// Settle takes turns until no owner has anything to do now.
func (o *Owners) Settle(now time.Time) error {
	for again := true; again; {
		again = false
		for i := range o.workers {
			did, err := o.Turn(i, now)
			if err != nil {
				return err
			}
			again = again || did
		}
	}
	return nil
}

// Len is the number of owners.
func (o *Owners) Len() int { return len(o.workers) }

// Next is when an owner has something to do if nothing comes; zero: never.
func (o *Owners) Next() time.Time {
	var next time.Time
	for _, w := range o.workers {
		if at := w.next(); !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next
}
