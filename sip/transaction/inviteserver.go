package transaction

import (
	"sync"
	"time"

	"lamplight/sip"
)

// Timers of INVITE server transactions (RFC 3261 §17.2.1).
const (
	trying = 200 * time.Millisecond // until a 100, where nothing else is said
	timerI = 5 * time.Second        // T4: repeated ACKs are absorbed
)

// invites are the server transactions of INVITEs (RFC 3261 §17.2.1, RFC 6026
// §7.1).
type invites struct {
	ticks
	mu    sync.Mutex
	all   map[key]*inviteServer
	wheel wheel[*inviteServer]
}

// inviteServer is one of them. Once it has a final response it holds no more
// than that.
type inviteServer struct {
	key      key
	request  *Request // while there is no final response
	flow     Flow     // where responses go
	state    uint8
	last     []byte // the response that is sent again
	interval time.Duration
	due      int64 // the tick of what is next; other turns are void
	ends     int64 // the tick of Timer H, I or L
}

func (v *invites) init(t ticks) { v.ticks, v.all = t, map[key]*inviteServer{} }

// begin opens a transaction, unless there is one: then it tells the response to
// send again.
func (v *invites) begin(r *Request, s *servers) (beginning, due) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if t := v.all[r.key]; t != nil {
		return repeated, due{flow: t.flow, message: t.last}
	}
	if s.open.Load() >= s.max {
		return full, due{}
	}
	if len(v.all) == 0 {
		v.wheel.at = v.tick(time.Now())
	}
	s.open.Add(1)
	t := &inviteServer{key: r.key, request: r, flow: r.upstream(), state: proceeding, ends: never}
	v.all[r.key] = t
	v.schedule(t, v.after(trying))
	return fresh, due{}
}

func (v *invites) schedule(t *inviteServer, tick int64) {
	t.due = min(tick, t.ends)
	v.wheel.put(t.due, t)
}

// responded keeps a response, and tells whether it is to be sent.
func (v *invites) responded(r *Request, status int, b []byte) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	t := v.all[r.key]
	switch {
	case t == nil: // stray, and dropped (RFC 6026 §7.1)
		return false
	case t.state == accepted:
		return status/100 == 2
	case t.state != proceeding:
		return false
	case status < 200:
		t.last, t.due = b, never
		return true
	}
	t.request, t.last, t.ends = nil, nil, v.after(TimerJ)
	if status < 300 { // its user sends it again, until there is an ACK
		t.state = accepted
		v.schedule(t, t.ends)
		return true
	}
	t.state, t.last, t.interval = completed, b, T1
	if t.flow.Reliable() {
		v.schedule(t, t.ends)
	} else {
		v.schedule(t, v.after(T1))
	}
	return true
}

// acknowledged takes an ACK, and tells whether it is this transaction's.
func (v *invites) acknowledged(k key, s *servers) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	t := v.all[k]
	if t == nil || t.state == accepted {
		return false
	}
	if t.state != completed {
		return true
	}
	t.state, t.last = confirmed, nil
	if t.flow.Reliable() { // Timer I is 0
		v.end(t, s)
		return true
	}
	t.ends = v.after(timerI)
	v.schedule(t, t.ends)
	return true
}

// of is the INVITE that a CANCEL names, nil where it has a final response; found
// tells whether there is one at all.
func (v *invites) of(k key) (r *Request, found bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	t := v.all[k]
	if t == nil {
		return nil, false
	}
	return t.request, true
}

// forget ends a request's transaction as if it had not been.
func (v *invites) forget(r *Request, s *servers) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if t := v.all[r.key]; t != nil && t.request == r {
		v.end(t, s)
	}
}

func (v *invites) end(t *inviteServer, s *servers) {
	delete(v.all, t.key)
	t.request, t.last, t.due = nil, nil, never
	s.open.Add(-1)
}

// due takes from the wheel what is to be sent now.
func (v *invites) due(now time.Time, s *servers) (list []due, again time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.all) == 0 {
		return nil, 0
	}
	to := v.tick(now)
	v.wheel.take(to, func(t *inviteServer, tick int64) {
		switch {
		case tick < t.due:
		case tick >= t.ends:
			v.end(t, s)
		default:
			v.again(t, max(tick, to-1))
			list = append(list, due{flow: t.flow, message: t.last})
		}
	})
	return list, tickLength
}

// again is 100 where nothing was said yet, and the final response's next time
// (Timer G).
func (v *invites) again(t *inviteServer, tick int64) {
	if t.state == proceeding {
		t.last, t.due = (&sip.Response{Status: 100}).Append(nil, &t.request.Message, t.request.Flow.remote), never
		return
	}
	t.interval = min(2*t.interval, T2)
	v.schedule(t, tick+int64(t.interval/tickLength))
}
