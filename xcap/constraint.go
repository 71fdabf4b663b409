package xcap

import (
	"fmt"
	"net/url"
	"strings"

	"lamplight/body/xmldoc"
	"lamplight/event"
)

// Limits of lists, on top of MaxBody.
const (
	maxEntries  = 1000 // of one list
	maxLists    = 100  // of one document, those inside others counted
	maxServices = 100  // of one document
)

// valid judges a document as it would be (RFC 4825 §8.2.5): its form, its
// schema, what has to be unique, and the other constraints of its usage.
func (s *Server) valid(k Key, body []byte) error {
	u := usages[k.AUID]
	if len(body) > MaxBody {
		return ErrTooLarge
	}
	if !isUTF8(body) {
		return conflict("not-utf-8", "the document is not UTF-8")
	}
	d, err := xmldoc.Parse(body)
	if err != nil {
		return conflict("not-well-formed", "%v", err)
	}
	if u.content == nil {
		return ErrForbidden
	}
	if u.only != "" && k.Name != u.only {
		return conflict("constraint-failure", "the document is called %q", u.only)
	}
	if !d.Root.Is(u.space, u.root) {
		return conflict("schema-validation-error", "the root element is <%s> of %s", u.root, u.space)
	}
	if err := u.content.check(d.Root); err != nil {
		return conflict("schema-validation-error", "%v", err)
	}
	if err := s.constraints(k, d.Root); err != nil {
		return err
	}
	if s.Check != nil {
		if err := s.Check(Document{Key: k, Body: body}); err != nil {
			return conflict("constraint-failure", "%v", err)
		}
	}
	return nil
}

func (s *Server) constraints(k Key, root *xmldoc.Element) error {
	v := verdict{server: s, key: k, usage: usages[k.AUID]}
	switch k.AUID {
	case "resource-lists":
		v.list(root, root.Local)
	case "rls-services":
		v.services(root)
	case "pres-rules":
		v.ids(root, "rule")
	case "pidf-manipulation":
		v.ids(root, "tuple")
		// RFC 4827 §7: the entity is the user.
		if aor, ok := s.Resolve(strings.TrimPrefix(root.Get("entity"), "pres:")); !ok || aor != k.AoR {
			v.fail("the entity is another than the user")
		}
	}
	switch {
	case len(v.exists) > 0:
		return &Conflict{Condition: "uniqueness-failure", Phrase: "what has to be unique is not", Exists: v.exists}
	case v.phrase != "":
		return conflict("constraint-failure", "%s", v.phrase)
	}
	return nil
}

// verdict is what is found against a document.
type verdict struct {
	server *Server
	key    Key
	usage  *usage
	lists  int
	exists []Exists
	phrase string
}

func (v *verdict) fail(format string, a ...any) {
	if v.phrase == "" {
		v.phrase = fmt.Sprintf(format, a...)
	}
}

// twice notes an attribute whose value is taken; at is the selector of its
// element.
func (v *verdict) twice(at, attr string, alt ...string) {
	if len(v.exists) >= 16 {
		return
	}
	field := escapePath(at) + "/@" + attr
	if strings.Contains(at, "/l:") {
		field += "?xmlns(l=" + nsLists + ")"
	}
	v.exists = append(v.exists, Exists{field, alt})
}

// list checks a list and those inside it (RFC 4826 §3.4.5). At is its selector.
func (v *verdict) list(e *xmldoc.Element, at string) {
	unique := map[string]string{"list": "name", "entry": "uri", "entry-ref": "ref", "external": "anchor"}
	seen, nth, entries := map[[2]string]bool{}, map[string]int{}, 0
	for _, c := range e.Children {
		attr := unique[c.Local]
		if c.Space != nsLists || attr == "" {
			continue
		}
		nth[c.Local]++
		prefix := ""
		if v.usage.space != nsLists {
			prefix = "l:"
		}
		here := fmt.Sprintf("%s/%s%s[%d]", at, prefix, c.Local, nth[c.Local])
		value := c.Get(attr)
		if has(c, attr) && seen[[2]string{c.Local, value}] {
			v.twice(here, attr)
		}
		seen[[2]string{c.Local, value}] = true
		switch c.Local {
		case "list":
			if v.lists++; v.lists > maxLists {
				v.fail("no more than %d lists", maxLists)
				return
			}
			v.list(c, here)
		case "entry-ref":
			// RFC 4826 §3.4.5: relative, with a path that begins at the root.
			if u, err := url.Parse(unfolded(value)); err != nil || u.IsAbs() || u.Host != "" || strings.HasPrefix(u.Path, "/") {
				v.fail("the ref of an entry-ref is relative to the XCAP root")
			}
		case "external":
			if u, err := url.Parse(unfolded(value)); has(c, attr) && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
				v.fail("the anchor of an external list is an absolute HTTP URI")
			}
		}
		if entries++; entries > maxEntries {
			v.fail("no more than %d members of a list", maxEntries)
			return
		}
	}
}

