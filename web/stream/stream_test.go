package stream

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"lamplight/event"
)

// office is where lamps change: what each stream is told goes through it.
type office struct {
	mu   sync.Mutex
	told map[int]func(string, []byte)
	n    int
}

func (o *office) watch(_ event.AoR, aors []event.AoR, _ bool, told func(string, []byte)) func() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.n++
	id := o.n
	o.told[id] = told
	for _, a := range aors {
		told(string(a), []byte(`{"aor":"`+string(a)+`","state":"offline"}`))
	}
	return func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		delete(o.told, id)
	}
}

func (o *office) change(aor, state string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, told := range o.told {
		told(aor, []byte(`{"aor":"`+aor+`","state":"`+state+`"}`))
	}
}

func (o *office) watchers() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.told)
}

func serve(t *testing.T) (*office, *Streams, string) {
	t.Helper()
	o := &office{told: map[int]func(string, []byte){}}
	s := New(Options{Watch: o.watch,
		User:    func(r *http.Request) (event.AoR, bool) { u := r.Header.Get("User"); return event.AoR(u), u != "" },
		Resolve: func(n string) (event.AoR, bool) { return event.AoR(n), n != "nobody" }})
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	t.Cleanup(s.Close)
	return o, s, server.URL
}

// page is a browser that reads a stream.
type page struct {
	cancel context.CancelFunc
	lines  *bufio.Scanner
	id     string
}

func open(t *testing.T, url, query, last string) *page {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	r, _ := http.NewRequestWithContext(ctx, "GET", url+"?"+query, nil)
	r.Header.Set("User", "bob")
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	if response.StatusCode != http.StatusOK || response.Header.Get("X-Accel-Buffering") != "no" || response.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%s %v", response.Status, response.Header)
	}
	return &page{cancel: cancel, lines: bufio.NewScanner(response.Body)}
}

// next is the data of the next event.
func (p *page) next(t *testing.T) string {
	t.Helper()
	for p.lines.Scan() {
		if id, ok := strings.CutPrefix(p.lines.Text(), "id: "); ok {
			p.id = id
		}
		if data, ok := strings.CutPrefix(p.lines.Text(), "data: "); ok && data != "" {
			return data
		}
	}
	t.Fatal("the stream has ended: ", p.lines.Err())
	return ""
}

func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for late := time.Now().Add(10 * time.Second); !holds(); {
		if time.Now().After(late) {
			t.Fatal("it never came to be: " + what)
		}
		select {
		case <-t.Context().Done():
		case <-time.After(time.Millisecond):
		}
	}
}

func TestAPageIsToldOfLamps(t *testing.T) {
	o, s, url := serve(t)
	p := open(t, url, "aor=alice&aor=nobody&aor=alice", "")
	if got := p.next(t); !strings.Contains(got, "offline") {
		t.Errorf("at first %s", got)
	}
	o.change("alice", "busy")
	if got := p.next(t); !strings.Contains(got, "busy") {
		t.Errorf("then %s", got)
	}
	if s.Open() != 1 {
		t.Errorf("%d streams", s.Open())
	}
}

// A page that comes back is told what has changed since, and nothing else.
func TestAPageComesBack(t *testing.T) {
	o, s, url := serve(t)
	p := open(t, url, "aor=alice&aor=carol", "")
	p.next(t)
	p.next(t)
	p.cancel()
	until(t, "the page is gone", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, st := range s.byID {
			st.mu.Lock()
			defer st.mu.Unlock()
			return !st.here
		}
		return false
	})
	o.change("alice", "away")
	o.change("alice", "busy")
	again := open(t, url, "aor=alice&aor=carol", p.id)
	if got := again.next(t); !strings.Contains(got, "alice") || !strings.Contains(got, "busy") {
		t.Errorf("came back to %s", got)
	}
	o.change("carol", "dnd")
	if got := again.next(t); !strings.Contains(got, "carol") {
		t.Errorf("then %s", got)
	}
	if o.watchers() != 1 {
		t.Errorf("%d watch", o.watchers())
	}
	other := open(t, url, "aor=alice", p.id) // for somebody else: from the beginning
	if got := other.next(t); !strings.Contains(got, "offline") {
		t.Errorf("another page gets %s", got)
	}
}

func TestOnlyWhoIsSignedInWatches(t *testing.T) {
	_, s, url := serve(t)
	for query, want := range map[string]int{"aor=alice": http.StatusUnauthorized} {
		response, err := http.Get(url + "?" + query)
		if err != nil || response.StatusCode != want {
			t.Errorf("%s: %v %v", query, response, err)
		}
		_ = response.Body.Close()
	}
	for query, want := range map[string]int{"": 400, "aor=nobody": 400, strings.Repeat("aor=x&", MostAoRs+1): 400} {
		r, _ := http.NewRequest("GET", url+"?"+query, nil)
		r.Header.Set("User", "bob")
		response, err := http.DefaultClient.Do(r)
		if err != nil || response.StatusCode != want {
			t.Errorf("%.20s: %v %v", query, response, err)
			continue
		}
		_ = response.Body.Close()
	}
	s.Close()
	r, _ := http.NewRequest("GET", url+"?aor=alice", nil)
	r.Header.Set("User", "bob")
	response, err := http.DefaultClient.Do(r)
	if err != nil || response.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("closed: %v %v", response, err)
	}
}

// However many pages watch and lamps change, in the end each page shows what is.
func TestNothingIsLostInTheEnd(t *testing.T) {
	const pages, lamps, changes = 50, 20, 2000
	o, _, url := serve(t)
	var query strings.Builder
	for i := range lamps {
		fmt.Fprintf(&query, "aor=u%d&", i)
	}
	var reading sync.WaitGroup
	for range pages {
		p := open(t, url, query.String(), "")
		reading.Go(func() {
			done := map[string]bool{}
			for len(done) < lamps {
				if got := p.next(t); strings.Contains(got, "last") {
					done[got] = true
				}
			}
		})
	}
	for i := range changes {
		o.change(fmt.Sprintf("u%d", i%lamps), "busy")
	}
	for i := range lamps {
		o.change(fmt.Sprintf("u%d", i), "last")
	}
	reading.Wait()
}
