package uas

import (
	"bytes"

	"lamplight/body/limits"
	"lamplight/event"
	"lamplight/owner"
	"lamplight/sip"
)

// setting is what a device wants to be set by the body of a SUBSCRIBE.
type setting struct {
	want  event.Document
	reply event.Body
}

// setting reads the body of a SUBSCRIBE to a package by which something can be set;
// nil: nothing is to be. Other packages' bodies are filters (RFC 4660), which are
// not read.
func (s *Server) setting(m *sip.Message, pkg event.Package) (*setting, error) {
	setter, ok := pkg.(event.Setter)
	if !ok || len(bytes.TrimSpace(m.Body())) == 0 {
		return nil, nil
	}
	if s.Limits.XML != limits.Most && limits.Exceeded(m.Body(), s.Limits.XML) {
		return nil, &event.MalformedError{Reason: "Too Deep Or Too Wide"}
	}
	kind, err := mediaType(m)
	if err != nil {
		return nil, err
	}
	var set setting
	set.want, set.reply, err = setter.Set(kind, bytes.Clone(m.Body()))
	return &set, err
}

// set does what a device of a user's wants; nobody else may.
func (s *Server) set(t *owner.Turn, by event.Subscriber, aor event.AoR, name event.Name, set *setting) error {
	switch {
	case set == nil:
		return nil
	case !by.Authenticated || by.AoR != aor:
		return errNotYours
	}
	return s.Set(t, aor, name, set.want)
}

// answered puts what was set into the 200 to a SUBSCRIBE.
func (set *setting) answered(resp sip.Response) sip.Response {
	if set != nil {
		resp.ContentType, resp.Body = set.reply.Type, set.reply.Head
	}
	return resp
}
