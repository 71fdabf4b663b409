package proxy

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"time"

	"lamplight/event"
	"lamplight/sip"
	"lamplight/sip/transaction"
)

// What is seen of calls is told in the words of whoever follows them: the same
// types are declared there, so that one is made of the other by a conversion.
type (
	What  = uint8
	Hold  = uint8
	Party = struct {
		AoR     event.AoR
		URI     string
		Display string
		Private bool
	}
	Seen = struct {
		CallID  string
		What    What
		Branch  string
		FromTag string
		ToTag   string
		CSeq    uint32

		ByCaller bool

		Caller Party
		Callee Party

		CallerTarget, CalleeTarget string
		CallerRoutes, CalleeRoutes []string

		CalleeBinding string

		Code           int
		Reason         string
		SessionExpires time.Duration
		Hold           Hold
		By             Party
		Internal       bool
	}
)

// Values of What.
const (
	Invite What = iota + 1
	Progress
	Answer
	Refused
	Cancelled
	Bye
	Gone
	Refreshed
	Alive
	Replaced
)

// Values of Hold.
const (
	HoldUnsaid Hold = iota
	Held
	NotHeld
)

// tellOf begins what is told of a call by its INVITE.
func (cx *context) tellOf(m *sip.Message) {
	from, _ := m.From() // both were validated
	to, _ := m.To()
	cseq, _ := m.CSeq()
	cx.begin = Seen{CallID: string(m.CallID()), FromTag: string(from.Tag()), CSeq: cseq.Number, Internal: cx.caller.Internal,
		Caller:       Party{AoR: cx.caller.AoR, URI: people(from.URI), Display: string(from.Display), Private: cx.caller.Private || wantsPrivacy(m)},
		Callee:       Party{URI: people(m.RequestURI()), Display: string(to.Display)},
		CallerTarget: uriOf(string(m.Value(sip.Contact)))}
	if cx.begin.Caller.Display == "" {
		cx.begin.Caller.Display = cx.caller.Display
	}
}

func people(uri []byte) string {
	u, err := sip.ParseURI(uri)
	if err != nil {
		return string(uri)
	}
	return dialled(u)
}

func (cx *context) tells() bool { return cx.invite && cx.inside == nil }

// saw tells of what concerns all branches.
func (cx *context) saw(what What) {
	if cx.tells() {
		s := cx.begin
		s.What = what
		cx.proxy.o.Saw(s)
	}
}

// told tells what the caller was answered.
func (cx *context) told(status int, reason string) {
	if cx.tells() {
		cx.proxy.ended(status)
		s := cx.begin
		s.What, s.Code, s.Reason = Refused, status, reason
		cx.proxy.o.Saw(s)
	}
}

// Refused tells of an INVITE that the edge has refused.
func (p *Proxy) Refused(m *sip.Message, c Caller, status int, reason string) {
	if to, err := m.To(); err == nil && len(to.Tag()) == 0 {
		cx := &context{proxy: p, caller: c, invite: m.Method() == sip.INVITE}
		cx.tellOf(m)
		cx.told(status, reason)
	}
}

// routes notes how the two ends are reached: by our token, and what lies beyond.
func (b *branch) routes(f transaction.Flow) {
	cx := b.context
	if !cx.tells() {
		return
	}
	m := &cx.request.Message
	token := cx.proxy.key.Load().token(&ends{endOf(cx.request.Flow), endOf(f)}, b.seen.CallID, b.seen.FromTag)
	b.token = token
	ours := "<sip:" + token + "@" + f.Local().String() + ";lr>"
	b.seen.CallerRoutes = append([]string{ours}, elements(m, sip.RecordRoute)...)
	b.seen.CalleeRoutes = []string{ours}
}

// beyond are the routes that a response has recorded behind us, in the order of
// our requests to there.
func (b *branch) beyond(m *sip.Message) []string {
	list := elements(m, sip.RecordRoute)
	i := slices.IndexFunc(list, func(v string) bool { return strings.Contains(v, b.token) })
	if i <= 0 || b.token == "" {
		return b.seen.CalleeRoutes
	}
	list = list[:i]
	slices.Reverse(list)
	return append(slices.Clone(b.seen.CalleeRoutes), list...)
}

