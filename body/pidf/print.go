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
	b = xmltree.AppendFragments(b, p.Extra)
	return append(b, "</presence>\n"...)
}

func (t *Tuple) append(b []byte) []byte {
	b = append(xmltree.AppendAttr(append(b, "<tuple"...), "id", t.ID), "><status>"...)
	if t.Basic != "" {
		b = append(b, "<basic>"+t.Basic+"</basic>"...)
	}
	b = append(xmltree.AppendFragments(b, t.Status), "</status>\n"...)
	b = xmltree.AppendFragments(b, t.Extra)
	if t.Contact != "" {
		b = append(b, "<contact"...)
		if t.Priority != "" {
			b = xmltree.AppendAttr(b, "priority", t.Priority)
		}
		b = append(xmltree.AppendEscaped(append(b, '>'), t.Contact), "</contact>\n"...)
	}
	b = appendNotes(b, "note", t.Notes)
	b = appendTime(b, "timestamp", t.Timestamp)
	return append(b, "</tuple>\n"...)
}

func (p *Person) append(b []byte) []byte {
	b = append(xmltree.AppendAttr(append(b, "<dm:person"...), "id", p.ID), ">\n"...)
	b = appendActivities(b, Timed{Activities: p.Activities}, p.Others)
	for _, t := range p.Timed {
		b = appendActivities(b, t, nil)
	}
	b = p.appendDND(b)
	b = xmltree.AppendFragments(b, p.Extra)
	b = appendNotes(b, "dm:note", p.Notes)
	b = appendTime(b, "dm:timestamp", p.Timestamp)
	return append(b, "</dm:person>\n"...)
}

func appendActivities(b []byte, t Timed, others []string) []byte {
	if len(t.Activities) == 0 && len(others) == 0 {
		return b
	}
	b = append(b, "<rpid:activities"...)
	for _, bound := range []struct {
		name string
		at   time.Time
	}{{"from", t.From}, {"until", t.Until}} {
		if !bound.at.IsZero() {
			b = xmltree.AppendAttr(b, bound.name, bound.at.UTC().Format(time.RFC3339))
		}
	}
	b = append(b, '>')
	for _, a := range t.Activities {
		b = append(b, "<rpid:"+a+"/>"...)
	}
	for _, f := range others {
		b = append(b, f...)
	}
	return append(b, "</rpid:activities>\n"...)
}

func appendNotes(b []byte, name string, notes []Note) []byte {
	for _, n := range notes {
		b = append(append(b, '<'), name...)
		if n.Lang != "" {
			b = xmltree.AppendAttr(b, "xml:lang", n.Lang)
		}
		b = xmltree.AppendEscaped(append(b, '>'), n.Text)
		b = append(b, "</"+name+">\n"...)
	}
	return b
}

func appendTime(b []byte, name string, at time.Time) []byte {
	if at.IsZero() {
		return b
	}
	b = at.UTC().AppendFormat(append(b, "<"+name+">"...), time.RFC3339)
	return append(b, "</"+name+">\n"...)
}
