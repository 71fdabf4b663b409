package uas

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"lamplight/esc"
	"lamplight/event"
	"lamplight/notifier"
	"lamplight/owner"
	"lamplight/proxy"
	"lamplight/registrar"
	"lamplight/sip"
)

// The edge's own errors: what is wrong with a request before any stage sees it.
var (
	errMalformed     = errors.New("malformed request")
	errMethod        = errors.New("method not allowed")
	errUnknownMethod = errors.New("method not known")
	errExtension     = errors.New("required extension not supported")
	errContentCoding = errors.New("content coding not supported")
	errEvent         = errors.New("event package not known")
	errNotAcceptable = errors.New("no content type of the package is accepted")
	errStranger      = errors.New("a user of another domain")
	errNotYou        = errors.New("the name in From is not the authenticated user")
	errNotYours      = errors.New("the resource is somebody else's")
	errNoUser        = errors.New("no such user")
	errFirstHop      = errors.New("a flow behind a first hop that knows none")
	errSeveralFlows  = errors.New("several contacts, and one is a flow")
	errNoContact     = errors.New("one Contact is needed")
	errOneETag       = errors.New("SIP-If-Match is not one entity-tag")
	errSharedDialog  = errors.New("another subscription in a dialog that has one")
	errTarget        = errors.New("notifications cannot go there")
	errOldCSeq       = errors.New("the request is older than the last one of its dialog")
	errNoDialog      = errors.New("no such dialog")
	errTooLarge      = errors.New("document too large")
	errUnavailable   = errors.New("what was asked could not be stored")
	errSourceRate    = errors.New("too many requests of a source")
	errUserRate      = errors.New("too many requests of a user")
	errAoRRate       = errors.New("too many requests about an AoR")
	errCalledRate    = errors.New("too many calls to an AoR")
	errGuessing      = errors.New("too many wrong passwords")
)

// status is one row of the table from domain errors to responses.
type status struct {
	err    error
	code   int
	phrase string // "": the standard's
	// header adds the lines that the response must carry.
	header func(s *Server, r *refusal) string
}

// refusal is what a header of a refusing response is made from.
type refusal struct {
	err   error
	req   *sip.Message
	event event.Name
}

