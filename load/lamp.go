package load

import (
	"bytes"
	"context"
	"strconv"
	"sync"
	"time"

	"lamplight/sip"
	"lamplight/sip/transaction"
)

// party is one end of a pair's calls, and what its watchers know of the call
// that is under way.
type party struct {
	pair  *pair
	phone *phone
	meter *meter
	size  int // how many watch

	mu         sync.Mutex
	callID     string
	rang, hung time.Time // when the 180 and the BYE were said; zero: not yet
	lit, dark  int       // how many lamps are on, and off again
	done       bool      // the BYE was answered
}

func (r *run) newParty(s *side, name string) *party {
	p := &party{phone: r.newPhone(s, name), meter: &r.meter, size: r.Watchers}
	p.phone.party = p
	return p
}

func (p *party) expect(callID string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.callID, p.rang, p.hung, p.lit, p.dark, p.done = callID, time.Time{}, time.Time{}, 0, 0, false
}

func (p *party) rings(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rang = now
}

func (p *party) hungUp(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hung = now
}

func (p *party) over() {
	p.mu.Lock()
	p.done = true
	p.mu.Unlock()
	p.pair.settled()
}

// settled tells whether the call is over and all lamps are dark.
func (p *party) settled() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.done && p.dark >= p.size
}

// missing is how many lamps do not know yet what the call is at.
func (p *party) missing() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case !p.hung.IsZero():
		return p.size - p.dark
	case !p.rang.IsZero():
		return p.size - p.lit
	}
	return 0
}

// skipped is how many lamps are dark that were never lit.
func (p *party) skipped() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(0, p.dark-p.lit)
}

// lamp is one subscription, and what it showed last.
type lamp struct {
	watcher *phone
	of      *party
	tag     string

	first sync.Once
	ready chan struct{} // closed with the first NOTIFY

	// What follows is guarded by the party's mutex.
	callID    string // of the call that it knows
	lit, dark bool
	cseq      uint32
}

// watch subscribes to a party's calls, and waits for the first NOTIFY.
func (r *run) watch(ctx context.Context, w *phone, of *party) error {
	l := &lamp{watcher: w, of: of, tag: sip.NewTag()[:16], ready: make(chan struct{})}
	q := w.begins(sip.SUBSCRIBE, of.phone.aor, sip.NewCallID(), l.tag)
	q.Header = append([]byte(w.contact), "Event: dialog\r\nAccept: application/dialog-info+xml\r\nExpires: "+strconv.Itoa(lasts)+"\r\n"...)
	r.lamps.Store(q.CallID, l)
	if _, err := w.do(ctx, q); err != nil {
		return err
	}
	select {
	case <-l.ready:
		return nil
	case <-time.After(r.Patience):
		return &silentError{w.name, of.phone.name}
	case <-ctx.Done():
		return ctx.Err()
	}
}

// silentError says that a subscription got no NOTIFY.
type silentError struct{ watcher, of string }

func (e *silentError) Error() string { return e.watcher + " was told nothing of " + e.of }

// watching is a watcher's side.
func (r *run) watching(_ *phone, q *transaction.Request) {
	if q.Message.Method() != sip.NOTIFY {
		refuse(q)
		return
	}
	now := time.Now()
	found, ok := r.lamps.Load(string(q.Message.CallID()))
	if !ok {
		q.Respond(&sip.Response{Status: 481})
		return
	}
	l := found.(*lamp)
	l.first.Do(func() { close(l.ready) })
	l.notified(&q.Message, now)
	q.Respond(&sip.Response{Status: 200})
}

// notified takes a NOTIFY: each of the two changes is measured once.
func (l *lamp) notified(m *sip.Message, now time.Time) {
	p := l.of
	p.meter.notifies.Add(1)
	c, err := m.CSeq()
	if err != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.Number <= l.cseq {
		p.meter.stale.Add(1)
		return
	}
	l.cseq = c.Number
	if l.callID != p.callID {
		l.callID, l.lit, l.dark = p.callID, false, false
	}
	if p.callID == "" {
		return
	}
	switch on, ringing := lights(m.Body()); {
	case ringing && !l.lit && !p.rang.IsZero():
		l.lit = true
		p.lit++
		p.meter.lit.took(now.Sub(p.rang), p.lit == p.size)
	case !on && !l.dark && !p.hung.IsZero():
		l.dark = true
		p.dark++
		p.meter.dark.took(now.Sub(p.hung), p.dark == p.size)
		if p.dark == p.size {
			go p.pair.settled()
		}
	}
}

// lights tells of a document whether a dialog in it goes on, and whether one is
// early or confirmed. It searches, as reading XML would cost more than all the
// rest; which call it is need not be asked, since a party is in one at a time.
func lights(body []byte) (on, ringing bool) {
	for {
		_, after, found := bytes.Cut(body, []byte("<state"))
		if !found {
			return on, ringing
		}
		_, after, _ = bytes.Cut(after, []byte(">"))
		state, rest, _ := bytes.Cut(after, []byte("<"))
		switch string(bytes.TrimSpace(state)) {
		case "early", "confirmed":
			return true, true
		case "trying", "Trying", "proceeding":
			on = true
		}
		body = rest
	}
}
