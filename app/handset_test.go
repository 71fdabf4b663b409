package app_test

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing/synctest"
	"time"

	"lamplight/sip"
	"lamplight/sip/digest"
	"lamplight/sip/wire"
)

// handset writes its messages by hand, so that a test can see and say each
// byte of them. It answers NOTIFYs by itself.
type handset struct {
	o         *office
	user      string // whom it authenticates as: "alice"
	host      string // of the user
	addr      netip.AddrPort
	socket    *wire.Socket
	responses chan *sip.Message
	requests  chan *sip.Message
	pings     atomic.Int64 // that came
	status    atomic.Int64 // what it answers to requests; 0: nothing
	sent      int
	nonce     *digest.Challenge
}

// handset opens a user's handset at an address of its own.
func (o *office) handset(user string) *handset {
	o.Helper()
	name, host, ok := strings.Cut(user, "@")
	if !ok {
		host = "example.test"
	}
	addr := netip.AddrPortFrom(netip.AddrFrom4([4]byte{203, 0, 113, byte(len(o.phones) + 1)}), 5060)
	return o.handsetAt(name, host, addr)
}

func (o *office) handsetAt(user, host string, addr netip.AddrPort) *handset {
	o.Helper()
	socket, err := o.net.Listen(addr.String())
	if err != nil {
		o.Fatal(err)
	}
	h := &handset{o: o, user: user, host: host, addr: addr, socket: socket,
		responses: make(chan *sip.Message, 100), requests: make(chan *sip.Message, 1000)}
	h.status.Store(200)
	o.phones = append(o.phones, h)
	go h.read()
	return h
}

func (h *handset) read() {
	b := make([]byte, 1<<16)
	for {
		n, from, err := h.socket.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		if string(b[:n]) == "\r\n\r\n" {
			h.pings.Add(1)
			continue
		}
		m := &sip.Message{}
		if err := m.Parse([]byte(string(b[:n]))); err != nil {
			h.o.Errorf("%s gets what is no message: %v\n%s", h.user, err, b[:n])
			continue
		}
		if !m.IsRequest() {
			h.acknowledge(m)
			h.responses <- m
			continue
		}
		if status := int(h.status.Load()); status != 0 {
			resp := sip.Response{Status: status, ToTag: "handset"}
			_, _ = h.socket.WriteToUDPAddrPort(resp.Append(nil, m, from), from)
		}
		h.requests <- m
	}
}

// acknowledge says ACK to an INVITE's final response, so that it does not come again.
func (h *handset) acknowledge(m *sip.Message) {
	if m.Method() != sip.INVITE || m.Status() < 300 {
		return
	}
	cseq, _ := m.CSeq()
	_, _ = h.socket.WriteToUDPAddrPort(fmt.Appendf(nil, "ACK sip:%s SIP/2.0\r\nVia: %s\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %d ACK\r\nContent-Length: 0\r\n\r\n",
		at, m.Value(sip.Via), m.Value(sip.From), m.Value(sip.To), m.CallID(), cseq.Number), serverAt)
}

// contact is the URI at which the handset is.
func (h *handset) contact() string { return "sip:" + h.user + "@" + h.addr.String() }

// line is one header field, the body (it begins with "<"), or nothing.
type fields []string

// set puts a line in the place of those of its name; "Name: -" takes them away,
// and "+Name: value" adds one more.
func (f *fields) set(line string) {
	if more, ok := strings.CutPrefix(line, "+"); ok {
		*f = append(*f, more)
		return
	}
	name, value, _ := strings.Cut(line, ":")
	i := slices.IndexFunc(*f, func(l string) bool { return strings.HasPrefix(strings.ToLower(l), strings.ToLower(name)+":") })
	switch {
	case i >= 0 && value == " -":
		*f = slices.Delete(*f, i, i+1)
	case i >= 0:
		(*f)[i] = line
	case value != " -":
		*f = append(*f, line)
	}
}

var bodyTypes = map[string]string{"presence": "application/pidf+xml", "dialog": "application/dialog-info+xml"}

