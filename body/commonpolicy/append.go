package commonpolicy

import (
	"slices"
	"time"

	"lamplight/body/internal/xmltree"
)

// Append prints the document.
func (rs *Ruleset) Append(b []byte) []byte {
	b = append(b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ruleset xmlns=\""+Space+"\" xmlns:pr=\""+Pres+"\" xmlns:l=\""+Own+"\">\n"...)
	for i := range rs.Rules {
		b = rs.Rules[i].append(b)
	}
	b = xmltree.AppendFragments(b, rs.Extra)
	return append(b, "</ruleset>\n"...)
}

func (r *Rule) append(b []byte) []byte {
	b = append(xmltree.AppendAttr(append(b, "<rule"...), "id", r.ID), ">\n<conditions>\n"...)
	b = r.Identity.append(b)
	for _, s := range r.Spheres {
		b = append(b, "<sphere value=\""...)
		for i, w := range s.Words {
			if i > 0 {
				b = append(b, ' ')
			}
			b = xmltree.AppendEscaped(b, w)
		}
		b = append(b, "\"/>\n"...)
	}
	b = appendValidity(b, r.Validity)
	b = append(xmltree.AppendFragments(b, r.Unknown), "</conditions>\n<actions>\n"...)
	if r.Handling != "" {
		b = append(xmltree.AppendText(b, "pr:sub-handling", r.Handling), '\n')
	}
	b = append(xmltree.AppendFragments(b, r.Actions), "</actions>\n<transformations>\n"...)
	b = appendShows(b, r.Shows)
	return append(xmltree.AppendFragments(b, r.Transformations), "</transformations>\n</rule>\n"...)
}

func (id *Identity) append(b []byte) []byte {
	if id == nil {
		return b
	}
	b = append(b, "<identity>\n"...)
	for _, u := range id.One {
		b = append(xmltree.AppendAttr(append(b, "<one"...), "id", u), "/>\n"...)
	}
	for _, m := range id.Many {
		b = append(xmltree.AppendSome(append(b, "<many"...), "domain", m.Domain), '>')
		b = appendExcept(b, "id", m.Except)
		b = append(appendExcept(b, "domain", m.ExceptDomains), "</many>\n"...)
	}
	for _, g := range id.Groups {
		b = append(xmltree.AppendAttr(append(b, "<l:group"...), "name", g.Name), '>')
		b = append(appendExcept(b, "id", g.Except), "</l:group>\n"...)
	}
	return append(xmltree.AppendFragments(b, id.Other), "</identity>\n"...)
}

func appendExcept(b []byte, attr string, list []string) []byte {
	for _, x := range list {
		b = append(xmltree.AppendAttr(append(b, "<except"...), attr, x), "/>"...)
	}
	return b
}

func appendValidity(b []byte, spans []Span) []byte {
	if spans == nil {
		return b
	}
	b = append(b, "<validity>"...)
	for _, s := range spans {
		b = xmltree.AppendText(b, "from", s.From.Format(time.RFC3339))
		b = xmltree.AppendText(b, "until", s.Until.Format(time.RFC3339))
	}
	return append(b, "</validity>\n"...)
}

// appendShows prints permissions, those of one set in one element.
func appendShows(b []byte, shows []Show) []byte {
	for _, what := range []string{"services", "persons", "devices"} {
		if !slices.ContainsFunc(shows, func(s Show) bool { return s.What == what || s.What == Foreign && s.By == what }) {
			continue
		}
		b = append(append(append(b, "<pr:provide-"...), what...), '>')
		for _, s := range shows {
			switch {
			case s.What == Foreign && s.By == what:
				b = append(b, s.Value...)
			case s.What != what:
			case s.By == "":
				b = append(append(append(b, "<pr:"...), sets[what]...), "/>"...)
			default:
				b = xmltree.AppendText(b, "pr:"+s.By, s.Value)
			}
		}
		b = append(append(append(b, "</pr:provide-"...), what...), ">\n"...)
	}
	for _, s := range shows {
		if sets[s.What] == "" && s.What != Foreign {
			b = append(s.append(b), '\n')
		}
	}
	return b
}

func (s Show) append(b []byte) []byte {
	switch {
	case s.What == "all-attributes":
		return append(b, "<pr:provide-all-attributes/>"...)
	case s.What == "unknown-attribute":
		space, name := s.Attribute()
		b = xmltree.AppendAttr(append(b, "<pr:provide-unknown-attribute"...), "name", name)
		return append(xmltree.AppendAttr(b, "ns", space), ">true</pr:provide-unknown-attribute>"...)
	case s.What == "user-input":
		return xmltree.AppendText(b, "pr:provide-user-input", s.Value)
	case attributes[s.What]:
		return xmltree.AppendText(b, "pr:provide-"+s.What, "true")
	}
	return xmltree.AppendText(b, "l:provide-"+s.What, s.Value)
}
