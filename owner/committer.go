package owner

import (
	"context"
	"time"
)

// committer merges the records of all owners that wait into one commit. A
// floor between two commits keeps fsyncs from eating the CPU at middling load:
// the longer the wait, the larger the commit.
type committer struct {
	journal Journal
	floor   time.Duration
	waiting chan commit
}

type commit struct {
	records []Record
	done    chan<- error
}

func (c *committer) run(ctx context.Context) {
	var batch []commit
	var records []Record
	var last time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case first := <-c.waiting:
			batch = append(batch[:0], first)
		}
		if wait := c.floor - time.Since(last); wait > 0 {
			time.Sleep(wait)
		}
		batch = c.alsoWaiting(batch)
		records = records[:0]
		for _, w := range batch {
			records = append(records, w.records...)
		}
		err := c.journal.Commit(records)
		last = time.Now()
		for _, w := range batch {
			w.done <- err
		}
	}
}

func (c *committer) alsoWaiting(batch []commit) []commit {
	for {
		select {
		case w := <-c.waiting:
			batch = append(batch, w)
		default:
			return batch
		}
	}
}
