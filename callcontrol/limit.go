package callcontrol

import (
	"sync"
	"time"

	"lamplight/event"
)

// limit counts the calls that each user has had made in the last minute.
type limit struct {
	most int

	mu   sync.Mutex
	made map[event.AoR][]time.Time
}

const limitOver = time.Minute

// take counts one more, unless there were as many as there may be.
func (l *limit) take(user event.AoR, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for u, list := range l.made { // of a minute, and so not many
		for len(list) > 0 && now.Sub(list[0]) >= limitOver {
			list = list[1:]
		}
		if l.made[u] = list; len(list) == 0 {
			delete(l.made, u)
		}
	}
	if len(l.made[user]) >= l.most {
		return false
	}
	if l.made == nil {
		l.made = map[event.AoR][]time.Time{}
	}
	l.made[user] = append(l.made[user], now)
	return true
}
