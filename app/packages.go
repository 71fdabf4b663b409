package app

import (
	"lamplight/event"
	"lamplight/event/presence"
)

// Packages are the event packages that the server speaks. To add one: its
// folder, and a line here.
func Packages(registrar bool) []event.Package {
	return []event.Package{
		presence.Package{},
	}
}
