package app

import (
	"bytes"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"lamplight/body/dialoginfo"
	"lamplight/body/reginfo"
	"lamplight/body/watcherinfo"
	"lamplight/event"
	"lamplight/sip"
	"lamplight/sip/transaction"
)

// auditor hears every datagram at the moment at which it is sent, and holds it
// against its model of what the server has said, what it may have done unsaid,
// and what is stored. simulation.mu guards it.
type auditor struct {
	s        *simulation
	txs      map[string]*simTx // by branch and method
	unsure   []*simTx          // those that may have been done, or may be still
	tags     map[string]*simTx // by every entity-tag that was ever told
	pubs     map[string]*simPub
	binds    map[event.AoR]map[string]*span
	dialogs  map[string][]*simDialog // by Call-ID
	notifies map[string]*simNotify   // by branch
	rules    map[event.AoR]map[event.AoR]event.Grant
	changing map[event.AoR]int // rules that are not in force yet
	epoch    int               // what a restart or a failed commit begins
	server   int               // how many servers there were
}

// simTx is a request of a phone's, however often it is sent.
type simTx struct {
	key, callID string
	method      sip.Method
	phone       int
	cseq        uint32
	aor         event.AoR
	event       string
	ifMatch     string
	contact     string
	toTag       string
	expires     time.Duration // -1: not asked
	tokens      []string      // of its document
	first, last time.Time     // when it was sent
	answered    time.Time     // when it was first answered
	status      int           // 0: no final response yet
	sentTo, by  int           // the server that was asked first, and the one that answered
	etag, said  string        // of the response, and the whole
}

// span is a life whose end is known but for what a message takes: it lasts at
// least until low and at most until high.
type span struct{ low, high time.Time }

// simPub is an acknowledged publication.
type simPub struct {
	span
	tx     *simTx
	tokens []string
}

// simDialog is a subscription.
type simDialog struct {
	span
	callID, event, tag string
	phone              int
	watcher, aor       event.AoR
	subscribed         bool // there was a 200
	fetch              bool // and it asked for the state once
	over               bool // a NOTIFY said so
	lost               bool // or nobody could
	excuse             string
	cseq               uint32
	version            int64
	epoch              int
	unanswered         int
	last               *simNotify
	story              []string // the last things that happened to it
}

// simNotify is a NOTIFY, however often it is sent.
type simNotify struct {
	dialog *simDialog
	sent   time.Time
	epoch  int
	status int // of the phone's answer
}

func newAuditor(s *simulation) *auditor {
	return &auditor{s: s, txs: map[string]*simTx{}, tags: map[string]*simTx{}, pubs: map[string]*simPub{},
		binds: map[event.AoR]map[string]*span{}, dialogs: map[string][]*simDialog{}, notifies: map[string]*simNotify{},
		rules: map[event.AoR]map[event.AoR]event.Grant{}, changing: map[event.AoR]int{}}
}

// tap hears a datagram.
func (a *auditor) tap(from, to netip.AddrPort, b []byte) {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	m := &sip.Message{}
	if err := m.Parse(b); err != nil {
		a.s.fail("wire", "%v sends what is no message: %v\n%s", from, err, b)
		return
	}
	phone := int(from.Addr().As4()[3]) - 1
	if from == simServer {
		phone = int(to.Addr().As4()[3]) - 1
	}
	if a.notifies[keyOf(m)] == nil || !m.IsRequest() { // a NOTIFY that is sent again is no event
		a.s.log.add(a.s.age(), inOneLine(phone, from == simServer, m))
	}
	switch {
	case from == simServer && m.IsRequest():
		a.notify(phone, m)
	case from == simServer:
		a.response(phone, m)
	case m.IsRequest():
		a.request(phone, m)
	default:
		a.answered(m)
	}
}

