package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"lamplight/sip/ua"
)

// view shows the office: on a terminal who is what and the last messages, else
// a line per change. What it shows is what the reception's phone was told.
type view struct {
	screen bool

	mu    sync.Mutex
	over  bool // nothing is shown any more
	lamps map[string]lamp
	asked map[string]saying // the last message of each person's phone
	last  []string          // lines
}

// saying is a message that somebody's phone sent.
type saying struct {
	what string
	at   time.Time
}

// saidLately is how soon a change is taken to come of what its person sent last.
const saidLately = 200 * time.Millisecond

// shownLines is how many of the last messages stand on the screen.
const shownLines = 12

func newView() *view {
	return &view{screen: isTerminal(os.Stdout), lamps: map[string]lamp{}, asked: map[string]saying{}}
}

// said notes what a person's phone sends.
func (v *view) said(user, what string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.asked[demoAoR(user)] = saying{what, time.Now()}
}

// notified takes what the reception was told.
func (v *view) notified(n ua.Notify) {
	v.mu.Lock()
	defer v.mu.Unlock()
	l := lampOf(n)
	before := v.lamps[n.AoR]
	v.lamps[n.AoR] = l
	if v.over || before == l || before.State == "" && l.State == "offline" {
		return
	}
	v.tell(v.line(n.AoR, l))
}

// line is one change: what was sent, and what became of it.
func (v *view) line(aor string, l lamp) string {
	now := time.Now()
	s := v.asked[aor]
	text := fmt.Sprintf("%s  %-8s %-26s → NOTIFY reception: %s %s", now.Format("15:04:05"), shortName(aor), s.what, light(l.State), l.State)
	if l.Note != "" {
		text += " (" + l.Note + ")"
	}
	took := now.Sub(s.at)
	if took > saidLately {
		return text // it came of what somebody else sent
	}
	return fmt.Sprintf("%s, %.1f ms", text, float64(took.Microseconds())/1000)
}

func shortName(aor string) string {
	return strings.TrimSuffix(strings.TrimPrefix(aor, "sip:"), "@"+demoDomain)
}

func (v *view) tell(line string) {
	if !v.screen {
		fmt.Println(line)
		return
	}
	v.last = append(v.last, line)
	if len(v.last) > shownLines {
		v.last = v.last[1:]
	}
}

// run draws until the context ends.
func (v *view) run(ctx context.Context) {
	defer v.end()
	if !v.screen {
		<-ctx.Done()
		return
	}
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			fmt.Print(v.picture())
		}
	}
}

func (v *view) end() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.over = true
}

// picture is the whole screen, from its top.
func (v *view) picture() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	var b strings.Builder
	b.WriteString("\x1b[H\x1b[J")
	for _, s := range staff {
		l := v.lamps[demoAoR(s.user)]
		fmt.Fprintf(&b, "  %s %s %-5s %-14s %s\n", light(l.State), pad(s.name, 14), s.number, l.State, l.Note)
	}
	b.WriteString("\n")
	for _, line := range v.last {
		b.WriteString("  " + line + "\n")
	}
	b.WriteString("\n  Ctrl-C ends it.\n")
	return b.String()
}

// pad fills a name up to a width in columns; Hangul takes two each.
func pad(name string, width int) string {
	columns := 0
	for _, r := range name {
		columns++
		if utf8.RuneLen(r) > 2 {
			columns++
		}
	}
	return name + strings.Repeat(" ", max(width-columns, 0))
}
