package app

import (
	"slices"
	"strings"

	"lamplight/body/xpidf"
	"lamplight/config"
	"lamplight/event"
	"lamplight/uas"
)

// Profiles are those of the settings, which stand before the server's own.
func Profiles(c config.Serve) (list []uas.Profile) {
	for _, p := range c.Profile {
		list = append(list, profile(p))
	}
	return list
}

// AllProfiles are all that count, the first that fits before others.
func AllProfiles(c config.Serve) []uas.Profile { return slices.Concat(Profiles(c), uas.Profiles) }

func profile(c config.Profile) uas.Profile {
	p := uas.Profile{Agent: strings.ToLower(c.Agent), CPIM: c.CPIMLabel, MD5: c.MD5, Answer: c.AutoAnswer}
	for _, key := range []struct {
		set bool
		bit uint8
	}{
		{c.OneDialog, event.OneDialog},
		{c.NoIdleDialog, event.NoIdleDialog},
		{c.CallingIsTalking, event.CallingIsTalking},
		{c.Unreachable == "offline", event.OfflineState},
		{c.Unreachable == "failed", event.FailedState},
		{c.Cisco, event.CiscoActivities},
		{c.Digium, event.DigiumPresence},
		{c.NoUrgent, event.NoUrgent},
	} {
		if key.set {
			p.Render |= key.bit
		}
	}
	if c.XPIDF {
		p.Prefer = xpidf.Type
	}
	return p
}
