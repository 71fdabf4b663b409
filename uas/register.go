package uas

import (
	"strconv"
	"strings"
	"time"

	"lamplight/directory"
	"lamplight/event"
	"lamplight/owner"
	"lamplight/registrar"
	"lamplight/sip"
	"lamplight/sip/transaction"
)

// register answers REGISTER (RFC 3261 §10.3).
func (s *Server) register(r *transaction.Request) {
	req, err := s.readRegister(r)
	if err != nil {
		s.refuse(r, "", err)
		return
	}
	s.post(r, req.AoR, owner.Func(func(t *owner.Turn) {
		bindings, err := s.Registrar.Register(t, req)
		now := t.Now
		s.answer(t, r, "", err, func() (sip.Response, time.Duration) {
			lasts := longest(bindings, now)
			s.hang(r.Flow, hook{aor: req.AoR}, lasts)
			return sip.Response{Status: 200, Header: outbound(registered(&r.Message, bindings, now), r, &req)}, lasts
		})
	}))
}

// longest is how long the last of the bindings lasts.
func longest(bindings []registrar.Binding, now time.Time) (d time.Duration) {
	for _, b := range bindings {
		d = max(d, b.Until.Sub(now))
	}
	return d
}

// dateFormat is that of Date, always in GMT (RFC 3261 §20.17).
const dateFormat = "Mon, 02 Jan 2006 15:04:05 GMT"

// registered are the header fields of the 200: all bindings with what is left
// of them, Path as it came (RFC 3327 §5.3), and Date, by which phones without
// another clock set theirs.
func registered(m *sip.Message, bindings []registrar.Binding, now time.Time) []byte {
	h := make([]byte, 0, 512)
	for _, b := range bindings {
		h = append(append(append(h, "Contact: <"...), b.URI...), ">;expires="...)
		h = strconv.AppendInt(h, int64((b.Until.Sub(now)+time.Second-1)/time.Second), 10)
		if b.Q != "" {
			h = append(append(h, ";q="...), b.Q...)
		}
		for _, p := range b.Params {
			h = append(append(h, ';'), p.Name...)
			if p.Value != "" {
				h = append(append(h, '='), p.Value...)
			}
		}
		h = append(h, "\r\n"...)
	}
	for path := range m.Fields(sip.Path) {
		h = append(append(append(h, "Path: "...), path...), "\r\n"...)
	}
	h = now.UTC().AppendFormat(append(h, "Date: "...), dateFormat)
	return append(h, "\r\n"...)
}

// readRegister goes through RFC 3261 §10.3 up to step 5; step 2 is behind us.
func (s *Server) readRegister(r *transaction.Request) (registrar.Request, error) {
	m := &r.Message
	domain, err := s.registersFor(m)
	if err != nil {
		return registrar.Request{}, err
	}
	who, err := s.sender(r)
	if err != nil {
		return registrar.Request{}, err
	}
	aor, err := s.addressOfRecord(m, domain)
	if err != nil {
		return registrar.Request{}, err
	}
	if !who.mayPublish(aor) {
		return registrar.Request{}, errNotYours
	}
	cseq, err := m.CSeq()
	if err != nil {
		return registrar.Request{}, errMalformed
	}
	req := registrar.Request{AoR: aor, Peer: who.peer != "", CallID: string(m.CallID()), CSeq: cseq.Number,
		Expires: registerExpires(m), Flow: r.Flow.Token(), Source: r.Flow.Remote(), Local: r.Flow.Local(), UserAgent: string(m.Value(sip.UserAgent))}
	if req.Path, err = path(m); err != nil {
		return registrar.Request{}, err
	}
	req.Contacts, req.Star, err = contacts(m)
	return req, err
}

// registersFor is the domain of the Request-URI (RFC 3261 §10.3 step 1). A
// user part has no place there (RFC 3261 §10.2), and does no harm.
func (s *Server) registersFor(m *sip.Message) (*directory.Domain, error) {
	uri, err := sip.ParseURI(m.RequestURI())
	if err != nil {
		return nil, errMalformed
	}
	_, domain, _ := s.Book.Load().Resolve(uri)
	if domain == nil {
		return nil, errNoUser
	}
	return domain, nil
}

// addressOfRecord is the one in To, which must be of the domain that was asked
// (RFC 3261 §10.3 step 5).
func (s *Server) addressOfRecord(m *sip.Message, asked *directory.Domain) (event.AoR, error) {
	to, err := m.To()
	if err != nil {
		return "", errMalformed
	}
	uri, err := to.ParseURI()
	if err != nil {
		return "", errMalformed
	}
	aor, _, err := s.from(m, uri)
	if err != nil || !strings.HasSuffix(string(aor), "@"+asked.Name) {
		return "", errNoUser
	}
	return aor, nil
}

// malformedExpires stands for an interval that cannot be read (RFC 3261 §10.2.1.1).
const malformedExpires = time.Hour

func registerExpires(m *sip.Message) time.Duration {
	seconds, ok, err := m.Expires()
	switch {
	case err != nil:
		return malformedExpires
	case !ok:
		return registrar.Unasked
	}
	return time.Duration(seconds) * time.Second
}

// path is the way to the contacts (RFC 3327 §5.3). Whether the user agent says
// that it knows the extension is not asked: many behind an edge proxy don't.
func path(m *sip.Message) (list []string, err error) {
	for element := range m.Elements(sip.Path) {
		n, err := sip.ParseNameAddr(element)
		if err != nil {
			return nil, errMalformed
		}
		if _, err := n.ParseURI(); err != nil {
			return nil, errMalformed
		}
		list = append(list, string(element))
	}
	return list, nil
}
