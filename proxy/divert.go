package proxy

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"lamplight/event"
	"lamplight/sip"
)

// Forward is where a user's calls go instead: URIs that the user may call; "":
// nowhere.
type Forward struct {
	Immediate string // all of them
	Busy      string // those that come while the user is busy, or not to be disturbed
	NoAnswer  string // those that nobody answers, or that reach no phone
	After     time.Duration
}

// maxDiversions is how often one call is forwarded.
const maxDiversions = 5

// stage is whom a call is for at the moment, and what becomes of it there.
type stage struct {
	number   int // how often it was forwarded before
	of       event.AoR
	forward  Forward
	was      map[event.AoR]bool // whom it was for: a loop ends there
	pending  bool               // where it goes next is being found out
	timer    *time.Timer        // of who does not answer
	diverted []byte             // header lines that tell of it
}

// forwards tells whether a request is one that a user may have forwarded: a new
// call, but not one that takes the place of another.
func (cx *context) forwards() bool {
	return cx.tells() && !cx.request.Message.Has(sip.Replaces)
}

// turnedAway does what a called user wants before any phone rings, and tells
// whether the call is done with here.
func (cx *context) turnedAway(aor event.AoR, a *Reach) bool {
	cx.mu.Lock()
	defer cx.mu.Unlock()
	if cx.final {
		return true
	}
	if !cx.forwards() {
		return false
	}
	cx.stage.of, cx.stage.forward = aor, a.Forward
	switch {
	case cx.divert(a.Forward.Immediate, "unconditional"):
		return true
	case a.Refuse == 0:
		return false
	case !cx.divert(a.Forward.Busy, "do-not-disturb"):
		cx.say(a.Refuse, a.Reason)
	}
	return true
}

// divert forwards a call to a URI (RFC 3261 §16.5: the target set is what this
// proxy decides that it is), with the rights of whose call it is. It tells whether
// it does: not without a URI, in a circle, too often, or to where no route leads.
// The mutex is held, here and below.
func (cx *context) divert(to, reason string) bool {
	u, err := sip.ParseURI([]byte(to))
	if to == "" || err != nil || cx.stage.number+cx.request.Message.Count(sip.Diversion) >= maxDiversions {
		return false
	}
	aor, ours := cx.proxy.o.Users.Resolve(u)
	find := func() { cx.locate(aor, "") }
	switch t, ok := cx.proxy.routeOf(u, ours); {
	case aor != "" && (cx.stage.was[aor] || aor == cx.stage.of):
		return false
	case aor == "" && !ok:
		return false
	case aor == "":
		find = func() { cx.start([]Target{t}) }
	}
	s := &cx.stage
	if s.timer != nil {
		s.timer.Stop()
	}
	if s.number == 0 {
		for v := range cx.request.Message.Fields(sip.Diversion) {
			s.diverted = append(append(append(s.diverted, "Diversion: "...), v...), "\r\n"...)
		}
	}
	line := "Diversion: <" + string(s.of) + ">;reason=" + reason + ";counter=1\r\n" // before the others (RFC 5806)
	s.diverted = append([]byte(line), s.diverted...)
	s.number, s.forward, s.pending, s.timer = s.number+1, Forward{}, true, nil
	cx.proxy.Diverted.Add(1)
	cx.sets, cx.best, cx.over = nil, best{}, false
	go find()
	return true
}

// redirected follows where a user's own phone has sent a call (RFC 3261 §16.5):
// others of the user's may go on ringing. What a gateway says is the caller's to
// follow. It tells whether it does.
func (cx *context) redirected(b *branch, m *sip.Message) bool {
	if m.Status()/100 != 3 || b.target.AoR == "" || b.stage != cx.stage.number || cx.quit || cx.over || cx.final || !cx.forwards() {
		return false
	}
	reason := "unconditional"
	if b.ringing {
		reason = "deflection"
	}
	for _, uri := range contactsOf(m) {
		if cx.divert(uri, reason) {
			return true
		}
	}
	return false
}

// contactsOf are the first contacts of a redirection, the best ones first.
func contactsOf(m *sip.Message) (uris []string) {
	type contact struct {
		uri string
		q   float64
	}
	var list []contact
	for v := range m.Elements(sip.Contact) {
		n, err := sip.ParseNameAddr(v)
		if err != nil || len(list) == maxDiversions {
			break
		}
		c := contact{string(n.URI), 1}
		if q, ok := n.Params.Get("q"); ok {
			c.q, _ = strconv.ParseFloat(string(q), 64)
		}
		list = append(list, c)
	}
	slices.SortStableFunc(list, func(a, b contact) int { return cmp.Compare(b.q, a.q) })
	for _, c := range list {
		uris = append(uris, c.uri)
	}
	return uris
}

// ended forwards a call that all phones have refused, or nobody could be asked
// about, and tells whether it does.
func (cx *context) ended() bool {
	if cx.quit || !cx.forwards() {
		return false
	}
	m, f := cx.best.choose(), &cx.stage.forward
	if m == nil {
		return cx.divert(f.NoAnswer, "unavailable")
	}
	switch m.Status() {
	case 486, 600:
		return cx.divert(f.Busy, "user-busy")
	case 408, 430, 480, 487, 503:
		return cx.divert(f.NoAnswer, "no-answer")
	}
	return false
}

// await has the call forwarded where nobody answers it in time.
func (cx *context) await() {
	s := &cx.stage
	if s.forward.NoAnswer == "" || s.timer != nil {
		return
	}
	number := s.number
	s.timer = time.AfterFunc(s.forward.After, func() { cx.unanswered(number) })
}

func (cx *context) unanswered(number int) {
	cx.mu.Lock()
	defer cx.mu.Unlock()
	if cx.final || cx.over || cx.stage.number != number {
		return
	}
	if cx.divert(cx.stage.forward.NoAnswer, "no-answer") {
		cx.cancelOthers(nil, noAnswer)
	}
}

// noAnswer is why a branch is cancelled that nobody answers.
var noAnswer = []byte("Reason: SIP;cause=408;text=\"No answer\"\r\n")
