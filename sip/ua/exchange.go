package ua

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"lamplight/sip"
	"lamplight/sip/resolve"
	"lamplight/sip/transaction"
)

// StatusError is a final response that is not a success.
type StatusError struct {
	Code       int
	Reason     string
	MinExpires time.Duration // of a 423
	RetryAfter time.Duration // 0: none
	Response   *sip.Message
}

func (e *StatusError) Error() string { return fmt.Sprintf("ua: %d %s", e.Code, e.Reason) }

// asError is nil for a success.
func asError(m *sip.Message) error {
	if m.Status() < 300 {
		return nil
	}
	return &StatusError{Code: m.Status(), Reason: string(m.ReasonPhrase()), MinExpires: seconds(m.Value(sip.MinExpires)),
		RetryAfter: seconds(m.Value(sip.RetryAfter)), Response: m}
}

// seconds reads delta-seconds, which a comment or parameters may follow (RFC 3261
// §20.33); 0 where there are none.
func seconds(b []byte) time.Duration {
	if i := bytes.IndexAny(b, " \t;("); i >= 0 {
		b = b[:i]
	}
	n, err := strconv.ParseUint(string(b), 10, 32)
	if err != nil {
		return 0
	}
	return time.Duration(n) * time.Second
}

// Do sends a request to the server, and answers its challenges. What r leaves
// empty is filled in: the user is in From, and in To and the Request-URI where no
// other stands there; Call-ID and CSeq are new. The response may be any final
// one, and is the caller's; an error says that there was none.
func (a *Agent) Do(ctx context.Context, r sip.Request) (*sip.Message, error) {
	return a.do(ctx, &r)
}

// do is Do; r.CSeq is raised for each answer to a challenge (RFC 3261 §22.2).
func (a *Agent) do(ctx context.Context, r *sip.Request) (*sip.Message, error) {
	return a.answering(ctx, r, false)
}

// doReachable is do, with the agent's Contact.
func (a *Agent) doReachable(ctx context.Context, r *sip.Request) (*sip.Message, error) {
	return a.answering(ctx, r, true)
}

func (a *Agent) answering(ctx context.Context, r *sip.Request, contact bool) (*sip.Message, error) {
	a.fill(r)
	answered := map[int]int{}
	for {
		m, err := a.once(ctx, *r, contact)
		if err != nil || m.Status() != 401 && m.Status() != 407 {
			return m, err
		}
		again, stale := a.digest.challenged(m)
		tries := answered[m.Status()]
		if !again || tries > 1 || tries == 1 && !stale {
			return m, nil
		}
		answered[m.Status()]++
		r.CSeq++
	}
}

func (a *Agent) fill(r *sip.Request) {
	if r.URI == "" {
		r.URI = a.user.uri
	}
	if r.From == "" {
		r.From = a.user.nameAddr(a.o.Display) + ";tag=" + sip.NewTag()
	}
	if r.To == "" {
		r.To = "<" + r.URI + ">"
	}
	if r.CallID == "" {
		r.CallID = sip.NewCallID()
	}
	if r.CSeq == 0 {
		r.CSeq = firstCSeq()
	}
}

// firstCSeq is any number low enough to rise for ever (RFC 3261 §8.1.1.5).
func firstCSeq() uint32 { return 1 + rand.Uint32N(1<<16) }

// once is one request: a transaction with the server that was used last, and with
// the next of its name where that fails. Where it needs one, its Contact is where
// that server reaches the agent.
func (a *Agent) once(ctx context.Context, r sip.Request, contact bool) (*sip.Message, error) {
	e := make(exchange, 1)
	a.sender.Send(resolve.Way{URI: a.server, Known: a.current(), Flow: a.flowTo}, func(f transaction.Flow, x transaction.Exchange) error {
		a.use(f)
		one := r
		if contact {
			one.Header = append(header(nil).add(sip.Contact, a.contactValue()), r.Header...)
		}
		one.Header = a.headerOf(&one)
		return a.layer.Send(f, &one, x)
	}, e)
	return e.wait(ctx)
}

// headerOf are all header fields of a request: its own, the agent's, and the
// credentials.
func (a *Agent) headerOf(r *sip.Request) []byte {
	h := append(header(bytes.Clone(r.Header)), a.o.Header...)
	if a.o.UserAgent != "" {
		h = h.add(sip.UserAgent, a.o.UserAgent)
	}
	return append(h, a.digest.answers(r.Method, r.URI)...)
}

func domain(err error) error {
	if errors.Is(err, transaction.ErrClosed) || errors.Is(err, resolve.ErrClosed) {
		return ErrClosed
	}
	return err
}

// exchange waits for the end of a transaction; it has room for the one outcome,
// whether or not anybody waits still.
type exchange chan outcome

type outcome struct {
	response *sip.Message
	err      error
}

func (e exchange) Failed(err error) { e <- outcome{err: err} }

func (e exchange) Response(m *sip.Message) {
	select {
	case e <- outcome{response: copyOf(m)}:
	default: // a 2xx once more
	}
}

func (e exchange) wait(ctx context.Context) (*sip.Message, error) {
	select {
	case o := <-e:
		return o.response, domain(o.err)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// copyOf is a message of its own bytes.
func copyOf(m *sip.Message) *sip.Message {
	c := new(sip.Message)
	_ = c.Parse(bytes.Clone(m.Bytes())) // it was read once
	return c
}

// gate lets one in at a time. It is no sync.Mutex, since who waits at it may
// wait for a whole transaction, and must be able to give up.
type gate chan struct{}

func newGate() gate { return make(gate, 1) }

func (g gate) enter(ctx context.Context) error {
	select {
	case g <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (g gate) leave() { <-g }
