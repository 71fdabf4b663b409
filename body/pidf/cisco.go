package pidf

import "lamplight/body/internal/xmltree"

// CiscoActivity is what Cisco's enterprise phones know of a person, an element
// with the prefix that they expect; "": nothing.
type CiscoActivity string

// The activities that such a phone has a sign for.
const (
	CiscoOnThePhone CiscoActivity = "e:on-the-phone"
	CiscoAlerting   CiscoActivity = "ce:alerting"
	CiscoBusy       CiscoActivity = "e:busy"
	CiscoAway       CiscoActivity = "e:away"
	CiscoDND        CiscoActivity = "ce:dnd"
)

// AppendCisco prints the document in the dialect of Cisco's enterprise phones:
// the activities' namespace is that of a draft, and the person comes first.
func (p *Presence) AppendCisco(b []byte, a CiscoActivity) []byte {
	b = append(b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<presence xmlns=\""+Space+"\" xmlns:dm=\""+dataModel+
		"\" xmlns:e=\"urn:ietf:params:xml:ns:pidf:status:rpid\" xmlns:ce=\"urn:cisco:params:xml:ns:pidf:rpid\""...)
	b = append(xmltree.AppendAttr(b, "entity", p.Entity), ">\n<dm:person id=\"person\"><e:activities>"...)
	if a != "" {
		b = append(b, "<"+a+"/>"...)
	}
	b = append(b, "</e:activities></dm:person>\n"...)
	for _, t := range p.Tuples {
		brief := Tuple{ID: t.ID, Basic: t.Basic}
		b = brief.append(b)
	}
	return append(b, "</presence>\n"...)
}
