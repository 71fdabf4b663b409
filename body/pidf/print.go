package pidf

import (
	"time"

	"lamplight/body/internal/xmltree"
)

// Append prints the document. Its prefixes are literally dm and rpid: some
// phones compare them as text.
func (p *Presence) Append(b []byte) []byte {
	b = append(b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<presence xmlns=\""+Space+"\" xmlns:dm=\""+dataModel+"\" xmlns:rpid=\""+rpid+"\""...)
	b = append(xmltree.AppendAttr(b, "entity", p.Entity), ">\n"...)
	for i := range p.Tuples {
		b = p.Tuples[i].append(b)
	}
	b = appendNotes(b, "note", p.Notes)
	for i := range p.Persons {
		b = p.Persons[i].append(b)
	}
	for i := range p.Devices {
		b = p.Devices[i].append(b)
	}
	b = appendElements(appendElements(b, p.Elements), p.Location)
	return append(b, "</presence>\n"...)
}

func appendNotes(b []byte, name string, notes []Note) []byte {
	for _, n := range notes {
		b = append(appendNote(b, name, n), '\n')
	}
	return b
}

func appendNote(b []byte, name string, n Note) []byte {
	b = append(append(b, '<'), name...)
	if n.Lang != "" {
		b = xmltree.AppendAttr(b, "xml:lang", n.Lang)
	}
	b = xmltree.AppendEscaped(append(b, '>'), n.Text)
	return append(append(append(b, "</"...), name...), '>')
}

func appendTime(b []byte, name string, at time.Time) []byte {
	if at.IsZero() {
		return b
	}
	b = at.UTC().AppendFormat(append(b, "<"+name+">"...), time.RFC3339)
	return append(b, "</"+name+">\n"...)
}
