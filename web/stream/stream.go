// Package stream tells a page in a browser of lamps as they change, as server-sent
// events of small JSON. A stream is a watcher like a phone, under the same policy. A
// slow browser gets the newest of each lamp; one that comes back within a minute and
// says what it saw last gets what has changed since. It leaves out who is signed in.
package stream

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"lamplight/event"
)

// Limits of streams.
const (
	MostAoRs    = 1000 // that a stream may watch
	mostStreams = 4000 // those that wait for their browser to come back with them
	mostOfUser  = 2100

	beat   = 15 * time.Second // between signs of life
	parked = time.Minute      // how long a stream waits for its browser
	slow   = 10 * time.Second // how long a write may take
)

// Watch subscribes a user to what a page shows of others, until stop is called. told
// is given a lamp's name and what is new of it, JSON; it returns at once, and may be
// called from any goroutine. It may go on for a while after stop.
type Watch func(who event.AoR, aors []event.AoR, calls bool, told func(lamp string, data []byte)) (stop func())

// Options of New.
type Options struct {
	Watch Watch
	User  func(*http.Request) (event.AoR, bool) // who is signed in
	// Still tells whether a user is, so that a stream ends with its session; nil: always.
	Still func(*http.Request) bool
	// Resolve is whom user@domain means; false: nobody.
	Resolve func(string) (event.AoR, bool)
}

// Streams are those that are open. It is a http.Handler for GET.
type Streams struct {
	o Options

	mu     sync.Mutex
	byID   map[string]*stream
	closed bool
}

// New makes the handler.
func New(o Options) *Streams { return &Streams{o: o, byID: map[string]*stream{}} }

// Open is how many streams there are, with those that wait for their browser.
func (s *Streams) Open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.byID)
}

// Close ends all streams; those that are asked for then are refused.
func (s *Streams) Close() {
	s.mu.Lock()
	s.closed = true
	var all []*stream
	for _, st := range s.byID {
		all = append(all, st)
	}
	s.mu.Unlock()
	for _, st := range all {
		s.end(st)
	}
}

// stream is one page's. A lamp's newest is kept under its name, with the number of
// the event that told it.
type stream struct {
	id, asked string
	who       event.AoR
	stop      func()
	ended     chan struct{}

	mu    sync.Mutex
	seq   uint64
	lamps map[string]lamp
	fresh chan struct{} // closed when there is more
	here  bool          // a browser reads it
	late  *time.Timer   // ends it when none comes back
}

type lamp struct {
	seq  uint64
	data []byte
}

var (
	errTooMany = errors.New("too many streams")
	errNobody  = errors.New("nobody to watch")
	errAsked   = errors.New("more than 1,000 to watch")
	errClosed  = errors.New("the server is stopping")
)

func (s *Streams) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	who, ok := s.o.User(r)
	if !ok {
		http.Error(w, "sign in first", http.StatusUnauthorized)
		return
	}
	st, since, err := s.take(who, r)
	switch {
	case errors.Is(err, errTooMany) || errors.Is(err, errClosed):
		w.Header().Set("Retry-After", "5")
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	still := func() bool { return s.o.Still == nil || s.o.Still(r) }
	if st.serve(r.Context(), w, since, still) {
		s.park(st)
	} else {
		s.end(st)
	}
}

// take finds the stream that a browser comes back to, or makes one.
func (s *Streams) take(who event.AoR, r *http.Request) (*stream, uint64, error) {
	asked := r.URL.RawQuery
	id, n, _ := strings.Cut(r.Header.Get("Last-Event-ID"), "-")
	since, err := strconv.ParseUint(n, 10, 64)
	s.mu.Lock()
	if st := s.byID[id]; err == nil && st != nil && st.who == who && st.asked == asked && st.enter() {
		s.mu.Unlock()
		return st, since, nil
	}
	s.mu.Unlock()
	st, err := s.make(who, asked, r)
	return st, 0, err
}

func (s *Streams) make(who event.AoR, asked string, r *http.Request) (*stream, error) {
	query := r.URL.Query()
	aors, err := s.resolve(query["aor"])
	if err != nil {
		return nil, err
	}
	st := &stream{id: rand.Text(), asked: asked, who: who, ended: make(chan struct{}), lamps: map[string]lamp{}, fresh: make(chan struct{}), here: true}
	s.mu.Lock()
	own := 0
	for _, other := range s.byID {
		if other.who == who {
			own++
		}
	}
	switch {
	case s.closed:
		err = errClosed
	case len(s.byID) >= mostStreams || own >= mostOfUser && !s.dropParked(who):
		err = errTooMany
	default:
		s.byID[st.id] = st
	}
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	st.watched(s.o.Watch(who, aors, query.Get("calls") != "", st.told))
	return st, nil
}

