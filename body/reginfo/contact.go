package reginfo

import (
	"strconv"
	"strings"
	"time"

	"lamplight/body/internal/xmltree"
)

// Param is a parameter of a Contact, its value as written; "" where it has none.
type Param struct{ Name, Value string }

// Contact is one binding of an address-of-record (RFC 3680 §5.1).
type Contact struct {
	ID           string
	URI          string
	State        string // Active or Terminated
	Event        string // registered, created, refreshed, shortened, expired, deactivated, probation, unregistered or rejected
	CallID       string // of the REGISTER that made or refreshed it
	CSeq         uint32 // 0: not known
	Q            string // as written; "": none
	DisplayName  string
	Params       []Param
	Since, Until time.Time // when it was made, and when it ends; zero: not known
	Asleep       bool      // only a push reaches the device; not printed
}

func contact(n *xmltree.Node, at time.Time) *Contact {
	c := &Contact{ID: n.Get("id"), State: lower(n.Get("state")), Event: lower(n.Get("event")),
		CallID: n.Get("callid"), Q: strings.TrimSpace(n.Get("q")),
		Since: xmltree.Moment(n.Get("duration-registered"), at, -time.Second),
		Until: xmltree.Moment(n.Get("expires"), at, time.Second)}
	if cseq, err := strconv.ParseUint(strings.TrimSpace(n.Get("cseq")), 10, 32); err == nil {
		c.CSeq = uint32(cseq)
	}
	for _, e := range n.Children {
		switch {
		case e.Is(Space, "uri"):
			c.URI = strings.TrimSpace(e.Text)
		case e.Is(Space, "display-name"):
			c.DisplayName = strings.TrimSpace(e.Text)
		case e.Is(Space, "unknown-param"):
			c.Params = append(c.Params, Param{e.Get("name"), strings.TrimSpace(e.Text)})
		}
	}
	return c
}

// append prints the contact. Only one that is active has an end still to come.
func (c *Contact) append(b []byte, now time.Time) []byte {
	b = xmltree.AppendAttr(append(b, "<contact"...), "id", c.ID)
	b = xmltree.AppendAttr(b, "state", c.State)
	b = xmltree.AppendAttr(b, "event", c.Event)
	b = xmltree.AppendSeconds(b, "duration-registered", c.Since, now)
	if c.State != Terminated {
		b = xmltree.AppendSeconds(b, "expires", now, c.Until)
	}
	b = xmltree.AppendSome(b, "q", c.Q)
	b = xmltree.AppendSome(b, "callid", c.CallID)
	if c.CSeq > 0 {
		b = xmltree.AppendAttr(b, "cseq", strconv.FormatUint(uint64(c.CSeq), 10))
	}
	b = xmltree.AppendText(append(b, '>'), "uri", c.URI)
	if c.DisplayName != "" {
		b = xmltree.AppendText(b, "display-name", c.DisplayName)
	}
	for _, p := range c.Params {
		b = xmltree.AppendAttr(append(b, "<unknown-param"...), "name", p.Name)
		b = append(xmltree.AppendEscaped(append(b, '>'), p.Value), "</unknown-param>"...)
	}
	return append(b, "</contact>\n"...)
}
