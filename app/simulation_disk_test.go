package app

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing/synctest"
	"time"

	"lamplight/esc"
	"lamplight/event"
	"lamplight/notifier"
	"lamplight/owner"
	"lamplight/record"
	"lamplight/registrar"
	"lamplight/store/fault"
)

// disk is the server's journal: it takes its time before and after it writes,
// and fails by its own dice.
type disk struct {
	*fault.Journal
	s      *simulation
	mu     sync.Mutex
	random *rand.Rand
	slow   time.Duration
}

func newDisk(s *simulation, j *fault.Journal, seed uint64) *disk {
	return &disk{Journal: j, s: s, random: rand.New(rand.NewPCG(seed, 3))}
}

func (d *disk) change(failing, written float64, slow time.Duration) {
	d.mu.Lock()
	d.slow = slow
	d.mu.Unlock()
	if failing == 0 {
		d.Fail(nil)
		return
	}
	d.Fail(func(int) (bool, bool) {
		d.mu.Lock()
		defer d.mu.Unlock()
		return d.random.Float64() < failing, d.random.Float64() < written
	})
}

// Commit is the journal's, not at once.
func (d *disk) Commit(records []owner.Record) error {
	d.wait()
	err := d.Journal.Commit(records)
	if err != nil {
		d.s.mu.Lock()
		d.s.log.add(d.s.age(), fmt.Sprintf("a commit of %d records fails", len(records)))
		d.s.audit.epoch++
		d.s.audit.lost("a commit failed")
		d.s.mu.Unlock()
	}
	d.wait()
	return err
}

func (d *disk) wait() {
	d.mu.Lock()
	slow := time.Duration(0)
	if d.slow > 0 {
		slow = time.Duration(d.random.Int64N(int64(d.slow)))
	}
	d.mu.Unlock()
	time.Sleep(slow)
}

// snapshot is a journal with what this one holds now.
func (d *disk) snapshot() *fault.Journal {
	synctest.Wait()
	var all []owner.Record
	_ = d.Load(nil, func(r owner.Record) error {
		all = append(all, r)
		return nil
	})
	j := &fault.Journal{}
	_ = j.Commit(all)
	return j
}

// stored lists the records of a kind of an AoR's.
func (d *disk) stored(aor event.AoR, kind byte) (records []owner.Record) {
	_ = d.Load(owner.Prefix(string(aor)), func(r owner.Record) error {
		if _, k, _, err := owner.ParseKey(r.Key); err == nil && k == kind {
			records = append(records, r)
		}
		return nil
	})
	return records
}

// holdsTag tells whether a publication of this entity-tag is stored.
func (d *disk) holdsTag(aor event.AoR, etag string) bool {
	for _, r := range d.stored(aor, esc.KindPublication) {
		if strings.Contains(string(r.Value), etag) {
			return true
		}
	}
	return false
}

// holdsDialog tells whether a subscription of this local tag is stored.
func (d *disk) holdsDialog(aor event.AoR, tag string) bool {
	for _, r := range d.stored(aor, notifier.KindSubscription) {
		if strings.Contains(string(r.Key), tag) {
			return true
		}
	}
	return false
}

// tokens is what is stored of an AoR's state and lives at a moment, as tokens of
// a package's documents. What has ended may be stored still, where the commit
// that takes it away fails.
func (d *disk) tokens(aor event.AoR, name string, at time.Time) (list []string) {
	switch name {
	case "reg":
		for _, r := range d.stored(aor, registrar.KindBinding) {
			if bindingEnd(r.Value).After(at) {
				list = append(list, contactPattern.FindString(string(r.Value)))
			}
		}
	case "presence.winfo":
		for _, r := range d.stored(aor, notifier.KindSubscription) {
			if strings.Contains(string(r.Key), " presence;") {
				list = append(list, aorPattern.FindAllString(string(r.Value), 2)[1])
			}
		}
	default:
		ends := d.publicationEnds(aor)
		for _, r := range d.stored(aor, esc.KindBody) {
			_, _, id, _ := owner.ParseKey(r.Key)
			if body := string(r.Value); ends[id].After(at) && strings.Contains(body, bodyTypes[name]) {
				list = append(list, tokensOf(name, []byte(body[strings.IndexByte(body, '<'):]))...)
			}
		}
		list = slices.Compact(sorted(list)) // a request that two servers did is one document
	}
	return sorted(list)
}

// publicationEnds are the ends of an AoR's publications, as esc stores them.
func (d *disk) publicationEnds(aor event.AoR) map[string]time.Time {
	ends := map[string]time.Time{}
	for _, r := range d.stored(aor, esc.KindPublication) {
		_, _, id, _ := owner.ParseKey(r.Key)
		fields, _ := record.NewReader(r.Value)
		for range 3 {
			_ = fields.String()
		}
		ends[id] = fields.Time()
	}
	return ends
}

// bindingEnd is the end of a binding, as registrar stores it.
func bindingEnd(value []byte) time.Time {
	fields, _ := record.NewReader(value)
	for range 10 {
		_ = fields.String()
	}
	fields.Uint()
	fields.Time()
	return fields.Time()
}

var logLines = flag.Int("log", 200, "how many events a failure of the simulation shows")

// eventLog keeps the last events. It is a slog.Handler for the server's own.
type eventLog struct {
	mu   sync.Mutex
	ring []string
}

func (l *eventLog) add(age time.Duration, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.ring) >= 2*max(*logLines, 1) {
		l.ring = append(l.ring[:0], l.ring[*logLines:]...)
	}
	l.ring = append(l.ring, fmt.Sprintf("%12v  %s", age.Round(100*time.Microsecond), text))
}

func (l *eventLog) lines() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ring[max(0, len(l.ring)-*logLines):]
}

func (l *eventLog) Enabled(context.Context, slog.Level) bool { return true }
func (l *eventLog) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *eventLog) WithGroup(string) slog.Handler            { return l }

func (l *eventLog) Handle(_ context.Context, r slog.Record) error {
	text := r.Message
	r.Attrs(func(a slog.Attr) bool {
		text += " " + a.String()
		return true
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ring = append(l.ring, "              server: "+text)
	return nil
}