// watched keeps how the watching stops, and stops it where the stream has ended.
func (st *stream) watched(stop func()) {
	st.mu.Lock()
	st.stop = stop
	st.mu.Unlock()
	select {
	case <-st.ended:
		stop()
	default:
	}
}

// dropParked ends one of a user's streams that no browser reads. s.mu is held.
func (s *Streams) dropParked(who event.AoR) bool {
	for _, st := range s.byID {
		if st.who == who && st.leaves() {
			delete(s.byID, st.id)
			go s.end(st)
			return true
		}
	}
	return false
}

func (s *Streams) resolve(names []string) (list []event.AoR, err error) {
	if len(names) > MostAoRs {
		return nil, errAsked
	}
	for _, n := range names {
		if aor, ok := s.o.Resolve(n); ok && !slices.Contains(list, aor) {
			list = append(list, aor)
		}
	}
	if list == nil {
		return nil, errNobody
	}
	return list, nil
}

// park keeps a stream for a browser that comes back.
func (s *Streams) park(st *stream) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.here = false
	st.late = time.AfterFunc(parked, func() {
		if st.leaves() {
			s.end(st)
		}
	})
}

func (s *Streams) end(st *stream) {
	s.mu.Lock()
	if s.byID[st.id] == st {
		delete(s.byID, st.id)
	}
	s.mu.Unlock()
	st.mu.Lock()
	select {
	case <-st.ended:
		st.mu.Unlock()
		return
	default:
		close(st.ended)
	}
	if st.late != nil {
		st.late.Stop()
	}
	stop := st.stop
	st.mu.Unlock()
	if stop != nil {
		stop()
	}
}

// enter has a browser read a stream that none reads.
func (st *stream) enter() bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.here {
		return false
	}
	st.here = true
	st.late.Stop()
	return true
}

// leaves tells whether nobody reads the stream, and sees to it that nobody will.
func (st *stream) leaves() bool { return st.enter() }

// told takes what is new of a lamp.
func (st *stream) told(name string, data []byte) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.seq++
	st.lamps[name] = lamp{st.seq, data}
	select {
	case <-st.fresh:
	default:
		close(st.fresh)
	}
}

// news are the lamps that have changed since, in the order in which they did.
func (st *stream) news(since uint64) (list []lamp, fresh <-chan struct{}) {
	st.mu.Lock()
	defer st.mu.Unlock()
	for _, l := range st.lamps {
		if l.seq > since {
			list = append(list, l)
		}
	}
	slices.SortFunc(list, func(a, b lamp) int { return int(int64(a.seq) - int64(b.seq)) })
	select {
	case <-st.fresh:
		st.fresh = make(chan struct{})
	default:
	}
	return list, st.fresh
}

// serve writes events until the browser leaves, which may come back, or what else
// ends the stream.
func (st *stream) serve(ctx context.Context, w http.ResponseWriter, since uint64, still func() bool) (mayReturn bool) {
	out := http.NewResponseController(w)
	_ = out.SetReadDeadline(time.Time{}) // that of the request would end the stream
	write := func(format string, args ...any) error {
		if err := out.SetWriteDeadline(time.Now().Add(slow)); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return err
		}
		_, err := fmt.Fprintf(w, format, args...)
		return err
	}
	if write("retry: 2000\n\n") != nil || out.Flush() != nil {
		return true
	}
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for {
		list, fresh := st.news(since)
		for _, l := range list {
			if write("id: %s-%d\ndata: %s\n\n", st.id, l.seq, l.data) != nil {
				return true
			}
			since = l.seq
		}
		if len(list) > 0 && out.Flush() != nil {
			return true
		}
		select {
		case <-fresh:
		case <-tick.C:
			if !still() {
				return false
			}
			if write("event: beat\ndata: \n\n") != nil || out.Flush() != nil {
				return true
			}
		case <-st.ended:
			return false
		case <-ctx.Done():
			return true
		}
	}
}
