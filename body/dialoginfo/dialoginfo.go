// Package dialoginfo is the document of dialog state (RFC 4235 §4): which calls
// somebody is in, and how far each has come. It prints full state; it reads
// full and partial state, and follows no schema strictly, since products in use
// and the RFC's own examples do not. It leaves session descriptions alone.
package dialoginfo

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"lamplight/body/internal/xmltree"
)

// Type is the document's media type.
const Type = "application/dialog-info+xml"

// Space is the document's namespace.
const Space = "urn:ietf:params:xml:ns:dialog-info"

// MaxDialogs is how many dialogs a document may have.
const MaxDialogs = 256

// The states of a dialog (RFC 4235 §3.7.1).
const (
	Trying     = "trying"
	Proceeding = "proceeding"
	Early      = "early"
	Confirmed  = "confirmed"
	Terminated = "terminated"
)

// The ways that a call goes, as seen by the entity.
const (
	Initiator = "initiator"
	Recipient = "recipient"
)

// Info is the dialogs of one entity.
type Info struct {
	Entity  string // a URI
	State   string // "full" or "partial", as read; printed is full state
	Version uint32 // as read
	Dialogs []Dialog
	Extra   []string // other elements, each a fragment that stands alone

	ended       []identity // dialogs that its source has said to be over: see After
	Unreachable bool       // nobody is there who could be called; the document has no word for it
}

// Dialog is one dialog, or half of one that is not established yet.
type Dialog struct {
	ID                          string
	CallID, LocalTag, RemoteTag string   // "": not said
	Direction                   string   // Initiator, Recipient, or "" where it is not said
	State                       string   // "" where it is not said or no such word is known
	Event                       string   // that ended it: cancelled, rejected, replaced, local-bye, remote-bye, error, timeout
	Code                        string   // the response that ended it
	Duration                    uint64   // seconds since it began; 0: not said
	Related                     []string // replaces, referred-by, route-set: fragments
	Local, Remote               Party
	Extra                       []string // other elements, fragments

	Doubtful bool // nobody has said for a while that it goes on; the document has no word for it
}

// Party is what is known of one end (RFC 4235 §4.1.6).
type Party struct {
	Identity string // a URI, always with a scheme
	Display  string
	Target   string // a URI, always with a scheme
	Params   []Param
	Extra    []string // session-description and others, fragments
}

// Param is a parameter of a target's Contact.
type Param struct{ Name, Value string }

// Rendering is the value of the feature parameter that tells whether the party
// listens (RFC 4235 §5.2): "no" is on hold. "" where it is not said.
func (p *Party) Rendering() string {
	for _, param := range p.Params {
		if strings.EqualFold(strings.TrimPrefix(param.Name, "+"), "sip.rendering") {
			return strings.ToLower(param.Value)
		}
	}
	return ""
}

// Parse reads a document.
func Parse(b []byte) (*Info, error) {
	root, err := xmltree.Parse(b)
	switch {
	case err != nil:
		return nil, err
	case root.Local != "dialog-info" || !isSpace(root.Space):
		return nil, errors.New("the root element is not a dialog-info of " + Space)
	case len(root.Children) > MaxDialogs:
		return nil, errors.New("too many elements in dialog-info")
	}
	i := &Info{Entity: withScheme(root.Get("entity")), State: lower(root.Get("state"))}
	if version, err := strconv.ParseUint(strings.TrimSpace(root.Get("version")), 10, 32); err == nil {
		i.Version = uint32(version)
	}
	for _, n := range root.Children {
		if n.Local == "dialog" && isSpace(n.Space) {
			i.Dialogs = append(i.Dialogs, dialog(n))
		} else {
			i.Extra = append(i.Extra, n.Fragment())
		}
	}
	if err := root.Err(); err != nil {
		return nil, err
	}
	return i, nil
}

// isSpace takes a namespace of a product that misspells it too.
func isSpace(space string) bool { return strings.HasSuffix(space, ":ns:dialog-info") }

