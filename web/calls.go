package web

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"

	"lamplight/callcontrol"
	"lamplight/event"
)

// step is how far a call has come.
type step struct {
	State string    `json:"state"` // as callcontrol has it: calling, ringing, connected, ended, failed, asks
	Text  string    `json:"text"`
	Code  int       `json:"code,omitempty"`
	Time  time.Time `json:"time"`
}

func (s step) over() bool { return s.State == "ended" || s.State == "failed" || s.State == "asks" }

// order is a call that is being made, or was a while ago.
type order struct {
	id     string
	of     event.AoR
	cancel context.CancelFunc

	mu    sync.Mutex
	steps []step
	more  chan struct{} // closed with the next step
	over  time.Time     // zero: it goes on
}

// orders are those of all users.
type orders struct {
	mu      sync.Mutex
	calls   map[string]*order
	closed  bool
	running sync.WaitGroup
}

const (
	maxOrders  = 5000
	ordersKept = 5 * time.Minute // after they are over
)

func (o *order) add(s step) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.over.IsZero() {
		return
	}
	o.steps = append(o.steps, s)
	if s.over() {
		o.over = s.Time
	}
	close(o.more)
	o.more = make(chan struct{})
}

func (o *order) from(n int) (steps []step, more <-chan struct{}, over bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.steps[min(n, len(o.steps)):], o.more, !o.over.IsZero()
}

func (o *order) old(now time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return !o.over.IsZero() && now.Sub(o.over) > ordersKept
}

// begin keeps a call and makes it in the background.
func (os *orders) begin(of event.AoR, make_ func(context.Context, func(callcontrol.Event)) error) (*order, error) {
	os.mu.Lock()
	defer os.mu.Unlock()
	now := time.Now()
	for id, o := range os.calls {
		if o.old(now) {
			delete(os.calls, id)
		}
	}
	if os.closed || len(os.calls) >= maxOrders {
		return nil, callcontrol.ErrClosed
	}
	ctx, cancel := context.WithCancel(context.Background())
	o := &order{id: rand.Text(), of: of, cancel: cancel, more: make(chan struct{})}
	os.calls[o.id] = o
	os.running.Go(func() {
		defer cancel()
		err := make_(ctx, func(e callcontrol.Event) { o.add(step{string(e.State), e.Text, e.Code, time.Now().UTC()}) })
		last := step{State: "ended", Time: time.Now().UTC()}
		if err != nil {
			last.State, last.Text = "failed", err.Error()
		}
		o.add(last)
	})
	return o, nil
}

func (os *orders) find(id string, of event.AoR) (*order, error) {
	os.mu.Lock()
	defer os.mu.Unlock()
	if o := os.calls[id]; o != nil && o.of == of {
		return o, nil
	}
	return nil, ErrNotFound
}

func (os *orders) close() {
	os.mu.Lock()
	os.closed = true
	for _, o := range os.calls {
		o.cancel()
	}
	os.mu.Unlock()
}

var errNoCalls = errors.New("the server makes no calls: it has no role proxy")

// call makes a call for who is signed in, picks one up, or hands the user's own
// call over.
func (s *Server) call(w http.ResponseWriter, r *http.Request) error {
	var to struct {
		To       string `json:"to"`
		Anyway   bool   `json:"anyway"`
		Pickup   string `json:"pickup"`
		Transfer string `json:"transfer"`
	}
	if err := read(r, &to); err != nil {
		return err
	}
	by, calls := who(r), s.o.Office.Calls()
	if calls == nil {
		return errNoCalls
	}
	make_ := func(ctx context.Context, tell func(callcontrol.Event)) error {
		return calls.Call(ctx, callcontrol.Order{User: by, Target: to.To, Anyway: to.Anyway}, tell)
	}
	switch {
	case to.Pickup != "":
		at, err := s.o.Office.Resolve(by, to.Pickup)
		if err != nil {
			return err
		}
		make_ = func(ctx context.Context, tell func(callcontrol.Event)) error {
			return calls.PickUp(ctx, by, at, "", tell)
		}
	case to.Transfer != "":
		make_ = func(ctx context.Context, _ func(callcontrol.Event)) error {
			return calls.Transfer(ctx, by, by, "", to.Transfer)
		}
	case to.To == "":
		return bad("to, pickup or transfer: want one of them")
	}
	o, err := s.orders.begin(by, make_)
	if err != nil {
		return err
	}
	w.Header().Set("Location", root+"/calls/"+o.id)
	return answer(w, http.StatusCreated, struct {
		ID string `json:"id"`
	}{o.id})
}

func (s *Server) callState(w http.ResponseWriter, r *http.Request) error {
	o, err := s.orders.find(r.PathValue("id"), who(r))
	if err != nil {
		return err
	}
	steps, _, _ := o.from(0)
	if steps == nil {
		steps = []step{}
	}
	return answer(w, http.StatusOK, struct {
		ID    string `json:"id"`
		Steps []step `json:"steps"`
	}{o.id, steps})
}

func (s *Server) giveUp(w http.ResponseWriter, r *http.Request) error {
	o, err := s.orders.find(r.PathValue("id"), who(r))
	if err != nil {
		return err
	}
	o.cancel()
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// callEvents tells the steps of a call as they come, until it is over.
func (s *Server) callEvents(w http.ResponseWriter, r *http.Request) error {
	o, err := s.orders.find(r.PathValue("id"), who(r))
	if err != nil {
		return err
	}
	out, err := newEvents(w)
	if err != nil {
		return nil // the browser is gone
	}
	beat := time.NewTicker(beatEvery)
	defer beat.Stop()
	for told := 0; ; {
		steps, more, over := o.from(told)
		for _, one := range steps {
			b, _ := json.Marshal(one) // strings, a number and a time
			if out.write(append(append([]byte("data: "), b...), "\n\n"...)) != nil {
				return nil
			}
		}
		if told += len(steps); over {
			return nil
		}
		select {
		case <-more:
		case <-beat.C:
			if out.write([]byte(heartbeat)) != nil {
				return nil
			}
		case <-r.Context().Done():
			return nil
		case <-s.ending:
			return nil
		}
	}
}
