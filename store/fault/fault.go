// Package fault is a journal in memory that fails when it is told to, for
// tests and the simulation: what was committed survives the end of its user,
// and a failed commit is written wholly or not at all, as on a disk that lost
// power.
package fault

import (
	"errors"
	"sort"
	"strings"
	"sync"

	"lamplight/owner"
)

// ErrCommit is how a commit fails.
var ErrCommit = errors.New("fault: commit failed")

// Journal implements owner.Journal. The zero value is empty and never fails.
type Journal struct {
	mu      sync.Mutex
	records map[string][]byte
	commits int
	fail    func(commit int) (failed, written bool)
}

// Fail has f asked at each commit, counted from 1, whether it fails and
// whether it is written all the same. Nil: none fails.
func (j *Journal) Fail(f func(commit int) (failed, written bool)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.fail = f
}

// Commit stores all records, unless it was told to fail.
func (j *Journal) Commit(records []owner.Record) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.commits++
	var failed, written bool
	if j.fail != nil {
		failed, written = j.fail(j.commits)
	}
	if !failed || written {
		j.write(records)
	}
	if failed {
		return ErrCommit
	}
	return nil
}

func (j *Journal) write(records []owner.Record) {
	if j.records == nil {
		j.records = map[string][]byte{}
	}
	for _, r := range records {
		if r.Value == nil {
			delete(j.records, string(r.Key))
		} else {
			j.records[string(r.Key)] = append([]byte(nil), r.Value...)
		}
	}
}

// Load reads the records whose keys begin with prefix, in the keys' order.
func (j *Journal) Load(prefix []byte, each func(owner.Record) error) error {
	j.mu.Lock()
	var found []owner.Record
	for k, v := range j.records {
		if strings.HasPrefix(k, string(prefix)) {
			found = append(found, owner.Record{Key: []byte(k), Value: v})
		}
	}
	j.mu.Unlock()
	sort.Slice(found, func(a, b int) bool { return string(found[a].Key) < string(found[b].Key) })
	for _, r := range found {
		if err := each(r); err != nil {
			return err
		}
	}
	return nil
}

// Len is the number of records.
func (j *Journal) Len() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.records)
}

// Commits is how many commits were asked for.
func (j *Journal) Commits() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.commits
}
