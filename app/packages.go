package app

import (
	"lamplight/event"
	"lamplight/event/dialog"
	"lamplight/event/presence"
	"lamplight/event/reg"
	"lamplight/event/winfo"
)

// Packages are the event packages that the server speaks. To add one: its
// folder, and a line here.
func Packages(registrar, hideDND bool) []event.Package {
	people := presence.Package{Registrar: registrar}
	return []event.Package{
		people,
		dialog.Package{Registrar: registrar, HideDND: hideDND},
		reg.Package{},
		winfo.Of(people),
	}
}