// inOneLine is a message on one line.
func inOneLine(phone int, fromServer bool, m *sip.Message) string {
	arrow := "→"
	if fromServer {
		arrow = "←"
	}
	text := fmt.Sprintf("%d %s ", phone, arrow)
	if m.IsRequest() {
		text += fmt.Sprintf("%s %s", m.Method(), short(string(m.RequestURI())))
	} else {
		text += fmt.Sprintf("%d %s", m.Status(), m.Method())
	}
	text += " " + string(m.Value(sip.CSeq))[:strings.IndexByte(string(m.Value(sip.CSeq)), ' ')] + " " + short(string(m.CallID()))
	for _, h := range []sip.Header{sip.Event, sip.Expires, sip.SIPIfMatch, sip.SIPETag, sip.SubscriptionState} {
		if m.Has(h) {
			text += fmt.Sprintf(" %s=%s", h, short(string(m.Value(h))))
		}
	}
	if e, err := m.Event(); err == nil && len(m.Body()) > 0 {
		text += fmt.Sprint(" ", tokensOf(string(e.Package), m.Body()))
	}
	return text
}

// short cuts what tells nothing to a reader: most of a tag, the domain.
func short(s string) string {
	s = strings.ReplaceAll(s, "@"+simDomain, "")
	if len(s) > 30 && !strings.Contains(s, ";") {
		s = s[:2] + "~" + s[len(s)-6:]
	}
	return s
}

func keyOf(m *sip.Message) string {
	via, _ := m.TopVia()
	cseq, _ := m.CSeq()
	return string(via.Branch()) + " " + string(cseq.Method)
}

// request hears a phone's request.
func (a *auditor) request(phone int, m *sip.Message) {
	now := time.Now()
	if tx := a.txs[keyOf(m)]; tx != nil {
		tx.last = now
		if tx.status != 0 && !a.remembers(tx, now.Add(grace)) {
			a.doubt(tx)
		}
		return
	}
	tx := a.read(phone, m)
	a.txs[tx.key] = tx
	a.doubt(tx)
	if pub := a.pubs[tx.ifMatch]; pub != nil && tx.tokens == nil {
		tx.tokens = pub.tokens
	}
	if tx.method == sip.SUBSCRIBE {
		a.subscribing(tx)
	}
}

func (a *auditor) read(phone int, m *sip.Message) *simTx {
	tx := &simTx{key: keyOf(m), callID: string(m.CallID()), method: m.Method(), phone: phone, expires: -1,
		ifMatch: string(m.Value(sip.SIPIfMatch)), contact: contactPattern.FindString(string(m.Value(sip.Contact))),
		first: time.Now(), last: time.Now(), sentTo: a.server}
	to, _ := m.To()
	tx.toTag, tx.aor = string(to.Tag()), event.AoR(to.URI)
	cseq, _ := m.CSeq()
	tx.cseq = cseq.Number
	if e, err := m.Event(); err == nil {
		tx.event = string(e.Package)
	}
	if seconds, ok, _ := m.Expires(); ok {
		tx.expires = time.Duration(seconds) * time.Second
	}
	if len(m.Body()) > 0 {
		tx.tokens = tokensOf(tx.event, m.Body())
	}
	return tx
}

// doubt notes that nobody knows whether a request was done.
func (a *auditor) doubt(tx *simTx) {
	if !slices.Contains(a.unsure, tx) {
		a.unsure = append(a.unsure, tx)
	}
}

// sure takes the doubts away that a function names.
func (a *auditor) sure(of func(*simTx) bool) { a.unsure = slices.DeleteFunc(a.unsure, of) }

// until is when the last of a request that nobody answered has passed.
func (tx *simTx) until() time.Time {
	return tx.last.Add(transaction.TimerF + grace + max(tx.expires, 0))
}

// response hears the server's answer to a phone.
func (a *auditor) response(phone int, m *sip.Message) {
	tx := a.txs[keyOf(m)]
	switch {
	case tx == nil:
		a.s.fail("wire", "phone %d is answered what it did not ask", phone)
		return
	case m.Status() < 200:
		return
	case tx.said == string(m.Bytes()):
		return
	case tx.status != 0 && a.remembers(tx, time.Now()):
		if tx.status < 300 || m.Status() < 300 { // what is refused statelessly may be refused otherwise later
			a.s.fail("g", "one request is answered twice:\n%s\nand then\n%s", tx.said, m.Bytes())
		}
		return
	}
	tx.status, tx.by, tx.etag, tx.answered = m.Status(), a.server, string(m.Value(sip.SIPETag)), time.Now()
	tx.said = string(m.Bytes())
	// Of a 503 nobody knows whether it was written, and of what was sent to
	// another server before, whether that one has done it too.
	if tx.status != 503 && (tx.sentTo == a.server || tx.status == 200 && (tx.method != sip.PUBLISH || tx.ifMatch != "")) {
		a.sure(func(o *simTx) bool { return o == tx })
	}
	switch tx.method {
	case sip.PUBLISH:
		a.published(tx, m)
	case sip.REGISTER:
		a.registered(tx, m)
	case sip.SUBSCRIBE:
		a.subscribed(tx, m)
	}
}

