package sip

// Limits on what is received; beyond them a message is refused.
type Limits struct {
	Head      int // bytes of start line and header fields; at most 65,535
	Fields    int // header fields in all
	SameField int // header fields of one name, and values of Via or Contact
	URI       int // bytes of a URI
	CallID    int // bytes
	Tag       int // bytes
	Display   int // bytes of a display name
	Body      int // bytes of a body on a stream
}

// DefaultLimits are those of a message that is given no others.
var DefaultLimits = Limits{Head: 16 << 10, Fields: 256, SameField: 64, URI: 512, CallID: 256, Tag: 128, Display: 256, Body: 256 << 10}

// What a SyntaxError names where a limit was reached.
const (
	LimitHead      = "head"
	LimitFields    = "fields"
	LimitSameField = "same_field"
	LimitURI       = "uri"
	LimitCallID    = "call_id"
	LimitTag       = "tag"
	LimitDisplay   = "display_name"
	LimitMessage   = "message"
)

func (m *Message) limits() *Limits {
	if m.Limits == nil {
		return &DefaultLimits
	}
	return m.Limits
}

func over(limit, reason string) error { return &SyntaxError{Reason: reason, Status: 400, Limit: limit} }