// table is the complete error behaviour of the server. A refusal of one AoR,
// user or source is 500 with Retry-After, because 503 speaks for the whole
// server (RFC 3261 §21.5.1, §21.5.4).
var table = []status{
	{errMalformed, 400, "", nil},                                              // RFC 3261 §21.4.1
	{errNoContact, 400, "One Contact Needed", nil},                            // RFC 3261 §8.1.1.8
	{errSeveralFlows, 400, "One Contact With A reg-id", nil},                  // RFC 5626 §6
	{errOneETag, 400, "One Entity-Tag Needed", nil},                           // RFC 3903 §6
	{esc.ErrNoBody, 400, "Missing Body", nil},                                 // RFC 3903 §6
	{esc.ErrForeignEntity, 400, "Document About Another Entity", nil},         // RFC 3903 §6
	{registrar.ErrWildcard, 400, "Contact * Not Alone Or Not Expires 0", nil}, // RFC 3261 §10.3
	{registrar.ErrBadContact, 400, "Contact Not A SIP URI", nil},              // RFC 3261 §21.4.1
	{errStranger, 403, "", nil},                                               // RFC 3856 §6.6.2
	{errNotYou, 403, "From Is Not The Authenticated User", nil},               // RFC 3903 §6
	{errNotYours, 403, "", nil},                                               // RFC 3903 §6
	{notifier.ErrForbidden, 403, "", nil},                                     // RFC 6665 §4.2.1.4
	{notifier.ErrNotTheSubscriber, 403, "", nil},                              // RFC 6665 §6.1
	{errSharedDialog, 403, "Dialogs Are Not Shared", nil},                     // RFC 6665 §4.5.2
	{errTarget, 403, "Forbidden Target", nil},
	{proxy.ErrForeign, 403, "Not For Other Domains", nil},
	{proxy.ErrOutsideDialogs, 403, "Not Outside Of A Dialog", nil},
	{errNoUser, 404, "", nil},                                             // RFC 3903 §6
	{proxy.ErrNoUser, 404, "", nil},                                       // RFC 3261 §16.5
	{errMethod, 405, "", allow},                                           // RFC 3261 §8.2.1
	{errNotAcceptable, 406, "", acceptOfEvent},                            // RFC 3261 §21.4.7
	{esc.ErrNoSuchETag, 412, "Conditional Request Failed", nil},           // RFC 3903 §11.2.1
	{errTooLarge, 413, "", nil},                                           // RFC 3261 §21.4.11
	{event.ErrUnsupportedType, 415, "", acceptOfEvent},                    // RFC 3903 §6
	{errContentCoding, 415, "", acceptEncoding},                           // RFC 3261 §8.2.3
	{errExtension, 420, "", unsupported},                                  // RFC 3261 §8.2.2.3
	{proxy.ErrProxyRequire, 420, "", proxyUnsupported},                    // RFC 3261 §16.3
	{errFirstHop, 439, "First Hop Lacks Outbound Support", nil},           // RFC 5626 §11.6
	{proxy.ErrBreadth, 440, "", nil},                                      // RFC 5393 §5.3.3
	{proxy.ErrLoop, 482, "", nil},                                         // RFC 3261 §16.3
	{proxy.ErrTooManyHops, 483, "", nil},                                  // RFC 3261 §16.3
	{proxy.ErrMalformed, 400, "", nil},                                    // RFC 3261 §21.4.1
	{errNoDialog, 481, "", nil},                                           // RFC 3261 §12.2.2
	{notifier.ErrNoSubscription, 481, "Subscription Does Not Exist", nil}, // RFC 6665 §4.2.1.1
	{errEvent, 489, "Bad Event", allowEvents},                             // RFC 6665 §8.3.2
	{esc.ErrBadEvent, 489, "Bad Event", allowEvents},                      // RFC 3903 §6
	{notifier.ErrBadEvent, 489, "Bad Event", allowEvents},                 // RFC 6665 §4.2.1.1
	{errOldCSeq, 500, "Out Of Order", nil},                                // RFC 3261 §12.2.2
	{esc.ErrForcedTooMany, 500, "Too Many Settings", retryAfter},          // RFC 3261 §21.5.1
	{esc.ErrTooMany, 500, "Too Many Publications", retryAfter},            // RFC 3261 §21.5.1
	{notifier.ErrTooMany, 500, "Too Many Subscriptions", retryAfter},      // RFC 3261 §21.5.1
	{registrar.ErrOutOfOrder, 500, "Out Of Order", nil},                   // RFC 3261 §10.3
	{registrar.ErrTooMany, 500, "Too Many Contacts", retryAfter},          // RFC 3261 §21.5.1
	{errSourceRate, 500, "Too Many Requests", retryAfter},                 // RFC 3261 §21.5.1
	{errUserRate, 500, "Too Many Requests", retryAfter},                   // RFC 3261 §21.5.1
	{errAoRRate, 500, "Too Many Requests", retryAfter},                    // RFC 3261 §21.5.1
	{errCalledRate, 500, "Too Many Calls", retryAfter},                    // RFC 3261 §21.5.1
	{errUnknownMethod, 501, "", nil},                                      // RFC 3261 §21.5.2
	{proxy.ErrNotReady, 503, "", retryAfter},                              // RFC 3261 §21.5.4
	{errUnavailable, 503, "", retryAfter},                                 // RFC 3261 §21.5.4
	{owner.ErrBusy, 503, "", retryAfter},                                  // RFC 3261 §21.5.4
}

// limitErrors are the errors that say that a limit was reached, and how it is called
// where that is counted.
var limitErrors = []struct {
	err  error
	name string
}{
	{errTooLarge, "document"},
	{esc.ErrTooMany, "publications"},
	{notifier.ErrTooMany, "subscriptions"},
	{registrar.ErrTooMany, "contacts"},
	{errSourceRate, "source"},
	{errUserRate, "user"},
	{errAoRRate, "aor"},
	{errCalledRate, "called"},
	{errGuessing, "guesses"},
	{owner.ErrBusy, "intake"},
}