func dialog(n *xmltree.Node) Dialog {
	d := Dialog{ID: n.Get("id"), CallID: n.Get("call-id"), LocalTag: n.Get("local-tag"), RemoteTag: n.Get("remote-tag"),
		Direction: direction(n.Get("direction"))}
	for _, c := range n.Children {
		if !isSpace(c.Space) {
			d.Extra = append(d.Extra, c.Fragment())
			continue
		}
		switch c.Local {
		case "state":
			d.state(c)
		case "duration":
			d.Duration, _ = strconv.ParseUint(strings.TrimSpace(c.Text), 10, 32)
		case "local":
			d.Local = party(c)
		case "remote":
			d.Remote = party(c)
		default:
			d.Related = append(d.Related, c.Fragment())
		}
	}
	return d
}

func direction(word string) string {
	switch lower(word) {
	case Initiator:
		return Initiator
	case Recipient, "receiver": // the second is in the examples of RFC 4235 §6.2
		return Recipient
	}
	return ""
}

func (d *Dialog) state(n *xmltree.Node) {
	switch word := lower(n.Text); word {
	case Trying, Proceeding, Early, Confirmed, Terminated:
		d.State = word
	}
	d.Code = strings.TrimSpace(n.Get("code"))
	if d.Event = lower(n.Get("event")); d.Event == "" {
		d.Event = lower(n.Get("reason")) // as the examples of RFC 4235 §6.2 have it
	}
}

func party(n *xmltree.Node) (p Party) {
	for _, c := range n.Children {
		switch {
		case c.Local == "identity" && isSpace(c.Space) && p.Identity == "":
			p.identity(c)
		case c.Local == "target" && isSpace(c.Space) && p.Target == "":
			p.target(c)
		case c.Local == "param" && isSpace(c.Space): // outside of its target, as an example of RFC 4235 §6.2 has it
			p.param(c)
		default:
			p.Extra = append(p.Extra, c.Fragment())
		}
	}
	return p
}

// identity reads a URI, or a name-addr as some products write it. The text of
// RFC 4235 §4.1.6.1 calls the name "display", its schema "display-name".
func (p *Party) identity(n *xmltree.Node) {
	if p.Display = n.Get("display"); p.Display == "" {
		p.Display = n.Get("display-name")
	}
	text := strings.TrimSpace(n.Text)
	if name, rest, ok := strings.Cut(text, "<"); ok {
		text = rest
		if end := strings.IndexAny(rest, "<>"); end >= 0 {
			text = rest[:end]
		}
		if name = strings.Trim(strings.TrimSpace(name), `"`); p.Display == "" {
			p.Display = name
		}
	}
	p.Identity = withScheme(text)
}

// target reads a URI and its parameters; one product writes pvalue for pval.
func (p *Party) target(n *xmltree.Node) {
	p.Target = withScheme(n.Get("uri"))
	for _, c := range n.Children {
		if c.Local == "param" && isSpace(c.Space) {
			p.param(c)
		}
	}
}

func (p *Party) param(n *xmltree.Node) {
	value := n.Get("pval")
	if value == "" {
		value = n.Get("pvalue")
	}
	p.Params = append(p.Params, Param{strings.TrimSpace(n.Get("pname")), strings.TrimSpace(value)})
}

func lower(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// withScheme puts sip: before an address that has no scheme: a phone that
// dials it would fail.
func withScheme(uri string) string {
	uri = strings.TrimSpace(uri)
	scheme, rest, ok := strings.Cut(uri, ":")
	switch {
	case uri == "", ok && slices.Contains(dialled, strings.ToLower(scheme)):
		return uri
	case ok && isScheme(scheme) && !isPort(rest):
		return uri
	}
	return "sip:" + uri
}

// dialled are the schemes that a number may follow, which looks like a port.
var dialled = []string{"sip", "sips", "tel"}

func isScheme(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '+' || r == '-')
	})
}

// isPort tells a host and port from a scheme and what follows it.
func isPort(s string) bool {
	_, err := strconv.ParseUint(s, 10, 16)
	return err == nil
}
