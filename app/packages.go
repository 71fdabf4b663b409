package app

import (
	"slices"

	"lamplight/event"
	"lamplight/event/dialog"
	"lamplight/event/feature"
	"lamplight/event/messagesummary"
	"lamplight/event/presence"
	"lamplight/event/reg"
	"lamplight/event/winfo"
	"lamplight/event/xcapdiff"
)

// served are the packages that are subscribed to and published here: of a server
// that is no presence server those alone that nobody but the registrar can tell.
func served(all []event.Package, presence bool) []event.Package {
	if presence {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), func(p event.Package) bool { return p.Event() != "reg" })
}

// Packages are the event packages that the server speaks. To add one: its
// folder, and a line here.
func Packages(registrar, forwards, hideDND bool, voiceMail, xcapRoot string, d presence.Defaults) []event.Package {
	people, lamp := presence.Package{Registrar: registrar, Defaults: d}, dialog.Package{Registrar: registrar, HideDND: hideDND}
	return []event.Package{
		people,
		lamp,
		reg.Package{},
		winfo.Of(people),
		winfo.Of(lamp),
		messagesummary.Package{Number: voiceMail},
		feature.Package{Forwards: forwards},
		xcapdiff.Package{Root: xcapRoot},
	}
}
