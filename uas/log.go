package uas

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"lamplight/event"
	"lamplight/sip"
	"lamplight/sip/transaction"
)

// mostLines is how many lines a second are logged of what peers do: they must
// not fill the disk.
const mostLines = 100

// brake holds lines back that are too many.
type brake struct {
	mu     sync.Mutex
	second int64
	lines  int
}

// takes tells whether a line may be logged, and how many of the last second
// were not.
func (b *brake) takes(now time.Time) (ok bool, heldBack int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s := now.Unix(); s != b.second {
		heldBack = max(b.lines-mostLines, 0)
		b.second, b.lines = s, 0
	}
	b.lines++
	return b.lines <= mostLines, heldBack
}

// say logs one line about a request. Nothing of what a message holds is in it
// but who is called what: no credentials, no bodies, no notes.
func (s *Server) say(level slog.Level, text string, attrs ...slog.Attr) {
	ok, heldBack := s.brake.takes(time.Now())
	if heldBack > 0 {
		s.log.Warn("too many lines", "held_back", heldBack)
	}
	if ok {
		s.log.LogAttrs(context.Background(), level, text, attrs...)
	}
}

// sayRefused logs a request that is refused.
func (s *Server) sayRefused(r *transaction.Request, status int, err error) {
	m := &r.Message
	level := refusalLevel(status, m)
	if !s.log.Enabled(context.Background(), level) {
		return
	}
	s.say(level, "refused", slog.String("method", short(string(m.Method()))), slog.Int("status", status), slog.String("reason", reason(err)),
		slog.String("aor", concerned(m)), slog.String("source", r.Flow.Remote().String()), slog.String("call_id", short(string(m.CallID()))))
}

// refusalLevel is how much a refusal is worth an operator's eye: to be asked
// for credentials, or for a longer interval, is a phone's daily life.
func refusalLevel(status int, m *sip.Message) slog.Level {
	switch {
	case status == 401 && !m.Has(sip.Authorization), status == 423:
		return slog.LevelDebug
	case status >= 500:
		return slog.LevelWarn
	}
	return slog.LevelInfo
}

// reason words an error. What is wrong with a body may hold words of it.
func reason(err error) string {
	var malformed *event.MalformedError
	if errors.As(err, &malformed) {
		return "the body cannot be read"
	}
	return err.Error()
}

// concerned is the AoR that a request is about, as the request writes it.
func concerned(m *sip.Message) string {
	uri, err := sip.ParseURI(m.RequestURI())
	if err != nil || len(uri.User) == 0 {
		to, toErr := m.To()
		if toErr != nil {
			return ""
		}
		if uri, err = to.ParseURI(); err != nil {
			return ""
		}
	}
	return short(strings.ToLower(string(uri.Scheme)) + ":" + uri.UserUnescaped() + "@" + uri.HostLower())
}

// short keeps what peers write to a length that a line can hold.
func short(s string) string { return s[:min(len(s), 128)] }

// sayFailed logs a NOTIFY that came to nothing; status is 0 where no answer came.
func (d *dialogSink) sayFailed(status int, err error) {
	level := slog.LevelInfo
	if errors.Is(err, transaction.ErrClosed) { // it is we who end
		level = slog.LevelDebug
	}
	s := d.server
	if !s.log.Enabled(context.Background(), level) {
		return
	}
	text := "no answer"
	if err != nil {
		text = err.Error()
	}
	if status > 0 {
		text = "refused"
	}
	s.say(level, "notification failed", slog.String("method", "NOTIFY"), slog.Int("status", status), slog.String("reason", text),
		slog.String("aor", string(d.aor)), slog.String("source", d.flow.Remote().String()), slog.String("call_id", short(d.dialog.CallID)))
}
