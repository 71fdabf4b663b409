package main

import (
	"fmt"
	"slices"
	"time"

	"lamplight/body/dialoginfo"
	"lamplight/body/pidf"
	"lamplight/body/reginfo"
	"lamplight/body/watcherinfo"
	"lamplight/event/presence"
	"lamplight/sip/ua"
)

// lamp is what a NOTIFY says, in words; printed as JSON it is what scripts rely
// on.
type lamp struct {
	AoR          string `json:"aor"`
	Event        string `json:"event"`
	State        string `json:"state"`
	Note         string `json:"note"`
	Since        string `json:"since"` // RFC 3339; "" where it is not said
	Subscription string `json:"subscription"`
	Reason       string `json:"reason"`
	Version      uint32 `json:"version"`
}

// lampOf reads a NOTIFY. A document that cannot be read says "unknown". Where
// the document has no version of its own, the CSeq counts.
func lampOf(n ua.Notify) lamp {
	l := lamp{AoR: n.AoR, Event: n.Event, State: "unknown", Subscription: n.State, Reason: n.Reason, Version: n.CSeq}
	switch n.ContentType {
	case dialoginfo.Type:
		l.dialog(n.Body)
	case reginfo.Type:
		l.registration(n.Body)
	case watcherinfo.Type:
		l.watchers(n.Body)
	default:
		l.presence(n.Body)
	}
	return l
}

func (l *lamp) presence(body []byte) {
	doc, err := pidf.Parse(body)
	if err != nil {
		return
	}
	state, note, since := presence.StateOf(doc)
	l.State, l.Note = state.String(), note
	if !since.IsZero() {
		l.Since = since.UTC().Format(time.RFC3339)
	}
}

// dialog says the most telling of the dialogs; none that is live is a lamp that
// is off.
func (l *lamp) dialog(body []byte) {
	doc, err := dialoginfo.Parse(body)
	if err != nil {
		return
	}
	l.Version, l.State = doc.Version, presence.Available.String()
	states := []presence.State{presence.Ringing, presence.OnThePhone, presence.OnHold}
	for _, s := range states {
		if slices.ContainsFunc(doc.Dialogs, func(d dialoginfo.Dialog) bool { return presence.OfDialogs([]dialoginfo.Dialog{d}) == s }) {
			l.State = s.String()
			return
		}
	}
}

func (l *lamp) registration(body []byte) {
	doc, err := reginfo.Parse(body, time.Now())
	if err != nil || len(doc.Registrations) == 0 {
		return
	}
	l.Version, l.State = doc.Version, doc.Registrations[0].State
	l.Note = fmt.Sprintf("%d contacts", len(doc.Registrations[0].Contacts))
}

func (l *lamp) watchers(body []byte) {
	doc, err := watcherinfo.Parse(body, time.Now())
	if err != nil || len(doc.Lists) == 0 {
		return
	}
	l.Version, l.State = doc.Version, "watched"
	l.Note = fmt.Sprintf("%d watchers", len(doc.Lists[0].Watchers))
}
