package dialog

import (
	"lamplight/body/dialoginfo"
	"lamplight/event"
)

// Succeed lets a dialog that a publication has told to be over stay so: a late
// early after terminated is the commonest lamp that stays lit.
func (Package) Succeed(before, now event.Document) (event.Document, []byte) {
	doc, changed := now.(*dialoginfo.Info).After(before.(*dialoginfo.Info))
	if !changed {
		return doc, nil
	}
	return doc, doc.Append(nil, doc.Version)
}
