package transaction

import (
	"bytes"
	"errors"
	"io"
	"net"
	"time"
)

// framing is how messages lie on a connection.
type framing interface {
	// receive hands on what comes until the connection ends.
	receive(s *stream)
	// send writes messages, which lie in b end to end.
	send(conn net.Conn, b []byte, ends []int) error
}

// lengths is the framing of TCP and TLS: messages follow each other, and each
// says how long it is (RFC 3261 §18.3).
type lengths struct{}

func (lengths) send(conn net.Conn, b []byte, _ []int) error {
	_ = conn.SetWriteDeadline(time.Now().Add(writeTime))
	_, err := conn.Write(b)
	return err
}

func (l lengths) receive(s *stream) {
	b := make([]byte, 0, readBuffer)
	for {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := s.Read(b[len(b):cap(b)])
		if b = b[:len(b)+n]; n > 0 {
			rest, heard, frameErr := l.messages(s, b)
			if frameErr != nil { // nobody knows where the next message begins
				s.refuse(rest, frameErr)
				s.linger()
				return
			}
			if heard {
				s.heard()
			}
			if b = keep(b, rest); s.begun.IsZero() && len(bytes.Trim(b, "\r\n")) > 0 {
				s.begun = time.Now()
			}
		}
		if errors.Is(err, io.EOF) { // who has nothing more to say may still listen
			s.flush()
		}
		if err != nil {
			return
		}
	}
}

// keep moves what is left to the front; a large buffer is given back when it
// is empty.
func keep(b, rest []byte) []byte {
	if len(rest) == 0 && cap(b) > readBuffer {
		return make([]byte, 0, readBuffer)
	}
	return b[:copy(b, rest)]
}

var (
	crlf = []byte("\r\n")
	ping = []byte("\r\n\r\n")
)

// messages hands on all whole messages. A keep-alive is answered (RFC 5626
// §3.5.1); it alone keeps no connection, for anybody can say it.
func (lengths) messages(s *stream, b []byte) (rest []byte, heard bool, err error) {
	for {
		switch {
		case bytes.HasPrefix(b, ping):
			b = b[len(ping):]
			_ = s.write(crlf, s.remote)
			continue
		case bytes.HasPrefix(b, crlf) && len(b) > 3:
			b = b[len(crlf):]
			continue
		case len(b) < 4:
			return b, heard, nil
		}
		n, err := s.layer.o.Limits.Frame(b)
		if n == 0 || err != nil {
			return b, heard, err
		}
		s.layer.message(Flow{s, s.remote}, b[:n])
		b, heard = b[n:], true
	}
}
