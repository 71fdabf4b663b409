package dialog

import (
	"slices"

	"lamplight/body/dialoginfo"
	"lamplight/event"
)

// Encode prints a document about the URI that was watched.
func (Package) Encode(entity string, d event.Document, f event.Format) (event.Body, error) {
	doc := *d.(*dialoginfo.Info)
	doc.Entity = entity
	if f.Type == LampType {
		return event.Body{Head: lampJSON(&doc)}, nil
	}
	render(&doc, f.Profile)
	return event.Body{Head: doc.AppendHead(nil), Tail: doc.AppendTail(nil), Versioned: true}, nil
}

// render writes dialogs as a phone wants them. The document's own list stays as
// it is: others share it.
func render(doc *dialoginfo.Info, profile uint8) {
	if profile&event.OneDialog != 0 && len(doc.Dialogs) > 1 {
		doc.Dialogs = doc.Dialogs[:1] // what rings comes first
	}
	if len(doc.Dialogs) == 1 && doc.Dialogs[0].ID == idleID {
		doc.Dialogs = nobody(doc, profile)
		return
	}
	if profile&event.CallingIsTalking == 0 {
		return
	}
	doc.Dialogs = slices.Clone(doc.Dialogs)
	for i := range doc.Dialogs {
		if d := &doc.Dialogs[i]; d.Direction == dialoginfo.Initiator && isLive(d.State) {
			d.State = dialoginfo.Confirmed
		}
	}
}

// nobody is the list of somebody who is in no dialog.
func nobody(doc *dialoginfo.Info, profile uint8) []dialoginfo.Dialog {
	switch {
	case profile&event.OfflineState != 0 && doc.Unreachable:
		return []dialoginfo.Dialog{{ID: idleID, State: "offline"}}
	case profile&event.FailedState != 0 && doc.Unreachable:
		return []dialoginfo.Dialog{{ID: idleID, State: "failed"}}
	case profile&event.NoIdleDialog != 0:
		return nil
	}
	return doc.Dialogs
}
