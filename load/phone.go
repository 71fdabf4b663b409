package load

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"lamplight/sip"
	"lamplight/sip/digest"
	"lamplight/sip/transaction"
)

// phone is one user's device: it shares its socket with the others of its side,
// which are told apart by the user part of their contacts.
type phone struct {
	side     *side
	name     string
	aor      string
	contact  string // the header line
	domain   string
	password string
	party    *party // nil: a watcher

	mu     sync.Mutex
	digest *digest.Challenge
}

func (r *run) newPhone(s *side, name string) *phone {
	p := &phone{side: s, name: name, aor: "sip:" + name + "@" + r.Domain, domain: r.Domain, password: r.Password,
		contact: "Contact: <sip:" + name + "@" + s.flow.Local().String() + ">\r\n"}
	s.phones[name] = p
	return p
}

// begins makes a request outside a dialog.
func (p *phone) begins(method sip.Method, uri, callID, tag string) sip.Request {
	return sip.Request{Method: method, URI: uri, From: "<" + p.aor + ">;tag=" + tag, To: "<" + uri + ">", CallID: callID, CSeq: 1}
}

// outcome is how a request ended.
type outcome struct {
	message *sip.Message // a copy, nil where it failed
	err     error
}

// waiting is an exchange that somebody waits for.
type waiting chan outcome

func (w waiting) Failed(err error) { w <- outcome{err: err} }

func (w waiting) Response(m *sip.Message) { w <- outcome{message: copyOf(m)} }

func copyOf(m *sip.Message) *sip.Message {
	c := new(sip.Message)
	_ = c.Parse(append([]byte(nil), m.Bytes()...)) // it was read before
	return c
}

// do sends a request, answers a challenge, and waits for the 2xx.
func (p *phone) do(ctx context.Context, q sip.Request) (*sip.Message, error) {
	header := q.Header
	for range 3 {
		q.Header = append(header[:len(header):len(header)], p.answer(q.Method, q.URI)...)
		w := make(waiting, 1)
		if err := p.side.layer.Send(p.side.flow, &q, w); err != nil {
			return nil, err
		}
		select {
		case o := <-w:
			switch {
			case o.err != nil:
				return nil, fmt.Errorf("%s of %s: %w", q.Method, p.name, o.err)
			case o.message.Status()/100 == 2:
				return o.message, nil
			case !p.challenged(o.message):
				return nil, fmt.Errorf("%s of %s: %d %s", q.Method, p.name, o.message.Status(), o.message.ReasonPhrase())
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		q.CSeq++
	}
	return nil, fmt.Errorf("%s of %s: %w", q.Method, p.name, errPassword)
}

var errPassword = errors.New("the password is not accepted")

// challenged keeps a challenge, and tells whether there is one to answer.
func (p *phone) challenged(m *sip.Message) bool {
	if p.password == "" || m.Status() != 401 && m.Status() != 407 {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range digest.Challenges(m) {
		p.digest = c
		return true
	}
	return false
}

// answer is the header line that answers the challenge known, if one is.
func (p *phone) answer(method sip.Method, uri string) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.digest == nil {
		return nil
	}
	p.digest.Proxy = method != sip.REGISTER && method != sip.SUBSCRIBE
	return []byte(p.digest.Answer(method, uri, p.name, p.password))
}

// lasts is longer than a run.
const lasts = 3600

func (p *phone) register(ctx context.Context) error {
	q := p.begins(sip.REGISTER, "sip:"+p.domain, sip.NewCallID(), sip.NewTag()[:16])
	q.To = "<" + p.aor + ">"
	q.Header = append([]byte(p.contact), "Expires: "+strconv.Itoa(lasts)+"\r\n"...)
	_, err := p.do(ctx, q)
	return err
}

// refuse answers what a phone has no use for.
func refuse(q *transaction.Request) {
	if q.Message.Method() == sip.ACK {
		q.Drop()
		return
	}
	q.Respond(&sip.Response{Status: 405})
}
