package uas

import (
	"fmt"
	"strconv"
	"strings"
	"time"

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
	paths := pathLines(req.Path)
	s.post(r, req.AoR, owner.Func(func(t *owner.Turn) {
		bindings, err := s.Registrar.Register(t, req)
		s.answer(t, r, "", err, func() sip.Response {
			return sip.Response{Status: 200, Header: append(contactLines(bindings, t.Now), paths...)}
		})
	}))
}

// readRegister makes the checks of RFC 3261 §10.3 steps 1 to 5: the domain is
// ours, the sender is who To names, and what it asks for can be read.
func (s *Server) readRegister(r *transaction.Request) (registrar.Register, error) {
	m := &r.Message
	who, err := s.sender(r)
	if err != nil {
		return registrar.Register{}, err
	}
	aor, err := s.registered(m)
	if err != nil {
		return registrar.Register{}, err
	}
	if who.peer == "" && who.aor != aor {
		return registrar.Register{}, errNotYours
	}
	cseq, err := m.CSeq()
	if err != nil {
		return registrar.Register{}, errMalformed
	}
	req := registrar.Register{AoR: aor, Peer: who.peer != "", CallID: string(m.CallID()), CSeq: cseq.Number,
		Source: r.Flow.Remote().String(), UserAgent: string(m.Value(sip.UserAgent))}
	interval, dflt, err := expires(m)
	if err != nil {
		return registrar.Register{}, err
	}
	req.Expires, req.HasExpires = interval, !dflt
	for p := range m.Elements(sip.Path) {
		req.Path = append(req.Path, string(p))
	}
	return req, readContacts(m, &req)
}

// registered is the AoR in To.
func (s *Server) registered(m *sip.Message) (event.AoR, error) {
	to, err := m.To()
	if err != nil {
		return "", errMalformed
	}
	uri, err := to.ParseURI()
	if err != nil {
		return "", errMalformed
	}
	aor, _, err := s.Book.Load().Resolve(uri)
	if err != nil {
		return "", errNoUser
	}
	return aor, nil
}

func readContacts(m *sip.Message, req *registrar.Register) error {
	for element := range m.Elements(sip.Contact) {
		if strings.TrimSpace(string(element)) == "*" {
			req.Star = true
			continue
		}
		c, err := readContact(element)
		if err != nil {
			return err
		}
		req.Contacts = append(req.Contacts, c)
	}
	return nil
}

func readContact(element []byte) (registrar.Contact, error) {
	n, err := sip.ParseNameAddr(element)
	if err != nil {
		return registrar.Contact{}, errMalformed
	}
	if _, err := n.ParseURI(); err != nil {
		return registrar.Contact{}, errMalformed
	}
	c := registrar.Contact{URI: string(n.URI), Display: string(n.Display), Q: -1}
	if v, ok := n.Params.Get("q"); ok {
		q, err := strconv.ParseFloat(string(v), 64)
		if err != nil || q < 0 || q > 1 {
			return registrar.Contact{}, errMalformed
		}
		c.Q = int(q*1000 + 0.5)
	}
	if v, ok := n.Params.Get("expires"); ok {
		// A malformed value counts as 3600 (RFC 3261 §10.2.1.1).
		seconds, err := strconv.ParseUint(string(v), 10, 32)
		if err != nil {
			seconds = 3600
		}
		c.Expires, c.HasExpires = time.Duration(seconds)*time.Second, true
	}
	instance, _ := n.Params.Get("+sip.instance")
	reg, _ := n.Params.Get("reg-id")
	c.Instance, c.RegID = string(instance), string(reg)
	c.Params = otherParams(n.Params)
	return c, nil
}

// otherParams are those of a Contact that the registrar only gives back.
func otherParams(all sip.Params) string {
	var b strings.Builder
	for name, value := range all.All() {
		switch strings.ToLower(string(name)) {
		case "q", "expires":
			continue
		}
		b.WriteByte(';')
		b.Write(name)
		if len(value) > 0 {
			b.WriteByte('=')
			b.Write(value)
		}
	}
	return b.String()
}

// contactLines list all bindings (RFC 3261 §10.3 step 8).
func contactLines(bindings []registrar.Binding, now time.Time) []byte {
	var b []byte
	for _, c := range bindings {
		b = append(b, "Contact: "...)
		if c.Display != "" {
			b = append(sip.AppendQuoted(b, c.Display), ' ')
		}
		left := (c.Until.Sub(now) + time.Second - 1) / time.Second
		b = fmt.Appendf(b, "<%s>;expires=%d", c.URI, left)
		if c.Q >= 0 {
			b = fmt.Appendf(b, ";q=%d.%03d", c.Q/1000, c.Q%1000)
		}
		b = append(append(b, c.Params...), "\r\n"...)
	}
	return b
}

// pathLines give Path back, for the user agent to see it (RFC 3327 §5.3).
func pathLines(path []string) string {
	if len(path) == 0 {
		return ""
	}
	return "Path: " + strings.Join(path, ", ") + "\r\nSupported: path\r\n"
}
