package transaction

import (
	"sync/atomic"
	"time"
)

// clock calls the layer while there is something to wait for, and sleeps
// otherwise.
type clock struct {
	news    chan struct{}
	done    chan struct{}
	ended   chan struct{}
	waiting atomic.Int64 // how long the clock waits; 0: until there is news
}

func (c *clock) start(tick func(time.Time) time.Duration) {
	c.news, c.done, c.ended = make(chan struct{}, 1), make(chan struct{}), make(chan struct{})
	go c.run(tick)
}

func (c *clock) run(tick func(time.Time) time.Duration) {
	defer close(c.ended)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	timer.Stop()
	for {
		select {
		case <-c.done:
			return
		case <-c.news:
		case <-timer.C:
		}
		c.waiting.Store(0) // what comes while the tick is made is news
		again := tick(time.Now())
		c.waiting.Store(int64(again))
		if again > 0 {
			timer.Reset(again)
		}
	}
}

// wake tells the clock of something that is due after d at the earliest.
func (c *clock) wake(d time.Duration) {
	if w := c.waiting.Load(); w != 0 && w <= int64(d) {
		return
	}
	select {
	case c.news <- struct{}{}:
	default:
	}
}

func (c *clock) stop() {
	close(c.done)
	<-c.ended
}
