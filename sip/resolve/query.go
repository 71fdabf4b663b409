package resolve

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// Questions.
const (
	rounds      = 2    // all name servers are asked so often
	maxForeign  = 64   // datagrams that are no answer to the question, before it is given up
	maxDatagram = 1232 // what we take over UDP; it passes every network whole
)

// query is a question under way, for all who ask it meanwhile.
type query struct {
	done   chan struct{}
	answer answer
}

// ask answers a question from the cache, else by the name servers.
func (s *search) ask(q question) answer {
	r := s.r
	if a, ok := r.cache.get(q, time.Now()); ok {
		return a
	}
	if s.left.Add(-1) < 0 {
		return answer{err: ErrLaborious}
	}
	one, err := r.query(q)
	if err != nil {
		return answer{err: err}
	}
	select {
	case <-one.done:
		return one.answer
	case <-s.ctx.Done():
		return answer{err: ErrTimeout}
	}
}

// query is a question's query, a new one where there is none.
func (r *Resolver) query(q question) (*query, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, ErrClosed
	}
	if one := r.asking[q]; one != nil {
		return one, nil
	}
	one := &query{done: make(chan struct{})}
	r.asking[q] = one
	r.work.Go(func() {
		one.answer = r.answer(q)
		r.cache.put(q, one.answer, time.Now())
		r.mu.Lock()
		delete(r.asking, q)
		r.mu.Unlock()
		close(one.done)
	})
	return one, nil
}

// answer asks the name servers in turn. A failure is remembered as well, but not
// for long (RFC 2308): a name server that is down is not asked for each
// request.
func (r *Resolver) answer(q question) answer {
	m := new(dns.Msg).SetQuestion(q.name, q.kind)
	m.SetEdns0(maxDatagram, false)
	err := ErrServer
	for range rounds {
		for _, server := range r.servers() {
			reply, failed := r.exchange(server, m)
			if failed == nil && (reply.Rcode == dns.RcodeSuccess || reply.Rcode == dns.RcodeNameError) {
				return understood(q, reply, time.Now())
			}
			if failed != nil {
				err = ErrTimeout
			}
		}
		if errors.Is(err, ErrServer) || r.context.Err() != nil {
			break // they will not change their minds
		}
	}
	r.Failures.Add(1)
	return answer{err: err, until: time.Now().Add(failedTTL)}
}

func (r *Resolver) servers() []netip.AddrPort {
	if len(r.o.Servers) > 0 {
		return r.o.Servers
	}
	return r.system.servers()
}

// exchange asks one name server, and again over TCP what does not fit.
func (r *Resolver) exchange(server netip.AddrPort, m *dns.Msg) (*dns.Msg, error) {
	reply, err := r.over("udp", server, m)
	if err == nil && reply.Truncated {
		return r.over("tcp", server, m)
	}
	return reply, err
}

func (r *Resolver) over(network string, server netip.AddrPort, m *dns.Msg) (*dns.Msg, error) {
	r.Queries.Add(1)
	ctx, cancel := context.WithTimeout(r.context, r.o.Try)
	defer cancel()
	// A socket of its own for each question: who forges an answer has to guess
	// its port, too.
	conn, err := r.o.Dial(ctx, network, server.String())
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	m.Id = dns.Id()
	b, err := m.Pack()
	if err != nil {
		return nil, err
	}
	if network == "tcp" {
		b = append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...)
	}
	if _, err := conn.Write(b); err != nil {
		return nil, err
	}
	return receive(conn, network, m)
}

var errForeign = errors.New("resolve: nothing but foreign answers")

// receive waits for the answer to a question; what is none is somebody else's,
// or forged.
func receive(conn net.Conn, network string, m *dns.Msg) (*dns.Msg, error) {
	buf := make([]byte, dns.MaxMsgSize)
	for range maxForeign {
		b, err := receiveOne(conn, network, buf)
		if err != nil {
			return nil, err
		}
		reply := new(dns.Msg)
		if reply.Unpack(b) == nil && answers(reply, m) {
			return reply, nil
		}
	}
	return nil, errForeign
}

func receiveOne(conn net.Conn, network string, buf []byte) ([]byte, error) {
	if network == "udp" {
		n, err := conn.Read(buf)
		return buf[:n], err
	}
	if _, err := io.ReadFull(conn, buf[:2]); err != nil {
		return nil, err
	}
	b := buf[:binary.BigEndian.Uint16(buf)]
	_, err := io.ReadFull(conn, b)
	return b, err
}

func answers(reply, m *dns.Msg) bool {
	if reply.Id != m.Id || !reply.Response || reply.Opcode != m.Opcode || len(reply.Question) != 1 {
		return false
	}
	got, asked := reply.Question[0], m.Question[0]
	return got.Qtype == asked.Qtype && got.Qclass == asked.Qclass && strings.EqualFold(got.Name, asked.Name)
}

// understood reads an answer: only records of the name that was asked for, or of
// what it is an alias of, count. What is added of other names could be anything.
func understood(q question, m *dns.Msg, now time.Time) answer {
	name, ttl := q.name, maxTTL
	for range maxAliases {
		records, alias := of(m.Answer, question{name, q.kind}, &ttl)
		if len(records) > 0 {
			return answer{records: records, until: now.Add(ttl)}
		}
		if alias == "" {
			break
		}
		name = alias
	}
	if negative, ok := nothing(m); ok || name == q.name {
		return answer{until: now.Add(min(ttl, negative))}
	}
	return answer{alias: name, until: now.Add(ttl)}
}

// of are a name's records among others, or what it is an alias of; ttl becomes
// the least of theirs.
func of(all []dns.RR, q question, ttl *time.Duration) (records []dns.RR, alias string) {
	for _, rr := range all {
		h := rr.Header()
		if h.Class != dns.ClassINET || !strings.EqualFold(h.Name, q.name) {
			continue
		}
		c, isAlias := rr.(*dns.CNAME)
		switch {
		case h.Rrtype == q.kind && len(records) < maxRecords:
			records = append(records, rr)
		case isAlias:
			alias = strings.ToLower(dns.Fqdn(c.Target))
		default:
			continue
		}
		*ttl = min(*ttl, time.Duration(h.Ttl)*time.Second)
	}
	return records, alias
}

// nothing is for how long the absence of records may be remembered: not at all
// where no SOA record says so (RFC 2308).
func nothing(m *dns.Msg) (ttl time.Duration, ok bool) {
	for _, rr := range m.Ns {
		if soa, is := rr.(*dns.SOA); is {
			return min(maxNegative, time.Duration(min(soa.Hdr.Ttl, soa.Minttl))*time.Second), true
		}
	}
	return 0, m.Rcode == dns.RcodeNameError
}
