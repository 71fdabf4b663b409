package app

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"lamplight/config"
	"lamplight/sip"
	"lamplight/sip/hep"
	"lamplight/sip/trace"
	"lamplight/sip/transaction"
)

// tracedBytes is how much room there is for each message that is kept, on an
// average.
const tracedBytes = 2 << 10

// observe makes what the messages are shown to, as the settings want it.
func (s *Server) observe() error {
	if s.o.TraceMessages > 0 {
		s.ring = trace.New(s.o.TraceMessages, s.o.TraceMessages*tracedBytes)
	}
	if s.o.HEP == "" {
		return nil
	}
	to, _ := config.AddrPort(s.o.HEP) // it was checked
	o := hep.Options{To: to, ID: s.o.HEPID}
	if name := s.o.HEPPasswordFile; name != "" {
		b, err := os.ReadFile(name)
		if err != nil {
			return fmt.Errorf("--hep-password-file: %w", err)
		}
		o.Password = strings.TrimSpace(string(b))
	}
	var err error
	s.hep, err = hep.Dial(o)
	return err
}

// tracing shows messages to the ring and to Homer; nil: to nobody.
func (s *Server) tracing() transaction.Trace {
	if s.ring == nil && s.hep == nil {
		return nil
	}
	return func(f transaction.Flow, sent bool, b []byte) {
		now := time.Now()
		if s.ring != nil {
			s.ring.Add(now, f, sent, b)
		}
		if s.hep != nil {
			s.hep.Add(now, f, sent, b)
		}
	}
}

var errNoTrace = errors.New("no messages are kept here: --trace-messages is 0")

// Trace is what was said last of a user, user[@domain], after the N-th message.
func (s *Server) Trace(user string, after uint64) ([]trace.Message, error) {
	if s.ring == nil {
		return nil, errNoTrace
	}
	aor := s.UserAoR(user)
	return s.ring.About(func(u sip.URI) bool {
		return s.resolves(u, aor) || "sip:"+u.UserUnescaped()+"@"+u.HostLower() == string(aor)
	}, after), nil
}
