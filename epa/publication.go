package epa

import (
	"strconv"
	"time"

	"lamplight/event"
	"lamplight/sip"
	"lamplight/sip/resolve"
	"lamplight/sip/transaction"
)

// intervals are how long publications are asked to last. After a crash nobody
// takes them back: a lamp may not stay lit for longer than four minutes.
var intervals = map[event.Name]time.Duration{"dialog": 3 * time.Minute, "presence": 10 * time.Minute}

// publication is one AoR's of one event, at the presence server (RFC 3903 §4). It
// is the exchange of its request under way. The agent's mutex guards it.
type publication struct {
	agent   *Agent
	key     key
	want    document
	changed bool // what is wanted is not what was said
	etag    string
	kept    string // the tag that is stored
	version uint32
	waiting bool // for its turn
	flying  bool
	again   *time.Timer   // refreshes, or tries again
	wait    time.Duration // after the last failure; 0: it went well
	least   time.Duration // of an interval, as the server has said; 0: nothing said
}

// queue has the publication sent, now or when what is under way has ended. After a
// failure it is for the timer to go on.
func (p *publication) queue() {
	if p.flying || p.waiting || p.wait > 0 {
		return
	}
	p.waiting = true
	p.agent.ready = append(p.agent.ready, p)
	p.agent.pump()
}

func (p *publication) stop() {
	if p.again != nil {
		p.again.Stop()
	}
}

// after goes on in a while: what did not change is refreshed.
func (p *publication) after(d time.Duration) {
	p.stop()
	p.again = time.AfterFunc(d, func() {
		a := p.agent
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.all[p.key] == p {
			p.wait = 0
			p.queue()
		}
	})
}

// drop ends what the presence server knows nothing of any more.
func (p *publication) drop() {
	p.stop()
	p.etag = ""
	p.keep()
	delete(p.agent.all, p.key)
	p.agent.ended()
}

// send sends what is to be said: a document, that it lasts, or that it is over
// (RFC 3903 §4.3 to §4.5).
func (p *publication) send() {
	a := p.agent
	if p.want.kind == "" && p.etag == "" {
		p.drop()
		return
	}
	interval := max(intervals[p.key.name], p.least)
	r := &sip.Request{Method: sip.PUBLISH, URI: string(p.key.aor), From: "<" + string(p.key.aor) + ">;tag=" + sip.NewTag(),
		To: "<" + string(p.key.aor) + ">", CallID: sip.NewCallID(), CSeq: 1, Header: []byte("Event: " + string(p.key.name) + "\r\n")}
	switch {
	case p.want.kind == "":
		interval = 0
	case p.changed || p.etag == "":
		r.ContentType, r.Body = p.want.kind, p.want.body(p.version)
		p.version++
	}
	if p.etag != "" {
		r.Header = append(r.Header, "SIP-If-Match: "+p.etag+"\r\n"...)
	}
	r.Header = append(strconv.AppendInt(append(r.Header, "Expires: "...), int64(interval/time.Second), 10), "\r\n"...)
	p.flying, p.changed = true, false
	a.open++
	go a.names.Send(resolve.Way{URI: a.o.Server}, func(f transaction.Flow, x transaction.Exchange) error {
		return a.layer.Send(f, r, x)
	}, &exchange{p, interval})
}

// exchange is one request of a publication.
type exchange struct {
	*publication
	interval time.Duration // that was asked for; 0: it is taken back
}

// Response takes the answer.
func (x *exchange) Response(m *sip.Message) {
	a := x.agent
	a.mu.Lock()
	defer a.mu.Unlock()
	x.flying = false
	a.open--
	defer a.pump()
	switch status := m.Status(); {
	case status < 300:
		a.went(x.key, status, nil)
		x.taken(m)
	case status == 412 && x.etag != "": // it has lapsed there (RFC 3903 §4.1)
		x.etag = ""
		x.changed = true
		x.queue()
	default:
		a.went(x.key, status, nil)
		x.least = max(x.least, leastOf(m))
		x.fails()
	}
}

// Failed takes that there was none.
func (x *exchange) Failed(err error) {
	a := x.agent
	a.mu.Lock()
	defer a.mu.Unlock()
	x.flying = false
	a.open--
	defer a.pump()
	a.went(x.key, 0, err)
	x.fails()
}

// taken notes the entity-tag, and refreshes in time. What has changed meanwhile is
// said next.
func (x *exchange) taken(m *sip.Message) {
	x.etag, x.wait = string(m.Value(sip.SIPETag)), 0
	if x.interval == 0 {
		x.etag = ""
	}
	x.keep()
	if x.changed || x.etag == "" {
		x.queue()
		return
	}
	granted, ok, err := m.Expires()
	lasts := time.Duration(granted) * time.Second
	if !ok || err != nil || lasts == 0 {
		lasts = x.interval
	}
	x.after(lasts * 2 / 3)
}

// fails tries again, each time after twice as long. It has to be said anew: it may
// not have been heard.
func (x *exchange) fails() {
	x.changed = true
	if x.agent.over != nil {
		x.drop()
		return
	}
	x.wait = min(max(2*x.wait, time.Second), maxRetry)
	x.after(x.wait)
}

// leastOf is the shortest interval that a 423 allows (RFC 3903 §4.1).
func leastOf(m *sip.Message) time.Duration {
	if m.Status() != 423 {
		return 0
	}
	seconds, err := strconv.ParseUint(string(m.Value(sip.MinExpires)), 10, 31)
	if err != nil {
		return 0
	}
	return time.Duration(seconds) * time.Second
}
