package app

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"lamplight/body/csta"
	"lamplight/directory"
	"lamplight/esc"
	"lamplight/event"
	"lamplight/event/feature"
	"lamplight/owner"
	"lamplight/proxy"
	"lamplight/sip"
)

// settingsKey is that of a user's settings beside do not disturb itself.
var settingsKey = event.Key{Event: feature.Name, Source: event.User, ID: "settings"}

// Forwarding is where a user's calls go instead: user[@domain], a number or a URI,
// as the user dials it; "": nowhere. After is the time in which a call is to be
// answered, 6 s to 2 min; 0: 18 s.
type Forwarding = feature.Forwarding

// Why settings are not taken.
var (
	errNoForwarding = &event.RefusedError{Reason: "calls are not forwarded here: the server has no role proxy"}
	errToYourself   = &event.RefusedError{Reason: "calls cannot be forwarded to whom they are for"}
	errAfter        = fmt.Errorf("the time in which a call is to be answered: want %v to %v", feature.MinAfter, feature.MaxAfter)
	errTooManyLet   = errors.New("up to 100 users are let through")
)

const maxLetThrough = 100

// SetForwarding says where a user's calls go. The error is an *event.RefusedError
// where the server forwards none, or not there.
func (s *Server) SetForwarding(aor event.AoR, to Forwarding) error {
	return s.change(aor, func(t *owner.Turn) error { return s.setForwarding(t, aor, to) })
}

func (s *spine) setForwarding(t *owner.Turn, aor event.AoR, to Forwarding) error {
	for _, typed := range []*string{&to.Immediate, &to.Busy, &to.NoAnswer} {
		*typed = strings.TrimSpace(*typed)
		if err := s.mayForward(aor, *typed); err != nil {
			return err
		}
	}
	if to.After != 0 && (to.After < feature.MinAfter || to.After > feature.MaxAfter) {
		return errAfter
	}
	set := s.settings(aor)
	set.Forwarding = to
	return s.keep(t, aor, set)
}

// mayForward refuses what calls cannot be forwarded to: they go where their user
// may call.
func (s *spine) mayForward(aor event.AoR, typed string) error {
	if typed == "" {
		return nil
	}
	if s.proxy == nil {
		return errNoForwarding
	}
	_, to, err := s.target(aor, typed)
	switch {
	case err != nil:
		return &event.RefusedError{Reason: err.Error()}
	case to == aor:
		return errToYourself
	}
	return nil
}

// SetLetThrough says whose calls reach a user who does not want to be disturbed.
func (s *Server) SetLetThrough(aor event.AoR, users []event.AoR) error {
	if len(users) > maxLetThrough {
		return errTooManyLet
	}
	return s.change(aor, func(t *owner.Turn) error {
		set := s.settings(aor)
		set.LetThrough = users
		return s.keep(t, aor, set)
	})
}

// settings are a user's, in a turn of its owner. They are a copy.
func (s *spine) settings(aor event.AoR) feature.Settings {
	in, _ := s.esc.Input(aor, settingsKey)
	if set, ok := in.Doc.(*feature.Settings); ok {
		return *set
	}
	return feature.Settings{}
}

func (s *spine) keep(t *owner.Turn, aor event.AoR, set feature.Settings) error {
	if set.Forwarding == (Forwarding{}) && len(set.LetThrough) == 0 {
		s.esc.Release(t, aor, settingsKey)
		return nil
	}
	return s.esc.Force(t, aor, esc.Forced{Key: settingsKey, Made: t.Now, Type: feature.SettingsType, Body: set.Append(nil)})
}

// setFeature does what a user's telephone wants. Where do not disturb is on
// already, its end stays.
func (s *spine) setFeature(t *owner.Turn, aor event.AoR, _ event.Name, want event.Document) error {
	f := want.(*csta.Feature)
	if f.Kind != csta.DoNotDisturb {
		return s.setForwarding(t, aor, s.settings(aor).With(f))
	}
	if _, on := s.esc.Input(aor, dndKey); on && f.On {
		return nil
	}
	return s.setDND(t, aor, f.On, time.Time{})
}

// target is whom a user means by what was typed: user[@domain], a number or a URI.
// The AoR is "" where that is a stranger, along a route. The error says that there
// is nobody, or nobody whom the user may call.
func (s *spine) target(by event.AoR, typed string) (uri string, aor event.AoR, err error) {
	uri = uriOf(by, typed)
	u, err := sip.ParseURI([]byte(uri))
	if err != nil || len(u.Headers) > 0 || strings.ContainsAny(uri, "<>\" ") || strings.ContainsFunc(uri, unicode.IsControl) {
		return "", "", fmt.Errorf("%s: this is nobody's number or address", typed)
	}
	aor, err = s.proxy.Leads(by, u)
	switch {
	case errors.Is(err, proxy.ErrNoUser):
		return "", "", fmt.Errorf("%s: %w", typed, errNoUser)
	case err != nil:
		return "", "", fmt.Errorf("%s: neither a user of ours, nor does a route lead there", typed)
	}
	return uri, aor, nil
}

// uriOf completes what a user has typed by the user's domain.
func uriOf(by event.AoR, typed string) string {
	if strings.HasPrefix(typed, "sip:") || strings.HasPrefix(typed, "sips:") || strings.HasPrefix(typed, "tel:") {
		return typed
	}
	_, domain, _ := strings.Cut(string(by), "@")
	return string(directory.UserAoR(strings.Join(strings.Fields(typed), ""), domain))
}
