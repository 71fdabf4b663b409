package sip

// Header is a header field that the server knows by name.
type Header uint8

// The header fields known, with the section that defines each beside its name
// in the table.
const (
	unknownHeader Header = iota
	Accept
	AcceptEncoding
	Allow
	AllowEvents
	Authorization
	CallID
	Contact
	ContentEncoding
	ContentLength
	ContentType
	CSeq
	Date
	Diversion
	Event
	Expires
	From
	MaxBreadth
	MaxForwards
	MinExpires
	PAssertedIdentity
	PPreferredIdentity
	Path
	Privacy
	ProxyAuthenticate
	ProxyAuthorization
	ProxyRequire
	Reason
	RecordRoute
	ReferTo
	ReferredBy
	RemotePartyID
	Replaces
	Require
	RetryAfter
	Route
	Server
	ServiceRoute
	SessionExpires
	SIPETag
	SIPIfMatch
	SubscriptionState
	Supported
	Timestamp
	To
	Unsupported
	UserAgent
	Via
	Warning
	WWWAuthenticate
	headerCount
)

type headerName struct {
	full    string
	compact byte // 0: none
}

// headers holds each header field's name and compact form (RFC 3261 §7.3.3,
// RFC 3903 §11, RFC 6665 §8.2).
var headers = [headerCount]headerName{
	Accept:             {"Accept", 0},
	AcceptEncoding:     {"Accept-Encoding", 0},
	Allow:              {"Allow", 0},
	AllowEvents:        {"Allow-Events", 'u'},
	Authorization:      {"Authorization", 0},
	CallID:             {"Call-ID", 'i'},
	Contact:            {"Contact", 'm'},
	ContentEncoding:    {"Content-Encoding", 'e'},
	ContentLength:      {"Content-Length", 'l'},
	ContentType:        {"Content-Type", 'c'},
	CSeq:               {"CSeq", 0},
	Date:               {"Date", 0},
	Diversion:          {"Diversion", 0},
	Event:              {"Event", 'o'},
	Expires:            {"Expires", 0},
	From:               {"From", 'f'},
	MaxBreadth:         {"Max-Breadth", 0},
	MaxForwards:        {"Max-Forwards", 0},
	MinExpires:         {"Min-Expires", 0},
	PAssertedIdentity:  {"P-Asserted-Identity", 0},
	PPreferredIdentity: {"P-Preferred-Identity", 0},
	Path:               {"Path", 0},
	Privacy:            {"Privacy", 0},
	ProxyAuthenticate:  {"Proxy-Authenticate", 0},
	ProxyAuthorization: {"Proxy-Authorization", 0},
	ProxyRequire:       {"Proxy-Require", 0},
	Reason:             {"Reason", 0},
	RecordRoute:        {"Record-Route", 0},
	ReferTo:            {"Refer-To", 'r'},
	ReferredBy:         {"Referred-By", 'b'},
	RemotePartyID:      {"Remote-Party-ID", 0},
	Replaces:           {"Replaces", 0},
	Require:            {"Require", 0},
	RetryAfter:         {"Retry-After", 0},
	Route:              {"Route", 0},
	Server:             {"Server", 0},
	ServiceRoute:       {"Service-Route", 0},
	SessionExpires:     {"Session-Expires", 'x'},
	SIPETag:            {"SIP-ETag", 0},
	SIPIfMatch:         {"SIP-If-Match", 0},
	SubscriptionState:  {"Subscription-State", 0},
	Supported:          {"Supported", 'k'},
	Timestamp:          {"Timestamp", 0},
	To:                 {"To", 't'},
	Unsupported:        {"Unsupported", 0},
	UserAgent:          {"User-Agent", 0},
	Via:                {"Via", 'v'},
	Warning:            {"Warning", 0},
	WWWAuthenticate:    {"WWW-Authenticate", 0},
}

// String is the header field's full name.
func (h Header) String() string { return headers[h].full }

// single are the header fields of which a message may hold only one (RFC 3261
// §7.3.1); two of them may disagree, so the message is refused.
var single = [...]Header{CallID, ContentLength, ContentType, CSeq, Event, Expires, From, MaxForwards, MinExpires,
	ReferTo, Replaces, RetryAfter, SessionExpires, SIPETag, SIPIfMatch, SubscriptionState, Timestamp, To}

// byLength finds a header field by the length of its name, then by its first
// letter: with few of each, two comparisons decide.
var byLength, byCompact = func() (full [21][]Header, compact ['z' + 1]Header) {
	for h := unknownHeader + 1; h < headerCount; h++ {
		n := len(headers[h].full)
		full[n] = append(full[n], h)
		compact[headers[h].compact] = h
	}
	compact[0] = unknownHeader
	return full, compact
}()

// headerOf is the header field of a name as written, in either form and any
// case.
func headerOf(name []byte) Header {
	if len(name) == 1 {
		if c := lower(name[0]); c < byte(len(byCompact)) {
			return byCompact[c]
		}
		return unknownHeader
	}
	if len(name) >= len(byLength) {
		return unknownHeader
	}
	for _, h := range byLength[len(name)] {
		if full := headers[h].full; lower(full[0]) == lower(name[0]) && equalFold(name, full) {
			return h
		}
	}
	return unknownHeader
}
