package dialoginfo

import (
	"strconv"

	"lamplight/body/internal/xmltree"
)

// AppendHead appends the document up to its version, AppendTail what follows:
// the version is each subscription's own (RFC 4235 §4.1).
func (i *Info) AppendHead(b []byte) []byte {
	return append(b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<dialog-info xmlns=\""+Space+"\" version=\""...)
}

// AppendTail appends what follows the version: always full state.
func (i *Info) AppendTail(b []byte) []byte {
	b = append(b, "\" state=\"full\""...)
	b = append(xmltree.AppendAttr(b, "entity", i.Entity), ">\n"...)
	for n := range i.Dialogs {
		b = i.Dialogs[n].append(b)
	}
	return append(xmltree.AppendFragments(b, i.Extra), "</dialog-info>\n"...)
}

// Append appends the document with a version, as it is published.
func (i *Info) Append(b []byte, version uint32) []byte {
	return i.AppendTail(strconv.AppendUint(i.AppendHead(b), uint64(version), 10))
}

func (d *Dialog) append(b []byte) []byte {
	b = xmltree.AppendAttr(append(b, "<dialog"...), "id", d.ID)
	b = xmltree.AppendSome(b, "call-id", d.CallID)
	b = xmltree.AppendSome(b, "local-tag", d.LocalTag)
	b = xmltree.AppendSome(b, "remote-tag", d.RemoteTag)
	b = xmltree.AppendSome(b, "direction", d.Direction)
	b = append(b, "><state"...)
	b = xmltree.AppendSome(b, "event", d.Event)
	b = xmltree.AppendSome(b, "code", d.Code)
	b = append(xmltree.AppendEscaped(append(b, '>'), d.State), "</state>\n"...)
	if d.Duration > 0 {
		b = append(xmltree.AppendText(b, "duration", strconv.FormatUint(d.Duration, 10)), '\n')
	}
	b = xmltree.AppendFragments(b, d.Related)
	b = d.Local.append(b, "local")
	b = d.Remote.append(b, "remote")
	return append(xmltree.AppendFragments(b, d.Extra), "</dialog>\n"...)
}

func (p *Party) append(b []byte, name string) []byte {
	if p.Identity == "" && p.Target == "" && len(p.Extra) == 0 {
		return b
	}
	b = append(b, "<"+name+">"...)
	if p.Identity != "" {
		b = xmltree.AppendSome(append(b, "<identity"...), "display", p.Display)
		b = append(xmltree.AppendEscaped(append(b, '>'), p.Identity), "</identity>"...)
	}
	if p.Target != "" {
		b = append(xmltree.AppendAttr(append(b, "<target"...), "uri", p.Target), '>')
		for _, param := range p.Params {
			b = xmltree.AppendAttr(append(b, "<param"...), "pname", param.Name)
			b = append(xmltree.AppendAttr(b, "pval", param.Value), "/>"...)
		}
		b = append(b, "</target>"...)
	}
	b = xmltree.AppendFragments(b, p.Extra)
	return append(b, "</"+name+">\n"...)
}
