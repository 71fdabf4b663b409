package pidf

import (
	"strings"
	"time"

	"lamplight/body/internal/xmltree"
)

// Device is a thing that services run on (RFC 4479 §3.4).
type Device struct {
	ID        string
	DeviceID  string // a URN
	Class     string
	UserInput UserInput
	Elements  []Element
	Location  []Element // where the device is
	Notes     []Note
	Timestamp time.Time
}

func device(n *xmltree.Node) Device {
	d := Device{ID: n.Get("id")}
	for _, c := range n.Children {
		switch {
		case isDeviceID(c):
			d.DeviceID = strings.TrimSpace(c.Text)
		case c.Is(dataModel, "note"):
			d.Notes = append(d.Notes, note(c))
		case c.Is(dataModel, "timestamp"):
			d.Timestamp = timestamp(c.Text)
		case trait{&d.Class, &d.UserInput}.read(c):
		default:
			keep(&d.Elements, &d.Location, c)
		}
	}
	return d
}

// isDeviceID knows the element that RFC 4479 and drafts of RFC 4480 have.
func isDeviceID(n *xmltree.Node) bool {
	return n.Local == "deviceID" && (n.Space == dataModel || isRPID(n.Space)) && len(n.Children) == 0
}

func (d *Device) append(b []byte) []byte {
	b = append(xmltree.AppendAttr(append(b, "<dm:device"...), "id", d.ID), ">\n"...)
	b = trait{&d.Class, &d.UserInput}.append(b)
	b = appendElements(appendElements(b, d.Elements), d.Location)
	if d.DeviceID != "" {
		b = append(xmltree.AppendText(b, "dm:deviceID", d.DeviceID), '\n')
	}
	b = appendNotes(b, "dm:note", d.Notes)
	b = appendTime(b, "dm:timestamp", d.Timestamp)
	return append(b, "</dm:device>\n"...)
}
