package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"lamplight/sip/ua"
)

type watchCmd struct {
	Users   []string `arg:"" help:"Whose lamps: user[@domain]."`
	Event   string   `default:"presence" help:"Event package: presence, dialog, reg or presence.winfo."`
	Expires uint32   `default:"3600" placeholder:"SECONDS" help:"How long a subscription lasts before it is refreshed."`
	client
}

// Run shows lamps until it is interrupted. Its error is the first subscription
// that was refused, once none is left.
func (c *watchCmd) Run() error {
	agent, err := c.agent(c.Users[0])
	if err != nil {
		return err
	}
	defer agent.Close()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	w := &lamps{json: c.JSON}
	var watched []*ua.Subscription
	var refused error
	for _, user := range c.Users {
		s, err := agent.Subscribe(ctx, c.aor(user), c.Event, ua.SubscribeOptions{
			Expires: time.Duration(c.Expires) * time.Second, Keep: true, OnNotify: w.show})
		if err != nil {
			fmt.Fprintf(os.Stderr, "lamplight: %s: %v\n", user, err)
			refused = err
			continue
		}
		watched = append(watched, s)
	}
	if len(watched) == 0 {
		return refused
	}
	return untilOver(ctx, watched)
}

// untilOver waits for the interrupt, and then unsubscribes; or for the last
// subscription to end by itself.
func untilOver(ctx context.Context, watched []*ua.Subscription) (err error) {
	for _, s := range watched {
		select {
		case <-s.Done():
			err = s.Err()
		case <-ctx.Done():
		}
	}
	if ctx.Err() == nil {
		return err
	}
	bye, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	var all sync.WaitGroup
	for _, s := range watched {
		all.Go(func() { _ = s.Unsubscribe(bye) })
	}
	all.Wait()
	return nil
}

// lamps prints a line for each NOTIFY.
type lamps struct {
	mu   sync.Mutex
	json bool
}

func (w *lamps) show(n ua.Notify) {
	w.mu.Lock()
	defer w.mu.Unlock()
	l := lampOf(n)
	if w.json {
		_ = json.NewEncoder(os.Stdout).Encode(l)
		return
	}
	fmt.Println(l.line(time.Now()))
}

// line is a lamp for people: time, colour, who, state, note.
func (l lamp) line(now time.Time) string {
	text := fmt.Sprintf("%s %s %-32s %s", now.Format("15:04:05"), light(l.State), strings.TrimPrefix(l.AoR, "sip:"), l.State)
	if l.Note != "" {
		text += ": " + l.Note
	}
	if l.Subscription != "active" {
		text += fmt.Sprintf(" (%s %s)", l.Subscription, l.Reason)
	}
	return text
}