// reached counts an error that says that a limit was reached.
func (s *Server) reached(err error) {
	for _, l := range limitErrors {
		if errors.Is(err, l.err) {
			s.layer.Reached(l.name)
		}
	}
	var syntax *sip.SyntaxError
	var c *challenge
	if _, brief := tooBrief(err); brief {
		s.layer.Reached("interval")
	}
	if errors.As(err, &syntax) {
		s.layer.Reached(syntax.Limit)
	}
	if asChallenge(err, &c) && c.stale {
		s.layer.Reached("nonce")
	}
}

// response finds the response to an error. An error that no row names is a
// fault of ours.
func (s *Server) response(r refusal) sip.Response {
	if min, ok := tooBrief(r.err); ok {
		return sip.Response{Status: 423, Header: fmt.Appendf(nil, "Min-Expires: %d\r\n", int(min/time.Second))} // RFC 3903 §6, RFC 6665 §4.2.1.1, RFC 3261 §10.3
	}
	var syntax *sip.SyntaxError
	if errors.As(r.err, &syntax) {
		return unreadable(syntax)
	}
	var malformed *event.MalformedError
	if errors.As(r.err, &malformed) {
		return sip.Response{Status: 400, Reason: "Bad Body: " + phrase(malformed.Reason)}
	}
	var refused *event.RefusedError
	if errors.As(r.err, &refused) {
		return sip.Response{Status: 403, Reason: phrase(refused.Reason)} // RFC 3261 §21.4.4
	}
	for i := range table {
		if row := &table[i]; errors.Is(r.err, row.err) {
			resp := sip.Response{Status: row.code, Reason: row.phrase}
			if row.header != nil {
				resp.Header = []byte(row.header(s, &r))
			}
			return resp
		}
	}
	s.log.Error("an error without a response", "error", r.err)
	return sip.Response{Status: 500}
}

// unreadable says what is wrong with a request (RFC 3261 §21.4.1), or that its
// Request-URI has another scheme (RFC 3261 §8.2.2.1).
func unreadable(e *sip.SyntaxError) sip.Response {
	if e.Status == 400 {
		return sip.Response{Status: 400, Reason: e.Reason}
	}
	return sip.Response{Status: e.Status}
}

func tooBrief(err error) (time.Duration, bool) {
	var p *esc.TooBriefError
	var n *notifier.TooBriefError
	var r *registrar.TooBriefError
	switch {
	case errors.As(err, &p):
		return p.Min, true
	case errors.As(err, &n):
		return n.Min, true
	case errors.As(err, &r):
		return r.Min, true
	}
	return 0, false
}

// phrase keeps a reason phrase to one line of printable ASCII.
func phrase(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
	return s[:min(len(s), 120)]
}

func allow(s *Server, _ *refusal) string { return s.lines.allow }

func allowEvents(s *Server, _ *refusal) string { return s.lines.allowEvents }

func acceptEncoding(*Server, *refusal) string { return "Accept-Encoding: identity\r\n" }

func retryAfter(s *Server, _ *refusal) string {
	return "Retry-After: " + strconv.Itoa(s.retryAfter()) + "\r\n"
}

// acceptOfEvent names what may be published to (415) or sent from (406) the
// request's event package.
func acceptOfEvent(s *Server, r *refusal) string {
	pkg := s.packages[r.event]
	if pkg == nil {
		return ""
	}
	types := pkg.Types()
	if p, ok := pkg.(event.Publisher); ok && errors.Is(r.err, event.ErrUnsupportedType) {
		types = p.AcceptTypes()
	}
	return "Accept: " + strings.Join(types, ", ") + "\r\n"
}

// unsupported lists what the request requires; the server requires nothing
// itself and supports no extension that must be required.
func unsupported(_ *Server, r *refusal) string {
	var tags []string
	for tag := range r.req.Elements(sip.Require) {
		if !supports(string(tag)) {
			tags = append(tags, string(tag))
		}
	}
	return "Unsupported: " + strings.Join(tags, ", ") + "\r\n" // in one line: hardly more bytes than were received
}

// proxyUnsupported lists what the request requires of proxies.
func proxyUnsupported(_ *Server, r *refusal) string {
	var b strings.Builder
	for tag := range r.req.Elements(sip.ProxyRequire) {
		fmt.Fprintf(&b, "Unsupported: %s\r\n", tag)
	}
	return b.String()
}