// request is a request as the handset writes it, with each line in the place of
// the header field of its name; what begins with "<" is the body.
func (h *handset) request(method, uri string, lines ...string) string {
	h.sent++
	f := fields{
		fmt.Sprintf("Via: SIP/2.0/UDP %s;branch=z9hG4bK-%s-%d;rport", h.addr, h.user, h.sent),
		"Max-Forwards: 70",
		fmt.Sprintf("From: <sip:%s@%s>;tag=from-%d", h.user, h.host, h.sent),
		"To: <" + uri + ">",
		fmt.Sprintf("Call-ID: call-%s-%d@%s", h.user, h.sent, h.addr.Addr()),
		fmt.Sprintf("CSeq: %d %s", h.sent, method),
	}
	if method == "SUBSCRIBE" || method == "REGISTER" {
		f.set("Contact: <" + h.contact() + ">")
	}
	if method == "SUBSCRIBE" || method == "PUBLISH" {
		f.set("Event: presence")
	}
	body := ""
	for _, line := range lines {
		if strings.HasPrefix(line, "<") {
			body = line
			continue
		}
		f.set(line)
	}
	if body != "" && !slices.ContainsFunc(f, func(l string) bool { return strings.HasPrefix(l, "Content-Type:") }) {
		i := slices.IndexFunc(f, func(l string) bool { return strings.HasPrefix(l, "Event:") })
		f.set("Content-Type: " + bodyTypes[strings.TrimPrefix(f[max(i, 0)], "Event: ")])
	}
	if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, "Content-Length:") }) {
		f.set(fmt.Sprintf("Content-Length: %d", len(body)))
	}
	return method + " " + uri + " SIP/2.0\r\n" + strings.Join(f, "\r\n") + "\r\n\r\n" + body
}

// send sends a message as it is.
func (h *handset) send(text string) {
	h.o.Helper()
	if _, err := h.socket.WriteToUDPAddrPort([]byte(text), serverAt); err != nil {
		h.o.Fatal(err)
	}
}

// exchange sends a message and waits for the response.
func (h *handset) exchange(text string) *sip.Message {
	h.o.Helper()
	h.send(text)
	return h.response(text)
}

func (h *handset) response(to string) *sip.Message {
	h.o.Helper()
	select {
	case m := <-h.responses:
		return m
	case <-time.After(time.Minute):
		h.o.Fatalf("no response to\n%s", to)
		return nil
	}
}

// do sends a request with the user's credentials, and is the final response.
func (h *handset) do(method, uri string, lines ...string) *sip.Message {
	h.o.Helper()
	for {
		m := h.exchange(h.request(method, uri, append(slices.Clone(lines), h.authorization(method, uri))...))
		if m.Status() != 401 || !strings.Contains(string(m.Value(sip.WWWAuthenticate)), "stale=true") {
			return m
		}
		h.nonce = digest.Challenges(m)[0]
	}
}

// paid is do for requests that a proxy asks credentials for.
func (h *handset) paid(method, uri string, lines ...string) *sip.Message {
	h.o.Helper()
	return h.final(h.paying(method, uri, lines...))
}

// paying is a request with credentials for the proxy.
func (h *handset) paying(method, uri string, lines ...string) string {
	h.o.Helper()
	m := h.final(h.request(method, uri, lines...))
	list := digest.Challenges(m)
	if m.Status() != 407 || len(list) == 0 {
		h.o.Fatalf("%s is answered\n%s", method, m.Bytes())
	}
	return h.request(method, uri, append(slices.Clone(lines), strings.TrimSpace(list[0].Answer(sip.Method(method), uri, h.user, "secret")))...)
}

// final is the final response to a request.
func (h *handset) final(text string) *sip.Message {
	h.o.Helper()
	m := h.exchange(text)
	for m.Status() < 200 {
		m = h.response(text)
	}
	return m
}

// authorization is the line that answers the server's challenge.
func (h *handset) authorization(method, uri string) string {
	h.o.Helper()
	if h.nonce == nil {
		h.nonce = h.challenge()
	}
	if h.nonce == nil {
		return "Authorization: -"
	}
	return strings.TrimSpace(h.nonce.Answer(sip.Method(method), uri, h.user, "secret"))
}

