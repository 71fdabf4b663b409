package load

import (
	"fmt"
	"strconv"
	"sync"
	"time"

	"lamplight/sip"
	"lamplight/sip/transaction"
)

// pair is a caller and a callee, who are in one call at a time.
type pair struct {
	run            *run
	caller, callee *party

	mu       sync.Mutex
	callID   string // of the call under way, "": none
	request  sip.Request
	dialog   sip.Dialog
	answered bool // there was a 200
	asked    bool // with an answer to the challenge
	invite   *transaction.Request
	toTag    string
	patience *time.Timer
	repeat   *time.Timer // of the 200, until there is an ACK
}

// sdp is what is offered and answered: nobody reads it.
const sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0 8\r\na=sendrecv\r\n"

// call begins the nth call of the run.
func (p *pair) call(n int) {
	p.mu.Lock()
	p.callID = p.run.token + "-" + strconv.Itoa(n)
	p.request = p.caller.phone.begins(sip.INVITE, p.callee.phone.aor, p.callID, sip.NewTag()[:16])
	p.request.ContentType, p.request.Body = "application/sdp", []byte(sdp)
	p.answered, p.asked, p.toTag = false, false, sip.NewTag()[:16]
	p.caller.expect(p.callID)
	p.callee.expect(p.callID)
	id := p.callID
	p.patience = time.AfterFunc(p.run.Patience, func() { p.fail(id, "no end in time") })
	p.mu.Unlock()
	p.send(id)
}

func (p *pair) send(id string) {
	p.mu.Lock()
	q := p.request
	q.Header = append([]byte(p.caller.phone.contact), p.caller.phone.answer(q.Method, q.URI)...)
	p.mu.Unlock()
	if _, err := p.caller.phone.side.layer.Invite(p.caller.phone.side.flow, &q, inviting{p, id}); err != nil {
		p.fail(id, err.Error())
	}
}

// inviting is the exchange of a call's INVITE.
type inviting struct {
	pair *pair
	id   string
}

func (x inviting) Failed(err error) { x.pair.fail(x.id, "INVITE: "+err.Error()) }

func (x inviting) Response(m *sip.Message) {
	p := x.pair
	if m.Status() < 300 {
		p.acknowledge(x.id, m)
		return
	}
	p.mu.Lock()
	again := p.callID == x.id && !p.asked && p.caller.phone.challenged(m)
	if again {
		p.asked = true
		p.request.CSeq++
	}
	p.mu.Unlock()
	if again {
		p.send(x.id)
		return
	}
	p.fail(x.id, fmt.Sprintf("INVITE: %d", m.Status()))
}

// acknowledge takes a 200: each gets its ACK, and the first begins the talk.
func (p *pair) acknowledge(id string, m *sip.Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.callID != id {
		return
	}
	first := !p.answered
	if first {
		d, err := sip.NewUACDialog(m)
		if err != nil {
			go p.fail(id, "200: "+err.Error())
			return
		}
		p.dialog, p.answered = d, true
	}
	ack := p.dialog.Request(sip.ACK, p.request.CSeq)
	_ = p.caller.phone.side.layer.SendACK(p.caller.phone.side.flow, &ack) // the 200 comes again
	if first {
		time.AfterFunc(p.run.Talk, func() { p.hangUp(id) })
	}
}

// hangUp says BYE: from here on the lamps should be dark.
func (p *pair) hangUp(id string) {
	p.mu.Lock()
	if p.callID != id {
		p.mu.Unlock()
		return
	}
	bye := p.dialog.Request(sip.BYE, p.request.CSeq+1)
	bye.Header = p.caller.phone.answer(bye.Method, bye.URI)
	p.mu.Unlock()
	now := time.Now()
	p.caller.hungUp(now)
	p.callee.hungUp(now)
	if err := p.caller.phone.side.layer.Send(p.caller.phone.side.flow, &bye, leaving{p, id}); err != nil {
		p.fail(id, err.Error())
	}
}

