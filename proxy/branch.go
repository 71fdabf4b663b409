package proxy

import (
	"errors"
	"time"

	"lamplight/sip"
	"lamplight/sip/resolve"
	"lamplight/sip/transaction"
)

// branch is a request on its way to one target. It is the exchange of its
// transaction. Its context's mutex guards it.
type branch struct {
	context *context
	target  Target
	share   int // of Max-Breadth
	stage   int // the context's when it began
	seen    Seen
	token   string
	sent    transaction.Sent
	timer   *time.Timer // Timer C
	wide    bool        // it went over a connection, for it is large
	ringing bool        // a provisional response came
	early   string      // the tag of its early dialog; "": there is none
	since   time.Time   // when it began
	ended   bool        // a final response came, or none will
	given   bool        // it was cancelled
}

// forward begins a branch. Where the request cannot be sent the branch fails
// later, as if that had been found out on the way.
func (cx *context) forward(t *Target, share int) {
	b := &branch{context: cx, target: *t, share: share, stage: cx.stage.number, seen: cx.begin, since: time.Now()}
	cx.branches = append(cx.branches, b)
	b.seen.Branch = sip.NewTag()
	b.seen.Callee.AoR = t.AoR
	b.seen.CalleeTarget, b.seen.CalleeBinding = t.URI, t.URI
	if cx.tells() {
		cx.proxy.Branches.Add(1)
	}
	if cx.invite {
		b.timer = time.AfterFunc(timerC, b.silent)
	}
	if t.next != nil {
		go cx.proxy.names.Send(t.lookUp(), b.try, b) // which may tell of its end at once
		return
	}
	f, err := cx.proxy.way(t)
	if err == nil {
		err = b.sendLocked(f, b)
	}
	if err != nil {
		go b.Failed(err)
	}
}

// try sends the request to one of the addresses of a name.
func (b *branch) try(f transaction.Flow, x transaction.Exchange) error {
	b.context.mu.Lock()
	defer b.context.mu.Unlock()
	if b.given || b.context.request == nil {
		return resolve.ErrStop
	}
	return b.sendLocked(f, x)
}

func (b *branch) sendLocked(f transaction.Flow, x transaction.Exchange) error {
	cx := b.context
	if f.Remote() == f.Local() {
		return errOurselves
	}
	send := func(f transaction.Flow) (err error) {
		b.sent, err = cx.proxy.layer.Forward(f, cx.request, cx.edit(&b.target, f, b.share), cx.mark, x)
		return err
	}
	wide, ok := cx.proxy.layer.Larger(f, len(cx.request.Message.Bytes())+added, b.target.URI, b.target.Path)
	if b.wide = ok && !b.target.narrow && send(wide) == nil; b.wide {
		f = wide
	} else if err := send(f); err != nil {
		return err
	}
	b.routes(f)
	b.sawStatus(Invite, 0)
	return nil
}

// added is about what a request grows by on its way, in bytes: a Via, and a
// Record-Route with its token.
const added = 300

var errOurselves = errors.New("proxy: the target is this server")

// rings notes a provisional response: Timer C begins anew (RFC 3261 §16.7 item 2).
func (b *branch) rings(m *sip.Message) {
	if to, err := m.To(); err == nil && len(to.Tag()) > 0 {
		b.early = string(to.Tag())
	}
	if b.ringing = true; b.timer != nil && !b.ended {
		b.timer.Reset(timerC)
	}
}

// close ends a branch; it tells whether it was open.
func (b *branch) close() bool {
	if b.ended {
		return false
	}
	if b.ended = true; b.timer != nil {
		b.timer.Stop()
	}
	b.context.open--
	return true
}

// cancel ends a branch that has no final response. The transaction sees to it that
// there will be one, or a failure.
func (b *branch) cancel(reason []byte) {
	if b.ended || b.given || !b.context.invite {
		return
	}
	b.given = true
	b.sawStatus(Cancelled, 0)
	b.sent.Cancel(reason)
}

// silent is Timer C's end (RFC 3261 §16.8).
func (b *branch) silent() {
	b.context.mu.Lock()
	defer b.context.mu.Unlock()
	b.cancel(noAnswer)
}

// Provisional takes a provisional response.
func (b *branch) Provisional(m *sip.Message) { b.context.progress(b, m) }

// Response takes a final response; of an INVITE each 2xx.
func (b *branch) Response(m *sip.Message) { b.context.response(b, m) }

// Failed takes the end without a response.
func (b *branch) Failed(err error) { b.context.failed(b, err) }
