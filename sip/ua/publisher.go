package ua

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// Publisher keeps one publication alive (RFC 3903 §4): it refreshes it before it
// expires, and begins anew where the server has lost it. There is never more
// than one PUBLISH of it under way.
type Publisher struct {
	agent  *Agent
	of     Publication // the gate's; IfMatch is that of the last success, no Type: nothing is published
	unsaid bool        // the gate's: the body was not yet accepted
	gate   gate
	keeper keeper
	mu     sync.Mutex
	last   Result
}

// NewPublisher makes a publisher of a resource's state ("": of the agent's user)
// in an event package; nothing is sent yet.
func (a *Agent) NewPublisher(aor, event string, expires time.Duration) *Publisher {
	p := &Publisher{agent: a, of: Publication{AoR: aor, Event: event, Expires: expires}, gate: newGate()}
	p.keeper = keeper{agent: a, what: "publication", again: p.again}
	return p
}

// Publish publishes a document: it begins the publication or modifies it. After
// an error that may pass (no answer, 408, most of 5xx) it goes on trying; after
// another the publication stays as it was and is no longer refreshed.
func (p *Publisher) Publish(ctx context.Context, mediaType string, body []byte) (Result, error) {
	if err := p.gate.enter(ctx); err != nil {
		return Result{}, err
	}
	defer p.gate.leave()
	p.of.Type, p.of.Body, p.unsaid = mediaType, slices.Clone(body), true
	return p.sendAndKeep(ctx)
}

// Refresh lengthens the publication's life now.
func (p *Publisher) Refresh(ctx context.Context) (Result, error) {
	if err := p.gate.enter(ctx); err != nil {
		return Result{}, err
	}
	defer p.gate.leave()
	if p.of.Type == "" {
		return Result{}, errNothing
	}
	return p.sendAndKeep(ctx)
}

var errNothing = errors.New("ua: nothing is published")

// Remove takes the publication back; Publish may begin another.
func (p *Publisher) Remove(ctx context.Context) error {
	p.keeper.stop()
	if err := p.gate.enter(ctx); err != nil {
		return err
	}
	defer p.gate.leave()
	p.keeper.stop()
	p.set(func() { p.last = Result{} })
	tag := p.of.IfMatch
	p.of.Type, p.of.Body = "", nil
	if p.of.IfMatch = ""; tag == "" {
		return nil
	}
	_, err := p.agent.Publish(ctx, Publication{AoR: p.of.AoR, Event: p.of.Event, IfMatch: tag})
	if isStatus(err, 412) || errors.Is(err, errNoETag) { // it is gone
		return nil
	}
	return err
}

// Last is the last success: the entity-tag that is valid now. It is zero when
// nothing is published.
func (p *Publisher) Last() Result {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last
}

func (p *Publisher) set(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

func (p *Publisher) again(ctx context.Context) {
	if p.gate.enter(ctx) != nil {
		return
	}
	defer p.gate.leave()
	if p.of.Type != "" {
		_, _ = p.sendAndKeep(ctx) // the keeper logs it
	}
}

func (p *Publisher) sendAndKeep(ctx context.Context) (Result, error) {
	r, err := p.send(ctx)
	if err == nil {
		p.of.IfMatch, p.unsaid = r.ETag, false
		p.set(func() { p.last = r })
	}
	p.keeper.done(r.Expires, err)
	return r, err
}

// send publishes, and once more where the answer says how: without the tag that
// a 412 does not know (RFC 3903 §5), for as long as a 423 wants it.
func (p *Publisher) send(ctx context.Context) (r Result, err error) {
	for range 3 {
		one := p.of
		if one.IfMatch != "" && !p.unsaid {
			one.Type, one.Body = "", nil // a refresh has no body (RFC 3903 §4.3)
		}
		r, err = p.agent.Publish(ctx, one)
		longer, brief := tooBrief(err, p.of.Expires)
		switch {
		case isStatus(err, 412) && p.of.IfMatch != "":
			p.of.IfMatch = ""
			p.set(func() { p.last = Result{} })
		case brief:
			p.of.Expires = longer
		default:
			return r, err
		}
	}
	return r, err
}

func isStatus(err error, code int) bool {
	var status *StatusError
	return errors.As(err, &status) && status.Code == code
}