// sawStatus tells of a branch what no message says.
func (b *branch) sawStatus(what What, status int) {
	cx := b.context
	switch {
	case cx.tells():
		s := b.seen
		s.What, s.Code = what, status
		cx.proxy.o.Saw(s)
	case cx.inside != nil && what == Invite:
		cx.passed()
	case cx.inside != nil:
		cx.hangUp() // nobody has answered
	}
}

// saw tells of a response on a branch.
func (b *branch) saw(what What, m *sip.Message) {
	cx := b.context
	if cx.inside != nil {
		cx.answeredInside(m)
		return
	}
	if !cx.invite {
		return
	}
	s := b.seen
	s.What, s.Code, s.Reason = what, m.Status(), reasonOf(m)
	if to, err := m.To(); err == nil {
		s.ToTag = string(to.Tag())
	}
	if uri := uriOf(string(m.Value(sip.Contact))); uri != "" && what != Refused {
		s.CalleeTarget = uri
	}
	s.CalleeRoutes = b.beyond(m)
	if what == Answer {
		s.SessionExpires, s.Hold = sessionExpires(m), holds(m)
		cx.replaces()
	}
	cx.proxy.o.Saw(s)
}

// replaces tells of the dialog whose place an INVITE has taken (RFC 3891 §3). Which
// of its tags was its caller's, Replaces does not say.
func (cx *context) replaces() {
	if cx.picked != nil {
		cx.proxy.o.Saw(*cx.picked)
		return
	}
	id, from, to, ok := readReplaces(&cx.request.Message)
	if !ok {
		return
	}
	s := Seen{CallID: id, What: Replaced, FromTag: from, ToTag: to, By: cx.begin.Caller}
	cx.proxy.o.Saw(s)
	s.FromTag, s.ToTag = to, from
	cx.proxy.o.Saw(s)
}

func readReplaces(m *sip.Message) (callID, from, to string, ok bool) {
	v := string(m.Value(sip.Replaces))
	id, params, ok := strings.Cut(v, ";")
	p := sip.Params(";" + params)
	f, ok1 := p.Get("from-tag")
	t, ok2 := p.Get("to-tag")
	return strings.TrimSpace(id), string(f), string(t), ok && ok1 && ok2
}

// reasonOf is why a response was given, in words.
func reasonOf(m *sip.Message) string {
	for v := range m.Elements(sip.Reason) {
		if i := bytes.IndexByte(v, ';'); i >= 0 {
			if text, ok := sip.Params(v[i:]).Get("text"); ok {
				return string(text)
			}
		}
	}
	return string(m.ReasonPhrase())
}

// sessionExpires is how long a session lasts unless it is refreshed (RFC 4028 §4);
// 0: there is no timer.
func sessionExpires(m *sip.Message) time.Duration {
	digits, _, _ := strings.Cut(string(m.Value(sip.SessionExpires)), ";")
	n, err := strconv.ParseUint(strings.TrimSpace(digits), 10, 31)
	if err != nil {
		return 0
	}
	return time.Duration(n) * time.Second
}

// holds reads from a session description whether its sender listens to any of its
// streams (RFC 3264 §8.4); it is looked at as it passes by, and not touched.
func holds(m *sip.Message) Hold {
	if t, err := m.MediaType(); err != nil || string(t.Type) != "application/sdp" {
		return HoldUnsaid
	}
	var streams []bool // whether each is held
	session := false
	for line := range bytes.Lines(m.Body()) {
		held := false
		switch line = bytes.TrimRight(line, "\r\n"); string(line) {
		case "a=sendonly", "a=inactive", "c=IN IP4 0.0.0.0":
			held = true
		case "a=sendrecv", "a=recvonly":
		default:
			if bytes.HasPrefix(line, []byte("m=")) {
				streams = append(streams, session)
			}
			continue
		}
		if len(streams) == 0 {
			session = held
		} else {
			streams[len(streams)-1] = held
		}
	}
	if len(streams) > 0 && !slices.Contains(streams, false) {
		return Held
	}
	return NotHeld
}
