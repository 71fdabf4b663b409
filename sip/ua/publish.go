package ua

import (
	"context"
	"errors"
	"time"

	"lamplight/sip"
)

// ByServer as a lifetime leaves it to the server: no Expires is sent.
const ByServer time.Duration = -1

// Publication is one PUBLISH. What it does follows from the body, the entity-tag
// and the lifetime (RFC 3903 §4.1, table 1): a body alone begins a publication, a
// tag alone refreshes one, both modify it, a tag with lifetime 0 removes it.
type Publication struct {
	AoR     string // whose state; "": the agent's user
	Event   string // the event package
	Type    string // the body's media type
	Body    []byte
	Expires time.Duration // whole seconds, or ByServer
	IfMatch string        // the entity-tag; "": none
}

// Result is what an event state compositor grants.
type Result struct {
	ETag    string
	Expires time.Duration
}

var errNoETag = errors.New("ua: a success without SIP-ETag")

// Publish sends one PUBLISH. A refusal is a *StatusError.
func (a *Agent) Publish(ctx context.Context, p Publication) (Result, error) {
	of, err := a.resource(p.AoR)
	if err != nil {
		return Result{}, err
	}
	if !clean(p.Event, p.Type, p.IfMatch) {
		return Result{}, errLineBreak
	}
	h := header(nil).add(sip.Event, p.Event)
	if p.Expires >= 0 {
		h = h.add(sip.Expires, wholeSeconds(p.Expires))
	}
	if p.IfMatch != "" {
		h = h.add(sip.SIPIfMatch, p.IfMatch)
	}
	m, err := a.Do(ctx, sip.Request{Method: sip.PUBLISH, URI: of.uri, Header: h, ContentType: p.Type, Body: p.Body})
	if err != nil {
		return Result{}, err
	}
	if err := asError(m); err != nil {
		return Result{}, err
	}
	r := Result{ETag: string(m.Value(sip.SIPETag)), Expires: lifetime(m, p.Expires)}
	if r.ETag == "" {
		return r, errNoETag
	}
	return r, nil
}