// remembers tells whether the server must know a request again that it answered;
// another server, or after Timer J the same, does it once more.
func (a *auditor) remembers(tx *simTx, now time.Time) bool {
	return tx.by == a.server && now.Before(tx.answered.Add(transaction.TimerJ))
}

func granted(m *sip.Message) time.Duration {
	seconds, _, _ := m.Expires()
	return time.Duration(seconds) * time.Second
}

// spanOf is the life that a response to a request grants: the server took the
// time after the one was sent and before the other was.
func spanOf(tx *simTx, d time.Duration) span { return span{tx.first.Add(d), time.Now().Add(d)} }

func (s *span) over(now time.Time) bool { return s == nil || now.After(s.high.Add(grace)) }

// published holds the answer to a PUBLISH against the model.
func (a *auditor) published(tx *simTx, m *sip.Message) {
	now := time.Now()
	old := a.pubs[tx.ifMatch]
	switch {
	case tx.status == 412 && a.certainTag(tx.ifMatch, now):
		a.s.fail("a", "the acknowledged entity-tag %s, good until %v, is not known", tx.ifMatch, old.low.Sub(a.s.began))
	case tx.status == 412:
		delete(a.pubs, tx.ifMatch)
	}
	if tx.status != 200 {
		return
	}
	if tx.ifMatch != "" && (old == nil || old.over(now)) {
		a.s.fail("g", "the entity-tag %s is taken, which was given up or has expired", tx.ifMatch)
	}
	if before := a.tags[tx.etag]; tx.etag == "" || before != nil {
		a.s.fail("g", "the entity-tag %q is told again", tx.etag)
	}
	if got := granted(m); got > tx.expires && tx.expires >= 0 {
		a.s.fail("a", "%v are granted, more than %v", got, tx.expires)
	}
	a.tags[tx.etag] = tx
	a.sure(func(o *simTx) bool { return tx.ifMatch != "" && o.ifMatch == tx.ifMatch })
	delete(a.pubs, tx.ifMatch)
	if tx.expires == 0 {
		return
	}
	if !a.s.disk.holdsTag(tx.aor, tx.etag) {
		a.s.fail("g", "the entity-tag %s is told and not stored", tx.etag)
	}
	a.pubs[tx.etag] = &simPub{span: spanOf(tx, granted(m)), tx: tx, tokens: tx.tokens}
}

// certainTag tells whether a publication must be there.
func (a *auditor) certainTag(etag string, now time.Time) bool {
	pub := a.pubs[etag]
	return pub != nil && now.Before(pub.low) && !slices.ContainsFunc(a.unsure, func(o *simTx) bool { return o.ifMatch == etag })
}

// mayTell tells whether a document may be there that holds a token.
func (a *auditor) mayTell(aor event.AoR, name, token string, now time.Time) bool {
	for _, pub := range a.pubs {
		if pub.tx.aor == aor && pub.tx.event == name && !pub.over(now) && slices.Contains(pub.tokens, token) {
			return true
		}
	}
	return slices.ContainsFunc(a.unsure, func(o *simTx) bool {
		return o.aor == aor && o.event == name && now.Before(o.until()) && slices.Contains(o.tokens, token)
	})
}

// registered holds the answer to a REGISTER against the model.
func (a *auditor) registered(tx *simTx, m *sip.Message) {
	if tx.status != 200 {
		return
	}
	now, binds := time.Now(), a.binds[tx.aor]
	if binds == nil {
		binds = map[string]*span{}
		a.binds[tx.aor] = binds
	}
	listed := map[string]time.Duration{}
	for c := range m.Elements(sip.Contact) {
		listed[contactPattern.FindString(string(c))] = contactExpires(c)
	}
	if tx.contact != "" {
		a.bound(tx, binds, listed)
	}
	for uri := range listed {
		unsure := slices.ContainsFunc(a.unsure, func(o *simTx) bool { return o.contact == uri && now.Before(o.until()) })
		if binds[uri].over(now) && !unsure {
			a.s.fail("a", "%s is bound, which has expired or was taken away", uri)
		}
	}
	for uri, b := range binds {
		unsure := slices.ContainsFunc(a.unsure, func(o *simTx) bool { return o.method == sip.REGISTER && o.contact == uri })
		if _, ok := listed[uri]; !ok && !unsure && now.Before(b.low) {
			a.s.fail("a", "%s is bound no longer, which was acknowledged until %v", uri, b.low.Sub(a.s.began))
		}
	}
}

