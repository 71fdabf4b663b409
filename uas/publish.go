package uas

import (
	"slices"
	"strconv"
	"time"

	"lamplight/body/limits"
	"lamplight/esc"
	"lamplight/event"
	"lamplight/owner"
	"lamplight/sip"
	"lamplight/sip/transaction"
)

// publish answers PUBLISH (RFC 3903 §6).
func (s *Server) publish(r *transaction.Request) {
	name := eventName(&r.Message)
	p, err := s.readPublish(r, name)
	if err != nil {
		s.refuse(r, name, err)
		return
	}
	s.post(r, p.AoR, owner.Func(func(t *owner.Turn) {
		etag, left, err := s.ESC.Publish(t, p)
		s.answer(t, r, name, err, func() (sip.Response, time.Duration) {
			h := append([]byte("SIP-ETag: "), etag...)
			h = append(h, "\r\nExpires: "...)
			h = strconv.AppendInt(h, int64(left/time.Second), 10)
			return sip.Response{Status: 200, Header: append(h, "\r\n"...)}, left
		})
	}))
}

func (s *Server) readPublish(r *transaction.Request, name event.Name) (esc.Publish, error) {
	m := &r.Message
	who, err := s.sender(r)
	if err != nil {
		return esc.Publish{}, err
	}
	aor, _, err := s.resource(m)
	if err != nil {
		return esc.Publish{}, err
	}
	if !who.mayPublish(aor) {
		return esc.Publish{}, errNotYours
	}
	if s.packages[name] == nil {
		return esc.Publish{}, errEvent
	}
	p := esc.Publish{AoR: aor, By: who.by(), Peer: who.peer != "", Event: name, Body: m.Body()}
	if p.IfMatch, err = ifMatch(m); err != nil {
		return esc.Publish{}, err
	}
	if p.Expires, p.Default, err = expires(m); err != nil {
		return esc.Publish{}, err
	}
	if len(p.Body) > s.Limits.Document {
		return esc.Publish{}, errTooLarge
	}
	if s.Limits.XML != limits.Most && limits.Exceeded(p.Body, s.Limits.XML) {
		return esc.Publish{}, &event.MalformedError{Reason: "Too Deep Or Too Wide"}
	}
	if len(p.Body) > 0 {
		if p.Type, err = mediaType(m); err != nil {
			return esc.Publish{}, err
		}
	}
	return p, nil
}

// ifMatch is the one entity-tag of SIP-If-Match (RFC 3903 §6, §11.3.2).
func ifMatch(m *sip.Message) (esc.ETag, error) {
	if !m.Has(sip.SIPIfMatch) {
		return "", nil
	}
	tags := slices.Collect(m.Elements(sip.SIPIfMatch))
	if len(tags) != 1 {
		return "", errOneETag
	}
	return esc.ETag(tags[0]), nil
}

// eventName is the request's event package, "" without an Event header field.
func eventName(m *sip.Message) event.Name {
	e, err := m.Event()
	if err != nil {
		return ""
	}
	return event.Name(e.Package)
}

// expires is the interval asked for; dflt where none is.
func expires(m *sip.Message) (interval time.Duration, dflt bool, err error) {
	seconds, ok, err := m.Expires()
	if err != nil {
		return 0, false, errMalformed
	}
	return time.Duration(seconds) * time.Second, !ok, nil
}

// mediaType is the body's type; a body without one is of no type we know.
func mediaType(m *sip.Message) (string, error) {
	t, err := m.MediaType()
	if err != nil {
		return "", event.ErrUnsupportedType
	}
	return string(t.Type), nil
}
