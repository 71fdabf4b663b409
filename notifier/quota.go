package notifier

import (
	"sync"

	"lamplight/event"
)

// quota counts the subscriptions that each subscriber holds. What a user
// watches is spread over all owners, so this count alone is shared and locked.
type quota struct {
	limit int
	mu    sync.Mutex
	held  map[event.AoR]int
}

// take counts one more, or says that there are enough.
func (q *quota) take(w event.AoR) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.held[w] >= q.limit {
		return false
	}
	q.held[w]++
	return true
}

// keep counts one that is there, whatever the limit is now.
func (q *quota) keep(w event.AoR) {
	q.mu.Lock()
	q.held[w]++
	q.mu.Unlock()
}

func (q *quota) giveBack(w event.AoR) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.held[w]--; q.held[w] <= 0 {
		delete(q.held, w)
	}
}