// challenge asks for one; nil where none comes.
func (h *handset) challenge() *digest.Challenge {
	h.o.Helper()
	m := h.exchange(h.request("SUBSCRIBE", "sip:"+h.user+"@"+h.host, "Expires: 0", "Event: none"))
	list := digest.Challenges(m)
	if m.Status() != 401 || len(list) == 0 {
		return nil
	}
	return list[0]
}

// next is the next request that the handset gets.
func (h *handset) next() *sip.Message {
	h.o.Helper()
	select {
	case m := <-h.requests:
		return m
	case <-time.After(2 * time.Minute):
		h.o.Fatalf("%s gets no NOTIFY", h.user)
		return nil
	}
}

// silent checks that no request comes for a time.
func (h *handset) silent(d time.Duration) {
	h.o.Helper()
	select {
	case m := <-h.requests:
		h.o.Errorf("%s gets what it should not:\n%s", h.user, m.Bytes())
	case <-time.After(d):
	}
}

// drain throws away what has come.
func (h *handset) drain() {
	synctest.Wait()
	for len(h.requests) > 0 {
		<-h.requests
	}
}

// publish publishes, and is the entity-tag.
func (h *handset) publish(user string, lines ...string) string {
	h.o.Helper()
	m := h.do("PUBLISH", aor(user), lines...)
	h.o.expect(m, "200 OK")
	return string(m.Value(sip.SIPETag))
}

// dialog is a handset's side of a subscription.
type dialog struct {
	*handset
	uri, target string
	first       *sip.Message // the 200
	lines       []string     // that all its requests have
	cseq        int
}

// subscribe begins a subscription, which must be accepted.
func (h *handset) subscribe(user string, lines ...string) *dialog {
	h.o.Helper()
	uri := aor(user)
	m := h.do("SUBSCRIBE", uri, lines...)
	h.o.expect(m, "200 OK")
	d := &dialog{handset: h, uri: uri, first: m, cseq: h.sent, target: uri}
	if c, err := sip.ParseNameAddr(m.Value(sip.Contact)); err == nil {
		d.target = string(c.URI)
	}
	d.lines = []string{"From: " + string(m.Value(sip.From)), "To: " + string(m.Value(sip.To)), "Call-ID: " + string(m.CallID())}
	for _, l := range lines {
		if strings.HasPrefix(l, "Event:") {
			d.lines = append(d.lines, l)
		}
	}
	return d
}

// again sends a SUBSCRIBE inside the dialog.
func (d *dialog) again(lines ...string) *sip.Message {
	d.o.Helper()
	d.cseq++
	own := append(slices.Clone(d.lines), fmt.Sprintf("CSeq: %d SUBSCRIBE", d.cseq))
	return d.do("SUBSCRIBE", d.target, append(own, lines...)...)
}

// expect checks a message: how its start line begins, then header fields, "Name:
// value" each. Both are regular expressions; a value "-" means that there is none.
func (o *office) expect(m *sip.Message, start string, lines ...string) {
	o.Helper()
	if m == nil {
		o.Fatalf("no message, want %s", start)
	}
	first, _, _ := strings.Cut(string(m.Bytes()), "\r\n")
	if !regexp.MustCompile("^(?:" + start + ")").MatchString(strings.TrimPrefix(first, "SIP/2.0 ")) {
		o.Errorf("%s, want %s, in\n%s", first, start, m.Bytes())
		return
	}
	for _, line := range lines {
		name, want, _ := strings.Cut(line, ": ")
		got := strings.Join(values(m, name), ", ")
		switch {
		case want == "-" && got == "":
		case want == "-" || !regexp.MustCompile("^(?:"+want+")$").MatchString(got):
			o.Errorf("%s: %q, want %q, in\n%s", name, got, want, m.Bytes())
		}
	}
}

// values are the values of all header fields of a name, as written.
func values(m *sip.Message, name string) (list []string) {
	head, _, _ := strings.Cut(string(m.Bytes()), "\r\n\r\n")
	for _, line := range strings.Split(head, "\r\n")[1:] {
		n, value, _ := strings.Cut(line, ":")
		if strings.EqualFold(strings.TrimSpace(n), name) {
			list = append(list, strings.TrimSpace(value))
		}
	}
	return list
}
