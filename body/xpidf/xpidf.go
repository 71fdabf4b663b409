// Package xpidf is the presence document that came before PIDF, for phones that
// know no other: a status and a substatus of one address. No RFC describes it;
// the phones do. It only prints, and leaves out all but one address.
package xpidf

import "lamplight/body/internal/xmltree"

// Type is the document's media type.
const Type = "application/xpidf+xml"

// The statuses of an address.
const (
	Open     = "open"
	InUse    = "inuse"
	Inactive = "inactive"
	Closed   = "closed"
)

// Presence is one document.
type Presence struct {
	Entity    string // a URI
	Status    string // of those above
	Substatus string // a word of an old messenger: "online", "onthephone", "busy", "away", "offline"
	Note      string // "": none
}

// Append prints the document.
func (p *Presence) Append(b []byte) []byte {
	b = append(b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"+
		"<!DOCTYPE presence PUBLIC \"-//IETF//DTD RFCxxxx XPIDF 1.0//EN\" \"xpidf.dtd\">\n<presence>\n"...)
	if p.Note != "" {
		b = append(xmltree.AppendText(append(b, "<status>"...), "note", p.Note), "</status>\n"...)
	}
	b = append(xmltree.AppendAttr(append(b, "<presentity"...), "uri", p.Entity+";method=SUBSCRIBE"), "/>\n<atom id=\"presence\">\n"...)
	b = append(xmltree.AppendAttr(append(b, "<address"...), "uri", p.Entity+";user=ip"), " priority=\"0.800000\">"...)
	b = append(xmltree.AppendAttr(append(b, "<status"...), "status", p.Status), "/>"...)
	b = append(xmltree.AppendAttr(append(b, "<msnsubstatus"...), "substatus", p.Substatus), "/>"...)
	return append(b, "</address>\n</atom>\n</presence>\n"...)
}
