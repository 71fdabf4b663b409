package proxy

import (
	"errors"
	"strconv"
	"sync"
	"time"

	"lamplight/sip"
	"lamplight/sip/transaction"
)

// timerC ends a branch that only rings (RFC 3261 §16.6 item 11: more than three
// minutes).
const timerC = 3*time.Minute + time.Second

// context is the response context of one request (RFC 3261 §16.7): the branches it
// was forked to, and what they were answered.
type context struct {
	proxy   *Proxy
	caller  Caller
	invite  bool
	mark    string
	hops    int  // the value of Max-Forwards that goes on
	breadth int  // of Max-Breadth that came
	begin   Seen // what all that is told of the call has in common
	inside  *inside
	picked  *Seen // of the call that this one picks up; nil: none
	hold    Hold  // what a request inside a dialog offers
	bye     *bye  // that is not told yet; nil: there is none

	mu       sync.Mutex
	stage    stage
	request  *transaction.Request // nil: answered for good, but for an INVITE's
	sets     [][]Target           // not tried yet
	branches []*branch
	open     int // branches without a final response
	best     best
	final    bool // the caller has a final response
	over     bool // nothing more is to be tried
	quit     bool // the caller has cancelled
}

// start forwards to the first of the target sets.
func (cx *context) start(list []Target) {
	cx.mu.Lock()
	defer cx.mu.Unlock()
	if cx.final {
		return
	}
	cx.stage.pending = false
	for i := range list {
		list[i].header = append(list[i].header, cx.stage.diverted...)
	}
	cx.sets = groups(list, isSecure(string(cx.request.Message.RequestURI())))
	cx.next()
}

// next goes on: to the next targets, or by the best of the responses where there
// are none. The mutex is held, here and below.
func (cx *context) next() {
	for cx.open == 0 && !cx.final {
		if cx.stage.pending && !cx.over {
			return
		}
		if len(cx.sets) == 0 || cx.over {
			if !cx.ended() {
				cx.finish()
			}
			return
		}
		cx.await()
		set := cx.sets[0]
		cx.sets = cx.sets[1:]
		if len(set) > cx.breadth { // the others are tried after them (RFC 5393 §5.3.3)
			cx.sets = append([][]Target{set[cx.breadth:]}, cx.sets...)
			set = set[:cx.breadth]
		}
		share := cx.breadth / len(set)
		for i := range set {
			cx.open++
			cx.forward(&set[i], share)
		}
	}
}

// finish gives the caller the best response (RFC 3261 §16.7 items 5 to 7).
func (cx *context) finish() {
	m, status := cx.best.choose(), 480
	switch {
	case cx.quit && (m == nil || m.Status() < 600):
		m, status = nil, 487
	case m == nil && cx.best.status == 503: // it speaks for that server, not for us
		status = 500
	case m == nil && cx.best.status != 0:
		status = cx.best.status
	case m != nil && m.Status() == 430 && cx.inside == nil: // which is between us and that device
		m, status = nil, 480
	}
	if m == nil {
		cx.say(status, "")
		return
	}
	cx.final = true
	cx.told(m.Status(), reasonOf(m))
	if m.Status() == 503 {
		cx.request.Respond(&sip.Response{Status: 500, Reason: "Not Available There"})
	} else {
		cx.request.Forward(m, &sip.Edit{Header: cx.best.challenges(m), Drop: notFromPhones})
	}
	cx.end()
}

// refuse says a final response of our own.
func (cx *context) refuse(status int, phrase string) {
	cx.mu.Lock()
	defer cx.mu.Unlock()
	if !cx.final {
		cx.say(status, phrase)
	}
}

func (cx *context) say(status int, phrase string) {
	cx.final = true
	words := phrase
	if words == "" {
		words = sip.StatusText(status)
	}
	cx.told(status, words)
	cx.request.Respond(&sip.Response{Status: status, Reason: phrase})
	cx.end()
}

// end is after the final response: a request that is no INVITE is gone by then.
func (cx *context) end() {
	if cx.stage.timer != nil {
		cx.stage.timer.Stop()
	}
	if cx.over = true; !cx.invite {
		cx.request = nil
		return
	}
	cx.proxy.drop(cx)
}

// progress passes a provisional response on (RFC 3261 §16.7 item 5).
func (cx *context) progress(b *branch, m *sip.Message) {
	cx.mu.Lock()
	defer cx.mu.Unlock()
	if !cx.invite || m.Status() == 100 {
		return
	}
	b.rings(m)
	b.saw(Progress, m)
	if !cx.final {
		cx.request.Forward(m, &sip.Edit{Drop: notFromPhones})
	}
}

