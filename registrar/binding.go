package registrar

import (
	"net/netip"
	"time"

	"lamplight/body/reginfo"
	"lamplight/event"
	"lamplight/sip"
)

// Binding is one contact of an AoR (RFC 3261 §10). Its slices are never changed.
type Binding struct {
	ID          string // the same for as long as it is refreshed
	URI         string
	Q           string          // as written; "": none
	DisplayName string          // without quotes
	Params      []reginfo.Param // the others of the Contact, values as written
	Instance    string          // with RegID names a flow (RFC 5626 §6); "": none
	RegID       string
	Path        []string       // values of Path, in their order (RFC 3327 §5.3)
	Flow        uint64         // names the connection that the REGISTER came by; 0: none
	Source      netip.AddrPort // where it came from
	Local       netip.AddrPort // and our address that it came to
	UserAgent   string
	CallID      string
	CSeq        uint32
	Since       time.Time // when it was made
	Until       time.Time // when it ends

	uri    sip.URI
	event  string    // that led to its state (RFC 3680 §4.7.1)
	asleep bool      // its flow is gone, and a push wakes the device
	lost   time.Time // when it ends, for its flow is gone; zero: it is not
}

// The events of a contact that a registrar sees (RFC 3680 §4.7.1).
const (
	registered   = "registered"
	refreshed    = "refreshed"
	expired      = "expired"
	unregistered = "unregistered"
	deactivated  = "deactivated" // by us; the device is to register anew
)

// means tells whether a contact is this binding's: of flows, the same of the same
// device, whatever their URIs (RFC 5626 §6); else by the comparison of URIs.
func (b *Binding) means(c *Contact, uri sip.URI) bool {
	if b.RegID != "" && c.RegID != "" {
		return b.RegID == c.RegID && b.Instance == c.Instance
	}
	return sip.Equal(b.uri, uri)
}

// newer tells whether a request may change a binding (RFC 3261 §10.3 steps 6
// and 7).
func (r *Request) newer(b *Binding) bool { return r.CallID != b.CallID || r.CSeq > b.CSeq }

func key(id string) event.Key {
	return event.Key{Event: "reg", Source: event.Registrar, ID: id}
}

// input is the binding as it stands. Its end is the registrar's to tell.
func (b *Binding) input() event.Input {
	return event.Input{Key: key(b.ID), Made: b.Since, Doc: b.contact("active", b.event)}
}

func (b *Binding) contact(state, event string) *reginfo.Contact {
	return &reginfo.Contact{ID: b.ID, URI: b.URI, State: state, Event: event, CallID: b.CallID, CSeq: b.CSeq,
		Q: b.Q, DisplayName: b.DisplayName, Params: b.Params, Since: b.Since, Until: b.Until, Asleep: b.asleep}
}
