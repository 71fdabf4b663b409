// Package resolvetest is a name server for tests of what looks names up (RFC
// 1035): it serves one zone, in memory or on loopback, and may be late, silent or
// lie. It is no part of what a user runs.
package resolvetest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"
)

// Server is a name server.
type Server struct {
	t testing.TB

	mu    sync.Mutex
	zone  []dns.RR
	asked []string
	reply func(network string, q, honest *dns.Msg) []*dns.Msg
}

// New makes a name server of a zone, in the form of zone files (RFC 1035).
func New(t testing.TB, zone string) *Server {
	t.Helper()
	s := &Server{t: t}
	s.Set(zone)
	return s
}

// Set changes the zone.
func (s *Server) Set(zone string) {
	s.t.Helper()
	p := dns.NewZoneParser(strings.NewReader(zone), ".", "")
	p.SetDefaultTTL(60)
	var list []dns.RR
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		list = append(list, rr)
	}
	if err := p.Err(); err != nil {
		s.t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.zone = list
}

// Reply takes the place of the answers: f says what is sent, after whatever time
// it takes, in the place of the honest one. Nil is silence.
func (s *Server) Reply(f func(network string, q, honest *dns.Msg) []*dns.Msg) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reply = f
}

// Asked are the questions that came since it was asked last, "name TYPE" each.
func (s *Server) Asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := s.asked
	s.asked = nil
	return asked
}

func (s *Server) answers(network string, b []byte) (list [][]byte) {
	q := new(dns.Msg)
	if err := q.Unpack(b); err != nil || len(q.Question) != 1 {
		s.t.Errorf("a question that cannot be read: %v", err)
		return nil
	}
	s.mu.Lock()
	s.asked = append(s.asked, fmt.Sprintf("%s %s", q.Question[0].Name, dns.TypeToString[q.Question[0].Qtype]))
	replies, f := []*dns.Msg{s.honest(q)}, s.reply
	s.mu.Unlock()
	if f != nil {
		replies = f(network, q, replies[0])
	}
	for _, m := range replies {
		b, err := m.Pack()
		if err != nil {
			s.t.Error(err)
		}
		list = append(list, b)
	}
	return list
}

// honest is what the zone says, aliases and their records in it together.
func (s *Server) honest(q *dns.Msg) *dns.Msg {
	m := new(dns.Msg).SetReply(q)
	name, known := q.Question[0].Name, false
	for i := 0; i < len(s.zone); i++ {
		h := s.zone[i].Header()
		if !strings.EqualFold(h.Name, name) {
			continue
		}
		known = true
		if h.Rrtype == q.Question[0].Qtype {
			m.Answer = append(m.Answer, s.zone[i])
		} else if c, ok := s.zone[i].(*dns.CNAME); ok && len(m.Answer) < 20 {
			m.Answer = append(m.Answer, c)
			name, i = c.Target, -1
		}
	}
	if len(m.Answer) > 0 {
		return m
	}
	if !known {
		m.Rcode = dns.RcodeNameError
	}
	for _, rr := range s.zone {
		if soa, ok := rr.(*dns.SOA); ok {
			m.Ns = append(m.Ns, soa)
		}
	}
	return m
}

// Dial is a connection in memory, for a resolver's options.
func (s *Server) Dial(_ context.Context, network, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	go func() {
		defer server.Close()
		buf := make([]byte, dns.MaxMsgSize)
		for {
			b, err := receive(server, network, buf)
			if err != nil {
				return
			}
			for _, reply := range s.answers(network, b) {
				if _, err := server.Write(framed(network, reply)); err != nil {
					return
				}
			}
		}
	}()
	return client, nil
}

func receive(c net.Conn, network string, buf []byte) ([]byte, error) {
	if network == "udp" {
		n, err := c.Read(buf)
		return buf[:n], err
	}
	if _, err := io.ReadFull(c, buf[:2]); err != nil {
		return nil, err
	}
	b := buf[:binary.BigEndian.Uint16(buf)]
	_, err := io.ReadFull(c, b)
	return b, err
}

func framed(network string, b []byte) []byte {
	if network == "udp" {
		return b
	}
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...)
}

// Listen serves on a free port of loopback, over UDP and TCP, until the test ends.
func (s *Server) Listen() netip.AddrPort {
	s.t.Helper()
	for range 20 { // the port may be taken for one of the two
		packets, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			s.t.Fatal(err)
		}
		at := packets.LocalAddr().String()
		streams, err := net.Listen("tcp", at)
		if err != nil {
			_ = packets.Close()
			continue
		}
		s.serve(packets, streams)
		return netip.MustParseAddrPort(at)
	}
	s.t.Fatal("no port is free")
	return netip.AddrPort{}
}

func (s *Server) serve(packets net.PacketConn, streams net.Listener) {
	var running sync.WaitGroup
	running.Go(func() {
		buf := make([]byte, dns.MaxMsgSize)
		for {
			n, from, err := packets.ReadFrom(buf)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			q := append([]byte(nil), buf[:n]...)
			running.Go(func() {
				for _, reply := range s.answers("udp", q) {
					_, _ = packets.WriteTo(reply, from)
				}
			})
		}
	})
	running.Go(func() {
		buf := make([]byte, dns.MaxMsgSize)
		for {
			c, err := streams.Accept()
			if err != nil {
				return
			}
			if b, err := receive(c, "tcp", buf); err == nil {
				for _, reply := range s.answers("tcp", b) {
					_, _ = c.Write(framed("tcp", reply))
				}
			}
			_ = c.Close()
		}
	})
	s.t.Cleanup(func() {
		_ = packets.Close()
		_ = streams.Close()
		running.Wait()
	})
}