// bound takes over what a REGISTER did.
func (a *auditor) bound(tx *simTx, binds map[string]*span, listed map[string]time.Duration) {
	a.sure(func(o *simTx) bool { // what comes late is out of order, or too late by far
		late := o.callID == tx.callID || o.last.Add(transaction.TimerF+grace).Before(tx.first)
		return o.method == sip.REGISTER && o.contact == tx.contact && late
	})
	d, ok := listed[tx.contact]
	if ok != (tx.expires > 0) {
		a.s.fail("a", "a REGISTER of %s for %v is answered with %v", tx.contact, tx.expires, listed)
	}
	if tx.expires == 0 {
		delete(binds, tx.contact)
		return
	}
	if !slices.Contains(a.s.disk.tokens(tx.aor, "reg", time.Time{}), tx.contact) {
		a.s.fail("g", "%s is told to be bound and is not stored", tx.contact)
	}
	b := spanOf(tx, d)
	binds[tx.contact] = &b
}

var (
	contactPattern = regexp.MustCompile(`sip:u\d@10\.0\.0\.\d+:5060`)
	aorPattern     = regexp.MustCompile(`sip:u\d@sim\.test`)
	markerPattern  = regexp.MustCompile(`m\d+-\d+x`)
	versionPattern = regexp.MustCompile(`version="(\d+)" state=`)
	expiresPattern = regexp.MustCompile(`;expires=(\d+)`)
)

func contactExpires(c []byte) time.Duration {
	found := expiresPattern.FindSubmatch(c)
	if found == nil {
		return 0
	}
	n, _ := strconv.Atoi(string(found[1]))
	return time.Duration(n) * time.Second
}

// bodyTypes are the documents that phones publish.
var bodyTypes = map[string]string{"presence": "application/pidf+xml", "dialog": dialoginfo.Type}

// tokensOf is what a document tells: notes that nobody else wrote, dialogs with
// their states, contacts, watchers.
func tokensOf(name string, body []byte) (list []string) {
	switch name {
	case "presence":
		list = slices.Compact(sorted(markerPattern.FindAllString(string(body), -1)))
	case "dialog":
		info, err := dialoginfo.Parse(body)
		if err != nil {
			return []string{err.Error()}
		}
		for _, d := range info.Dialogs {
			if d.ID != "idle" {
				list = append(list, d.CallID+":"+d.State)
			}
		}
	case "reg":
		info, err := reginfo.Parse(body, time.Now())
		if err != nil {
			return []string{err.Error()}
		}
		for _, r := range info.Registrations {
			for _, c := range r.Contacts {
				if c.State == reginfo.Active {
					list = append(list, c.URI)
				}
			}
		}
	case "presence.winfo":
		info, err := watcherinfo.Parse(body, time.Now())
		if err != nil {
			return []string{err.Error()}
		}
		for _, l := range info.Lists {
			for _, w := range l.Watchers {
				if w.Status != watcherinfo.Terminated {
					list = append(list, w.URI)
				}
			}
		}
	}
	return sorted(list)
}

// between tells whether a sorted list holds all of least, and nothing that is not
// in most.
func between(list, least, most []string) bool { return holds(list, least) && holds(most, list) }

func holds(all, some []string) bool {
	i := 0
	for _, one := range some {
		for i < len(all) && all[i] < one {
			i++
		}
		if i == len(all) || all[i] != one {
			return false
		}
		i++
	}
	return true
}

func sorted(list []string) []string {
	slices.Sort(list)
	return list
}

// withoutVersion leaves the version out of a document, which is each
// subscription's own.
func withoutVersion(body []byte) []byte {
	return versionPattern.ReplaceAll(bytes.Clone(body), nil)
}