// leaving is the exchange of a BYE.
type leaving struct {
	pair *pair
	id   string
}

func (x leaving) Failed(err error) { x.pair.fail(x.id, "BYE: "+err.Error()) }

func (x leaving) Response(m *sip.Message) {
	if m.Status() >= 300 {
		x.pair.fail(x.id, fmt.Sprintf("BYE: %d", m.Status()))
		return
	}
	x.pair.run.meter.completed.Add(1)
	x.pair.caller.over()
	x.pair.callee.over()
}

// called is a callee's side: it rings, answers and is told of the end.
func (r *run) called(ph *phone, q *transaction.Request) {
	p := ph.party.pair
	switch q.Message.Method() {
	case sip.INVITE:
		p.ring(q)
	case sip.ACK:
		p.mu.Lock()
		p.stopRepeat()
		p.mu.Unlock()
		q.Drop()
	case sip.BYE:
		q.Respond(&sip.Response{Status: 200})
	case sip.OPTIONS:
		q.Respond(&sip.Response{Status: 200})
	default:
		refuse(q)
	}
}

// calling is a caller's side, who is only asked whether he is there.
func (r *run) calling(_ *phone, q *transaction.Request) {
	if q.Message.Method() == sip.OPTIONS {
		q.Respond(&sip.Response{Status: 200})
		return
	}
	refuse(q)
}

// ring says 180, from which on the lamps should be lit.
func (p *pair) ring(q *transaction.Request) {
	p.mu.Lock()
	if string(q.Message.CallID()) != p.callID {
		p.mu.Unlock()
		q.Respond(&sip.Response{Status: 486})
		return
	}
	p.invite = q
	id, tag := p.callID, p.toTag
	p.mu.Unlock()
	now := time.Now()
	p.caller.rings(now)
	p.callee.rings(now)
	q.Respond(&sip.Response{Status: 180, ToTag: tag, Header: []byte(p.callee.phone.contact)})
	time.AfterFunc(p.run.Ring, func() { p.answer(id, transaction.T1) })
}

// answer says 200, again and again until there is an ACK (RFC 3261 §13.3.1.4).
func (p *pair) answer(id string, again time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.callID != id || p.invite == nil {
		return
	}
	p.repeat = time.AfterFunc(again, func() { p.answer(id, min(2*again, transaction.T2)) })
	p.invite.Respond(&sip.Response{Status: 200, ToTag: p.toTag, Header: []byte(p.callee.phone.contact),
		ContentType: "application/sdp", Body: []byte(sdp)})
}

func (p *pair) stopRepeat() {
	if p.invite = nil; p.repeat != nil {
		p.repeat.Stop()
		p.repeat = nil
	}
}

// fail ends a call that did not get on.
func (p *pair) fail(id, why string) {
	p.mu.Lock()
	mine := p.callID == id
	p.mu.Unlock()
	if !mine {
		return
	}
	if lamps := p.caller.missing() + p.callee.missing(); why == "no end in time" && lamps > 0 {
		why = "no lamp in time"
		p.run.meter.lost.Add(uint64(lamps))
	}
	p.run.meter.failed(why)
	p.free(id)
}

// settled looks whether the call is over and all lamps know, and frees the pair.
// Which call that is comes first: the next may begin meanwhile.
func (p *pair) settled() {
	p.mu.Lock()
	id := p.callID
	p.mu.Unlock()
	if p.caller.settled() && p.callee.settled() {
		p.free(id)
	}
}

func (p *pair) free(id string) {
	p.mu.Lock()
	if p.callID == "" || p.callID != id {
		p.mu.Unlock()
		return
	}
	p.callID = ""
	p.patience.Stop()
	p.stopRepeat()
	p.mu.Unlock()
	p.run.meter.skipped.Add(uint64(p.caller.skipped() + p.callee.skipped()))
	p.run.idle <- p
}
