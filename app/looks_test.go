package app_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"lamplight/body/dialoginfo"
	"lamplight/body/messagesummary"
	"lamplight/body/pidf"
	"lamplight/body/watcherinfo"
	"lamplight/event"
	"lamplight/event/presence"
)

// look is a document in a few words.
func (w *world) look(kind string, b []byte) string {
	switch kind {
	case "":
		return "no document"
	case pidf.Type:
		doc, err := pidf.Parse(b)
		return lookOf(doc, err)
	case dialoginfo.Type:
		doc, err := dialoginfo.Parse(b)
		return lookOf(doc, err)
	case messagesummary.Type:
		return strings.ReplaceAll(strings.TrimSpace(string(b)), "\r\n", ", ")
	case watcherinfo.Type:
		doc, err := watcherinfo.Parse(b, w.now)
		return lookOf(doc, err)
	}
	return kind
}

func lookOf(d event.Document, err error) string {
	if err != nil {
		return err.Error()
	}
	switch doc := d.(type) {
	case *pidf.Presence:
		return lookOfPresence(doc)
	case *dialoginfo.Info:
		return lookOfDialogs(doc)
	case *watcherinfo.Info:
		return lookOfWatchers(doc)
	case *watcherinfo.Watcher:
		return doc.URI + " " + doc.Status
	}
	return fmt.Sprintf("%T", d)
}

func lookOfPresence(doc *pidf.Presence) string {
	state, note, _ := presence.StateOf(doc)
	if note != "" {
		return fmt.Sprintf("%s %q", state, note)
	}
	return state.String()
}

// lookOfDialogs: "early recipient from sip:dave@example.test".
func lookOfDialogs(doc *dialoginfo.Info) string {
	var looks []string
	for _, d := range doc.Dialogs {
		look := d.State
		if d.Direction != "" {
			look += " " + d.Direction
		}
		if d.Remote.Identity != "" {
			look += " " + d.Remote.Identity
		}
		looks = append(looks, look)
	}
	return strings.Join(looks, ", ")
}

// lookOfWatchers: "v0 full: bob active subscribe 10s".
func lookOfWatchers(doc *watcherinfo.Info) string {
	var looks []string
	for _, list := range doc.Lists {
		for _, w := range list.Watchers {
			name, _, _ := strings.Cut(strings.TrimPrefix(w.URI, "sip:"), "@")
			look := fmt.Sprintf("%s %s %s", name, w.Status, w.Event)
			if !w.Until.IsZero() && w.Status != watcherinfo.Terminated {
				look += " for " + w.Until.Sub(w.Since).Round(time.Second).String()
			}
			looks = append(looks, look)
		}
	}
	slices.Sort(looks)
	return fmt.Sprintf("v%d %s: %s", doc.Version, doc.State, strings.Join(looks, ", "))
}