// response takes a final response of a branch.
func (cx *context) response(b *branch, m *sip.Message) {
	cx.mu.Lock()
	defer cx.mu.Unlock()
	if m.Status() < 300 {
		cx.success(b, m)
		return
	}
	if !b.close() {
		return
	}
	b.saw(Refused, m)
	if m.Status() == 430 && cx.elsewhere(b) || cx.redirected(b, m) {
		return
	}
	if b.stage == cx.stage.number { // else the call went on without it
		if m.Status() >= 600 {
			cx.over = true
			cx.cancelOthers(b, nil)
		}
		cx.best.add(m)
	}
	cx.next()
}

// success passes a 2xx on, each of an INVITE's (RFC 3261 §16.7 item 5), and ends
// the other branches.
func (cx *context) success(b *branch, m *sip.Message) {
	first := b.close()
	b.saw(Answer, m)
	if !cx.invite {
		if first && !cx.final {
			cx.final = true
			cx.request.Forward(m, &sip.Edit{Drop: notFromPhones})
			cx.end()
		}
		return
	}
	cx.request.Forward(m, &sip.Edit{Drop: notFromPhones})
	if !cx.final {
		cx.final = true
		if cx.tells() {
			cx.proxy.ended(m.Status())
		}
		cx.end()
		cx.cancelOthers(b, elsewhere)
	}
}

// elsewhere is why a branch is cancelled that another has won (RFC 3326 §3.1).
var elsewhere = []byte("Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\n")

// failed takes the end of a branch without a response: like a 408 or a 503 (RFC
// 3261 §16.8, §16.9).
func (cx *context) failed(b *branch, err error) {
	cx.mu.Lock()
	defer cx.mu.Unlock()
	if !b.close() {
		return
	}
	status := cx.failure(err)
	b.sawStatus(Refused, status)
	if cx.narrowed(b, err) {
		return
	}
	if cx.elsewhere(b) {
		return
	}
	if b.stage == cx.stage.number {
		cx.best.fail(status)
	}
	cx.next()
}

// narrowed sends a large request by datagrams whose connection has failed.
func (cx *context) narrowed(b *branch, err error) bool {
	if !b.wide || !errors.Is(err, transaction.ErrFlowLost) || b.ringing || b.given || cx.over || cx.final {
		return false
	}
	b.target.narrow = true
	cx.open++
	cx.forward(&b.target, b.share)
	return true
}

// failure is what the end of a branch without a response is like: the phone's
// connection is gone, inside a dialog for good (RFC 5626 §5.3); it did not answer;
// or the request could not be sent.
func (cx *context) failure(err error) int {
	switch {
	case errors.Is(err, transaction.ErrTimeout):
		return 408
	case cx.inside != nil:
		return 430
	case errors.Is(err, transaction.ErrFlowLost):
		return 480
	}
	return 503
}

// elsewhere tries another way to the same device (RFC 5626 §7).
func (cx *context) elsewhere(b *branch) bool {
	if len(b.target.others) == 0 || b.ringing || cx.over || cx.final {
		return false
	}
	t := b.target.others[0]
	t.others = b.target.others[1:]
	cx.open++
	cx.forward(&t, b.share)
	return true
}

// cancelled takes the caller's CANCEL.
func (cx *context) cancelled(reason []byte) {
	cx.mu.Lock()
	defer cx.mu.Unlock()
	if cx.final {
		return
	}
	cx.quit, cx.over = true, true
	cx.saw(Cancelled)
	if cx.open == 0 {
		cx.next()
		return
	}
	cx.cancelOthers(nil, reason)
}

// cancelOthers cancels all branches but one (RFC 3261 §16.7 item 10).
func (cx *context) cancelOthers(but *branch, reason []byte) {
	for _, b := range cx.branches {
		if b != but {
			b.cancel(reason)
		}
	}
}

// edit is what changes in the request on its way to a target (RFC 3261 §16.6).
func (cx *context) edit(t *Target, f transaction.Flow, share int) *sip.Edit {
	m := &cx.request.Message
	e := &sip.Edit{URI: t.URI, Routes: t.Path, MaxForwards: cx.hops}
	if cx.invite || m.Has(sip.MaxBreadth) {
		e.Drop = append(e.Drop, sip.MaxBreadth)
		e.Header = append(strconv.AppendInt(append(e.Header, "Max-Breadth: "...), int64(share), 10), "\r\n"...)
	}
	switch {
	case cx.inside != nil && recordsRoute(m.Method()):
		e.RecordRoute = cx.inside.again()
	case cx.inside == nil && recordsRoute(m.Method()):
		e.RecordRoute = cx.recordRoute(m, f, isSecure(string(m.RequestURI())))
	}
	switch {
	case cx.inside == nil:
		cx.identities(e, f)
	case !cx.proxy.o.Trusted(cx.request.Flow.Remote().Addr()):
		e.Drop = append(e.Drop, notFromPhones...)
	}
	if cx.stage.diverted != nil { // they stand in the target's
		e.Drop = append(e.Drop, sip.Diversion)
	}
	e.Header = append(e.Header, t.header...)
	return e
}
