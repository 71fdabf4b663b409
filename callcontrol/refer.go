package callcontrol

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

	"lamplight/sip"
	"lamplight/sip/ua"
)

// errNoRefer says that the phone takes no REFER.
var errNoRefer = errors.New("callcontrol: the phone takes no REFER")

const (
	// referredIn is how long a phone may take to call whom it was referred to.
	referredIn = 32 * time.Second
	// followed is how long a call that was handed over is followed.
	followed = 12 * time.Hour
)

// refers tells whether the phone may take a REFER: one that lists its methods
// lists that as well.
func (s *session) refers() bool {
	for {
		select {
		case e := <-s.phone.Events():
			if e.What != ua.Answered || e.Message == nil {
				continue
			}
			return allows(e.Message, "REFER")
		default:
			return true
		}
	}
}

func allows(m *sip.Message, method string) bool {
	if !m.Has(sip.Allow) {
		return true
	}
	for e := range m.Elements(sip.Allow) {
		if strings.EqualFold(string(e), method) {
			return true
		}
	}
	return false
}

// referTo is the URI in Refer-To (RFC 5589 §7).
func (s *session) referTo() string {
	if s.replaces == "" {
		return s.target.URI
	}
	return s.target.URI + "?Replaces=" + url.QueryEscape(s.replaces)
}

// refer has the phone call the target, follows how that goes, and leaves when both
// talk (RFC 3515 §2.4.1, RFC 5589 §6.1).
func (s *session) refer(ctx context.Context) error {
	f := s.control.follow(s.user.AoR, &s.target)
	defer s.control.unfollow(f)
	m, err := s.phone.Do(ctx, sip.Request{Method: sip.REFER, Header: []byte("Refer-To: <" + s.referTo() + ">\r\nContact: <" + s.control.agent.Contact() + ">\r\n")})
	switch {
	case err != nil && s.phone.State() == ua.Ended && ctx.Err() == nil:
		return &Failure{Text: "you hung up"}
	case err != nil:
		return err
	case m.Status() >= 300:
		return errNoRefer
	}
	quiet := time.NewTimer(referredIn)
	defer quiet.Stop()
	for {
		select {
		case e := <-s.phone.Events():
			if e.What != ua.Transferring && e.What != ua.TransferEnded {
				continue
			}
			if e.Status > 100 {
				quiet.Stop()
			}
			if err := s.reported(e.Status, ""); err != nil {
				return err
			}
		case r := <-f.reports:
			quiet.Stop()
			if err := s.reported(r.status, r.reason); err != nil {
				return err
			}
		case <-quiet.C:
			return &Failure{Text: "your phone was told to call " + s.target.name() + ", and does not"}
		case <-ctx.Done():
			return ctx.Err()
		}
		if s.connected {
			s.control.hangUp(s.phone)
			return s.over(ctx, f)
		}
	}
}

// reported takes how the phone's call goes, as it says itself or as the server has
// seen. The error is that it has failed.
func (s *session) reported(status int, phrase string) error {
	switch {
	case status >= 300:
		return failure(s.target.name(), status, phrase)
	case status >= 200:
		s.talks()
	case status >= 180:
		s.rings()
	}
	return nil
}

var errUnseen = errors.New("callcontrol: how the call ends is not seen")

// over waits for the end of a call that was handed over.
func (s *session) over(ctx context.Context, f *follow) error {
	late := time.NewTimer(followed)
	defer late.Stop()
	unseen := time.NewTimer(referredIn)
	defer unseen.Stop()
	for {
		if s.control.known(f) {
			unseen.Stop()
		}
		select {
		case r := <-f.reports:
			if r.status == gone {
				return nil
			}
		case <-unseen.C:
			return errUnseen
		case <-late.C:
			return errUnseen
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