// services checks services (RFC 4826 §4.4.5).
func (v *verdict) services(root *xmldoc.Element) {
	seen := map[string]bool{}
	for i, e := range root.Children {
		at := fmt.Sprintf("rls-services/service[%d]", i+1)
		uri := canonical(e.Get("uri"))
		if i == maxServices {
			v.fail("no more than %d services", maxServices)
			return
		}
		if seen[uri] || v.server.taken(uri, v.key) {
			v.twice(at, "uri", v.server.free(uri, v.key)...)
		}
		seen[uri] = true
		for _, c := range e.Children {
			switch {
			case c.Is(nsServices, "resource-list"):
				if !v.server.owns(v.key.AoR, unfolded(c.Text)) {
					v.fail("a resource-list is an absolute URI in the user's own tree of resource-lists")
				}
			case c.Is(nsServices, "list"):
				v.list(c, at+"/list")
				v.noService(c, uri)
			}
		}
	}
}

// noService refuses a list that would hold a service, which could hold the list.
func (v *verdict) noService(e *xmldoc.Element, uri string) {
	for _, c := range e.Children {
		entry := canonical(c.Get("uri"))
		if _, service := v.server.services[entry]; c.Is(nsLists, "entry") && (service || entry == uri) {
			v.fail("an entry of the list is a list's service")
		}
		if c.Is(nsLists, "list") {
			v.noService(c, uri)
		}
	}
}

// owns tells whether a URI is one of a user's lists (RFC 4826 §4.4.5).
func (s *Server) owns(user event.AoR, uri string) bool {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return false
	}
	_, path, ok := strings.Cut(u.EscapedPath(), "/resource-lists/")
	if !ok {
		return false
	}
	sel, err := parseSelector("/resource-lists/"+path, u.RawQuery)
	if err != nil || sel.global || sel.node == nil {
		return false
	}
	aor, ok := s.Resolve(sel.xui)
	return ok && aor == user
}

// ids checks that xs:ID attributes of the root's children are unique.
func (v *verdict) ids(root *xmldoc.Element, local string) {
	seen, n := map[string]bool{}, 0
	for _, c := range root.Children {
		if !c.Is(v.usage.space, local) {
			continue
		}
		n++
		if id := c.Get("id"); seen[id] {
			v.twice(fmt.Sprintf("%s/%s[%d]", root.Local, local, n), "id")
		} else {
			seen[id] = true
		}
	}
}

// taken tells whether a service's URI is somebody else's service or a user's.
func (s *Server) taken(uri string, k Key) bool {
	if owner, ok := s.services[uri]; ok && owner != k {
		if _, err := s.Store.Document(owner); err == nil {
			return true
		}
		delete(s.services, uri) // the user is gone
	}
	_, user := s.Resolve(uri)
	return user
}

// free are URIs like one that are not taken.
func (s *Server) free(uri string, k Key) (list []string) {
	scheme, rest, _ := strings.Cut(uri, ":")
	name, host, ok := strings.Cut(rest, "@")
	if !ok {
		return nil
	}
	for i := 2; i < 50 && len(list) < 3; i++ {
		other := fmt.Sprintf("%s:%s-%d@%s", scheme, name, i, host)
		if _, mine := s.services[other]; !mine && !s.taken(other, k) {
			list = append(list, other)
		}
	}
	return list
}

// index notes which services a changed document has.
func (s *Server) index(c Change) {
	if c.AUID != "rls-services" {
		return
	}
	for uri, k := range s.services {
		if c.Was != "" && k == c.Key {
			delete(s.services, uri)
		}
	}
	if d, err := xmldoc.Parse(c.Body); c.ETag != "" && err == nil {
		for _, e := range d.Root.Children {
			s.services[canonical(e.Get("uri"))] = c.Key
		}
	}
}

// canonical is a SIP URI with its scheme and host in lower case (RFC 4826 §5,
// in outline).
func canonical(uri string) string {
	scheme, rest, _ := strings.Cut(strings.TrimSpace(uri), ":")
	at := strings.LastIndexByte(rest, '@') + 1
	return strings.ToLower(scheme) + ":" + rest[:at] + strings.ToLower(rest[at:])
}

// unfolded is a URI without the white space that breaks a line.
func unfolded(uri string) string { return strings.Join(strings.Fields(uri), "") }

func escapePath(path string) string {
	parts := strings.Split(path, "/")
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	return strings.Join(parts, "/")
}
