package reginfo

import "time"

// Param is a parameter of a Contact, its value as written.
type Param struct{ Name, Value string }

// Contact is one binding of an address-of-record (RFC 3680 §5.3).
type Contact struct {
	ID, URI, State, Event, CallID string
	CSeq                          uint32
	Q, DisplayName                string
	Params                        []Param
	Since, Until                  time.Time
}
